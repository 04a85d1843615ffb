#include "progress/rate.hpp"

#include <cmath>

namespace asyncio::detail {

void Rate::add(double items, double seconds) noexcept {
  constexpr double memory = 10;  // seconds after which a sample counts a third
  const double kept = std::exp(-seconds / memory);
  items_ = items_ * kept + items;
  seconds_ = seconds_ * kept + seconds;
}

std::optional<double> Rate::per_second() const noexcept {
  constexpr double least = 1e-3;  // seconds: who has begun just now is as fast as light
  if (seconds_ < least || items_ <= 0) return std::nullopt;
  return items_ / seconds_;
}

}  // namespace asyncio::detail
