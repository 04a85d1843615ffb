#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

/// What the load and the servers by hand share: sockets on 127.0.0.1, and calls that must not fail.
namespace bench::net {

constexpr std::size_t read_size = 256 * 1024;
constexpr int backlog = 4096;

[[noreturn]] inline void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

inline int must(int result, const char* what) {
  if (result < 0) die(what);
  return result;
}

/// Whether a call on a socket failed only because it would have waited.
inline bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

/// 127.0.0.`host`; all of them are this machine.
inline sockaddr_in loopback(std::uint16_t port, std::uint32_t host = 1) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl((127U << 24) + host);
  return address;
}

inline void switch_on(int fd, int level, int option) {
  const int on = 1;
  must(setsockopt(fd, level, option, &on, sizeof on), "setsockopt");
}

inline void set_nodelay(int fd) { switch_on(fd, IPPROTO_TCP, TCP_NODELAY); }

/// Listens on a port that the kernel chooses, and prints it as the driver expects it.
/// Flags: of socket(), SOCK_NONBLOCK or 0.
inline int listen_and_announce(int flags) {
  const int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), "socket");
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  must(bind(fd, name, length), "bind");
  must(listen(fd, backlog), "listen");
  must(getsockname(fd, name, &length), "getsockname");
  std::printf("PORT %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

}  // namespace bench::net
