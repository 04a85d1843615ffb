#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// Adds `text` as it stands between the quotes of a JSON string: quotes and control characters are
/// escaped, what is no UTF-8 becomes U+FFFD, and what is longer than `most` bytes is cut, with
/// "..." at its end.
void append_json(std::string& to, std::string_view text, std::size_t most = 200);

}  // namespace asyncio::detail
