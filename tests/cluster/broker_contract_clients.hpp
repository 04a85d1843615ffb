#pragma once

#include <asyncio/task.hpp>

#include "cluster/broker_contract_support.hpp"

namespace broker_contract {

// --- publish and claim --------------------------------------------------------------------------

inline Coro<> what_is_published_is_claimed_once_and_in_order(Store& store) {
  const Consumer who = consumer();
  const Ids ids{"a", "b", "c", "d", "e"};
  co_await publish_all(store, ids);
  const auto deliveries = co_await take(store, who, 5);
  EXPECT_EQ(ids_of(deliveries), ids);
  EXPECT_EQ(co_await take_what_comes(store, who), Ids());
}

inline Coro<> a_message_comes_with_all_its_fields(Store& store) {
  const Consumer who = consumer();
  Message sent = message("id \n\r*$1", "client-1");
  sent.task = "shop::pay";
  sent.version = 0xFEDC'BA98'7654'3210;
  sent.arguments = std::string("\0\xFF\r\n", 4);
  sent.retry.max_attempts = 7;
  sent.retry.first_delay = 1234ms;
  sent.retry.longest_delay = Duration::max();
  sent.attempt = 3;
  sent.keep = 77s;
  EXPECT_EQ(co_await publish(store, sent), Accepted::now);

  const Delivery got = co_await take_one(store, who);
  EXPECT_EQ(got.message.id, sent.id);
  EXPECT_EQ(got.message.queue, "jobs");
  EXPECT_EQ(got.message.task, sent.task);
  EXPECT_EQ(got.message.version, sent.version);
  EXPECT_EQ(got.message.arguments, sent.arguments);
  EXPECT_EQ(got.message.reply_to, "client-1");
  EXPECT_EQ(got.message.retry.max_attempts, 7U);
  EXPECT_EQ(got.message.retry.first_delay, sent.retry.first_delay);
  EXPECT_EQ(got.message.retry.longest_delay, sent.retry.longest_delay);
  EXPECT_EQ(got.message.attempt, 3U);
  EXPECT_EQ(got.message.redelivered, 0U);
  EXPECT_EQ(got.message.keep, sent.keep);
  EXPECT_EQ(got.lease.queue, "jobs");
  EXPECT_EQ(got.lease.id, sent.id);
}

inline Coro<> a_claim_that_waits_gets_what_is_published_then(Store& store) {
  const Consumer who = consumer();
  auto claim = asyncio::create_task(store.worker->claim(who, 1));
  co_await asyncio::sleep(a_moment);
  EXPECT_FALSE(claim.done());
  co_await publish(store, message("a"));
  auto limited = asyncio::wait_for(std::move(claim), patience);
  const Claimed claimed = co_await std::move(limited);
  EXPECT_EQ(ids_of(claimed.deliveries), list("a"));
}

inline Coro<> a_worker_gets_what_is_in_its_queues_only(Store& store) {
  Consumer both = consumer("both");
  both.queues.emplace_back("mail");
  Consumer other = consumer("other");
  other.queues.assign(1, "music");
  co_await publish(store, message("a"));
  co_await publish(store, message("b", "", "mail"));
  co_await publish(store, message("c", "", "music"));

  auto ids = ids_of(co_await take(store, both, 2));
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(ids, list("a", "b"));
  EXPECT_EQ(co_await take_what_comes(store, both), Ids());
  const Delivery last = co_await take_one(store, other);
  EXPECT_EQ(last.message.queue, "music");
  EXPECT_EQ(last.lease.queue, "music");
  auto queues = co_await store.client->queues();
  std::sort(queues.begin(), queues.end());
  EXPECT_EQ(queues, list("jobs", "mail", "music"));
}

inline Coro<> two_workers_share_what_there_is(Store& store) {
  const Consumer one = consumer("one");
  const Consumer two = consumer("two");
  co_await publish_all(store, list("a", "b", "c", "d"));
  EXPECT_EQ(ids_of(co_await take(store, one, 2)), list("a", "b"));
  EXPECT_EQ(ids_of(co_await take(store, two, 2)), list("c", "d"));
}

inline Coro<> a_claim_that_is_cancelled_loses_nothing(Store& store) {
  const Consumer who = brief_consumer(store, "cancelled");
  const Consumer other = consumer("other");
  auto claim = asyncio::create_task(store.worker->claim(who, 1));
  co_await asyncio::sleep(a_moment);
  // It may be on its way to the claim when that is cancelled.
  co_await publish(store, message("a"));
  claim.cancel();
  const auto result = co_await asyncio::as_result(std::move(claim));
  if (result) {
    EXPECT_EQ(ids_of(result.value().deliveries), list("a"));
    co_return;
  }
  EXPECT_TRUE(result.cancelled());
  const Delivery got = co_await take_one(store, other);
  EXPECT_EQ(got.message.id, "a");
}

inline Coro<> a_full_queue_refuses_until_something_is_claimed(Store& store) {
  const Consumer who = consumer();
  std::vector<Message> messages;
  for (const char* id : {"a", "b", "c"}) messages.push_back(message(id));
  messages[1].delay = 1h;
  const auto accepted = co_await store.client->publish(std::move(messages), 2);
  EXPECT_EQ(accepted, (std::vector{Accepted::now, Accepted::now, Accepted::full}));
  EXPECT_EQ(co_await publish(store, message("a"), 2), Accepted::before);

  const Delivery got = co_await take_one(store, who);
  EXPECT_EQ(got.message.id, "a");
  EXPECT_EQ(co_await publish(store, message("c"), 2), Accepted::now);
  EXPECT_EQ(co_await publish(store, message("d"), 2), Accepted::full);
  EXPECT_EQ(co_await publish(store, message("d"), 0), Accepted::now);
}

inline Coro<> a_delayed_message_comes_after_its_delay(Store& store) {
  const Consumer who = consumer();
  Message late = message("late");
  late.delay = 300ms;
  co_await publish(store, late);
  co_await publish(store, message("soon"));
  EXPECT_EQ((co_await take_one(store, who)).message.id, "soon");
  EXPECT_EQ(co_await take_what_comes(store, who), Ids());
  EXPECT_EQ((co_await status(store)).delayed, 1U);

  const Duration until_due = co_await store.worker->tend(who);
  EXPECT_LE(until_due, late.delay);
  const Delivery got = co_await take_one(store, who);
  EXPECT_EQ(got.message.id, "late");
  EXPECT_EQ(got.message.redelivered, 0U);
  EXPECT_EQ((co_await status(store)).delayed, 0U);
}

// --- results ------------------------------------------------------------------------------------

inline Coro<> the_client_gets_what_its_message_gave(Store& store) {
  const Consumer who = consumer();
  const Ids ids{"a", "b", "c"};
  co_await publish_all(store, ids, "client-1");
  const auto got = co_await take(store, who, 3);
  ASYNC_ASSERT_EQ(got.size(), 3U);
  std::vector<Finished> ends(3);
  const std::vector outcomes{Outcome::value, Outcome::error, Outcome::cancelled};
  for (std::size_t i = 0; i < 3; ++i) {
    ends[i].lease = got[i].lease;
    ends[i].outcome = outcomes[i];
    ends[i].payload = "by " + ids[i];
  }
  co_await store.worker->finish(std::move(ends));

  const auto all = co_await replies(store, "client-1", 3);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(all[i].id, ids[i]);
    EXPECT_FALSE(all[i].is_progress);
    EXPECT_EQ(all[i].outcome, outcomes[i]);
    EXPECT_EQ(all[i].payload, "by " + ids[i]);
  }
  EXPECT_EQ(co_await replies_in_a_moment(store, "client-1"), 0U);
}

