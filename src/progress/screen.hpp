#pragma once

#include <asyncio/progress.hpp>

#include "progress/lines.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace asyncio::detail {

/// What a terminal is sent: the bars' lines at its end, written over each time. The cursor rests
/// behind the last of them.
///
/// The cursor is hidden while one text is drawn and shown at the text's end, so a program that dies
/// of whatever leaves no terminal behind that has none.
class ProgressScreen {
 public:
  /// Asks the descriptor and the environment.
  explicit ProgressScreen(const ProgressOptions& options);

  [[nodiscard]] bool is_terminal() const noexcept { return terminal_; }
  /// As it is now, but one column less: a terminal may begin a line when its last one is full.
  [[nodiscard]] Style style() const noexcept;
  /// How many lines there is room for.
  [[nodiscard]] int rows() const noexcept;

  /// The text that replaces what is shown by these lines.
  [[nodiscard]] std::string replace(std::vector<std::string> lines);
  /// The text that puts another one, which ends with its line, above what is shown.
  [[nodiscard]] std::string above(std::string_view text) const;
  /// The text that goes on below, or erases what is shown.
  [[nodiscard]] std::string leave(bool erase);

 private:
  [[nodiscard]] std::string to_first_line() const;
  void add_shown(std::string& text) const;

  int fd_;
  int width_;
  bool terminal_;
  bool colour_;
  bool unicode_;
  std::vector<std::string> shown_;
};

}  // namespace asyncio::detail
