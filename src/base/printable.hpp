#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// A text from elsewhere as one line that cannot control who shows it: control characters, invalid
/// UTF-8, and marks that are invisible or turn the direction of writing, are escaped as \n, \x1b or
/// \u202e. At most `max` bytes long; what is cut off is replaced by "...". HTML is not escaped.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max);

}  // namespace asyncio::detail
