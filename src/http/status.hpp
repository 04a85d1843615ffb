#pragma once

#include <string_view>

namespace asyncio::http::detail {

/// "Not Found"; "" for a number that nobody has registered.
[[nodiscard]] std::string_view usual_reason(int status) noexcept;

}  // namespace asyncio::http::detail
