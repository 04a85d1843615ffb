#pragma once

#include <cstdint>

namespace asyncio::detail {

/// The clock that the timeline is recorded by: the processor's counter where it runs at one speed,
/// always (x86-64 with an invariant TSC), which takes a third of what clock_gettime() does; else
/// nanoseconds of CLOCK_MONOTONIC.
extern const bool ticks_of_processor;
[[nodiscard]] std::uint64_t monotonic_ticks() noexcept;

[[nodiscard]] inline std::uint64_t ticks() noexcept {
#if defined(__x86_64__)
  if (ticks_of_processor) [[likely]]
    return __builtin_ia32_rdtsc();
#endif
  return monotonic_ticks();
}

/// From ticks to nanoseconds since it was made, at a speed that is measured meanwhile.
///
/// Threads: one.
class TickScale {
 public:
  TickScale() noexcept;
  /// Measures until at least a millisecond has passed since it was made; the longer before, the
  /// better. Afterwards the speed stays, so that one tick is one moment.
  void settle() noexcept;
  [[nodiscard]] bool settled() const noexcept { return speed_ > 0; }
  /// 0 for what was before.
  [[nodiscard]] std::uint64_t nanoseconds(std::uint64_t at) const noexcept {
    if (at <= first_) return 0;
    return static_cast<std::uint64_t>(static_cast<double>(at - first_) * speed_);
  }
  /// Of CLOCK_MONOTONIC, when it was made.
  [[nodiscard]] std::uint64_t began() const noexcept { return began_; }

 private:
  std::uint64_t first_;
  std::uint64_t began_;
  double speed_ = 0;  // nanoseconds in a tick
};

}  // namespace asyncio::detail
