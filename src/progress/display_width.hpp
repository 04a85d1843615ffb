#pragma once

#include <string>
#include <string_view>

namespace asyncio::detail {

/// How many columns of a terminal a text of one line takes; never fewer than it really does.
/// The C library's wcwidth() knows only what the locale has, which most programs never set.
[[nodiscard]] int columns_of(std::string_view text) noexcept;

/// The text as one line of valid UTF-8, in which nothing controls a terminal.
[[nodiscard]] std::string harmless(std::string_view text);

/// What fits into so many columns, whole code points only; `mark` stands where something was cut
/// off. The text must be harmless.
[[nodiscard]] std::string fitted(std::string_view text, int columns, std::string_view mark);

}  // namespace asyncio::detail
