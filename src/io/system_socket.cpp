#include "io/attempt.hpp"
#include "io/system.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace asyncio::detail::sys {
namespace {

// What of the parts a test lets through (io/fault.hpp).
class Allowed {
 public:
  Allowed(Call call, const iovec* parts, std::size_t count) noexcept
      : parts_(parts), count_(count) {
    const std::size_t most = limit_of(call);
    if (most == no_limit || count == 0) return;
    while (count_ > 1 && parts_->iov_len == 0) {
      ++parts_;
      --count_;
    }
    first_ = *parts_;
    if (first_.iov_len > most) first_.iov_len = most;
    parts_ = &first_;
    count_ = 1;
  }
  Allowed(const Allowed&) = delete;
  Allowed& operator=(const Allowed&) = delete;
  ~Allowed() = default;
  [[nodiscard]] const iovec* parts() const noexcept { return parts_; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

 private:
  const iovec* parts_;
  std::size_t count_;
  iovec first_{};
};

}  // namespace

int open_socket(int family, int type, int protocol) noexcept {
  return attempt(Call::socket,
                 [=] { return ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol); });
}

int socket_pair(int type, int (&fds)[2]) noexcept {
  return attempt(Call::socket, [&] {
    return ::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
  });
}

int connect(int fd, const sockaddr* address, unsigned size) noexcept {
  int error = fault_of(Call::connect);
  if ((error == 0 || error == EINTR) && ::connect(fd, address, size) != 0) error = errno;
  return error == EINTR ? -EINPROGRESS : -error;  // interrupted, it goes on in the background
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
  return attempt(Call::receive, [=] { return ::recv(fd, into, size, MSG_DONTWAIT); });
}

std::int64_t receive_message(int fd, msghdr& message) noexcept {
  return attempt(Call::receive,
                 [&] { return ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT); });
}

std::int64_t send(int fd, const iovec* parts, int count) noexcept {
  if (count == 1) {
    const Allowed part(Call::send, parts, 1);
    return attempt(Call::send, [&] {
      return ::send(fd, part.parts()->iov_base, part.parts()->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    });
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);  // NOLINT: sendmsg() does not write to it
  message.msg_iovlen = static_cast<std::size_t>(count);
  return send_message(fd, message);
}

std::int64_t send_message(int fd, const msghdr& message) noexcept {
  const Allowed parts(Call::send, message.msg_iov, message.msg_iovlen);
  msghdr allowed = message;
  allowed.msg_iov = const_cast<iovec*>(parts.parts());  // NOLINT: sendmsg() does not write to it
  allowed.msg_iovlen = parts.count();
  return attempt(Call::send, [&] { return ::sendmsg(fd, &allowed, MSG_NOSIGNAL | MSG_DONTWAIT); });
}

bool is_readable(int fd) noexcept {
  pollfd what{fd, POLLIN, 0};
  return ::poll(&what, 1, 0) != 0;  // also if it fails: a call of its own will tell why
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
  // From Linux 6.18 on a flag of the call does what needs three more calls else.
  constexpr int no_signal = 0x100;    // RWF_NOSIGNAL
  static bool known_without = false;  // accessed atomically
  const Allowed allowed(Call::write, parts, static_cast<std::size_t>(count));
  if (!__atomic_load_n(&known_without, __ATOMIC_RELAXED)) {
    const std::int64_t result = attempt(Call::write, [&] {
      return ::pwritev2(fd, allowed.parts(), static_cast<int>(allowed.count()), -1, no_signal);
    });
    if (result != -EOPNOTSUPP) return result;
    __atomic_store_n(&known_without, true, __ATOMIC_RELAXED);
  }
  NoSigpipe guard;
  const std::int64_t result = attempt(Call::write, [&] {
    return ::writev(fd, allowed.parts(), static_cast<int>(allowed.count()));
  });
  if (result == -EPIPE) guard.raised();
  return result;
}

std::int64_t send_file(int to, int from, std::int64_t& offset, std::size_t size) noexcept {
  static_assert(sizeof(off_t) == sizeof offset);
  NoSigpipe guard;  // there is no MSG_NOSIGNAL for it
  size = std::min(size, limit_of(Call::send_file));
  const std::int64_t result = attempt(Call::send_file, [&] {
    return ::sendfile(to, from, reinterpret_cast<off_t*>(&offset), size);
  });
  if (result == -EPIPE) guard.raised();
  return result;
}

}  // namespace asyncio::detail::sys
