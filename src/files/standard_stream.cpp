#include "files/standard_stream.hpp"

#include "files/direct_endpoint.hpp"
#include "io/system.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace asyncio::detail {
namespace {

using sys::FileKind;

[[noreturn]] void fail(const Standard& what, int error) {
  sys::throw_errno(error, fmt::format("{}: {}", what.who, what.name));
}

int checked(const Standard& what, int result) {
  if (result < 0) fail(what, -result);
  return result;
}

// Returns: its flags.
int check_usable(const Standard& what, const sys::FileStatus& status) {
  const int flags = checked(what, sys::flags_of(what.fd));
  if ((flags & O_ACCMODE) == (what.reads ? O_WRONLY : O_RDONLY)) fail(what, EBADF);
  if (status.kind == FileKind::directory) fail(what, EISDIR);
  // No program was started with such a thing: it was closed, and something of ours has its number.
  if (status.kind == FileKind::other) fail(what, EBADF);
  return flags;
}

// A pipe or a terminal can be opened once more, and then has flags of its own. Of other devices
// nobody knows whether that would be the same one.
bool can_be_reopened(int fd, FileKind kind) {
  if (kind == FileKind::pipe) return true;
  return sys::is_terminal(fd) && !sys::is_terminal_master(fd);
}

}  // namespace

StandardStream::StandardStream(LoopState& loop, const Standard& what) : what_(what) {
  open(loop, what);
}

void StandardStream::open(LoopState& loop, const Standard& what) {
  sys::FileStatus status;
  checked(what, sys::status_of(what.fd, status));
  const int flags = check_usable(what, status);
  is_device_ = status.kind == FileKind::character;
  if (status.kind == FileKind::socket) {
    calls_ = Calls::of_socket;
    return watch(loop, checked(what, sys::duplicate(what.fd)));
  }
  if (sys::cannot_be_watched(what.fd) == EPERM) {
    std::string name = what.name;
    const int own = checked(what, sys::duplicate(what.fd));
    auto file = OpenFile::adopt(own, std::move(name));
    endpoint_ = std::make_unique<DirectEndpoint>(loop, std::move(file));
    return;
  }
  calls_ = Calls::of_files;
  int own = -1;
  if (can_be_reopened(what.fd, status.kind)) {
    const int kept = status.kind == FileKind::pipe ? flags & O_DIRECT : 0;
    own = sys::reopen(what.fd, (what.reads ? O_RDONLY : O_WRONLY) | O_NONBLOCK | kept);
  }
  if (own < 0) {
    borrowed_.emplace(what.fd, what.who);
    own = checked(what, sys::duplicate(what.fd));
  }
  watch(loop, own);
}

void StandardStream::watch(LoopState& loop, int own) {
  try {
    endpoint_ = loop.backend().open(own, Descriptor::pipe);
  } catch (...) {
    sys::close(own);
    throw;
  }
}

IoResult StandardStream::note(IoResult result) noexcept {
  if (result < 0 && result != would_block) error_ = static_cast<int>(-result);
  return result;
}

IoResult StandardStream::receive(std::span<std::byte> into) noexcept {
  if (calls_ == Calls::of_endpoint) return note(endpoint_->receive(into));
  if (!endpoint_->may(Way::read)) return would_block;
  const IoResult got = calls_ == Calls::of_socket
                           ? sys::receive(endpoint_->fd(), into.data(), into.size())
                           : sys::read(endpoint_->fd(), into.data(), into.size());
  if (got == would_block) endpoint_->exhausted(Way::read);
  if (got == -EIO && is_device_) return 0;  // the terminal is gone
  return note(got);
}

IoResult StandardStream::send(const iovec* parts, int count) noexcept {
  if (calls_ == Calls::of_endpoint) return note(endpoint_->send(parts, count));
  if (!endpoint_->may(Way::write) && !waits_to_send_) return would_block;
  while (true) {
    const IoResult sent = calls_ == Calls::of_socket
                              ? sys::send(endpoint_->fd(), parts, count)
                              : sys::write_pipe(endpoint_->fd(), parts, count);
    if (sent != would_block) return note(sent);
    endpoint_->exhausted(Way::write);
    if (!waits_to_send_) return would_block;
    sys::wait_writable(endpoint_->fd());
  }
}

std::exception_ptr StandardStream::own_error() noexcept {
  try {
    throw std::system_error(
        error_, std::generic_category(),
        fmt::format("{} {}", what_.reads ? "read from" : "write to", what_.name));
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace asyncio::detail
