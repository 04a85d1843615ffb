#pragma once

#include <asyncio/detail/scheduler.hpp>

#include <cstdint>

namespace asyncio::detail {

/// The time of the loop that runs on this thread, else the steady clock's; it goes on without a
/// jump where one gives way to the other.
class ProgressClock {
 public:
  [[nodiscard]] std::int64_t now() noexcept;
  /// deadline <= now(), perhaps up to ten milliseconds late, but cheaper.
  [[nodiscard]] bool has_come(std::int64_t deadline) noexcept;
  /// The same moment on the clock of the loop that runs.
  [[nodiscard]] std::int64_t on_loop(std::int64_t deadline) const noexcept {
    return deadline - offset_;
  }

 private:
  void follow(Scheduler* loop) noexcept;

  std::uint64_t loop_number_ = 0;  // 0: none
  std::int64_t offset_ = 0;
  std::int64_t last_ = 0;
  bool started_ = false;
  bool steady_ = true;  // the clock that is followed is the steady one
};

}  // namespace asyncio::detail
