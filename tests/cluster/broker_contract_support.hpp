#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/cluster_broker.hpp>
#include <asyncio/error.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <vector>

/// What every broker does, as cases that are run over each: broker_contract.hpp.
namespace broker_contract {

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::Duration;
using asyncio::cluster::Accepted;
using asyncio::cluster::Broker;
using asyncio::cluster::Claimed;
using asyncio::cluster::Consumer;
using asyncio::cluster::DeadLetter;
using asyncio::cluster::Delivery;
using asyncio::cluster::Finished;
using asyncio::cluster::Lease;
using asyncio::cluster::Message;
using asyncio::cluster::Outcome;
using asyncio::cluster::QueueStatus;
using asyncio::cluster::Reply;

/// An empty store with two brokers onto it, which may be the same one. Whoever runs a case closes
/// them afterwards.
struct Store {
  Broker* client = nullptr;
  Broker* worker = nullptr;
  /// How long a lease lasts where it is waited for its end.
  Duration visibility = 300ms;
};

/// Nothing that has to come comes later.
inline constexpr Duration patience = 10s;
/// How long is waited for what must not come.
inline constexpr Duration a_moment = 50ms;

using Ids = std::vector<std::string>;

/// Not Ids{...}: g++ 12 puts the braces' array into the frame of a coroutine wrongly.
template <class... T>
Ids list(const T&... ids) {
  Ids all;
  (all.emplace_back(ids), ...);
  return all;
}

// --- what is sent -------------------------------------------------------------------------------

inline Message message(const std::string& id, const std::string& client = "",
                       const std::string& queue = "jobs") {
  Message message;
  message.id = id;
  message.queue = queue;
  message.task = "work";
  message.arguments = "of " + id;
  message.reply_to = client;
  return message;
}

/// One that does not lose its leases, however slow the machine is.
inline Consumer consumer(const std::string& name = "worker-1") {
  Consumer consumer;
  consumer.name = name;
  consumer.queues.emplace_back("jobs");
  consumer.visibility = 5s;  // less than the patience for what was on its way to a cancelled claim
  consumer.concurrency = 4;
  return consumer;
}

/// One that loses its leases by outlast().
inline Consumer brief_consumer(const Store& store, const std::string& name) {
  Consumer brief = consumer(name);
  brief.visibility = store.visibility;
  return brief;
}

inline Coro<Accepted> publish(Store& store, const Message& message, std::uint64_t max_queued = 0) {
  std::vector<Message> messages(1, message);
  const auto accepted = co_await store.client->publish(std::move(messages), max_queued);
  EXPECT_EQ(accepted.size(), 1U);
  co_return accepted.at(0);
}

inline Coro<> publish_all(Store& store, const Ids& ids, const std::string& client = "") {
  std::vector<Message> messages;
  for (const std::string& id : ids) messages.push_back(message(id, client));
  const auto accepted = co_await store.client->publish(std::move(messages), 0);
  EXPECT_EQ(accepted, std::vector<Accepted>(ids.size(), Accepted::now));
}

inline Coro<> finish(Store& store, const Lease& lease, const std::string& payload,
                     Outcome outcome = Outcome::value) {
  std::vector<Finished> ends(1);
  ends[0].lease = lease;
  ends[0].outcome = outcome;
  ends[0].payload = payload;
  co_await store.worker->finish(std::move(ends));
}

inline Coro<> delay(Store& store, const Delivery& delivery, Duration time) {
  Delivery copy = delivery;
  co_await store.worker->delay(std::move(copy), time);
}

inline Coro<> fail(Store& store, const Delivery& delivery, std::string reason,
                   std::string payload) {
  Delivery copy = delivery;
  co_await store.worker->fail(std::move(copy), std::move(reason), std::move(payload));
}

inline Coro<> cancel(Store& store, std::string id, std::string client) {
  co_await store.client->cancel("jobs", std::move(id), std::move(client));
}

inline Coro<std::vector<Lease>> extend(Store& store, const Consumer& who, const Lease& lease) {
  std::vector<Lease> leases(1, lease);
  co_return co_await store.worker->extend(who, std::move(leases));
}

// --- what comes ---------------------------------------------------------------------------------

inline Coro<> tend_all_the_time(Store& store, const Consumer& who) {
  for (;;) {
    co_await store.worker->tend(who);
    co_await asyncio::sleep(a_moment);
  }
}

inline Coro<> claim_into(std::vector<Delivery>& deliveries, Store& store, const Consumer& who,
                         std::size_t count) {
  while (deliveries.size() < count) {
    const auto most = static_cast<std::uint32_t>(count - deliveries.size());
    Claimed claimed = co_await store.worker->claim(who, most);
    EXPECT_LE(claimed.deliveries.size(), most);
    for (Delivery& delivery : claimed.deliveries) deliveries.push_back(std::move(delivery));
  }
}

/// Tends and claims until there are `count`, or for as long as `time`.
inline Coro<std::vector<Delivery>> take(Store& store, const Consumer& who, std::size_t count,
                                        Duration time = patience) {
  std::vector<Delivery> deliveries;
  auto tending = asyncio::create_task(tend_all_the_time(store, who));
  auto limited = asyncio::wait_for(claim_into(deliveries, store, who, count), time);
  const auto result = co_await asyncio::as_result(std::move(limited));
  tending.cancel();
  const auto tended = co_await asyncio::as_result(std::move(tending));
  EXPECT_TRUE(tended.cancelled()) << support::text_of(tended.error());
  if (!result && !support::is_a<asyncio::TimeoutError>(result.error())) {
    std::rethrow_exception(result.error());
  }
  co_return deliveries;
}

/// The next one. With an empty id, and a failed test, if none comes.
inline Coro<Delivery> take_one(Store& store, const Consumer& who) {
  auto deliveries = co_await take(store, who, 1);
  EXPECT_EQ(deliveries.size(), 1U) << "nothing has come";
  deliveries.resize(1);
  co_return std::move(deliveries.front());
}

/// The ids of what comes within a moment: of what must not come.
inline Coro<Ids> take_what_comes(Store& store, const Consumer& who) {
  const auto deliveries = co_await take(store, who, 100, a_moment);
  Ids ids;
  for (const Delivery& delivery : deliveries) ids.push_back(delivery.message.id);
  co_return ids;
}

inline Ids ids_of(const std::vector<Delivery>& deliveries) {
  Ids ids;
  for (const Delivery& delivery : deliveries) ids.push_back(delivery.message.id);
  return ids;
}

/// Waits until a worker is told of cancelled messages.
inline Coro<Ids> cancelled_ones(Store& store, const Consumer& who) {
  auto limited = asyncio::wait_for(store.worker->claim(who, 1), patience);
  Claimed claimed = co_await std::move(limited);
  EXPECT_EQ(claimed.deliveries.size(), 0U);
  co_return std::move(claimed.cancelled);
}

/// Waits until there are `count`.
inline Coro<std::vector<Reply>> replies(Store& store, const std::string& client,
                                        std::size_t count) {
  std::vector<Reply> all;
  while (all.size() < count) {
    auto limited = asyncio::wait_for(store.client->replies(client), patience);
    auto some = co_await std::move(limited);
    for (Reply& reply : some) all.push_back(std::move(reply));
  }
  EXPECT_EQ(all.size(), count);
  co_return all;
}

/// The next one, and nothing else.
inline Coro<Reply> reply(Store& store, const std::string& client) {
  auto all = co_await replies(store, client, 1);
  co_return std::move(all.front());
}

/// How many come within a moment.
inline Coro<std::size_t> replies_in_a_moment(Store& store, const std::string& client) {
  auto limited = asyncio::wait_for(store.client->replies(client), a_moment);
  auto result = co_await asyncio::as_result(std::move(limited));
  if (!result && support::is_a<asyncio::TimeoutError>(result.error())) co_return 0;
  co_return result.value().size();
}

inline Coro<QueueStatus> status(Store& store) { co_return co_await store.client->status("jobs"); }

inline Coro<std::vector<DeadLetter>> dead(Store& store, std::string after = "",
                                          std::uint64_t most = 100) {
  co_return co_await store.client->dead("jobs", std::move(after), most);
}

/// Lets the leases run out.
inline Coro<> outlast(const Store& store) { co_await asyncio::sleep(store.visibility + a_moment); }

}  // namespace broker_contract
