#include <asyncio/cluster_memory.hpp>

#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include "cluster/broker_contract.hpp"
#include "support/errors.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

using asyncio::cluster::MemoryBroker;
using namespace broker_contract;

namespace {

Coro<> run_case(const Case& shown) {
  MemoryBroker broker;
  Store store;
  store.client = &broker;
  store.worker = &broker;
  co_await shown.run(store);
  co_await broker.close();
}

Coro<> work(MemoryBroker& broker) {
  const Consumer who = consumer();
  Claimed claimed = co_await broker.claim(who, 1);
  ASYNC_ASSERT_EQ(claimed.deliveries.size(), 1U);
  const Lease lease = claimed.deliveries[0].lease;
  co_await broker.report(lease, 1, 2);
  std::vector<Finished> ends(1);
  ends[0].lease = lease;
  co_await broker.finish(std::move(ends));

  co_await asyncio::sleep(1s);
  co_await broker.tend(who);
  claimed = co_await broker.claim(who, 1);
  ASYNC_ASSERT_EQ(claimed.deliveries.size(), 1U);
  Delivery put_off = claimed.deliveries[0];
  co_await broker.delay(std::move(put_off), 1s);
  EXPECT_EQ(co_await broker.drain("jobs"), 1U);
}

Coro<> ask(MemoryBroker& broker) {
  std::vector<Message> messages(1, message("a", "client-1"));
  messages.push_back(message("b"));
  messages.back().delay = 1s;
  co_await broker.publish(std::move(messages), 0);
  EXPECT_NE((co_await broker.replies("client-1")).size(), 0U);
}

/// When the other one was cancelled it would wait for ever.
Coro<> for_a_while(Coro<> part) {
  try {
    co_await asyncio::wait_for(std::move(part), 1min);
  } catch (const asyncio::TimeoutError&) {
  }
}

/// The lives of two messages, with a worker that waits for them and a client that waits for ends.
Coro<> publish_and_run() {
  MemoryBroker broker;
  const auto body = [&broker](asyncio::TaskGroup& group) -> Coro<> {
    group.create_task(for_a_while(work(broker)));
    co_await asyncio::sleep(0s);
    group.create_task(for_a_while(ask(broker)));
  };
  co_await asyncio::with(asyncio::TaskGroup(), body);
  co_await broker.close();
}

/// Claims one at a time until it has had `count`.
Coro<> claim_many(MemoryBroker& broker, const Consumer& who, int count, int& claimed) {
  for (int i = 0; i < count; ++i) {
    const Claimed one = co_await broker.claim(who, 1);
    claimed += static_cast<int>(one.deliveries.size());
  }
}

class MemoryBrokerContract : public ::testing::TestWithParam<Case> {};

}  // namespace

TEST_P(MemoryBrokerContract, Holds) {
  EXPECT_EQ(asyncio::testing::run_test([] { return run_case(GetParam()); }), "");
}

INSTANTIATE_TEST_SUITE_P(Cases, MemoryBrokerContract, ::testing::ValuesIn(cases), name_of);

ASYNC_TEST(MemoryBroker, MessageOfAClaimThatIsCancelledGoesToTheNextOneThatWaits) {
  MemoryBroker broker;
  Store store;
  store.client = &broker;
  store.worker = &broker;
  const Consumer first = consumer("first");
  const Consumer second = consumer("second");
  auto doomed = asyncio::create_task(broker.claim(first, 1));
  co_await asyncio::sleep(1ms);  // it is waiting now
  auto next = asyncio::create_task(broker.claim(second, 1));
  co_await asyncio::sleep(1ms);

  co_await publish(store, message("a"));
  doomed.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(doomed)).cancelled());
  const Claimed claimed = co_await next;
  EXPECT_EQ(ids_of(claimed.deliveries), list("a"));
}

ASYNC_TEST(MemoryBroker, WhatIsWantedAgainIsDeliveredAgain) {
  MemoryBroker broker;
  Store store;
  store.client = &broker;
  store.worker = &broker;
  const Consumer leaving = consumer("leaving");
  const Consumer other = consumer("other");
  co_await publish(store, message("a", "client-1"));
  co_await take_one(store, leaving);
  co_await cancel(store, "a", "client-1");
  EXPECT_EQ(co_await publish(store, message("a", "client-2")), Accepted::before);
  co_await broker.leave(leaving);
  EXPECT_EQ((co_await take_one(store, other)).message.id, "a");
}

