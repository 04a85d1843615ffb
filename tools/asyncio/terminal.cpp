#include "terminal.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace asyncio::command {
namespace {

constexpr std::string_view enter_screen = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J";
constexpr std::string_view leave_screen = "\x1b[?25h\x1b[0m\x1b[?1049l";
constexpr std::array ending{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE};

termios before{};
volatile sig_atomic_t entered = 0;
volatile sig_atomic_t resized = 0;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Also in signal handlers. Returns: false and errno.
bool write_all(std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno == EAGAIN) {
      pollfd screen{STDOUT_FILENO, POLLOUT, 0};
      ::poll(&screen, 1, -1);
    } else if (n < 0 && errno != EINTR) {
      return false;
    }
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool enter() noexcept {
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  entered = 1;
  return ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0 && write_all(enter_screen);
}

void leave() noexcept {
  if (entered == 0) return;
  entered = 0;
  write_all(leave_screen);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

void on_end(int signal) {
  leave();
  ::signal(signal, SIG_DFL);
  ::raise(signal);  // it ends by that signal when this returns
}

void on_stop(int) {
  const int saved = errno;
  leave();
  ::raise(SIGSTOP);
  // It goes on here.
  enter();
  resized = 1;
  errno = saved;
}

void on_resize(int) { resized = 1; }

void handle(int signal, void (*handler)(int)) noexcept {
  struct sigaction action{};
  action.sa_handler = handler;
  ::sigfillset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);  // without SA_RESTART: poll() is to return
}

// The next byte; 0 if none is there.
char next_byte() noexcept {
  char byte = 0;
  return ::read(STDIN_FILENO, &byte, 1) == 1 ? byte : '\0';
}

// What terminals send behind ESC: "[5~", "OA". One at a time, since keys may come in bursts.
KeyPress read_sequence() noexcept {
  constexpr std::size_t longest = 8;
  std::array<char, longest> bytes{next_byte()};
  if (bytes[0] != '[' && bytes[0] != 'O') return {Key::other, '\x1b'};
  std::size_t size = 1;
  while (size < longest) {
    const char byte = bytes[size++] = next_byte();
    if (byte == '\0' || (byte >= '@' && byte <= '~')) break;
  }
  constexpr std::pair<std::string_view, Key> known[] = {
      {"[A", Key::up},       {"OA", Key::up},         {"[B", Key::down}, {"OB", Key::down},
      {"[5~", Key::page_up}, {"[6~", Key::page_down}, {"[H", Key::home}, {"OH", Key::home},
      {"[1~", Key::home},    {"[F", Key::end},        {"OF", Key::end},  {"[4~", Key::end},
  };
  for (const auto& [text, key] : known) {
    if (text == std::string_view(bytes.data(), size)) return {key};
  }
  return {Key::other, '\x1b'};
}

KeyPress read_pressed() noexcept {
  char byte = 0;
  const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
  if (n < 0 && errno == EINTR) return {};
  if (n <= 0) return {Key::ended};
  return byte == '\x1b' ? read_sequence() : KeyPress{Key::other, byte};
}

}  // namespace

bool Terminal::is_there() noexcept {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
}

Terminal::Terminal() {
  if (::tcgetattr(STDIN_FILENO, &before) != 0) fail("the settings of the terminal");
  for (const int signal : ending) handle(signal, &on_end);
  handle(SIGTSTP, &on_stop);
  handle(SIGWINCH, &on_resize);
  if (!enter()) {
    leave();
    fail("the screen of the terminal");
  }
}

Terminal::~Terminal() {
  leave();
  for (const int signal : ending) ::signal(signal, SIG_DFL);
  for (const int signal : {SIGTSTP, SIGWINCH}) ::signal(signal, SIG_DFL);
}

TerminalSize Terminal::size() noexcept {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return {};
  }
  return {size.ws_col, size.ws_row};
}

KeyPress Terminal::read_key(int milliseconds) noexcept {
  if (resized == 0) {
    pollfd keys{STDIN_FILENO, POLLIN, 0};
    if (::poll(&keys, 1, milliseconds) > 0) return read_pressed();
  }
  if (resized == 0) return {};
  resized = 0;
  return {Key::resized};
}

void Terminal::write(std::string_view text) {
  if (!write_all(text)) fail("writing to the terminal");
}

}  // namespace asyncio::command
