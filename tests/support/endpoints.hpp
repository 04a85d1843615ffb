#pragma once

#include <asyncio/detail/io_wait.hpp>

#include "io/backend_epoll.hpp"
#include "io/backend_uring.hpp"
#include "io/system.hpp"
#include "loop/backend.hpp"
#include "loop/endpoint.hpp"
#include "support/descriptors.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

// Backends and their endpoints without a loop above them.
namespace support {

using asyncio::detail::Backend;
using asyncio::detail::Descriptor;
using asyncio::detail::Endpoint;
using asyncio::detail::IoResult;
using asyncio::detail::Way;
using asyncio::detail::would_block;

/// What io_uring_setup() says to an empty ring: 0, or errno.
inline int ring_refusal() {
  alignas(8) char params[120] = {};
  const long fd = ::syscall(SYS_io_uring_setup, 2, params);
  if (fd < 0) return errno;
  ::close(static_cast<int>(fd));
  return 0;
}

inline void nap(std::chrono::microseconds time) { ::usleep(static_cast<useconds_t>(time.count())); }

/// A descriptor of a test's own.
class Fd {
 public:
  explicit Fd(int fd = -1) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { close(); }
  [[nodiscard]] int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void close() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

struct Pair {
  Fd ours;   // non-blocking
  Fd peers;  // blocking
};

inline Pair unix_pair() {
  int fds[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  EXPECT_EQ(asyncio::detail::sys::set_nonblocking(fds[0]), 0);
  return {Fd(fds[0]), Fd(fds[1])};
}

inline Fd tcp_listener() {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(fd.get(), 200), 0);
  return fd;
}

/// A blocking connection to a listener.
inline Fd connect_to(int listener) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  EXPECT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  return fd;
}

inline Pair tcp_pair() {
  const Fd listener = tcp_listener();
  Fd peer = connect_to(listener.get());
  Fd ours(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  EXPECT_GE(ours.get(), 0);
  return {std::move(ours), std::move(peer)};
}

/// What a peer sends, or is to get: bytes that say where they stand.
inline std::string pattern(std::size_t size, unsigned seed = 1) {
  std::string text(size, '\0');
  std::uint32_t x = seed * 2654435761U + 1;
  for (char& c : text) {
    x = x * 1664525U + 1013904223U;
    c = static_cast<char>(x >> 24);
  }
  return text;
}

inline void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    ASSERT_GT(n, 0) << std::strerror(errno);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

/// What is there, up to `most`, without waiting. "" and `ended` at the end.
inline std::string read_now(int fd, bool* ended = nullptr, std::size_t most = 1 << 20) {
  std::string text(most, '\0');
  const ssize_t n = ::recv(fd, text.data(), most, MSG_DONTWAIT);
  if (ended != nullptr) *ended = n == 0 || (n < 0 && errno == ECONNRESET);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

/// Counts how often it was told.
struct Observer : asyncio::detail::IoObserver {
  Observer() noexcept
      : IoObserver{[](IoObserver& self) noexcept { ++static_cast<Observer&>(self).told; }} {}
  int told = 0;
};

/// One pass of a loop: what is ready, or nothing if that takes too long.
inline void turn(Backend& backend, std::chrono::milliseconds at_most = std::chrono::seconds(5)) {
  backend.poll(backend.now() + std::chrono::nanoseconds(at_most).count(), false);
}

/// Turns until `done()`. Returns: false if it never was.
template <class F>
bool turn_until(Backend& backend, F done) {
  const auto limit = backend.now() + 10'000'000'000;
  while (!done()) {
    if (backend.now() > limit) return false;
    turn(backend, std::chrono::milliseconds(2));
  }
  return true;
}

/// Waits until the endpoint may try again.
inline void await(Backend& backend, Endpoint& endpoint, Way way) {
  Observer observer;
  endpoint.wait(way, observer);
  EXPECT_TRUE(turn_until(backend, [&] { return observer.told > 0; }));
  endpoint.stop_waiting(way);
}

/// One receive() that waits if it must. Throws: std::system_error.
inline std::string receive(Backend& backend, Endpoint& endpoint, std::size_t most = 1 << 18) {
  std::string text(most, '\0');
  while (true) {
    const IoResult got = endpoint.receive(std::as_writable_bytes(std::span(text)));
    if (got == would_block) {
      await(backend, endpoint, Way::read);
      if (testing::Test::HasFailure()) return "";
      continue;
    }
    if (got < 0) throw std::system_error(static_cast<int>(-got), std::generic_category());
    text.resize(static_cast<std::size_t>(got));
    return text;
  }
}

/// `size` bytes, or what comes before the end.
inline std::string receive_all(Backend& backend, Endpoint& endpoint, std::size_t size,
                               std::size_t at_once = 1 << 18) {
  std::string text;
  while (text.size() < size && !testing::Test::HasFailure()) {
    const std::string part = receive(backend, endpoint, at_once);
    if (part.empty()) break;
    text += part;
  }
  return text;
}

inline IoResult send_once(Endpoint& endpoint, std::string_view text) {
  const iovec part{const_cast<char*>(text.data()), text.size()};
  return endpoint.send(&part, 1);
}

/// Throws: std::system_error.
inline void send_all(Backend& backend, Endpoint& endpoint, std::string_view text) {
  while (!text.empty() && !testing::Test::HasFailure()) {
    const IoResult sent = send_once(endpoint, text);
    if (sent == would_block) {
      await(backend, endpoint, Way::write);
      continue;
    }
    if (sent < 0) throw std::system_error(static_cast<int>(-sent), std::generic_category());
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

/// Repeats finish() or finish_sending() while it would have to wait.
template <class F>
IoResult finished(Backend& backend, Endpoint& endpoint, F call) {
  IoResult result = would_block;
  while ((result = call()) == would_block && !testing::Test::HasFailure()) {
    await(backend, endpoint, Way::write);
  }
  return result;
}

inline std::unique_ptr<Endpoint> open(Backend& backend, Fd& fd, bool stream = true) {
  auto endpoint = backend.open(fd.get(), Descriptor::socket);
  fd.release();
  if (stream) endpoint->begin_stream();
  return endpoint;
}

}  // namespace support
