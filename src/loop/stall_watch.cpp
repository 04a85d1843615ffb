#include "loop/stall_watch.hpp"

#include <asyncio/error.hpp>

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace asyncio::detail {

std::optional<Duration> watchdog_of_environment() {
  const char* set = std::getenv("ASYNCIO_WATCHDOG");  // NOLINT(concurrency-mt-unsafe)
  const std::string_view text = set == nullptr ? "" : set;
  if (text.empty()) return std::nullopt;
  double seconds = 0;  // not by strtod(), which asks the locale for the point
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || std::isnan(seconds)) {
    throw_invalid_argument(fmt::format(
        "ASYNCIO_WATCHDOG={}: not a number of seconds; write it as 0.25, or 0 for no watchdog",
        text));
  }
  return Duration::nanoseconds(nanoseconds_from(seconds));
}

}  // namespace asyncio::detail
