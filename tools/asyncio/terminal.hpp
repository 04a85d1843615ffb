#pragma once

#include <string_view>

namespace asyncio::command {

enum class Key : unsigned char {
  none,     ///< the time is over
  resized,  ///< the terminal has another size, or is ours again
  ended,    ///< nobody is there any more
  up,
  down,
  page_up,
  page_down,
  home,
  end,
  other,  ///< `text` says which
};

struct KeyPress {
  Key key = Key::none;
  char text = 0;
};

struct TerminalSize {
  int columns = 80;
  int rows = 24;
};

/// Standard input and output as a full screen: an alternate one, whose keys come one by one and
/// unseen. What was there before comes back when it is destroyed, stopped by ^Z, or ended by a
/// signal.
///
/// Threads: one at a time, one for the process.
class Terminal {
 public:
  /// Both are a terminal.
  [[nodiscard]] static bool is_there() noexcept;

  /// Throws: std::system_error.
  Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  [[nodiscard]] static TerminalSize size() noexcept;
  /// Waits so many milliseconds.
  [[nodiscard]] static KeyPress read_key(int milliseconds) noexcept;
  /// Throws: std::system_error.
  static void write(std::string_view text);
};

}  // namespace asyncio::command
