#include "base/printable.hpp"

#include "base/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>

namespace asyncio::detail {
namespace {

constexpr std::string_view cut_mark = "...";

struct Range {
  char32_t first;
  char32_t last;
};

// Controls, and what nobody sees or what moves its neighbours.
bool is_treacherous(char32_t value) noexcept {
  for (const Range& range :
       {Range{0x00, 0x1f}, Range{0x7f, 0x9f}, Range{0xad, 0xad}, Range{0x61c, 0x61c},
        Range{0x180e, 0x180e}, Range{0x200b, 0x200f}, Range{0x2028, 0x202e}, Range{0x2060, 0x206f},
        Range{0xfeff, 0xfeff}, Range{0xfff9, 0xfffb}, Range{0xe0000, 0xe007f}}) {
    if (value >= range.first && value <= range.last) return true;
  }
  return false;
}

std::string escaped(char32_t value, char kind, int digits) {
  std::string text{'\\', kind};
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    text += "0123456789abcdef"[value >> static_cast<unsigned>(shift) & 0xfU];
  }
  return text;
}

std::string escaped(char32_t value) {
  switch (value) {
    case U'\n': return "\\n";
    case U'\r': return "\\r";
    case U'\t': return "\\t";
    default: break;
  }
  if (value < 0x80) return escaped(value, 'x', 2);
  return value <= 0xffff ? escaped(value, 'u', 4) : escaped(value, 'U', 8);
}

}  // namespace

std::string printable(std::string_view text, std::size_t max) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~'; };
  if (text.size() <= max && std::all_of(text.begin(), text.end(), is_plain)) {
    return std::string(text);
  }
  std::string out;
  std::size_t fits_with_mark = 0;  // of `out`, if something must be cut off
  while (!text.empty()) {
    const CodePoint next = first_code_point(text);
    std::string piece;
    if (next.size == 0) {
      piece = escaped(static_cast<unsigned char>(text.front()), 'x', 2);
    } else {
      piece =
          is_treacherous(next.value) ? escaped(next.value) : std::string(text.substr(0, next.size));
    }
    if (out.size() + piece.size() > max) {
      out.resize(fits_with_mark);
      return out.append(cut_mark, 0, max);
    }
    out += piece;
    if (out.size() + cut_mark.size() <= max) fits_with_mark = out.size();
    text.remove_prefix(next.size == 0 ? 1 : next.size);
  }
  return out;
}

}  // namespace asyncio::detail
