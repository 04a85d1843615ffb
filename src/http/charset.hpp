#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace asyncio::http::detail {

/// From a Content-Type; "" if it names none.
[[nodiscard]] std::string charset_of(std::string_view content_type);
/// `text` as UTF-8; what is not valid becomes U+FFFD. Nothing for a charset that nobody knows.
[[nodiscard]] std::optional<std::string> to_utf8(std::string_view text, const std::string& charset);

}  // namespace asyncio::http::detail