ASYNC_TEST(MemoryBroker, OneThatClaimsWhatIsThereLetsOthersRun) {
  MemoryBroker broker;
  Store store;
  store.client = &broker;
  store.worker = &broker;
  const Consumer who = consumer();
  constexpr int count = 1'000;
  Ids ids;
  for (int i = 0; i < count; ++i) ids.push_back(std::to_string(i));
  co_await publish_all(store, ids);

  int claimed = 0;
  auto claiming = asyncio::create_task(claim_many(broker, who, count, claimed));
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_LT(claimed, count);
  co_await claiming;
  EXPECT_EQ(claimed, count);
}

ASYNC_TEST(MemoryBroker, WorkersThatAreSilentForLongAreGoneFromTheStatus) {
  MemoryBroker broker;
  Store store;
  store.client = &broker;
  store.worker = &broker;
  const Consumer silent = consumer("silent");
  const Consumer other = consumer("other");
  co_await publish(store, message("a"));
  co_await take_one(store, silent);
  co_await asyncio::sleep(1min);
  co_await broker.tend(other);
  EXPECT_EQ((co_await status(store)).workers.size(), 2U);

  co_await asyncio::sleep(1min);
  co_await broker.tend(other);
  const QueueStatus now = co_await status(store);
  ASYNC_ASSERT_EQ(now.workers.size(), 1U);
  EXPECT_EQ(now.workers[0].name, "other");
}

ASYNC_TEST(MemoryBroker, WorkerThatWaitsIsNotForgotten) {
  MemoryBroker broker;
  Store store;
  store.client = &broker;
  store.worker = &broker;
  const Consumer patient = consumer("patient");
  const Consumer other = consumer("other");
  auto claim = asyncio::create_task(broker.claim(patient, 1));
  co_await asyncio::sleep(1h);
  co_await broker.tend(other);
  co_await publish(store, message("a"));
  const Claimed claimed = co_await claim;
  EXPECT_EQ(ids_of(claimed.deliveries), list("a"));
  EXPECT_EQ((co_await status(store)).workers.size(), 2U);
}

ASYNC_TEST(MemoryBroker, RepliesThatNobodyComesForAreForgotten) {
  MemoryBroker broker;
  Store store;
  store.client = &broker;
  store.worker = &broker;
  const Consumer who = consumer();
  co_await publish(store, message("a", "client-1"));
  const Delivery got = co_await take_one(store, who);
  co_await finish(store, got.lease, "42");
  co_await asyncio::sleep(2h);  // results are kept for one
  co_await broker.tend(who);
  EXPECT_EQ(co_await replies_in_a_moment(store, "client-1"), 0U);
}

ASYNC_TEST(MemoryBroker, WaitsEndWhenTheBrokerIsGone) {
  auto broker = std::make_unique<MemoryBroker>();
  const Consumer who = consumer();
  auto claim = asyncio::create_task(broker->claim(who, 1));
  auto told = asyncio::create_task(broker->replies("client-1"));
  co_await asyncio::sleep(1ms);  // both are waiting now
  broker.reset();
  EXPECT_EQ(co_await support::thrown_by_await(std::move(claim)),
            "RuntimeError: claim(): the MemoryBroker is closed; make another one");
  EXPECT_EQ(co_await support::thrown_by_await(std::move(told)),
            "RuntimeError: replies(): the MemoryBroker is closed; make another one");
}

ASYNC_TEST(MemoryBroker, RefusesWhatIsNoRateAndNoEntry) {
  MemoryBroker broker;
  EXPECT_EQ(co_await support::thrown_by_await(broker.limit_rate("jobs", -1)),
            "invalid_argument: limit_rate(): -1 is no number of tasks a second; 0 is any "
            "number");
  EXPECT_EQ(co_await support::thrown_by_await(broker.dead("jobs", "x1", 1)),
            "invalid_argument: dead(): \"x1\" is no entry of a dead letter; pass what an "
            "earlier call gave, or \"\" to begin");
}

TEST(MemoryBroker, CancellationInAnyOfItsWaitsLeavesNothingBehind) {
  EXPECT_EQ(asyncio::testing::cancel_at_each_await(publish_and_run), "");
}

TEST(MemoryBroker, WithoutMemoryNothingIsLeftBehind) {
  const support::LogCapture log;
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation(publish_and_run), "");
}
