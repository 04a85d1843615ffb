#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/future.hpp>
#include <asyncio/task.hpp>

#include "cluster/redis_command.hpp"
#include "cluster/redis_connect.hpp"
#include "cluster/redis_reply.hpp"
#include "cluster/redis_request.hpp"
#include "cluster/redis_settings.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace asyncio::cluster::detail {

/// A connection that is made again whenever it breaks; what had no answer is sent again then. What
/// is asked in one pass of the loop is sent together.
///
/// Threads: the loop's.
/// Lifetime: shared; ended by close(), or by drop() where nothing can be awaited.
class RedisLink : public std::enable_shared_from_this<RedisLink> {
 public:
  explicit RedisLink(std::shared_ptr<RedisSettings> settings) noexcept
      : settings_(std::move(settings)) {}

  /// Throws: RuntimeError when it is closed.
  /// Returns: what gets the reply, be it an error; or is_final() of the very first connection.
  /// Cancelled, it is not sent unless it was.
  [[nodiscard]] Future<RedisReply> submit(RedisCommand command);
  /// Lifetime: what its arguments refer to must live until the future is done, be it cancelled.
  [[nodiscard]] Future<RedisReply> submit(std::shared_ptr<RedisScriptCall> call);
  /// Nobody wants to know what comes of it.
  void post(RedisCommand command);

  [[nodiscard]] bool is_connected() const noexcept { return stream_ != nullptr; }
  /// Only while it is connected.
  [[nodiscard]] std::int64_t client_id() const noexcept { return stream_->client_id; }
  /// Another connection is made, if anything has no answer.
  void restart() noexcept;

  /// What has no answer gets RuntimeError. Idempotent.
  [[nodiscard]] static Coro<> close(std::shared_ptr<RedisLink> self);
  void drop() noexcept;

 private:
  void ask(RedisRequest request);
  void flush();
  [[nodiscard]] bool has_work();
  void fail_all(const std::exception_ptr& error);
  void answer(const RedisReply& reply);
  [[nodiscard]] Coro<> receive();
  void complain(const std::exception_ptr& error);
  static Coro<> run(std::shared_ptr<RedisLink> self);
  static Coro<> keep_connected(std::shared_ptr<RedisLink> self);

  std::shared_ptr<RedisSettings> settings_;
  std::deque<RedisRequest> requests_;  // without an answer, the oldest first
  std::size_t sent_ = 0;               // so many of them were, over this connection
  std::unique_ptr<RedisStream> stream_;
  std::vector<std::string_view> parts_;  // of flush(), kept for its memory
  std::optional<Task<>> runner_;         // while there is work, or a connection
  TimePoint heard_;                      // when something was received, or asked after silence
  bool answered_ = false;                // it has answered anything over this connection
  bool flushing_ = false;                // a flush() is due
  bool closed_ = false;
};

}  // namespace asyncio::cluster::detail
