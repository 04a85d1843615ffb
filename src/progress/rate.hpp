#pragma once

#include <optional>

namespace asyncio::detail {

/// How fast something goes: the average, in which what is older counts less and less.
class Rate {
 public:
  /// So much was done in so many seconds, which are not zero.
  void add(double items, double seconds) noexcept;
  /// Nothing in the first millisecond, and if nothing was done.
  [[nodiscard]] std::optional<double> per_second() const noexcept;

 private:
  // Both fade alike, so their quotient is right from the first sample on.
  double items_ = 0;
  double seconds_ = 0;
};

}  // namespace asyncio::detail
