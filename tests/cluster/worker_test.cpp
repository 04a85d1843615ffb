#include <asyncio/cluster_worker.hpp>

#include <asyncio/gather.hpp>

#include "cluster/cluster_support.hpp"
#include "support/log_capture.hpp"

#include <algorithm>
#include <optional>

using namespace cluster_tests;
using asyncio::cluster::Delivery;
using asyncio::cluster::Message;

namespace {

int attempts = 0;
std::vector<asyncio::Duration> tried_at;

Coro<int> fails_until(int attempt) {
  ++attempts;
  tried_at.push_back(asyncio::get_running_loop().time() - asyncio::TimePoint());
  if (asyncio::cluster::current_job()->attempt < static_cast<unsigned>(attempt)) {
    throw std::runtime_error("not yet");
  }
  co_return attempts;
}
int at_once = 0;
int most_at_once = 0;
Coro<> counts_itself() {
  most_at_once = std::max(most_at_once, ++at_once);
  co_await asyncio::sleep(1s);
  --at_once;
}
int ended = 0;
Coro<> takes_long() {
  co_await asyncio::sleep(20s);
  ++ended;
}
Coro<> never_ends() { co_await asyncio::sleep(100'000s); }

const auto fails_task = asyncio::cluster::task("fails_until", fails_until);
const auto counts_task = asyncio::cluster::task("counts_itself", counts_itself);
const auto long_task = asyncio::cluster::task("takes_long", takes_long);
const auto never_task = asyncio::cluster::task("never_ends", never_ends);

void forget_all() {
  attempts = 0;
  tried_at.clear();
  at_once = 0;
  most_at_once = 0;
  ended = 0;
}

Coro<> publish(Broker& broker, Message message) {
  std::vector<Message> messages;
  messages.push_back(std::move(message));
  (void)co_await broker.publish(std::move(messages), 0);
}

Coro<std::string> dead_reason(Broker& broker) {
  const auto dead = co_await broker.dead("default", "", 10);
  co_return dead.size() == 1 ? dead[0].reason : std::to_string(dead.size()) + " dead letters";
}

}  // namespace

TEST(Worker, RefusesWhatCannotWork) {
  MemoryBroker broker;
  EXPECT_THROW(Worker(broker, {.queues = ","}), std::invalid_argument);
  EXPECT_THROW(Worker(broker, {.visibility = 99ms}), std::invalid_argument);
}

ASYNC_TEST(Worker, RunsSoManyAtTheSameTimeAndNoMore) {
  forget_all();
  Site site({.concurrency = 3});
  std::vector<Coro<>> calls;
  for (int i = 0; i < 10; ++i) calls.push_back(site.cluster.submit(counts_task));
  co_await asyncio::gather(std::move(calls));
  EXPECT_EQ(most_at_once, 3);
  co_await site.close();
}

// --- retries and dead letters -------------------------------------------------------------------

ASYNC_TEST(Worker, TriesAgainEachTimeLater) {
  forget_all();
  Site site;
  SubmitOptions options;
  options.retry.max_attempts = 5;
  options.retry.first_delay = 10s;
  EXPECT_EQ(co_await site.cluster.submit(options, fails_task, 4), 4);
  EXPECT_EQ(tried_at.size(), 4U);
  for (std::size_t i = 1; i < tried_at.size(); ++i) {
    const asyncio::Duration full = asyncio::Duration(10s) * (1LL << (i - 1));
    const asyncio::Duration waited = tried_at[i] - tried_at[i - 1];
    EXPECT_GE(waited, full / 2);
    EXPECT_LE(waited, full + asyncio::Duration(2s));
  }
  EXPECT_EQ((co_await site.status()).retried, 3U);
  co_await site.close();
}

ASYNC_TEST(Worker, AfterTheLastAttemptItIsADeadLetterThatCanBeTriedAnew) {
  forget_all();
  Site site;
  SubmitOptions options;
  options.retry.max_attempts = 3;
  const std::string error = co_await error_of(site.cluster.submit(options, fails_task, 4));
  EXPECT_NE(error.find("RemoteError"), std::string::npos) << error;
  EXPECT_NE(error.find("not yet"), std::string::npos) << error;
  const auto dead = co_await site.broker.dead("default", "", 10);
  EXPECT_EQ(dead.size(), 1U);
  EXPECT_NE(dead.at(0).reason.find("attempt 3 of 3 has failed: runtime_error: not yet"),
            std::string::npos)
      << dead[0].reason;
  std::vector<std::string> entries;
  entries.push_back(dead.at(0).entry);
  EXPECT_EQ(co_await site.broker.requeue("default", std::move(entries)), 1U);
  co_await asyncio::sleep(100s);
  EXPECT_EQ(attempts, 6);
  co_await site.close();
}

ASYNC_TEST(Worker, AnErrorThatSomebodyWaitsForIsNoDeadLetter) {
  forget_all();
  Site site;
  EXPECT_NE((co_await error_of(site.cluster.submit(fails_task, 4))).find("not yet"),
            std::string::npos);
  EXPECT_EQ((co_await site.status()).dead, 0U);
  (void)co_await site.cluster.send(fails_task, 4);
  co_await asyncio::sleep(1s);
  EXPECT_EQ((co_await site.status()).dead, 1U);
  co_await site.close();
}

ASYNC_TEST(Worker, WhatItDoesNotKnowIsADeadLetter) {
  Site site;
  const asyncio::cluster::Name<int(int)> unknown("no_such_task");
  const std::string error = co_await error_of(site.cluster.submit(unknown, 1));
  EXPECT_NE(error.find("TaskLost"), std::string::npos) << error;
  EXPECT_NE(error.find("no task is called \"no_such_task\""), std::string::npos) << error;
  EXPECT_NE((co_await dead_reason(site.broker)).find("no task is called"), std::string::npos);
  co_await site.close();
}

ASYNC_TEST(Worker, OtherParametersAreADeadLetter) {
  Site site;
  const asyncio::cluster::Name<int(std::string)> other("fails_until");
  const std::string error = co_await error_of(site.cluster.submit(other, "text"));
  EXPECT_NE(error.find("has other parameters"), std::string::npos) << error;
  co_await site.close();
}

ASYNC_TEST(Worker, ArgumentsThatCannotBeReadAreADeadLetter) {
  Site site;
  Message message;
  message.id = "broken";
  message.queue = "default";
  message.task = "fails_until";
  message.version = fails_task.version;
  message.arguments = "x";
  co_await publish(site.broker, std::move(message));
  co_await asyncio::sleep(1s);
  EXPECT_NE((co_await dead_reason(site.broker)).find("cannot be read: decode()"),
            std::string::npos);
  co_await site.close();
}

// --- leases -------------------------------------------------------------------------------------

ASYNC_TEST(Worker, ExtendsItsLeaseForAsLongAsItTakes) {
  forget_all();
  Site site({.visibility = 3s});
  Worker other(site.broker, {.visibility = 3s});
  auto working = asyncio::create_task(other.run());
  co_await site.cluster.submit(long_task);
  EXPECT_EQ(ended, 1);
  EXPECT_EQ((co_await site.status()).redelivered, 0U);
  other.stop();
  co_await working;
  co_await site.close();
}

ASYNC_TEST(Worker, WhatHasGoneToAnotherOneIsCancelledHere) {
  forget_all();
  Site site;
  auto call = asyncio::create_task(site.cluster.submit(never_task));
  co_await asyncio::sleep(1s);
  // As if nobody had heard of it for too long.
  asyncio::cluster::Consumer silent;
  silent.name = site.worker().name();
  silent.queues.emplace_back("default");
  co_await site.broker.leave(silent);
  co_await asyncio::sleep(15s);
  EXPECT_EQ(site.worker().counts().lost, 1U);
  EXPECT_EQ(site.worker().counts().running, 1U);
  call.cancel();
  (void)co_await asyncio::as_result(call);
  co_await asyncio::sleep(1s);
  EXPECT_EQ(site.worker().counts().running, 0U);
  co_await site.close();
}

// --- stopping -----------------------------------------------------------------------------------

ASYNC_TEST(Worker, StopLetsWhatRunsEnd) {
  forget_all();
  MemoryBroker broker;
  Cluster cluster(broker);
  Worker worker(broker, {.grace = 60s});
  auto working = asyncio::create_task(worker.run());
  auto call = asyncio::create_task(cluster.submit(long_task));
  co_await asyncio::sleep(1s);
  worker.stop();
  co_await working;
  EXPECT_EQ(ended, 1);
  co_await call;
  co_await cluster.close();
}

ASYNC_TEST(Worker, WhatIsNotDoneWithinItsGraceGoesToAnotherOne) {
  forget_all();
  MemoryBroker broker;
  Cluster cluster(broker);
  Worker worker(broker, {.grace = 5s});
  auto working = asyncio::create_task(worker.run());
  auto call = asyncio::create_task(cluster.submit(long_task));
  co_await asyncio::sleep(1s);
  worker.stop();
  co_await working;
  EXPECT_EQ(ended, 0);
  EXPECT_EQ(worker.counts().returned, 1U);
  Worker next(broker);
  auto going_on = asyncio::create_task(next.run());
  co_await call;
  EXPECT_EQ(ended, 1);
  next.stop();
  co_await going_on;
  co_await cluster.close();
}

ASYNC_TEST(Worker, CancellingItGivesBackWhatItHas) {
  forget_all();
  MemoryBroker broker;
  Cluster cluster(broker);
  Worker worker(broker);
  auto working = asyncio::create_task(worker.run());
  auto call = asyncio::create_task(cluster.submit(long_task));
  co_await asyncio::sleep(1s);
  working.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(working)).cancelled());
  const QueueStatus status = co_await broker.status("default");
  EXPECT_EQ(status.queued, 1U);
  EXPECT_EQ(status.running, 0U);
  call.cancel();
  (void)co_await asyncio::as_result(call);
  co_await cluster.close();
}

ASYNC_TEST(Worker, RunsOnce) {
  MemoryBroker broker;
  Worker worker(broker);
  worker.stop();
  co_await worker.run();
  EXPECT_NE((co_await error_of(worker.run())).find("has run already"), std::string::npos);
}

ASYNC_TEST(Worker, TellsItsCountsToPrometheus) {
  Site site({.name = "w1"});
  (void)co_await error_of(site.cluster.submit(fails_task, 1));
  const std::string text = site.worker().metrics();
  EXPECT_NE(text.find("asyncio_worker_tasks_total{worker=\"w1\",outcome=\"done\"} 1\n"),
            std::string::npos)
      << text;
  co_await site.close();
}
