#pragma once

#include <asyncio/cluster_broker.hpp>

namespace asyncio::cluster {

/// A broker in this process, on this loop's clock: for tests, and for starting without a server.
/// What it keeps is gone with it.
///
/// Threads: one, that of the loop.
class MemoryBroker final : public Broker {
 public:
  MemoryBroker();
  ~MemoryBroker() override;

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
