#include "net/open_socket.hpp"

#include <asyncio/event_loop.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>

namespace asyncio::detail {

Coro<Socket> connect_socket(EventLoop& loop, Address address) {
  Socket socket(address.family());
  if (address.is_ip()) socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
  co_await loop.sock_connect(socket, address);
  co_return socket;
}

Coro<Socket> connect_host(EventLoop& loop, std::string host, std::uint16_t port,
                          ConnectionOptions) {
  return connect_socket(loop, Address(host, port));
}

}  // namespace asyncio::detail
