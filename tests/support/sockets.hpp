#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/socket.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/descriptors.hpp"
#include "support/pattern.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

namespace support {

using asyncio::Address;
using asyncio::Coro;
using asyncio::Socket;
using asyncio::SocketPair;

inline asyncio::EventLoop& loop() { return asyncio::get_running_loop(); }

inline Socket listener(const Address& address = Address("127.0.0.1", 0)) {
  Socket socket(address.family());
  socket.bind(address);
  socket.listen();
  return socket;
}

/// Connected by TCP over loopback.
inline Coro<SocketPair> tcp_pair() {
  Socket server = listener();
  Socket client(Address::Family::ipv4);
  const Address address = server.getsockname();
  co_await loop().sock_connect(client, address);
  auto accepted = co_await loop().sock_accept(server);
  SocketPair pair{std::move(client), std::move(accepted.connection)};
  co_return pair;
}

/// Until the end.
inline Coro<std::string> receive_all(Socket& socket) {
  std::string all;
  while (true) {
    const std::string part = co_await loop().sock_recv(socket, 65536);
    if (part.empty()) co_return all;
    all += part;
  }
}

inline Coro<std::string> receive_exactly(Socket& socket, std::size_t size) {
  std::string all;
  while (all.size() < size) {
    const std::string part = co_await loop().sock_recv(socket, size - all.size());
    if (part.empty()) break;
    all += part;
  }
  co_return all;
}

/// Until every task that is ready has run, in whatever order.
inline Coro<> settle() {
  for (int i = 0; i < 2; ++i) co_await asyncio::sleep(asyncio::Duration());
}

/// Of this process, and little fits into them. (TCP with small buffers waits for its own timers.)
inline SocketPair narrow_pair() {
  SocketPair pair = asyncio::socketpair();
  for (Socket* socket : {&pair.first, &pair.second}) {
    socket->setsockopt(SOL_SOCKET, SO_SNDBUF, 1);
  }
  return pair;
}

/// Connected by TCP, or a narrow_pair().
inline Coro<SocketPair> pair_by(bool tcp) {
  if (!tcp) co_return narrow_pair();
  SocketPair pair = co_await tcp_pair();
  co_return pair;
}

/// 0: no std::system_error.
inline int errno_of(const std::exception_ptr& error) {
  if (error == nullptr) return 0;
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error& e) {
    return e.code().value();
  } catch (...) {
    return 0;
  }
}

inline bool has_nodelay(int fd) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size) == 0 && value != 0;
}

}  // namespace support
