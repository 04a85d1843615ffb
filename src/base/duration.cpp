#include <asyncio/duration.hpp>
#include <asyncio/error.hpp>

#include <cmath>
#include <limits>

namespace asyncio::detail {

std::int64_t nanoseconds_from(long double seconds) {
  if (std::isnan(seconds))
    throw_invalid_argument("Duration: invalid delay: NaN (not a number); check the arithmetic");
  const long double nanoseconds = std::round(seconds * 1e9L);
  // 2^63 as a long double: the first value that does not fit.
  if (nanoseconds >= 0x1p63L) return std::numeric_limits<std::int64_t>::max();
  if (nanoseconds <= -0x1p63L) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(nanoseconds);
}

}  // namespace asyncio::detail
