#include "progress/clock.hpp"

#include "io/system.hpp"

#include <algorithm>

namespace asyncio::detail {
namespace {

std::uint64_t number_of(const Scheduler* loop) noexcept {
  return loop == nullptr ? 0 : loop->number;
}

std::int64_t time_of(const Scheduler* loop) noexcept {
  return loop == nullptr ? sys::monotonic_now() : loop->now();
}

}  // namespace

std::int64_t ProgressClock::now() noexcept {
  Scheduler* loop = thread_state.scheduler;
  if (!started_ || number_of(loop) != loop_number_) follow(loop);
  last_ = std::max(last_, time_of(loop) + offset_);
  return last_;
}

bool ProgressClock::has_come(std::int64_t deadline) noexcept {
  Scheduler* loop = thread_state.scheduler;
  if (number_of(loop) != loop_number_) [[unlikely]]
    follow(loop);
  if (loop != nullptr) return loop->has_come(deadline - offset_);
  return deadline - offset_ <= sys::coarse_now();
}

// A real loop's clock is the steady one; a virtual one may stand anywhere.
void ProgressClock::follow(Scheduler* loop) noexcept {
  constexpr std::int64_t close = 1'000'000'000;
  const std::int64_t time = time_of(loop);
  const std::int64_t distance = time - sys::monotonic_now();
  const bool steady = distance > -close && distance < close;
  if (!started_) {
    last_ = time;
  } else if (!steady || !steady_) {
    offset_ = last_ - time;
  }
  started_ = true;
  steady_ = steady;
  loop_number_ = number_of(loop);
}

}  // namespace asyncio::detail
