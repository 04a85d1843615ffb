#pragma once

#include <hiredis.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace asyncio::cluster::detail {

/// A part of a reply. What a reply should have and has not is nil, so that a server, or who has
/// written to it by hand, cannot make anybody read beyond the end.
///
/// Lifetime: that of the reply.
class RedisNode {
 public:
  RedisNode() noexcept = default;
  explicit RedisNode(const redisReply* node) noexcept : node_(node) {}

  [[nodiscard]] bool is_nil() const noexcept { return is(REDIS_REPLY_NIL); }
  [[nodiscard]] bool is_error() const noexcept { return is(REDIS_REPLY_ERROR); }
  /// Of a string, a status or an error; "" of anything else.
  [[nodiscard]] std::string_view text() const noexcept;
  /// Of an integer, or of digits as a text; 0 of anything else.
  [[nodiscard]] std::int64_t integer() const noexcept;
  /// Of an array; 0 of anything else.
  [[nodiscard]] std::size_t size() const noexcept {
    return is(REDIS_REPLY_ARRAY) ? node_->elements : 0;
  }
  [[nodiscard]] RedisNode operator[](std::size_t i) const noexcept {
    return i < size() ? RedisNode(node_->element[i]) : RedisNode();
  }

 private:
  [[nodiscard]] bool is(int type) const noexcept {
    return node_ == nullptr ? type == REDIS_REPLY_NIL : node_->type == type;
  }
  const redisReply* node_ = nullptr;
};

/// A whole reply. Copies share it.
class RedisReply : public RedisNode {
 public:
  RedisReply() noexcept = default;
  explicit RedisReply(redisReply* owned)
      : RedisNode(owned), root_(owned, [](redisReply* reply) { freeReplyObject(reply); }) {}

 private:
  std::shared_ptr<redisReply> root_;
};

/// Makes replies out of what comes from a connection, by hiredis.
class RedisReader {
 public:
  /// Throws: std::bad_alloc.
  RedisReader();

  /// Throws: std::bad_alloc.
  void feed(std::string_view bytes);
  /// Throws: RuntimeError for what is not Redis' protocol.
  [[nodiscard]] std::optional<RedisReply> next();

 private:
  struct Free {
    void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
  };
  std::unique_ptr<redisReader, Free> reader_;
};

}  // namespace asyncio::cluster::detail
