#include "base/json_text.hpp"

#include "base/utf8.hpp"

namespace asyncio::detail {
namespace {

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
    const std::size_t size = first_code_point(text.substr(at)).size;
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
