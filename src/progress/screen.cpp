#include "progress/screen.hpp"

#include "io/system.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace asyncio::detail {
namespace {

std::string_view environment(const char* name) noexcept {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

// As setlocale() would choose, which a program need not have called.
bool has_utf8_locale() {
  std::string_view locale;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    locale = environment(name);
    if (!locale.empty()) break;
  }
  std::string letters;
  for (const char c : locale) {
    if (c != '-') letters += static_cast<char>(c | 0x20);  // in lower case, if it is a letter
  }
  return letters.find("utf8") != std::string::npos;
}

constexpr std::string_view hide_cursor = "\033[?25l";
constexpr std::string_view show_cursor = "\033[?25h";
constexpr std::string_view erase_rest_of_line = "\033[K";
constexpr std::string_view erase_all_below = "\033[J";

}  // namespace

ProgressScreen::ProgressScreen(const ProgressOptions& options)
    : fd_(options.fd),
      width_(options.width),
      terminal_(
          options.force_terminal.value_or(sys::is_terminal(fd_) && environment("TERM") != "dumb")),
      colour_(terminal_ && environment("NO_COLOR").empty()),
      unicode_(has_utf8_locale()) {}

Style ProgressScreen::style() const noexcept {
  constexpr int usual = 80;
  int columns = sys::terminal_size(fd_).columns;
  if (columns <= 0) columns = width_ > 0 ? width_ : usual;
  if (width_ > 0) columns = std::min(width_, columns);
  return {std::max(columns - 1, 1), colour_, unicode_};
}

int ProgressScreen::rows() const noexcept {
  constexpr int usual = 24;
  const int rows = sys::terminal_size(fd_).rows;
  return std::max((rows > 0 ? rows : usual) - 1, 1);
}

std::string ProgressScreen::to_first_line() const {
  if (shown_.size() < 2) return "\r";
  return fmt::format("\r\033[{}A", shown_.size() - 1);
}

void ProgressScreen::add_shown(std::string& text) const {
  for (const std::string& line : shown_) {
    if (&line != &shown_.front()) text += '\n';
    text += line;
    text += erase_rest_of_line;
  }
}

std::string ProgressScreen::replace(std::vector<std::string> lines) {
  std::string text(hide_cursor);
  text += to_first_line();
  const bool fewer = lines.size() < shown_.size();
  shown_ = std::move(lines);
  add_shown(text);
  if (fewer) text += erase_all_below;
  text += show_cursor;
  return text;
}

std::string ProgressScreen::above(std::string_view text) const {
  if (shown_.empty()) return std::string(text);
  std::string all(hide_cursor);
  all += to_first_line();
  all += erase_all_below;
  all += text;
  add_shown(all);
  all += show_cursor;
  return all;
}

std::string ProgressScreen::leave(bool erase) {
  std::string text;
  if (erase && !shown_.empty()) {
    text = to_first_line();
    text += erase_all_below;
  } else if (!shown_.empty()) {
    text = "\n";
  }
  shown_.clear();
  return text;
}

}  // namespace asyncio::detail
