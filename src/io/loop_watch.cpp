#include "io/loop_watch.hpp"

#include <asyncio/detail/promise.hpp>

#include "base/log.hpp"
#include "io/system.hpp"
#include "io/watchdog.hpp"
#include "loop/repeated_call.hpp"

#include <fmt/format.h>

#include <ctime>
#include <memory>
#include <type_traits>

namespace asyncio::detail {
namespace {

template <class T>
void publish(T& place, std::type_identity_t<T> value) noexcept {
  __atomic_store(&place, &value, __ATOMIC_RELEASE);
}

template <class T>
T seen(const T& place) noexcept {
  T value;
  __atomic_load(&place, &value, __ATOMIC_ACQUIRE);
  return value;
}

// By how much the coarse clock may be behind.
std::int64_t coarse_tick() noexcept {
  timespec tick{};
  ::clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
  return tick.tv_nsec;
}

}  // namespace

LoopWatch::LoopWatch(LoopState& loop)
    : loop_(loop), tick_(coarse_tick()), threshold_(loop.stall_threshold()) {
  entry_ = ReadyEntry(static_cast<TaskState*>(nullptr));
  begin_watching(*this);
  loop_.add_watch(*this);
}

LoopWatch::~LoopWatch() {
  loop_.remove_watch(*this);
  end_watching(*this);
}

// The coarse clock takes a quarter of the time. A tick later, so that nothing is reported that has
// not lasted as long as it says.
void LoopWatch::begins(const ReadyEntry& entry, std::int64_t) noexcept {
  publish(began_, sys::coarse_now() + tick_);
  publish(threshold_, loop_.stall_threshold());
  publish(thread_, sys::thread_id());
  publish(entry_, entry);
  if (const TaskState* task = entry.task()) {
    const PromiseBase* top = task->top();
    publish(function_, top != nullptr ? top->function : std::source_location());
    publish(location_, top != nullptr ? top->location : std::source_location());
  } else {
    note_callback(entry);
  }
  publish(turn_, turn_ + 1);
}

// Now, since it may be gone before its turn ends.
void LoopWatch::note_callback(const ReadyEntry& entry) noexcept {
  const HandleState* handle = HandleState::of(entry);
  if (handle == nullptr) handle = RepeatedCall::handle_of(entry);
  if (handle != nullptr) {
    publish(callback_, handle->type());
    publish(location_, handle->created_at());
  } else {
    publish(callback_, CallbackNode::function_of(entry));
    publish(location_, std::source_location());
  }
}

void LoopWatch::ended(TaskState*, std::int64_t) noexcept {
  if (turn_ % 2 == 0) return;  // it has begun to watch in this very turn
  const bool reported = __atomic_load_n(&reported_, __ATOMIC_RELAXED) == turn_;
  publish(turn_, turn_ + 1);
  if (reported) [[unlikely]]
    tell_end(sys::monotonic_now() - began_);
}

void LoopWatch::tell_end(std::int64_t blocked) const noexcept {
  if (loop_.debug && blocked >= loop_.loop->slow_callback_duration.nanoseconds()) return;  // told
  try {
    log(LogLevel::warning,
        fmt::format("event loop \"{}\" goes on: it was blocked for {:.3f} seconds", loop_.name,
                    static_cast<double>(blocked) / 1e9));
  } catch (...) {
    log(LogLevel::warning, "an event loop that was blocked goes on");
  }
}

std::optional<LoopWatch::Running> LoopWatch::running() const noexcept {
  const std::uint64_t turn = seen(turn_);
  if (turn % 2 == 0) return std::nullopt;
  const ReadyEntry entry = seen(entry_);
  const int thread = seen(thread_);
  const Running now{
      Stall{loop_.number, thread, seen(began_), entry.is_task(), seen(callback_), seen(function_),
            seen(location_)},
      SampleRequest{thread, &loop_, entry, &turn_, turn},
      seen(threshold_),
  };
  if (seen(turn_) != turn) return std::nullopt;
  return now;
}

std::unique_ptr<StallWatch> make_stall_watch(LoopState& loop) {
  return std::make_unique<LoopWatch>(loop);
}

}  // namespace asyncio::detail
