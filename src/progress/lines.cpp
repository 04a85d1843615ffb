#include "progress/lines.hpp"

#include "progress/display_width.hpp"
#include "progress/numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace asyncio::detail {
namespace {

struct Glyphs {
  std::string_view done, half, rest, cut;
  std::array<std::string_view, 8> spinner;
};

constexpr Glyphs of_unicode = {"━", "╸", "─", "…", {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧"}};
constexpr Glyphs of_ascii = {"#", "", "-", "..", {"|", "/", "-", "\\", "|", "/", "-", "\\"}};

const Glyphs& glyphs_of(const Style& style) noexcept {
  return style.unicode ? of_unicode : of_ascii;
}

constexpr std::string_view cyan = "\033[36m";
constexpr std::string_view green = "\033[32m";
constexpr std::string_view red = "\033[31m";
constexpr std::string_view dim = "\033[2m";
constexpr std::string_view plain = "\033[0m";

enum Column : std::uint8_t { percent, count, rate, elapsed, left, errors, columns };
using Cells = std::array<std::string, columns>;

// The first to go when there is no room.
constexpr std::array<Column, columns> least_needed = {rate, elapsed, left, count, percent, errors};

constexpr int least_bar = 8;
constexpr int widest_bar = 40;

std::string right_aligned(const std::string& text, std::size_t width) {
  return text.empty() ? text : fmt::format("{:>{}}", text, width);
}

// Numbers that grow leave what stands beside them in its place.
Cells cells_of(const BarView& bar) {
  Cells cells = {bar.percent, bar.count, bar.rate, bar.elapsed, bar.left, bar.errors};
  cells[percent] = right_aligned(bar.percent, std::string_view("100%").size());
  const std::size_t slash = bar.count.find('/');
  if (slash != std::string::npos) {
    const std::size_t digits = bar.count.size() - slash - 1;
    cells[count] = right_aligned(bar.count, 2 * digits + 1);
  }
  if (!bar.left.empty()) cells[left] += " left";
  return cells;
}

// The columns of all lines; 0: that one is left out.
struct Layout {
  int description = 0;
  int bar = 0;
  std::array<int, columns> widths{};

  [[nodiscard]] int rest() const noexcept {
    int sum = 0;
    for (const int width : widths) sum += width == 0 ? 0 : width + 1;
    return sum;
  }
};

Layout layout_of(const std::vector<BarView>& bars, const std::vector<Cells>& rows, int width) {
  Layout layout;
  int longest = 0;
  for (const BarView& bar : bars) longest = std::max(longest, columns_of(bar.description));
  for (const Cells& row : rows) {
    for (std::size_t i = 0; i < columns; ++i) {
      layout.widths[i] = std::max(layout.widths[i], columns_of(row[i]));
    }
  }
  // Of a long description a third of the line is kept, the rest of it if there is room.
  const int wanted = std::min(longest, width / 3) + 1;
  for (const Column column : least_needed) {
    if (wanted + least_bar + layout.rest() <= width) break;
    layout.widths[column] = 0;
  }
  const int room = width - layout.rest();
  layout.bar = std::clamp(room - longest - 1, least_bar, widest_bar);
  if (room < wanted + least_bar) layout.bar = 0;
  const int described = layout.bar == 0 ? room : room - layout.bar - 1;
  layout.description = std::min(longest, described);
  if (layout.description == 0 && layout.bar > 0) layout.bar = std::min(room, widest_bar);
  return layout;
}

void paint(std::string& line, const Style& style, std::string_view colour, std::string_view text) {
  const bool painted = style.colour && !text.empty();
  if (painted) line += colour;
  line += text;
  if (painted) line += plain;
}

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

void add_bar(std::string& line, const BarView& bar, int width, const Style& style) {
  const Glyphs& glyphs = glyphs_of(style);
  const int halves = static_cast<int>(bar.fraction.value_or(0) * width * 2);
  std::string done = repeated(glyphs.done, halves / 2);
  int used = halves / 2;
  if (halves % 2 == 1 && !glyphs.half.empty()) {
    done += glyphs.half;
    ++used;
  }
  paint(line, style, bar.state == BarView::State::finished ? green : cyan, done);
  paint(line, style, dim, repeated(glyphs.rest, width - used));
}

void add_spinner(std::string& line, int width, const Style& style, std::int64_t turn) {
  const auto& spinner = glyphs_of(style).spinner;
  paint(line, style, cyan, spinner[static_cast<std::size_t>(turn) % spinner.size()]);
  line.append(static_cast<std::size_t>(width - 1), ' ');
}

void separate(std::string& line) {
  if (!line.empty()) line += ' ';
}

void pad(std::string& line, int width, std::string_view text) {
  line.append(static_cast<std::size_t>(std::max(0, width - columns_of(text))), ' ');
}

std::string line_of(const BarView& bar, const Cells& cells, const Layout& layout,
                    const Style& style, std::int64_t turn) {
  std::string line = fitted(bar.description, layout.description, glyphs_of(style).cut);
  pad(line, layout.description, line);
  if (layout.bar > 0) {
    separate(line);
    if (!bar.fraction && bar.state == BarView::State::running) {
      add_spinner(line, layout.bar, style, turn);
    } else {
      add_bar(line, bar, layout.bar, style);
    }
  }
  for (std::size_t i = 0; i < columns; ++i) {
    if (layout.widths[i] == 0) continue;
    separate(line);
    pad(line, layout.widths[i], cells[i]);  // to the right, as numbers stand
    if (i == errors) {
      paint(line, style, red, cells[i]);
    } else {
      line += cells[i];
    }
  }
  return line;
}

}  // namespace

std::vector<std::string> lines_of(const std::vector<BarView>& bars, const Style& style,
                                  std::int64_t turn) {
  std::vector<Cells> rows;
  std::transform(bars.begin(), bars.end(), std::back_inserter(rows), cells_of);
  const Layout layout = layout_of(bars, rows, style.columns);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    lines.push_back(line_of(bars[i], rows[i], layout, style, turn));
  }
  return lines;
}

std::string plain_line(const BarView& bar) {
  std::string line = bar.description;
  if (!line.empty()) line += ": ";
  line += bar.count;
  if (!bar.percent.empty()) line += fmt::format(" ({})", bar.percent);
  if (!bar.rate.empty()) line += ", " + bar.rate;
  line += ", " + bar.elapsed;
  if (!bar.left.empty() && bar.left != unknown_time) line += fmt::format(", {} left", bar.left);
  if (!bar.errors.empty()) line += ", " + bar.errors;
  if (bar.state == BarView::State::stopped) line += ", stopped";
  return line;
}

}  // namespace asyncio::detail
