#include "cluster/redis_reply.hpp"

#include <asyncio/error.hpp>

#include <fmt/format.h>

#include <charconv>
#include <new>

namespace asyncio::cluster::detail {

std::string_view RedisNode::text() const noexcept {
  if (!is(REDIS_REPLY_STRING) && !is(REDIS_REPLY_STATUS) && !is(REDIS_REPLY_ERROR)) return {};
  return {node_->str, static_cast<std::size_t>(node_->len)};
}

std::int64_t RedisNode::integer() const noexcept {
  if (is(REDIS_REPLY_INTEGER)) return node_->integer;
  const std::string_view digits = text();
  std::int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

RedisReader::RedisReader() : reader_(redisReaderCreate()) {
  if (reader_ == nullptr) throw std::bad_alloc();
}

void RedisReader::feed(std::string_view bytes) {
  if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK) {
    throw std::bad_alloc();
  }
}

std::optional<RedisReply> RedisReader::next() {
  void* reply = nullptr;
  if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
    asyncio::detail::throw_runtime_error(
        fmt::format("RedisBroker: what answers is no Redis: {}", reader_->errstr));
  }
  if (reply == nullptr) return std::nullopt;
  return RedisReply(static_cast<redisReply*>(reply));
}

}  // namespace asyncio::cluster::detail
