#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/server.hpp>
#include <asyncio/socket.hpp>

#include <cstddef>

namespace bench::net {

/// As the limit has.
constexpr std::size_t buffer_size = 256 * 1024;

/// Listens, and has said where.
asyncio::Socket listening_socket();

/// With a certificate in `tls`, unless that is null.
asyncio::ServerOptions options(const asyncio::ssl::Context* tls);

asyncio::Coro<> serve_protocols(bool http, const asyncio::ssl::Context* tls);
asyncio::Coro<> serve_sockets(bool http);
asyncio::Coro<> serve_streams(bool http, const asyncio::ssl::Context* tls);

}  // namespace bench::net
