#pragma once

#include <cstddef>
#include <string_view>

namespace asyncio::detail {

struct CodePoint {
  char32_t value = 0;
  std::size_t size = 0;  ///< bytes; 0: no valid UTF-8
};

/// The first code point of a text that is not empty. Overlong forms, surrogates and what is above
/// U+10FFFF are not valid.
[[nodiscard]] CodePoint first_code_point(std::string_view text) noexcept;

}  // namespace asyncio::detail