inline Coro<> an_id_that_is_accepted_twice_runs_once_for_both_clients(Store& store) {
  const Consumer who = consumer();
  EXPECT_EQ(co_await publish(store, message("a", "client-1")), Accepted::now);
  EXPECT_EQ(co_await publish(store, message("a", "client-2")), Accepted::before);
  const Delivery got = co_await take_one(store, who);
  EXPECT_EQ(co_await publish(store, message("a", "client-3")), Accepted::before);
  EXPECT_EQ(co_await take_what_comes(store, who), Ids());

  co_await finish(store, got.lease, "42");
  for (const char* client : {"client-1", "client-2", "client-3"}) {
    const Reply told = co_await reply(store, client);
    EXPECT_EQ(told.id, "a") << client;
    EXPECT_EQ(told.payload, "42") << client;
  }
}

inline Coro<> a_client_that_asks_late_gets_the_result_that_is_kept(Store& store) {
  const Consumer who = consumer();
  co_await publish(store, message("a"));  // nobody waits for it
  const Delivery got = co_await take_one(store, who);
  co_await finish(store, got.lease, "42");

  EXPECT_EQ(co_await publish(store, message("a", "client-1")), Accepted::before);
  const Reply told = co_await reply(store, "client-1");
  EXPECT_EQ(told.outcome, Outcome::value);
  EXPECT_EQ(told.payload, "42");
  EXPECT_EQ(co_await take_what_comes(store, who), Ids());
}

inline Coro<> an_id_is_new_again_when_its_result_was_kept_for_long_enough(Store& store) {
  const Consumer who = consumer();
  Message brief = message("a");
  brief.keep = 100ms;
  co_await publish(store, brief);
  const Delivery got = co_await take_one(store, who);
  co_await finish(store, got.lease, "42");
  co_await asyncio::sleep(200ms);

  EXPECT_EQ(co_await publish(store, brief), Accepted::now);
  EXPECT_EQ((co_await take_one(store, who)).message.id, "a");
}

