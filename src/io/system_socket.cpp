#include "io/fault.hpp"
#include "io/system.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace asyncio::detail::sys {
namespace {

// The result of a call, or -errno; once more if a signal has come in between.
template <class F>
auto attempt(Call call, F system_call) noexcept -> decltype(system_call()) {
  if (const int error = fault_of(call)) return -error;
  while (true) {
    const auto result = system_call();
    if (result >= 0) return result;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace

int open_socket(int family, int type, int protocol) noexcept {
  return attempt(Call::socket,
                 [=] { return ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol); });
}

int connect(int fd, const sockaddr* address, unsigned size) noexcept {
  if (const int error = fault_of(Call::connect)) return -error;
  if (::connect(fd, address, size) == 0) return 0;
  return errno == EINTR ? -EINPROGRESS : -errno;  // interrupted, it goes on in the background
}

int bind(int fd, const sockaddr* address, unsigned size) noexcept {
  return attempt(Call::bind, [=] { return ::bind(fd, address, size); });
}

int listen(int fd, int backlog) noexcept {
  return attempt(Call::listen, [=] { return ::listen(fd, backlog); });
}

int accept(int fd, sockaddr* address, unsigned* size) noexcept {
  return attempt(Call::accept,
                 [=] { return ::accept4(fd, address, size, SOCK_NONBLOCK | SOCK_CLOEXEC); });
}

int shutdown(int fd, int how) noexcept {
  return attempt(Call::shutdown, [=] { return ::shutdown(fd, how); });
}

int shutdown_sending(int fd) noexcept { return sys::shutdown(fd, SHUT_WR); }

int set_option(int fd, int level, int name, int value) noexcept {
  return attempt(Call::option, [=] { return ::setsockopt(fd, level, name, &value, sizeof value); });
}

int get_option(int fd, int level, int name, int& value) noexcept {
  socklen_t size = sizeof value;
  return attempt(Call::option, [&] { return ::getsockopt(fd, level, name, &value, &size); });
}

int pending_error(int fd) noexcept {
  int error = 0;
  const int result = get_option(fd, SOL_SOCKET, SO_ERROR, error);
  return result < 0 ? result : -error;
}

int name_of_socket(int fd, sockaddr* address, unsigned* size) noexcept {
  return ::getsockname(fd, address, size) == 0 ? 0 : -errno;
}

int name_of_peer(int fd, sockaddr* address, unsigned* size) noexcept {
  return ::getpeername(fd, address, size) == 0 ? 0 : -errno;
}

int set_nonblocking(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  return 0;
}

std::int64_t receive(int fd, void* into, std::size_t size) noexcept {
  return attempt(Call::receive, [=] { return ::recv(fd, into, size, 0); });
}

std::int64_t receive_message(int fd, msghdr& message) noexcept {
  return attempt(Call::receive, [&] { return ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC); });
}

std::int64_t send(int fd, const iovec* parts, int count) noexcept {
  if (count == 1) {
    return attempt(Call::send,
                   [=] { return ::send(fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL); });
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);  // NOLINT: sendmsg() does not write to it
  message.msg_iovlen = static_cast<std::size_t>(count);
  return send_message(fd, message);
}

std::int64_t send_message(int fd, const msghdr& message) noexcept {
  return attempt(Call::send, [&] { return ::sendmsg(fd, &message, MSG_NOSIGNAL); });
}

std::int64_t read(int fd, void* into, std::size_t size) noexcept {
  return attempt(Call::read, [=] { return ::read(fd, into, size); });
}

namespace {

// While it lives, SIGPIPE does not reach this thread; one that comes is taken back.
class NoSigpipe {
 public:
  NoSigpipe() noexcept {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    if (!was_pending_) pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    if (was_pending_) return;
    const int saved = errno;
    const timespec at_once{};
    while (raised_ && sigtimedwait(&sigpipe_, nullptr, &at_once) < 0 && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = saved;
  }
  void raised() noexcept { raised_ = true; }

 private:
  sigset_t sigpipe_;
  sigset_t before_;
  bool was_pending_;
  bool raised_ = false;
};

}  // namespace

std::int64_t write_pipe(int fd, const iovec* parts, int count) noexcept {
  NoSigpipe guard;
  const std::int64_t result = attempt(Call::write, [=] { return ::writev(fd, parts, count); });
  if (result == -EPIPE) guard.raised();
  return result;
}

std::int64_t send_file(int to, int from, std::int64_t& offset, std::size_t size) noexcept {
  static_assert(sizeof(off_t) == sizeof offset);
  NoSigpipe guard;  // there is no MSG_NOSIGNAL for it
  const std::int64_t result = attempt(Call::send_file, [&] {
    return ::sendfile(to, from, reinterpret_cast<off_t*>(&offset), size);
  });
  if (result == -EPIPE) guard.raised();
  return result;
}

}  // namespace asyncio::detail::sys
