#pragma once

#include <asyncio/progress.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace progress_tests {

/// A variable of the environment, while it lives; a null pointer: not set.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { set(before_ ? before_->c_str() : nullptr); }

 private:
  void set(const char* value) const {
    if (value == nullptr) {
      ::unsetenv(name_);
    } else {
      ::setenv(name_, value, 1);
    }
  }
  const char* name_;
  std::optional<std::string> before_;
};

/// What most tests stand in: a locale that is ASCII, no colours.
struct PlainEnvironment {
  Variable all{"LC_ALL", "C"};
  Variable term{"TERM", "xterm"};
  Variable no_color{"NO_COLOR", "1"};
};

inline std::string read_all(int fd) {
  std::string all;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;) {
    all.append(buffer, static_cast<std::size_t>(n));
  }
  return all;
}

inline int checked(int result) {
  if (result < 0) throw std::runtime_error("a descriptor cannot be made");
  return result;
}

/// Two descriptors: what is written to one is read from the other.
class Pipe {
 public:
  explicit Pipe(int flags_of_writer = 0) {
    checked(::pipe2(fds_, O_CLOEXEC));
    ::fcntl(fds_[0], F_SETFL, O_NONBLOCK);
    ::fcntl(fds_[1], F_SETFL, flags_of_writer);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close_reader();
    ::close(fds_[1]);
  }
  [[nodiscard]] int writer() const { return fds_[1]; }
  [[nodiscard]] std::string read() const { return read_all(fds_[0]); }
  void close_reader() {
    if (fds_[0] >= 0) ::close(fds_[0]);
    fds_[0] = -1;
  }
  /// Returns: how many bytes that took.
  std::size_t fill() const {
    const int flags = ::fcntl(fds_[1], F_GETFL);
    ::fcntl(fds_[1], F_SETFL, flags | O_NONBLOCK);
    const std::string much(4096, 'x');
    std::size_t all = 0;
    for (ssize_t n = 0; (n = ::write(fds_[1], much.data(), much.size())) > 0;) {
      all += static_cast<std::size_t>(n);
    }
    ::fcntl(fds_[1], F_SETFL, flags);
    return all;
  }

 private:
  int fds_[2] = {-1, -1};
};

/// A terminal: what is written to it is read on its other side.
class Pty {
 public:
  Pty(int columns, int rows) : master_(checked(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC))) {
    ::grantpt(master_);
    ::unlockpt(master_);
    char name[64];
    checked(-::ptsname_r(master_, name, sizeof name));
    slave_ = checked(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    ::fcntl(master_, F_SETFL, O_NONBLOCK);
    resize(columns, rows);
  }
  Pty(const Pty&) = delete;
  Pty& operator=(const Pty&) = delete;
  ~Pty() {
    ::close(slave_);
    ::close(master_);
  }
  void resize(int columns, int rows) const {
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    size.ws_row = static_cast<unsigned short>(rows);
    checked(::ioctl(slave_, TIOCSWINSZ, &size));
  }
  [[nodiscard]] int fd() const { return slave_; }
  [[nodiscard]] std::string read() const { return read_all(master_); }

 private:
  int master_;
  int slave_ = -1;
};

/// What a terminal shows of what it is sent: as much of its language as the bars speak.
class Emulator {
 public:
  void feed(std::string_view text) {
    while (!text.empty()) text.remove_prefix(take(text));
  }
  /// Without blanks at their ends.
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> trimmed;
    for (const auto& cells : lines_) {
      std::string line;
      for (const std::string& cell : cells) line += cell;
      line.erase(line.find_last_not_of(' ') + 1);
      trimmed.push_back(line);
    }
    while (!trimmed.empty() && trimmed.back().empty()) trimmed.pop_back();
    return trimmed;
  }
  [[nodiscard]] std::string line(std::size_t i) const {
    const auto all = lines();
    return i < all.size() ? all[i] : "(no such line)";
  }
  /// The most columns that any line ever had.
  [[nodiscard]] int widest() const { return static_cast<int>(widest_); }
  [[nodiscard]] bool cursor_is_shown() const { return cursor_shown_; }
  /// How often it was drawn.
  [[nodiscard]] int frames() const { return frames_; }
  [[nodiscard]] int colours() const { return colours_; }
  /// Escape sequences and control characters that it does not know.
  [[nodiscard]] const std::string& strange() const { return strange_; }

 private:
  std::size_t take(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first == '\033') return escape(text);
    if (first == '\r') {
      column_ = 0;
    } else if (first == '\n') {
      ++row_;
      column_ = 0;  // the line discipline of a pty sends \r\n, a pipe only \n
    } else if (first < 0x20 || first == 0x7F) {
      strange_ += text.front();
    } else {
      return put(text);
    }
    return 1;
  }
  std::size_t put(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    const bool wide = size == 4 || (first >= 0xE3 && first <= 0xE9);  // CJK and emoji
    auto& cells = at_row();
    cells.resize(std::max(cells.size(), column_ + (wide ? 2 : 1)), " ");
    cells[column_++] = std::string(text.substr(0, size));
    if (wide) cells[column_++] = "";
    widest_ = std::max(widest_, column_);
    return size;
  }
  std::size_t escape(std::string_view text) {
    std::size_t size = 2;
    while (size < text.size() && (text[size] < '@' || text[size] > '~')) ++size;
    const std::string_view sequence = text.substr(2, size - 2);
    switch (size < text.size() && text[1] == '[' ? text[size] : '\0') {
      case 'A':
        row_ -= std::min(row_, static_cast<std::size_t>(std::stoi(std::string(sequence))));
        break;
      case 'K': at_row().resize(std::min(at_row().size(), column_)); break;
      case 'J':
        at_row().resize(std::min(at_row().size(), column_));
        lines_.resize(row_ + 1);
        break;
      case 'm': ++colours_; break;
      case 'h':
      case 'l':
        cursor_shown_ = text[size] == 'h';
        frames_ += cursor_shown_ ? 1 : 0;
        break;
      default: strange_ += text.substr(0, size + 1);
    }
    return std::min(size + 1, text.size());
  }
  std::vector<std::string>& at_row() {
    if (lines_.size() <= row_) lines_.resize(row_ + 1);
    return lines_[row_];
  }

  std::vector<std::vector<std::string>> lines_;
  std::size_t row_ = 0;
  std::size_t column_ = 0;
  std::size_t widest_ = 0;
  int frames_ = 0;
  int colours_ = 0;
  bool cursor_shown_ = true;
  std::string strange_;
};

}  // namespace progress_tests
