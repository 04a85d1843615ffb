#pragma once

#include <asyncio/cluster_broker.hpp>
#include <asyncio/future.hpp>

#include <utility>

namespace simulation {

using namespace asyncio::cluster;
using asyncio::Coro;
using asyncio::Duration;

/// The broker as a worker on another machine sees it. Once that is off, nothing of what the worker
/// says arrives, and it hears of nothing.
class Machine final : public Broker {
 public:
  explicit Machine(Broker& broker) noexcept : broker_(broker) {}
  void switch_off() noexcept { is_off_ = true; }

  Coro<Claimed> claim(const Consumer& consumer, std::uint32_t most) override {
    if (is_off_) co_await for_ever();
    co_return co_await broker_.claim(consumer, most);
  }
  Coro<std::vector<Lease>> extend(const Consumer& consumer, std::vector<Lease> leases) override {
    if (is_off_) co_await for_ever();
    co_return co_await broker_.extend(consumer, std::move(leases));
  }
  Coro<Duration> tend(const Consumer& consumer) override {
    if (is_off_) co_await for_ever();
    co_return co_await broker_.tend(consumer);
  }
  // How its tasks end when it is switched off is not to be waited for.
  Coro<> finish(std::vector<Finished> ends) override {
    if (!is_off_) co_await broker_.finish(std::move(ends));
  }
  Coro<> fail(Delivery delivery, std::string reason, std::string payload) override {
    if (!is_off_) {
      co_await broker_.fail(std::move(delivery), std::move(reason), std::move(payload));
    }
  }
  Coro<> delay(Delivery delivery, Duration delay) override {
    if (!is_off_) co_await broker_.delay(std::move(delivery), delay);
  }
  Coro<> report(Lease lease, std::int64_t done, std::int64_t total) override {
    if (!is_off_) co_await broker_.report(std::move(lease), done, total);
  }
  Coro<> leave(const Consumer& consumer) override {
    if (!is_off_) co_await broker_.leave(consumer);
  }

  // No worker calls these.
  Coro<std::vector<Accepted>> publish(std::vector<Message> messages, std::uint64_t most) override {
    return broker_.publish(std::move(messages), most);
  }
  Coro<std::vector<Reply>> replies(std::string client) override {
    return broker_.replies(std::move(client));
  }
  Coro<> cancel(std::string queue, std::string id, std::string client) override {
    return broker_.cancel(std::move(queue), std::move(id), std::move(client));
  }
  Coro<std::vector<std::string>> queues() override { return broker_.queues(); }
  Coro<QueueStatus> status(std::string queue) override { return broker_.status(std::move(queue)); }
  Coro<std::vector<Message>> queued(std::string queue, std::uint64_t most) override {
    return broker_.queued(std::move(queue), most);
  }
  Coro<std::vector<DeadLetter>> dead(std::string queue, std::string after,
                                     std::uint64_t most) override {
    return broker_.dead(std::move(queue), std::move(after), most);
  }
  Coro<std::uint64_t> requeue(std::string queue, std::vector<std::string> entries) override {
    return broker_.requeue(std::move(queue), std::move(entries));
  }
  Coro<std::uint64_t> drain(std::string queue) override { return broker_.drain(std::move(queue)); }
  Coro<> limit_rate(std::string queue, double per_second) override {
    return broker_.limit_rate(std::move(queue), per_second);
  }
  Coro<> close() override { return broker_.close(); }

 private:
  static Coro<> for_ever() {
    const asyncio::Future<> never;
    co_await never;
  }

  Broker& broker_;
  bool is_off_ = false;
};

}  // namespace simulation
