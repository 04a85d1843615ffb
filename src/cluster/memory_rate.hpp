#pragma once

#include <asyncio/duration.hpp>

namespace asyncio::cluster::detail {

/// How many messages a second may be delivered. What nobody took is kept for a tenth of a second,
/// so that a loop that looks late does not fall behind; never less than one message.
class MemoryRate {
 public:
  [[nodiscard]] double per_second() const noexcept { return per_second_; }
  /// Throws: std::invalid_argument for what is no rate.
  void set(double per_second, TimePoint now);
  /// How long until one may be delivered; 0: now.
  [[nodiscard]] Duration wait(TimePoint now) noexcept;
  /// One is delivered. Only when wait() is 0.
  void take() noexcept;

 private:
  [[nodiscard]] double most() const noexcept;
  double per_second_ = 0;  // 0: any number
  double allowed_ = 0;     // at the time since_
  TimePoint since_;
};

}  // namespace asyncio::cluster::detail
