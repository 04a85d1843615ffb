#include "cluster/redis_backoff.hpp"

#include <algorithm>
#include <random>

namespace asyncio::cluster::detail {

Duration RedisBackoff::next() {
  thread_local std::minstd_rand random(std::random_device{}());
  const Duration full = full_;
  full_ = std::min(full_ * 2, longest);
  std::uniform_int_distribution<std::int64_t> part(full.nanoseconds() / 2, full.nanoseconds());
  return Duration::nanoseconds(part(random));
}

}  // namespace asyncio::cluster::detail
