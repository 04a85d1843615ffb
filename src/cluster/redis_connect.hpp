#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/streams.hpp>

#include "cluster/redis_reply.hpp"
#include "cluster/redis_settings.hpp"

#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

namespace asyncio::cluster::detail {

/// A connection that has logged in. It is aborted with this.
struct RedisStream {
  explicit RedisStream(Connection c) noexcept : connection(std::move(c)) {}
  RedisStream(const RedisStream&) = delete;
  RedisStream& operator=(const RedisStream&) = delete;
  ~RedisStream() { connection.writer.abort(); }

  Connection connection;
  RedisReader replies;
  /// Redis' number of the connection, by which another one can end its wait.
  std::int64_t client_id = 0;
};

/// Connects, logs in, selects the database, and looks whether the server is new enough.
///
/// Throws: what is_final() knows, or what another attempt may not meet.
/// Cancellation: leaves nothing open.
/// Lifetime: the settings must outlive it.
[[nodiscard]] Coro<std::unique_ptr<RedisStream>> open_redis(const RedisSettings& settings);

/// Whether an attempt has failed by what cannot become right by waiting: an unknown name, a wrong
/// password, a certificate that is not trusted, a server that is too old.
[[nodiscard]] bool is_final(const std::exception_ptr& error) noexcept;

}  // namespace asyncio::cluster::detail
