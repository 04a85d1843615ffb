#pragma once

#include <asyncio/duration.hpp>

namespace asyncio::cluster::detail {

/// How long to wait before the next attempt: twice as long each time, with jitter, so that a
/// thousand workers do not come back in the same moment.
class RedisBackoff {
 public:
  [[nodiscard]] Duration next();
  void reset() noexcept { full_ = shortest; }

 private:
  static constexpr Duration shortest = Duration::nanoseconds(50'000'000);
  static constexpr Duration longest = Duration::nanoseconds(5'000'000'000);
  Duration full_ = shortest;
};

}  // namespace asyncio::cluster::detail
