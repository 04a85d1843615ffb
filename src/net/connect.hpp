#pragma once

#include <asyncio/address.hpp>
#include <asyncio/coroutine.hpp>
#include <asyncio/duration.hpp>
#include <asyncio/socket.hpp>

#include <cstddef>
#include <optional>
#include <type_traits>
#include <vector>

namespace asyncio::detail {

/// How connect_any() goes about it.
///
/// Python: the keywords of loop.create_connection
struct ConnectOptions {
  /// The next address is tried after this time or as soon as the one before has failed, while the
  /// earlier ones go on (Happy Eyeballs, RFC 8305). nullopt: one after the other.
  std::optional<Duration> happy_eyeballs_delay = std::nullopt;
  /// So many addresses of the first family, then the families in turn; 0: as they come. nullopt:
  /// 1 with Happy Eyeballs, else 0.
  std::optional<std::size_t> interleave = std::nullopt;
  /// Tells of every error, as an ExceptionGroup.
  bool all_errors = false;
};
static_assert(std::is_trivially_destructible_v<ConnectOptions>);

/// A stream socket, connected to the first of these addresses that takes it. It is bound to the
/// first local address of its family that can be had, if any local ones are given.
///
/// Throws: std::invalid_argument without an address; std::system_error if none takes it: the error,
/// or the first one if all have the same text, else "Multiple exceptions: A, B". With all_errors,
/// ExceptionGroup "create_connection failed".
/// Cancellation: closes what it has begun, before it ends.
[[nodiscard]] Coro<Socket> connect_any(EventLoop& loop, std::vector<Address> addresses,
                                       std::vector<Address> local_addresses,
                                       ConnectOptions options);

/// The families in turn, in the order in which they come first; before that, `first_count - 1` more
/// of the first one.
[[nodiscard]] std::vector<Address> interleaved(const std::vector<Address>& addresses,
                                               std::size_t first_count);

}  // namespace asyncio::detail
