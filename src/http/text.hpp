#pragma once

// The small grammar that both sides of HTTP share.

#include <string>
#include <string_view>

namespace asyncio::http::detail {

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] char lower(char c) noexcept;
[[nodiscard]] std::string lower(std::string_view text);
/// Without spaces and tabs at both ends.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;
/// A method, or the name of a header (RFC 9110, 5.6.2).
[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// No control character but the tab.
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;
/// In quotes, cut at 64 bytes and with what is not printable as \xNN: for messages.
[[nodiscard]] std::string quoted(std::string_view text);
/// -1 if it is none.
[[nodiscard]] int hex_digit(char c) noexcept;
/// The same of a URL, without what may be a password in it.
[[nodiscard]] std::string quoted_url(std::string_view url);
/// Percent-encodes what is not unreserved (RFC 3986, 2.3) and not in `also_plain`.
[[nodiscard]] std::string percent_encode(std::string_view text, std::string_view also_plain = {});
/// `plus_is_space`: as in forms. What is no valid escape stays as it is.
[[nodiscard]] std::string percent_decode(std::string_view text, bool plus_is_space = false);
/// Whether a comma-separated list has `token`, in any case: "keep-alive, Upgrade".
[[nodiscard]] bool list_has(std::string_view list, std::string_view token) noexcept;

/// Throws: std::invalid_argument "WHO: ...".
void check_method(const char* who, std::string_view method);
void check_header(const char* who, std::string_view name, std::string_view value);

}  // namespace asyncio::http::detail
