#pragma once

#include <asyncio/event_loop.hpp>
#include <asyncio/task.hpp>

#include "cluster/broker_contract_support.hpp"

namespace broker_contract {

// --- dead letters -------------------------------------------------------------------------------

inline Coro<> what_fails_for_good_is_a_dead_letter(Store& store) {
  const Consumer who = consumer();
  co_await publish(store, message("a", "client-1"));
  Delivery got = co_await take_one(store, who);
  got.message.attempt = 3;
  co_await fail(store, got, "it never works", "an error");

  const Reply told = co_await reply(store, "client-1");
  EXPECT_EQ(told.outcome, Outcome::dead);
  EXPECT_EQ(told.payload, "an error");
  const auto letters = co_await dead(store);
  ASYNC_ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].message.id, "a");
  EXPECT_EQ(letters[0].message.task, "work");
  EXPECT_EQ(letters[0].message.arguments, "of a");
  EXPECT_EQ(letters[0].message.attempt, 3U);
  EXPECT_EQ(letters[0].reason, "it never works");
  const QueueStatus now = co_await status(store);
  EXPECT_EQ(now.dead, 1U);
  EXPECT_EQ(now.failed, 1U);
  EXPECT_EQ(now.running, 0U);
  EXPECT_EQ(co_await publish(store, message("a", "client-2")), Accepted::before);
  EXPECT_EQ((co_await reply(store, "client-2")).outcome, Outcome::dead);
}

inline Coro<> dead_letters_are_listed_in_pages(Store& store) {
  const Consumer who = consumer();
  co_await publish_all(store, list("a", "b", "c"));
  for (const Delivery& got : co_await take(store, who, 3)) {
    co_await fail(store, got, "no", "");
  }
  const auto first = co_await dead(store, "", 2);
  ASYNC_ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].message.id, "a");
  EXPECT_EQ(first[1].message.id, "b");
  const auto second = co_await dead(store, first[1].entry, 2);
  ASYNC_ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].message.id, "c");
  EXPECT_EQ((co_await dead(store, second[0].entry, 2)).size(), 0U);
}

inline Coro<> a_dead_letter_that_is_requeued_runs_as_a_new_one(Store& store) {
  const Consumer who = consumer();
  co_await publish(store, message("a", "client-1"));
  Delivery got = co_await take_one(store, who);
  got.message.attempt = 3;
  co_await fail(store, got, "no", "");
  EXPECT_EQ((co_await reply(store, "client-1")).outcome, Outcome::dead);
  const auto letters = co_await dead(store);
  ASYNC_ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(co_await store.client->requeue("jobs", Ids(2, letters[0].entry)), 1U);
  EXPECT_EQ((co_await status(store)).dead, 0U);

  EXPECT_EQ(co_await publish(store, message("a", "client-1")), Accepted::before);
  const Delivery again = co_await take_one(store, who);
  EXPECT_EQ(again.message.id, "a");
  EXPECT_EQ(again.message.arguments, "of a");
  EXPECT_EQ(again.message.attempt, 1U);
  EXPECT_EQ(again.message.redelivered, 0U);
  co_await finish(store, again.lease, "42");
  const Reply told = co_await reply(store, "client-1");
  EXPECT_EQ(told.outcome, Outcome::value);
  EXPECT_EQ(told.payload, "42");
}

