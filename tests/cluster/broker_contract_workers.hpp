#pragma once

#include <asyncio/event_loop.hpp>
#include <asyncio/task.hpp>

#include "cluster/broker_contract_support.hpp"

namespace broker_contract {

// --- leases -------------------------------------------------------------------------------------

inline Coro<> a_lease_that_is_not_extended_comes_back(Store& store) {
  const Consumer silent = brief_consumer(store, "silent");
  const Consumer other = consumer("other");
  co_await publish(store, message("a"));
  const Delivery first = co_await take_one(store, silent);
  EXPECT_EQ(first.message.redelivered, 0U);
  co_await outlast(store);

  const Delivery second = co_await take_one(store, other);
  EXPECT_EQ(second.message.id, "a");
  EXPECT_EQ(second.message.arguments, "of a");
  EXPECT_EQ(second.message.redelivered, 1U);
  EXPECT_EQ(second.message.attempt, 1U);
  EXPECT_NE(second.lease.entry, "");
  EXPECT_EQ((co_await status(store)).redelivered, 1U);
}

inline Coro<> a_lease_that_is_extended_does_not_come_back(Store& store) {
  const Consumer who = brief_consumer(store, "busy");
  const Consumer other = consumer("other");
  co_await publish(store, message("a"));
  const Delivery got = co_await take_one(store, who);
  for (int i = 0; i < 5; ++i) {
    co_await asyncio::sleep(store.visibility / 4);
    EXPECT_EQ((co_await extend(store, who, got.lease)).size(), 0U) << i;
    co_await store.worker->tend(other);
  }
  const QueueStatus now = co_await status(store);
  EXPECT_EQ(now.queued, 0U);
  EXPECT_EQ(now.running, 1U);
  EXPECT_EQ(now.redelivered, 0U);
}

inline Coro<> a_worker_learns_which_leases_it_has_lost(Store& store) {
  const Consumer slow = brief_consumer(store, "slow");
  const Consumer other = consumer("other");
  co_await publish_all(store, list("a", "b"));
  const auto got = co_await take(store, slow, 2);
  ASYNC_ASSERT_EQ(got.size(), 2U);
  co_await finish(store, got[1].lease, "");
  co_await outlast(store);
  const Delivery again = co_await take_one(store, other);
  EXPECT_EQ(again.message.id, "a");

  std::vector<Lease> leases(1, got[0].lease);
  const auto lost = co_await store.worker->extend(slow, std::move(leases));
  ASYNC_ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0].id, "a");
  EXPECT_EQ(lost[0].queue, "jobs");
  EXPECT_EQ(lost[0].entry, got[0].lease.entry);
  EXPECT_EQ((co_await extend(store, other, again.lease)).size(), 0U);
  EXPECT_EQ((co_await store.worker->extend(slow, std::vector<Lease>())).size(), 0U);
}

inline Coro<> what_a_worker_has_comes_back_at_once_when_it_leaves(Store& store) {
  const Consumer leaving = consumer("leaving");
  const Consumer other = consumer("other");
  co_await publish_all(store, list("a", "b"));
  const auto got = co_await take(store, leaving, 2);
  ASYNC_ASSERT_EQ(got.size(), 2U);
  co_await finish(store, got[0].lease, "");
  co_await store.worker->leave(leaving);

  const Delivery again = co_await take_one(store, other);
  EXPECT_EQ(again.message.id, "b");
  EXPECT_EQ(again.message.redelivered, 1U);
  const QueueStatus now = co_await status(store);
  ASYNC_ASSERT_EQ(now.workers.size(), 1U);
  EXPECT_EQ(now.workers[0].name, "other");
}

// --- ends ---------------------------------------------------------------------------------------

inline Coro<> the_first_end_is_the_one_that_counts(Store& store) {
  const Consumer who = consumer();
  co_await publish(store, message("a", "client-1"));
  const Delivery got = co_await take_one(store, who);
  co_await finish(store, got.lease, "first");
  co_await finish(store, got.lease, "second", Outcome::error);

  EXPECT_EQ((co_await reply(store, "client-1")).payload, "first");
  EXPECT_EQ(co_await replies_in_a_moment(store, "client-1"), 0U);
  const QueueStatus now = co_await status(store);
  EXPECT_EQ(now.finished, 1U);
  EXPECT_EQ(now.failed, 0U);
}

inline Coro<> the_end_by_a_worker_that_lost_its_lease_counts_if_it_is_first(Store& store) {
  const Consumer slow = brief_consumer(store, "slow");
  const Consumer other = consumer("other");
  co_await publish(store, message("a", "client-1"));
  const Delivery first = co_await take_one(store, slow);
  co_await outlast(store);
  const Delivery second = co_await take_one(store, other);

  co_await finish(store, first.lease, "slow");
  EXPECT_EQ((co_await reply(store, "client-1")).payload, "slow");
  EXPECT_EQ((co_await status(store)).running, 0U);
  EXPECT_EQ((co_await extend(store, other, second.lease)).size(), 1U);
  co_await finish(store, second.lease, "other");
  EXPECT_EQ(co_await replies_in_a_moment(store, "client-1"), 0U);
  EXPECT_EQ((co_await status(store)).duplicates, 1U);
  EXPECT_EQ(co_await take_what_comes(store, other), Ids());
}

