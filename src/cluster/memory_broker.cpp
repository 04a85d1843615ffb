#include <asyncio/cluster_memory.hpp>

#include <asyncio/detail/ref.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>

#include "cluster/memory_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace asyncio::cluster {

using detail::MemoryQueue;
using detail::MemoryWorker;

namespace {

TimePoint time_now() { return get_running_loop().time(); }

/// Dead letters are numbered from 1. 0: what is none of ours.
std::uint64_t number_of(const std::string& entry) noexcept {
  std::uint64_t number = 0;
  const char* end = entry.data() + entry.size();
  const auto [stopped, error] = std::from_chars(entry.data(), end, number);
  return error == std::errc() && stopped == end ? number : 0;
}

std::uint64_t number_after(const std::string& after) {
  const std::uint64_t number = number_of(after);
  if (number == 0 && !after.empty()) {
    throw std::invalid_argument(
        fmt::format("dead(): \"{}\" is no entry of a dead letter; pass what an earlier call gave, "
                    "or \"\" to begin",
                    after));
  }
  return number;
}

}  // namespace

MemoryBroker::MemoryBroker() : state_(new State) {}

MemoryBroker::~MemoryBroker() {
  state_->close();
  state_->drop_ref();
}

// --- for clients --------------------------------------------------------------------------------

Coro<std::vector<Accepted>> MemoryBroker::publish(std::vector<Message> messages,
                                                  std::uint64_t max_queued) {
  state_->check_open("publish()");
  const TimePoint now = time_now();
  std::vector<Accepted> accepted;
  accepted.reserve(messages.size());
  for (Message& message : messages) {
    MemoryQueue& queue = state_->queue(message.queue);
    accepted.push_back(queue.accept(std::move(message), max_queued, now));
  }
  co_return accepted;
}

Coro<std::vector<Reply>> MemoryBroker::replies(std::string client) {
  state_->check_open("replies()");
  const asyncio::detail::Ref<State> state(state_);
  co_return co_await state->mailboxes().take(std::move(client), time_now());
}

Coro<> MemoryBroker::cancel(std::string queue, std::string id, std::string client) {
  state_->check_open("cancel()");
  if (MemoryQueue* found = state_->find(queue)) found->cancel(id, client, time_now());
  co_return;
}

// --- for workers --------------------------------------------------------------------------------

Coro<Claimed> MemoryBroker::claim(const Consumer& consumer, std::uint32_t most) {
  const asyncio::detail::Ref<State> state(state_);
  // Before it takes anything, so that a cancellation loses nothing.
  if (state->others_want_a_turn()) co_await sleep(Duration());
  for (;;) {
    state->check_open("claim()");
    Claimed claimed = state->take(consumer, most, time_now());
    if (!claimed.deliveries.empty() || !claimed.cancelled.empty()) co_return claimed;
    detail::WaitingClaim waiting;
    state->enter(waiting, consumer, most, time_now());
    try {
      co_await waiting.woken();
    } catch (...) {
      // It may have been woken for a message, which goes to another one then.
      waiting.leave();
      state->offer(consumer, time_now());
      throw;
    }
  }
}

Coro<std::vector<Lease>> MemoryBroker::extend(const Consumer& consumer, std::vector<Lease> leases) {
  state_->check_open("extend()");
  const TimePoint now = time_now();
  const MemoryWorker& worker = state_->heard_of(consumer, now);
  std::erase_if(leases, [&](const Lease& lease) {
    MemoryQueue* queue = state_->find(lease.queue);
    return queue != nullptr && queue->extend(worker, lease, now);
  });
  co_return leases;
}

Coro<> MemoryBroker::finish(std::vector<Finished> ends) {
  state_->check_open("finish()");
  const TimePoint now = time_now();
  for (Finished& end : ends) {
    if (MemoryQueue* queue = state_->find(end.lease.queue)) queue->finish(std::move(end), now);
  }
  co_return;
}

Coro<> MemoryBroker::fail(Delivery delivery, std::string reason, std::string payload) {
  state_->check_open("fail()");
  if (MemoryQueue* queue = state_->find(delivery.lease.queue)) {
    queue->fail(delivery, std::move(reason), std::move(payload), time_now());
  }
  co_return;
}

Coro<> MemoryBroker::delay(Delivery delivery, Duration delay) {
  state_->check_open("delay()");
  if (MemoryQueue* queue = state_->find(delivery.lease.queue)) {
    queue->put_off(delivery, delay, time_now());
  }
  co_return;
}

Coro<> MemoryBroker::report(Lease lease, std::int64_t done, std::int64_t total) {
  state_->check_open("report()");
  if (MemoryQueue* queue = state_->find(lease.queue)) queue->report(lease, done, total, time_now());
  co_return;
}

Coro<Duration> MemoryBroker::tend(const Consumer& consumer) {
  state_->check_open("tend()");
  co_return state_->tend(consumer, time_now());
}

Coro<> MemoryBroker::leave(const Consumer& consumer) {
  state_->check_open("leave()");
  state_->leave(consumer, time_now());
  co_return;
}

// --- for who looks ------------------------------------------------------------------------------

Coro<std::vector<std::string>> MemoryBroker::queues() {
  state_->check_open("queues()");
  co_return state_->queues_in_use();
}

Coro<QueueStatus> MemoryBroker::status(std::string queue) {
  state_->check_open("status()");
  if (const MemoryQueue* found = state_->find(queue)) co_return found->status(time_now());
  QueueStatus nothing;
  nothing.queue = std::move(queue);
  co_return nothing;
}

Coro<std::vector<Message>> MemoryBroker::queued(std::string queue, std::uint64_t most) {
  state_->check_open("queued()");
  const MemoryQueue* found = state_->find(queue);
  co_return found == nullptr ? std::vector<Message>() : found->queued(most);
}

Coro<std::vector<DeadLetter>> MemoryBroker::dead(std::string queue, std::string after,
                                                 std::uint64_t most) {
  state_->check_open("dead()");
  const std::uint64_t number = number_after(after);
  const MemoryQueue* found = state_->find(queue);
  co_return found == nullptr ? std::vector<DeadLetter>() : found->dead(number, most);
}

Coro<std::uint64_t> MemoryBroker::requeue(std::string queue, std::vector<std::string> entries) {
  state_->check_open("requeue()");
  MemoryQueue* found = state_->find(queue);
  if (found == nullptr) co_return 0;
  const TimePoint now = time_now();
  std::uint64_t count = 0;
  for (const std::string& entry : entries) count += found->requeue(number_of(entry), now) ? 1 : 0;
  co_return count;
}

Coro<std::uint64_t> MemoryBroker::drain(std::string queue) {
  state_->check_open("drain()");
  MemoryQueue* found = state_->find(queue);
  co_return found == nullptr ? 0 : found->drain(time_now());
}

Coro<> MemoryBroker::limit_rate(std::string queue, double per_second) {
  state_->check_open("limit_rate()");
  state_->queue(queue).limit_rate(per_second, time_now());
  co_return;
}

Coro<> MemoryBroker::close() {
  state_->close();
  co_return;
}

}  // namespace asyncio::cluster
