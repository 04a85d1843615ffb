#include "progress/numbers.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace asyncio::detail {

std::string clock_text(double seconds) {
  constexpr double most = 1000.0 * 3600;
  if (!(seconds < most)) return std::string(unknown_time);
  const auto whole = static_cast<std::int64_t>(seconds);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string rate_text(double per_second) {
  constexpr double minute = 60;
  constexpr double hour = 3600;
  if (per_second * minute < 0.1) return fmt::format("{:.1f}/h", per_second * hour);
  if (per_second < 0.1) return fmt::format("{:.1f}/min", per_second * minute);
  double value = per_second;
  const char* unit = "";
  for (const char* larger : {"k", "M", "G", "T"}) {
    if (value < 1000) break;
    value /= 1000;
    unit = larger;
  }
  const int digits = value < 10 ? 2 : value < 100 ? 1 : 0;
  return fmt::format("{:.{}f}{}/s", value, digits, unit);
}

}  // namespace asyncio::detail
