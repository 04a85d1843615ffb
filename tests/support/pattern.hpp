#pragma once

#include <cstddef>
#include <string>

namespace support {

/// Bytes that show where they come from: no two places look alike for long.
inline std::string pattern(std::size_t size, std::size_t from = 0) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t at = from + i;
    text[i] = static_cast<char>((at * 31 + (at >> 8) * 7 + (at >> 16) * 3) & 0xff);
  }
  return text;
}

/// How what came differs from pattern(size, from); "": not at all. Short, whatever the size.
inline std::string difference(const std::string& got, std::size_t size, std::size_t from = 0) {
  const std::string sent = pattern(size, from);
  if (got == sent) return "";
  std::size_t at = 0;
  while (at < got.size() && at < sent.size() && got[at] == sent[at]) ++at;
  return std::to_string(got.size()) + " bytes instead of " + std::to_string(sent.size()) +
         ", different from byte " + std::to_string(at) + " on";
}

}  // namespace support