inline Coro<> what_ended_while_it_waited_to_be_redelivered_does_not_run_again(Store& store) {
  const Consumer slow = brief_consumer(store, "slow");
  const Consumer other = consumer("other");
  co_await publish(store, message("a", "client-1"));
  const Delivery got = co_await take_one(store, slow);
  co_await outlast(store);
  co_await store.worker->tend(other);
  EXPECT_EQ((co_await status(store)).queued, 1U);
  co_await finish(store, got.lease, "slow");
  EXPECT_EQ((co_await reply(store, "client-1")).payload, "slow");
  EXPECT_EQ(co_await take_what_comes(store, other), Ids());
  EXPECT_EQ((co_await status(store)).duplicates, 0U);
}

inline Coro<> what_is_put_off_comes_back_as_the_attempt_given(Store& store) {
  const Consumer who = consumer();
  co_await publish(store, message("a", "client-1"));
  Delivery got = co_await take_one(store, who);
  got.message.attempt = 2;
  co_await delay(store, got, 300ms);
  EXPECT_EQ(co_await take_what_comes(store, who), Ids());
  EXPECT_EQ((co_await status(store)).delayed, 1U);

  const Delivery again = co_await take_one(store, who);
  EXPECT_EQ(again.message.id, "a");
  EXPECT_EQ(again.message.attempt, 2U);
  EXPECT_EQ(again.message.arguments, "of a");
  EXPECT_EQ((co_await extend(store, who, got.lease)).size(), 1U);
  co_await finish(store, again.lease, "42");
  EXPECT_EQ((co_await reply(store, "client-1")).payload, "42");
  EXPECT_EQ((co_await status(store)).retried, 1U);
}

inline Coro<> what_is_put_off_for_no_time_comes_back_at_once(Store& store) {
  const Consumer who = consumer();
  co_await publish(store, message("a"));
  Delivery got = co_await take_one(store, who);
  got.message.attempt = 2;
  co_await delay(store, got, Duration());
  EXPECT_EQ((co_await take_one(store, who)).message.attempt, 2U);
}

inline Coro<> a_worker_without_room_is_told_of_cancellations_all_the_same(Store& store) {
  const Consumer who = consumer();
  co_await publish(store, message("a", "client-1"));
  co_await take_one(store, who);
  co_await publish(store, message("b"));
  auto claim = asyncio::create_task(store.worker->claim(who, 0));
  co_await asyncio::sleep(a_moment);
  EXPECT_FALSE(claim.done());
  co_await cancel(store, "a", "client-1");
  auto limited = asyncio::wait_for(std::move(claim), patience);
  const Claimed claimed = co_await std::move(limited);
  EXPECT_EQ(claimed.cancelled, list("a"));
  EXPECT_EQ(claimed.deliveries.size(), 0U);
}

inline Coro<> empty_batches_do_nothing(Store& store) {
  const Consumer who = consumer();
  EXPECT_EQ((co_await store.client->publish(std::vector<Message>(), 0)).size(), 0U);
  co_await store.worker->finish(std::vector<Finished>());
  EXPECT_EQ((co_await store.worker->extend(who, std::vector<Lease>())).size(), 0U);
  EXPECT_EQ(co_await store.client->requeue("jobs", Ids()), 0U);
  EXPECT_EQ((co_await store.client->queues()).size(), 0U);
  const QueueStatus now = co_await status(store);
  EXPECT_EQ(now.queue, "jobs");
  EXPECT_EQ(now.accepted, 0U);
}

// --- many and large -----------------------------------------------------------------------------

inline Coro<> ten_thousand_messages_come_once_and_in_order(Store& store) {
  constexpr std::size_t count = 10'000;
  constexpr std::size_t batch = 1'000;
  const Consumer who = consumer();
  for (std::size_t first = 0; first < count; first += batch) {
    std::vector<Message> messages;
    for (std::size_t i = first; i < first + batch; ++i) {
      messages.push_back(message(std::to_string(i)));
      messages.back().arguments.assign(1024, static_cast<char>(i));
    }
    const auto accepted = co_await store.client->publish(std::move(messages), 0);
    EXPECT_EQ(accepted, std::vector<Accepted>(batch, Accepted::now));
  }

  std::size_t next = 0;
  while (next < count && !::testing::Test::HasFailure()) {
    const auto got = co_await take(store, who, batch);
    std::vector<Finished> ends(got.size());
    for (std::size_t i = 0; i < got.size(); ++i, ++next) {
      EXPECT_EQ(got[i].message.id, std::to_string(next));
      EXPECT_EQ(got[i].message.arguments, std::string(1024, static_cast<char>(next)));
      ends[i].lease = got[i].lease;
    }
    co_await store.worker->finish(std::move(ends));
  }
  const QueueStatus now = co_await status(store);
  EXPECT_EQ(now.finished, count);
  EXPECT_EQ(now.duplicates, 0U);
}

inline Coro<> a_mebibyte_of_all_values_comes_back_unchanged(Store& store) {
  const Consumer who = consumer();
  std::string bytes(1 << 20, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + i / 256);
  Message large = message("a", "client-1");
  large.arguments = bytes;
  co_await publish(store, large);
  const Delivery got = co_await take_one(store, who);
  EXPECT_TRUE(got.message.arguments == bytes);
  co_await finish(store, got.lease, bytes);
  EXPECT_TRUE((co_await reply(store, "client-1")).payload == bytes);
}

}  // namespace broker_contract
