#include "net/open_socket.hpp"

#include <asyncio/event_loop.hpp>
#include <asyncio/resolver.hpp>

#include "net/connect.hpp"

namespace asyncio::detail {

Coro<Socket> connect_socket(EventLoop& loop, Address address) {
  Socket socket(address.family());
  co_await loop.sock_connect(socket, address);
  co_return socket;
}

namespace {

Coro<Socket> resolve_and_connect(EventLoop& loop, std::string host, std::uint16_t port,
                                 std::vector<Address> local, ConnectOptions options) {
  const ResolveOptions stream{.type = Socket::Type::stream};
  std::vector<Address> found = co_await loop.getaddrinfo(host, port, stream);
  co_return co_await connect_any(loop, std::move(found), std::move(local), options);
}

}  // namespace

Coro<Socket> connect_host(EventLoop& loop, std::string_view host, std::uint16_t port,
                          const ConnectionOptions& options) {
  std::vector<Address> local;
  if (options.local_addr != nullptr) local.push_back(*options.local_addr);
  return resolve_and_connect(
      loop, std::string(host), port, std::move(local),
      {options.happy_eyeballs_delay, options.interleave, options.all_errors});
}

}  // namespace asyncio::detail