inline Coro<> what_nobody_comes_back_with_is_a_dead_letter(Store& store) {
  Consumer who = consumer("first");
  who.max_deliveries = 2;
  Consumer next = brief_consumer(store, "second");
  next.max_deliveries = 2;
  co_await publish(store, message("a", "client-1"));
  co_await take_one(store, who);
  co_await store.worker->leave(who);
  EXPECT_EQ((co_await take_one(store, next)).message.redelivered, 1U);
  co_await outlast(store);
  co_await store.worker->tend(who);

  EXPECT_EQ((co_await reply(store, "client-1")).outcome, Outcome::dead);
  const auto letters = co_await dead(store);
  ASYNC_ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].message.id, "a");
  EXPECT_EQ(letters[0].message.arguments, "of a");
  EXPECT_NE(letters[0].reason, "");
  EXPECT_EQ(co_await take_what_comes(store, who), Ids());
  EXPECT_EQ((co_await status(store)).failed, 1U);

  EXPECT_EQ(co_await store.client->requeue("jobs", Ids(1, letters[0].entry)), 1U);
  EXPECT_EQ((co_await take_one(store, who)).message.redelivered, 0U);
}

// --- who looks ----------------------------------------------------------------------------------

inline Coro<> what_waits_can_be_looked_at(Store& store) {
  Message late = message("late");
  late.delay = 1h;
  co_await publish(store, late);
  co_await publish_all(store, list("a", "b"));
  const auto all = co_await store.client->queued("jobs", 10);
  ASYNC_ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].id, "a");
  EXPECT_EQ(all[0].arguments, "of a");
  EXPECT_EQ(all[1].id, "b");
  EXPECT_EQ(all[2].id, "late");
  EXPECT_EQ((co_await store.client->queued("jobs", 2)).size(), 2U);
  EXPECT_EQ((co_await store.client->queued("unknown", 2)).size(), 0U);
  EXPECT_EQ((co_await status(store)).queued, 2U);
}

inline Coro<> the_status_counts_what_has_happened(Store& store) {
  const Consumer who = consumer();
  const Consumer idle = consumer("worker-2");
  co_await store.worker->extend(idle, std::vector<Lease>());
  co_await publish_all(store, list("a", "b", "c", "d"));
  Message late = message("late");
  late.delay = 1h;
  co_await publish(store, late);
  const auto got = co_await take(store, who, 3);
  ASYNC_ASSERT_EQ(got.size(), 3U);
  co_await finish(store, got[0].lease, "");
  co_await finish(store, got[1].lease, "", Outcome::error);

  QueueStatus now = co_await status(store);
  EXPECT_EQ(now.queue, "jobs");
  EXPECT_EQ(now.queued, 1U);
  EXPECT_EQ(now.running, 1U);
  EXPECT_EQ(now.delayed, 1U);
  EXPECT_EQ(now.dead, 0U);
  EXPECT_EQ(now.accepted, 5U);
  EXPECT_EQ(now.finished, 1U);
  EXPECT_EQ(now.failed, 1U);
  EXPECT_EQ(now.retried, 0U);
  EXPECT_EQ(now.redelivered, 0U);
  EXPECT_EQ(now.duplicates, 0U);
  EXPECT_EQ(now.rate, 0);
  ASYNC_ASSERT_EQ(now.workers.size(), 2U);
  const bool swapped = now.workers[0].name == "worker-2";
  const auto& busy = now.workers[swapped ? 1 : 0];
  EXPECT_EQ(busy.name, "worker-1");
  EXPECT_EQ(busy.concurrency, 4U);
  EXPECT_EQ(busy.running, 1U);
  EXPECT_LT(busy.silent, patience);
  EXPECT_GE(busy.silent, Duration());
  EXPECT_EQ(now.workers[swapped ? 0 : 1].name, "worker-2");
  EXPECT_EQ(now.workers[swapped ? 0 : 1].running, 0U);
}

