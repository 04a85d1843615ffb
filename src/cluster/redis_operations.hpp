#pragma once

#include <asyncio/cluster_broker.hpp>

#include "cluster/redis_core.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// What a RedisBroker does: as the functions of Broker that have these names.
///
/// Lifetime: the core, and a consumer, must outlive them.
namespace asyncio::cluster::detail {

[[nodiscard]] Coro<std::vector<Accepted>> redis_publish(RedisCore& core,
                                                        std::vector<Message> messages,
                                                        std::uint64_t max_queued);
[[nodiscard]] Coro<std::vector<Reply>> redis_replies(RedisCore& core, std::string client);
[[nodiscard]] Coro<> redis_cancel(RedisCore& core, std::string queue, std::string id,
                                  std::string client);

[[nodiscard]] Coro<Claimed> redis_claim(RedisCore& core, const Consumer& consumer,
                                        std::uint32_t most);
[[nodiscard]] Coro<std::vector<Lease>> redis_extend(RedisCore& core, const Consumer& consumer,
                                                    std::vector<Lease> leases);
[[nodiscard]] Coro<> redis_finish(RedisCore& core, std::vector<Finished> ends);
[[nodiscard]] Coro<> redis_fail(RedisCore& core, Delivery delivery, std::string reason,
                                std::string payload);
[[nodiscard]] Coro<> redis_delay(RedisCore& core, Delivery delivery, Duration delay);
[[nodiscard]] Coro<> redis_report(RedisCore& core, Lease lease, std::int64_t done,
                                  std::int64_t total);
[[nodiscard]] Coro<Duration> redis_tend(RedisCore& core, const Consumer& consumer);
[[nodiscard]] Coro<> redis_leave(RedisCore& core, const Consumer& consumer);

[[nodiscard]] Coro<std::vector<std::string>> redis_queues(RedisCore& core);
[[nodiscard]] Coro<QueueStatus> redis_status(RedisCore& core, std::string queue);
[[nodiscard]] Coro<std::vector<Message>> redis_queued(RedisCore& core, std::string queue,
                                                      std::uint64_t most);
[[nodiscard]] Coro<std::vector<DeadLetter>> redis_dead(RedisCore& core, std::string queue,
                                                       std::string after, std::uint64_t most);
[[nodiscard]] Coro<std::uint64_t> redis_requeue(RedisCore& core, std::string queue,
                                                std::vector<std::string> entries);
[[nodiscard]] Coro<std::uint64_t> redis_drain(RedisCore& core, std::string queue);
[[nodiscard]] Coro<> redis_limit_rate(RedisCore& core, std::string queue, double per_second);

/// What the others are to know of a worker: "CONCURRENCY VISIBILITY_MS".
[[nodiscard]] std::string introduction_of(const Consumer& consumer);

}  // namespace asyncio::cluster::detail
