#pragma once

#include <asyncio/cluster_broker.hpp>

#include <string_view>
#include <type_traits>

namespace asyncio::ssl {
class Context;
}  // namespace asyncio::ssl

namespace asyncio::cluster {

/// Where Redis is.
struct RedisOptions {
  /// "redis://[USER:PASSWORD@]HOST[:6379][/DATABASE]", "rediss://..." for TLS,
  /// "unix://[USER:PASSWORD@]/PATH[?db=DATABASE]". What is special in a password is
  /// percent-encoded.
  std::string_view url = "redis://127.0.0.1:6379";
  /// What the names of all keys begin with.
  std::string_view prefix = "asyncio";
  /// For rediss://; null: ssl::Context::create_default(). It is copied.
  const ssl::Context* ssl = nullptr;
  Duration connect_timeout = Duration::nanoseconds(5'000'000'000);
};
static_assert(std::is_trivially_destructible_v<RedisOptions>);

/// A broker on Redis Streams, of Redis 6.2 or newer. docs/cluster.md has the keys and fields.
///
/// A lost connection is made again, with growing delays, and what had no answer is sent again; each
/// command is so made that this does no harm. What Redis itself may lose its configuration says:
/// with "appendfsync everysec" the last second before the machine fails.
///
/// Threads: one, that of the loop.
class RedisBroker final : public Broker {
 public:
  /// Connects at first use. Throws: std::invalid_argument for a URL that is none.
  explicit RedisBroker(const RedisOptions& options = {});
  explicit RedisBroker(std::string_view url) : RedisBroker(RedisOptions{.url = url}) {}
  ~RedisBroker() override;

  Coro<std::vector<Accepted>> publish(std::vector<Message> messages,
                                      std::uint64_t max_queued) override;
  Coro<std::vector<Reply>> replies(std::string client) override;
  Coro<> cancel(std::string queue, std::string id, std::string client) override;
  Coro<Claimed> claim(const Consumer& consumer, std::uint32_t most) override;
  Coro<std::vector<Lease>> extend(const Consumer& consumer, std::vector<Lease> leases) override;
  Coro<> finish(std::vector<Finished> ends) override;
  Coro<> fail(Delivery delivery, std::string reason, std::string payload) override;
  Coro<> delay(Delivery delivery, Duration delay) override;
  Coro<> report(Lease lease, std::int64_t done, std::int64_t total) override;
  Coro<Duration> tend(const Consumer& consumer) override;
  Coro<> leave(const Consumer& consumer) override;
  Coro<std::vector<std::string>> queues() override;
  Coro<QueueStatus> status(std::string queue) override;
  Coro<std::vector<Message>> queued(std::string queue, std::uint64_t most) override;
  Coro<std::vector<DeadLetter>> dead(std::string queue, std::string after,
                                     std::uint64_t most) override;
  Coro<std::uint64_t> requeue(std::string queue, std::vector<std::string> entries) override;
  Coro<std::uint64_t> drain(std::string queue) override;
  Coro<> limit_rate(std::string queue, double per_second) override;
  Coro<> close() override;

 private:
  class State;
  State* state_;
};

}  // namespace asyncio::cluster
