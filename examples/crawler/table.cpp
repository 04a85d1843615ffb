#include "table.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace crawler {
namespace {

constexpr std::size_t widest = 40;

struct Character {
  std::string_view bytes;
  std::size_t columns;
};

std::size_t columns_of(char32_t c) {
  const auto between = [c](char32_t first, char32_t last) { return c >= first && c <= last; };
  if (between(0x300, 0x36F) || between(0x200B, 0x200F) || between(0xFE00, 0xFE0F)) return 0;
  const bool wide = between(0x1100, 0x115F) || between(0x2E80, 0xA4CF) || between(0xAC00, 0xD7A3) ||
                    between(0xF900, 0xFAFF) || between(0xFE30, 0xFE6F) || between(0xFF00, 0xFF60) ||
                    between(0x1F300, 0x1FAFF) || between(0x20000, 0x3FFFD);
  return wide ? 2 : 1;
}

// The first one of a text that is not empty. What a terminal would obey, or could not read, is "?".
Character next(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t size = lead < 0x80   ? 1
                           : lead < 0xC2 ? 0
                           : lead < 0xE0 ? 2
                           : lead < 0xF0 ? 3
                                         : 4;
  if (size == 0 || size > text.size() || lead > 0xF4) return {"?", 1};
  char32_t value = size == 1 ? lead : lead & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0U) != 0x80U) return {"?", 1};
    value = value << 6 | (byte & 0x3FU);
  }
  const bool control = value < 0x20 || (value >= 0x7F && value < 0xA0) ||
                       (value >= 0x202A && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069);
  if (control) return {"?", 1};
  return {text.substr(0, size), columns_of(value)};
}

/// A text of a known width.
struct Cell {
  std::string text;
  std::size_t columns = 0;
};

Cell cell(std::string_view text) {
  Cell cell;
  std::size_t cut = 0;  // bytes that leave a column for the mark
  std::size_t cut_columns = 0;
  while (!text.empty()) {
    const Character c = next(text);
    if (cell.columns + c.columns > widest) return {cell.text.substr(0, cut) + "…", cut_columns + 1};
    cell.text += c.bytes;
    cell.columns += c.columns;
    if (cell.columns < widest) {
      cut = cell.text.size();
      cut_columns = cell.columns;
    }
    text.remove_prefix(c.bytes == "?" ? 1 : c.bytes.size());
  }
  return cell;
}

using Row = std::array<Cell, 4>;
constexpr std::size_t of_numbers = 1;  // that column ends in line

Row row_of(const Ranked& ranked) {
  const Project& project = ranked.project;
  return {cell(project.name), cell(std::to_string(ranked.stars)), cell(project.category),
          Cell{project.url, project.url.size()}};
}

std::string line_of(const Row& row, const std::array<std::size_t, 4>& widths) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string padding(widths[i] - row[i].columns, ' ');
    if (i > 0) line += "  ";
    if (i == of_numbers) line += padding;
    line += row[i].text;
    if (i != of_numbers && i + 1 < row.size()) line += padding;
  }
  return line + "\n";
}

}  // namespace

std::string to_table(std::vector<Ranked> projects, std::size_t most) {
  projects = best_first(std::move(projects));
  projects.resize(std::min(projects.size(), most));
  std::vector<Row> rows = {{cell("project"), cell("stars"), cell("category"), cell("url")}};
  for (const Ranked& ranked : projects) rows.push_back(row_of(ranked));
  std::array<std::size_t, 4> widths{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].columns);
  }
  std::string table;
  for (const Row& row : rows) table += line_of(row, widths);
  return table;
}

}  // namespace crawler
