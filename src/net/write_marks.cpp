#include "net/write_marks.hpp"

#include <asyncio/error.hpp>

#include <fmt/format.h>

#include <limits>

namespace asyncio::detail {

void WriteMarks::set(std::optional<std::size_t> high, std::optional<std::size_t> low) {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  if (!high && low) {
    high = *low > most / 4 ? most : 4 * *low;
  } else if (!high) {
    high = default_high_mark;
  }
  if (!low) low = *high / 4;
  if (*high < *low) {
    throw_invalid_argument(
        fmt::format("set_write_buffer_limits(): high ({}) must be >= low ({})", *high, *low));
  }
  high_ = *high;
  low_ = *low;
}

}  // namespace asyncio::detail
