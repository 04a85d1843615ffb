#include "base/source_line.hpp"

#include <fmt/format.h>

#include <fstream>

namespace asyncio::detail {

std::string source_line(std::string_view path, unsigned line) {
  std::ifstream source{std::string(path)};
  std::string text;
  for (unsigned n = 0; n < line; ++n) {
    if (!std::getline(source, text)) return {};
  }
  constexpr const char* blanks = " \t\r";
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::string frame_text(std::string_view path, unsigned line, std::string_view name) {
  std::string text = fmt::format("\n  File \"{}\", line {}, in {}", path, line, name);
  if (const std::string source = source_line(path, line); !source.empty()) {
    text += "\n    " + source;
  }
  return text;
}

}  // namespace asyncio::detail
