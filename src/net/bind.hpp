#pragma once

#include <asyncio/address.hpp>
#include <asyncio/server.hpp>
#include <asyncio/socket.hpp>

#include <string>
#include <vector>

namespace asyncio::detail {

class ServerState;

/// Where to listen. "" is every interface. Throws: gaierror for a name that is not known.
[[nodiscard]] Coro<std::vector<Address>> resolve_hosts(EventLoop& loop,
                                                       std::vector<std::string> hosts,
                                                       std::uint16_t port);
/// One socket an address; equal ones once. Addresses that this machine does not have are passed
/// over, unless none is left.
/// Throws: std::system_error "error while attempting to bind on address A: TEXT".
[[nodiscard]] std::vector<Socket> bind_all(const std::vector<Address>& addresses,
                                           const ServerOptions& options);
/// If a server or an endpoint has left a socket file there.
void remove_stale(const std::string& path);
void add_listener(ServerState& server, Socket socket);
/// Replaces a socket file that is there; if `cleanup`, removes its own when the server closes.
/// Throws: std::system_error, also if something else than a socket is there.
void add_unix_listener(ServerState& server, const std::string& path, bool cleanup);

}  // namespace asyncio::detail