inline Coro<> a_report_reaches_the_clients_that_wait(Store& store) {
  const Consumer who = consumer();
  co_await publish(store, message("a", "client-1"));
  co_await publish(store, message("a", "client-2"));
  const Delivery got = co_await take_one(store, who);
  co_await store.worker->report(got.lease, 3, 10);
  for (const char* client : {"client-1", "client-2"}) {
    const Reply told = co_await reply(store, client);
    EXPECT_EQ(told.id, "a");
    EXPECT_TRUE(told.is_progress);
    EXPECT_EQ(told.done, 3);
    EXPECT_EQ(told.total, 10);
  }
  co_await finish(store, got.lease, "42");
  EXPECT_FALSE((co_await reply(store, "client-1")).is_progress);
}

inline Coro<> a_wait_for_replies_that_is_cancelled_loses_nothing(Store& store) {
  const Consumer who = consumer();
  co_await publish(store, message("a", "client-1"));
  const Delivery got = co_await take_one(store, who);
  auto waiting = asyncio::create_task(store.client->replies("client-1"));
  co_await asyncio::sleep(a_moment);
  co_await finish(store, got.lease, "42");
  waiting.cancel();
  auto result = co_await asyncio::as_result(std::move(waiting));
  if (result) {
    EXPECT_EQ(result.value().size(), 1U);
    co_return;
  }
  EXPECT_TRUE(result.cancelled());
  EXPECT_EQ((co_await reply(store, "client-1")).payload, "42");
}

// --- cancellation -------------------------------------------------------------------------------

inline Coro<> what_is_cancelled_in_the_queue_does_not_begin(Store& store) {
  const Consumer who = consumer();
  co_await publish_all(store, list("a", "b"), "client-1");
  Message late = message("late", "client-1");
  late.delay = 100ms;
  co_await publish(store, late);
  co_await publish(store, message("unheard"));
  co_await cancel(store, "a", "client-1");
  co_await cancel(store, "late", "client-1");
  co_await cancel(store, "unheard", "client-1");
  co_await cancel(store, "unknown", "client-1");

  co_await asyncio::sleep(150ms);
  EXPECT_EQ((co_await take_one(store, who)).message.id, "b");
  EXPECT_EQ(co_await take_what_comes(store, who), Ids());
  const QueueStatus now = co_await status(store);
  EXPECT_EQ(now.queued, 0U);
  EXPECT_EQ(now.delayed, 0U);
  EXPECT_EQ(now.failed, 3U);
}

inline Coro<> the_worker_is_told_that_nobody_wants_the_result(Store& store) {
  const Consumer who = consumer();
  co_await publish_all(store, list("a", "b"), "client-1");
  const auto got = co_await take(store, who, 2);
  ASYNC_ASSERT_EQ(got.size(), 2U);
  co_await cancel(store, "a", "client-1");
  EXPECT_EQ(co_await cancelled_ones(store, who), list("a"));

  // Also one that waits already.
  auto claim = asyncio::create_task(store.worker->claim(who, 1));
  co_await asyncio::sleep(a_moment);
  co_await cancel(store, "b", "client-1");
  auto limited = asyncio::wait_for(std::move(claim), patience);
  const Claimed claimed = co_await std::move(limited);
  EXPECT_EQ(claimed.cancelled, list("b"));

  co_await finish(store, got[0].lease, "", Outcome::cancelled);
  EXPECT_EQ((co_await status(store)).failed, 1U);
}

inline Coro<> what_nobody_wants_is_not_delivered_again(Store& store) {
  const Consumer leaving = consumer("leaving");
  const Consumer other = consumer("other");
  co_await publish(store, message("a", "client-1"));
  co_await take_one(store, leaving);
  co_await cancel(store, "a", "client-1");
  co_await store.worker->leave(leaving);
  EXPECT_EQ(co_await take_what_comes(store, other), Ids());
  const QueueStatus now = co_await status(store);
  EXPECT_EQ(now.queued + now.running + now.dead, 0U);
  EXPECT_EQ(now.failed, 1U);
}

inline Coro<> what_another_client_waits_for_goes_on(Store& store) {
  const Consumer who = consumer();
  co_await publish(store, message("a", "client-1"));
  co_await publish(store, message("a", "client-2"));
  co_await cancel(store, "a", "client-1");
  const Delivery got = co_await take_one(store, who);
  EXPECT_EQ(got.message.id, "a");
  co_await finish(store, got.lease, "42");
  EXPECT_EQ((co_await reply(store, "client-2")).payload, "42");
  EXPECT_EQ(co_await replies_in_a_moment(store, "client-1"), 0U);
}

}  // namespace broker_contract
