#include "io/system.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace asyncio::detail::sys {

bool is_terminal(int fd) noexcept { return ::isatty(fd) == 1; }

TerminalSize terminal_size(int fd) noexcept {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return {};
  return {size.ws_col, size.ws_row};
}

bool is_terminal_master(int fd) noexcept {
  unsigned number = 0;
  return ::ioctl(fd, TIOCGPTN, &number) == 0;
}

void wait_writable(int fd) noexcept {
  pollfd what{fd, POLLOUT, 0};
  while (::poll(&what, 1, -1) < 0 && errno == EINTR) {
  }
}

bool is_writable(int fd) noexcept {
  pollfd what{fd, POLLOUT, 0};
  return ::poll(&what, 1, 0) != 0;  // also if it fails: a call of its own will tell why
}

}  // namespace asyncio::detail::sys
