#include "cluster/memory_rate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace asyncio::cluster::detail {

void MemoryRate::set(double per_second, TimePoint now) {
  if (!std::isfinite(per_second) || per_second < 0) {
    throw std::invalid_argument(fmt::format(
        "limit_rate(): {} is no number of tasks a second; 0 is any number", per_second));
  }
  per_second_ = per_second;
  allowed_ = most();
  since_ = now;
}

double MemoryRate::most() const noexcept { return std::max(1.0, per_second_ / 10); }

Duration MemoryRate::wait(TimePoint now) noexcept {
  if (per_second_ == 0) return {};
  allowed_ = std::min(most(), allowed_ + (now - since_).seconds() * per_second_);
  since_ = now;
  if (allowed_ >= 1) return {};
  // Rounded up, so that it has come when the time is over.
  const double nanoseconds = std::min((1 - allowed_) / per_second_ * 1e9, 1e18);
  return Duration::nanoseconds(static_cast<std::int64_t>(nanoseconds) + 1'000);
}

void MemoryRate::take() noexcept {
  if (per_second_ > 0) allowed_ -= 1;
}

}  // namespace asyncio::cluster::detail
