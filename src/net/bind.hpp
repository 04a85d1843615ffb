#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/ref.hpp>
#include <asyncio/server.hpp>
#include <asyncio/socket.hpp>

#include <string>
#include <vector>

namespace asyncio::detail {

class ServerState;

// Each starts serving, if the options say so.

/// Listens at every address of the hosts, once. "" is every interface. Addresses that this machine
/// does not have are passed over, unless none is left.
/// Throws: gaierror for a name that is not known; std::system_error "error while attempting to bind
/// on address A: TEXT".
[[nodiscard]] Coro<Server> listen_at_hosts(Ref<ServerState> server, std::vector<std::string> hosts,
                                           std::uint16_t port, ServerOptions options);
/// Replaces a socket file that is there; with `cleanup_socket` the server removes its own when it
/// closes.
/// Throws: std::system_error as listen_at_hosts(), also if something else than a socket is there;
/// std::invalid_argument for "".
[[nodiscard]] Coro<Server> listen_at_path(Ref<ServerState> server, std::string path,
                                          ServerOptions options);
/// Throws: as take_stream().
[[nodiscard]] Server listen_on(const Ref<ServerState>& server, Socket socket,
                               const ServerOptions& options);

/// If a server or an endpoint has left a socket file there.
void remove_stale(const std::string& path);

}  // namespace asyncio::detail
