#include "net/bind.hpp"

#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/resolver.hpp>

#include "io/system.hpp"
#include "net/server_state.hpp"
#include "net/socket_state.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace asyncio::detail {
namespace {

Coro<std::vector<Address>> resolve_hosts(EventLoop& loop, std::vector<std::string> hosts,
                                         std::uint16_t port) {
  std::vector<Address> addresses;
  for (const std::string& host : hosts) {
    if (host.empty()) {
      addresses.emplace_back("0.0.0.0", port);
      addresses.emplace_back("::", port);
      continue;
    }
    const ResolveOptions to_listen{.type = Socket::Type::stream, .passive = true};
    const std::vector<Address> found = co_await loop.getaddrinfo(host, port, to_listen);
    addresses.insert(addresses.end(), found.begin(), found.end());
  }
  co_return addresses;
}

// The words are those of CPython for TCP; std::system_error adds its own.
void bind_to(Socket& socket, const Address& address) {
  try {
    socket.bind(address);
  } catch (const std::system_error& error) {
    throw std::system_error(error.code(),
                            "error while attempting to bind on address " + address.str());
  }
}

Socket bound(const Address& address, const ServerOptions& options) {
  Socket socket(address.family());
  if (options.reuse_address) socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1);
  if (options.reuse_port) socket.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1);
  if (address.family() == Address::Family::ipv6) socket.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1);
  bind_to(socket, address);
  return socket;
}

std::string list_of(const std::vector<Address>& addresses) {
  std::string text;
  for (const Address& address : addresses) text += (text.empty() ? "" : ", ") + address.str();
  return text;
}

// This machine has no such address, or no IPv6 at all.
bool is_absent(const std::system_error& error) {
  return error.code().value() == EADDRNOTAVAIL || error.code().value() == EAFNOSUPPORT;
}

// One socket an address; equal ones once.
std::vector<Socket> bind_all(const std::vector<Address>& addresses, const ServerOptions& options) {
  std::vector<Socket> sockets;
  for (auto at = addresses.begin(); at != addresses.end(); ++at) {
    if (std::find(addresses.begin(), at, *at) != at) continue;
    try {
      sockets.push_back(bound(*at, options));
    } catch (const std::system_error& error) {
      if (!is_absent(error)) throw;
    }
  }
  if (sockets.empty()) {
    sys::throw_errno(EADDRNOTAVAIL,
                     "could not bind on any address out of [" + list_of(addresses) + "]");
  }
  return sockets;
}

void add_listener(ServerState& server, Socket socket) {
  server.add(take_stream(server.loop(), socket, server.who()));
}

void add_unix_listener(ServerState& server, const std::string& path, bool cleanup) {
  const Address address = Address::unix_path(path);
  if (path.empty()) {
    throw_invalid_argument(fmt::format(
        "{}: the path is empty; give one, or \"@NAME\" for an abstract name", server.who()));
  }
  const bool is_file = !address.path().starts_with('\0');
  if (is_file) remove_stale(path);
  Socket socket(Address::Family::unix_);
  bind_to(socket, address);
  sys::FileStatus made;
  if (is_file && cleanup && sys::status_of(path.c_str(), made) == 0) {
    server.remove_at_close({path, made.device, made.inode});
  }
  add_listener(server, std::move(socket));
}

Server started(const Ref<ServerState>& server, const ServerOptions& options) {
  if (options.start_serving) server->start_serving();
  return ServerAccess::make(server);
}

}  // namespace

Coro<Server> listen_at_hosts(Ref<ServerState> server, std::vector<std::string> hosts,
                             std::uint16_t port, ServerOptions options) {
  const std::vector<Address> addresses =
      co_await resolve_hosts(*server->loop().loop, std::move(hosts), port);
  for (Socket& socket : bind_all(addresses, options)) add_listener(*server, std::move(socket));
  co_return started(server, options);
}

Coro<Server> listen_at_path(Ref<ServerState> server, std::string path, ServerOptions options) {
  add_unix_listener(*server, path, options.cleanup_socket);
  co_return started(server, options);
}

Server listen_on(const Ref<ServerState>& server, Socket socket, const ServerOptions& options) {
  add_listener(*server, std::move(socket));
  return started(server, options);
}

void remove_stale(const std::string& path) {
  sys::FileStatus found;
  if (sys::status_of_link(path.c_str(), found) == 0 && found.kind == sys::FileKind::socket) {
    sys::unlink(path.c_str());
  }
}

}  // namespace asyncio::detail
