#pragma once

#include <asyncio/address.hpp>
#include <asyncio/coroutine.hpp>
#include <asyncio/socket.hpp>
#include <asyncio/streams.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// A stream socket that is connected to `address`.
[[nodiscard]] Coro<Socket> connect_socket(EventLoop& loop, Address address);
/// To a host by name or number. Copies what the options refer to.
[[nodiscard]] Coro<Socket> connect_host(EventLoop& loop, std::string_view host, std::uint16_t port,
                                        const ConnectionOptions& options);

}  // namespace asyncio::detail
