#pragma once

#include <cstddef>
#include <optional>

namespace asyncio::detail {

/// Of what is unsent. Python's
inline constexpr std::size_t default_high_mark = std::size_t{64} * 1024;
inline constexpr std::size_t default_low_mark = default_high_mark / 4;

/// When who writes is to pause, because more is unsent than the high mark, and when to go on,
/// because it is no more than the low one.
class WriteMarks {
 public:
  /// As set_write_buffer_limits() takes them. Throws: std::invalid_argument unless high >= low.
  void set(std::optional<std::size_t> high, std::optional<std::size_t> low);
  [[nodiscard]] std::size_t high() const noexcept { return high_; }
  [[nodiscard]] std::size_t low() const noexcept { return low_; }
  [[nodiscard]] bool paused() const noexcept { return paused_; }

  /// Return: true if a pause begins, or ends.
  [[nodiscard]] bool begins_pause(std::size_t unsent) noexcept {
    if (paused_ || unsent <= high_) return false;
    return paused_ = true;
  }
  [[nodiscard]] bool ends_pause(std::size_t unsent) noexcept {
    if (!paused_ || unsent > low_) return false;
    paused_ = false;
    return true;
  }

 private:
  std::size_t high_ = default_high_mark;
  std::size_t low_ = default_low_mark;
  bool paused_ = false;
};

}  // namespace asyncio::detail
