#include "base/json_text.hpp"

namespace asyncio::detail {
namespace {

bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// How many bytes the character at the beginning has; 0 if there is none.
std::size_t character(std::string_view text) noexcept {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xc2 && first < 0xe0   ? 2
                           : first >= 0xe0 && first < 0xf0 ? 3
                           : first >= 0xf0 && first < 0xf5 ? 4
                                                           : 0;
  if (size == 0 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool no_scalar = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
  return overlong || no_scalar ? 0 : size;
}

void append_escaped(std::string& to, char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(c);
  to += "\\u00";
  to += digits[value >> 4];
  to += digits[value & 0xf];
}

}  // namespace

void append_json(std::string& to, std::string_view text, std::size_t most) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = character(text.substr(at));
    if (at + size > most) {
      to += "...";
      return;
    }
    if (size == 0) {
      to += "\xef\xbf\xbd";
      ++at;
      continue;
    }
    const char c = text[at];
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      append_escaped(to, c);
    } else {
      to += text.substr(at, size);
    }
    at += size;
  }
}

}  // namespace asyncio::detail
