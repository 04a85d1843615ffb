#pragma once

#include <string>
#include <string_view>

namespace asyncio::detail {

inline constexpr std::string_view unknown_time = "-:--";

/// Seconds as "0:08", "12:34" or "1:02:03"; unknown_time for what is not worth waiting for.
[[nodiscard]] std::string clock_text(double seconds);

/// "31.2/s", "1.25M/s", "4.0/min".
[[nodiscard]] std::string rate_text(double per_second);

}  // namespace asyncio::detail