inline Coro<> draining_drops_what_waits_and_tells_its_clients(Store& store) {
  const Consumer who = consumer();
  co_await publish_all(store, list("running", "a", "b"), "client-1");
  Message late = message("late", "client-1");
  late.delay = 1h;
  co_await publish(store, late);
  const Delivery got = co_await take_one(store, who);
  EXPECT_EQ(co_await store.client->drain("jobs"), 3U);

  Ids told;
  for (const Reply& reply : co_await replies(store, "client-1", 3)) {
    EXPECT_EQ(reply.outcome, Outcome::cancelled);
    told.push_back(reply.id);
  }
  std::sort(told.begin(), told.end());
  EXPECT_EQ(told, list("a", "b", "late"));
  EXPECT_EQ(co_await take_what_comes(store, who), Ids());
  co_await finish(store, got.lease, "42");
  EXPECT_EQ((co_await reply(store, "client-1")).payload, "42");
  EXPECT_EQ(co_await store.client->drain("jobs"), 0U);
  EXPECT_EQ(co_await store.client->drain("unknown"), 0U);
}

inline Coro<> a_limited_queue_delivers_no_more_than_its_rate(Store& store) {
  const Consumer who = consumer();
  Ids ids;
  for (int i = 0; i < 40; ++i) ids.push_back(std::to_string(i));
  co_await publish_all(store, ids);
  co_await store.client->limit_rate("jobs", 4);
  EXPECT_EQ((co_await status(store)).rate, 4);

  // Within a quarter of a second: two seconds' worth, if it counts from one to the next.
  const auto started = asyncio::get_running_loop().time();
  auto got = co_await take(store, who, 40, 250ms);
  const Duration passed = asyncio::get_running_loop().time() - started;
  EXPECT_GE(got.size(), 1U);
  EXPECT_LE(static_cast<double>(got.size()), 8 + 4 * passed.seconds());

  co_await store.client->limit_rate("jobs", 0);
  const auto rest = co_await take(store, who, 40 - got.size());
  for (const Delivery& delivery : rest) got.push_back(delivery);
  Ids all = ids_of(got);  // in any order: one may have been on its way to a cancelled claim
  std::sort(all.begin(), all.end());
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(all, ids);
}

inline Coro<> claims_that_wait_get_what_the_rate_allows_later(Store& store) {
  const Consumer who = consumer();
  const Ids ids = list("a", "b", "c");
  co_await store.client->limit_rate("jobs", 10);
  std::vector<asyncio::Task<Claimed>> claims;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    claims.push_back(asyncio::create_task(store.worker->claim(who, 1)));
  }
  co_await asyncio::sleep(a_moment);
  co_await publish_all(store, ids);

  Ids got;
  for (auto& claim : claims) {  // without tend()
    auto limited = asyncio::wait_for(std::move(claim), patience);
    const Claimed claimed = co_await std::move(limited);
    for (const Delivery& delivery : claimed.deliveries) got.push_back(delivery.message.id);
  }
  std::sort(got.begin(), got.end());
  EXPECT_EQ(got, ids);
}

// --- the end ------------------------------------------------------------------------------------

template <class T>
Coro<> expect_closed(asyncio::Task<T> task) {
  auto limited = asyncio::wait_for(std::move(task), patience);
  const auto result = co_await asyncio::as_result(std::move(limited));
  EXPECT_FALSE(result);
  if (result) co_return;
  EXPECT_TRUE(support::is_a<asyncio::RuntimeError>(result.error()));
  const std::string text = support::text_of(result.error());
  EXPECT_NE(text.find("closed"), std::string::npos) << text;
}

inline Coro<> closing_ends_every_wait(Store& store) {
  const Consumer who = consumer();
  const Consumer full = consumer("full");
  auto claim = asyncio::create_task(store.worker->claim(who, 1));
  auto cancellations = asyncio::create_task(store.worker->claim(full, 0));
  auto replies = asyncio::create_task(store.client->replies("client-1"));
  co_await asyncio::sleep(a_moment);
  co_await store.client->close();
  co_await store.worker->close();
  co_await store.worker->close();
  co_await expect_closed(std::move(claim));
  co_await expect_closed(std::move(cancellations));
  co_await expect_closed(std::move(replies));

  auto late = asyncio::create_task(store.worker->claim(who, 1));
  co_await expect_closed(std::move(late));
}

}  // namespace broker_contract
