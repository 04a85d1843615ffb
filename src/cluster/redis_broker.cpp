#include <asyncio/cluster_redis.hpp>

#include "cluster/redis_core.hpp"
#include "cluster/redis_operations.hpp"

#include <utility>

namespace asyncio::cluster {

class RedisBroker::State final : public detail::RedisCore {
 public:
  using RedisCore::RedisCore;
};

RedisBroker::RedisBroker(const RedisOptions& options) : state_(new State(options)) {}

RedisBroker::~RedisBroker() { delete state_; }

Coro<std::vector<Accepted>> RedisBroker::publish(std::vector<Message> messages,
                                                 std::uint64_t max_queued) {
  return detail::redis_publish(*state_, std::move(messages), max_queued);
}

Coro<std::vector<Reply>> RedisBroker::replies(std::string client) {
  return detail::redis_replies(*state_, std::move(client));
}

Coro<> RedisBroker::cancel(std::string queue, std::string id, std::string client) {
  return detail::redis_cancel(*state_, std::move(queue), std::move(id), std::move(client));
}

Coro<Claimed> RedisBroker::claim(const Consumer& consumer, std::uint32_t most) {
  return detail::redis_claim(*state_, consumer, most);
}

Coro<std::vector<Lease>> RedisBroker::extend(const Consumer& consumer, std::vector<Lease> leases) {
  return detail::redis_extend(*state_, consumer, std::move(leases));
}

Coro<> RedisBroker::finish(std::vector<Finished> ends) {
  return detail::redis_finish(*state_, std::move(ends));
}

Coro<> RedisBroker::fail(Delivery delivery, std::string reason, std::string payload) {
  return detail::redis_fail(*state_, std::move(delivery), std::move(reason), std::move(payload));
}

Coro<> RedisBroker::delay(Delivery delivery, Duration delay) {
  return detail::redis_delay(*state_, std::move(delivery), delay);
}

Coro<> RedisBroker::report(Lease lease, std::int64_t done, std::int64_t total) {
  return detail::redis_report(*state_, std::move(lease), done, total);
}

Coro<Duration> RedisBroker::tend(const Consumer& consumer) {
  return detail::redis_tend(*state_, consumer);
}

Coro<> RedisBroker::leave(const Consumer& consumer) {
  return detail::redis_leave(*state_, consumer);
}

Coro<std::vector<std::string>> RedisBroker::queues() { return detail::redis_queues(*state_); }

Coro<QueueStatus> RedisBroker::status(std::string queue) {
  return detail::redis_status(*state_, std::move(queue));
}

Coro<std::vector<Message>> RedisBroker::queued(std::string queue, std::uint64_t most) {
  return detail::redis_queued(*state_, std::move(queue), most);
}

Coro<std::vector<DeadLetter>> RedisBroker::dead(std::string queue, std::string after,
                                                std::uint64_t most) {
  return detail::redis_dead(*state_, std::move(queue), std::move(after), most);
}

Coro<std::uint64_t> RedisBroker::requeue(std::string queue, std::vector<std::string> entries) {
  return detail::redis_requeue(*state_, std::move(queue), std::move(entries));
}

Coro<std::uint64_t> RedisBroker::drain(std::string queue) {
  return detail::redis_drain(*state_, std::move(queue));
}

Coro<> RedisBroker::limit_rate(std::string queue, double per_second) {
  return detail::redis_limit_rate(*state_, std::move(queue), per_second);
}

Coro<> RedisBroker::close() { return state_->close(); }

}  // namespace asyncio::cluster
