#include <asyncio/cluster_redis.hpp>
#include <asyncio/testing.hpp>

#include "cluster/redis_messages.hpp"
#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace support;
using Texts = std::vector<std::string>;

namespace {

/// Until Redis has so many connections that wait for something.
Coro<> until_blocked(const RedisServer& server, int count) {
  const std::string wanted = "blocked_clients:" + std::to_string(count) + "\r";
  while (server.cli({"INFO", "clients"}).find(wanted) == std::string::npos) {
    co_await asyncio::sleep(1ms);
  }
}

/// What is cancelled while it waits in Redis.
template <class T>
Coro<> cancel_blocked(const RedisServer& server, asyncio::Task<T> task) {
  co_await until_blocked(server, 1);
  task.cancel();
  auto ended = co_await asyncio::as_result(std::move(task));
  EXPECT_TRUE(ended.cancelled());
}

}  // namespace

ASYNC_TEST(RedisClaim, WaitsForWhatIsPublishedLater) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker client(server.url());
  RedisBroker worker(server.url());
  const Consumer who = consumer();
  auto claiming = asyncio::create_task(claim_one(worker, who));
  co_await until_blocked(server, 1);
  co_await publish(client, message("a"));
  const Delivery got = co_await claiming;
  EXPECT_EQ(got.message.id, "a");
  co_await client.close();
  co_await worker.close();
}

ASYNC_TEST(RedisClaim, NeverGivesMoreThanWasAskedFor) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  Consumer who = consumer();
  who.queues = {"a", "b", "c"};
  std::vector<Message> all;
  for (const std::string& queue : who.queues) {
    for (int i = 0; i < 10; ++i) {
      Message one = message(queue + std::to_string(i));
      one.queue = queue;
      all.push_back(std::move(one));
    }
  }
  auto waiting = asyncio::create_task(broker.claim(who, 2));
  co_await until_blocked(server, 1);
  co_await broker.publish(std::move(all), 0);
  std::size_t claimed = (co_await waiting).deliveries.size();
  EXPECT_LE(claimed, 2U);
  std::set<std::string> first;
  while (claimed < 30) {
    const Claimed some = co_await broker.claim(who, 4);
    EXPECT_LE(some.deliveries.size(), 4U);
    claimed += some.deliveries.size();
    if (claimed <= 15) first.insert(some.deliveries.at(0).message.queue);
  }
  EXPECT_EQ(first.size(), 3U);  // a full queue does not keep the others waiting
  co_await broker.close();
}

ASYNC_TEST(RedisClaim, ACancelledOneTakesNothingAway) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  const Consumer one = consumer("one");
  auto claiming = asyncio::create_task(broker.claim(one, 10));
  co_await cancel_blocked(server, claiming);
  co_await until_blocked(server, 0);
  co_await publish(broker, message("a"));
  const Consumer two = consumer("two");
  const Delivery got = co_await claim_one(broker, two);
  EXPECT_EQ(got.message.redelivered, 0U);
  co_await broker.close();
}

ASYNC_TEST(RedisClaim, CancelledAtAnyMomentLosesNothing) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  RedisBroker other(server.url());
  constexpr int count = 60;
  std::map<std::string, int> times;
  const Consumer one = consumer("one");
  const Consumer two = consumer("two");
  co_await beat(broker, one);
  for (int i = 0; i < count; ++i) {
    auto claiming = asyncio::create_task(broker.claim(one, 1));
    auto publishing = asyncio::create_task(publish(other, message(std::to_string(i))));
    for (int pass = 0; pass < i; ++pass) co_await asyncio::sleep(asyncio::Duration());
    claiming.cancel();
    auto ended = co_await asyncio::as_result(claiming);
    if (ended) {
      for (const Delivery& delivery : ended.value().deliveries) {
        ++times[delivery.message.id];
        co_await finish(broker, delivery.lease);
      }
    }
    co_await publishing;
  }
  while (times.size() < count) {
    const Claimed claimed = co_await broker.claim(two, 100);
    for (const Delivery& delivery : claimed.deliveries) {
      ++times[delivery.message.id];
      EXPECT_EQ(delivery.message.redelivered, 0U);
      co_await finish(broker, delivery.lease);
    }
  }
  for (const auto& [id, n] : times) EXPECT_EQ(n, 1) << id;
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.running + status.queued, 0U);
  EXPECT_EQ(status.finished, 60U);
  EXPECT_EQ(status.duplicates, 0U);
  co_await broker.close();
  co_await other.close();
}

ASYNC_TEST(RedisReplies, CancelledWaitsLoseNothing) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  auto before = asyncio::create_task(broker.replies("client"));
  co_await asyncio::sleep(asyncio::Duration());
  before.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(before)).cancelled());
  co_await publish(broker, message("a"));
  auto waiting = asyncio::create_task(broker.replies("client"));
  co_await cancel_blocked(server, waiting);
  const Consumer who = consumer();
  const Delivery got = co_await claim_one(broker, who);
  auto racing = asyncio::create_task(broker.replies("client"));
  co_await until_blocked(server, 1);
  auto finishing = asyncio::create_task(finish(broker, got.lease));
  racing.cancel();
  auto raced = co_await asyncio::as_result(racing);
  co_await finishing;
  std::vector<Reply> replies;
  if (raced) {
    replies = raced.value();
  } else {
    replies = co_await broker.replies("client");
  }
  EXPECT_EQ(replies.size(), 1U);
  co_await broker.close();
}

ASYNC_TEST(RedisReplies, ComeFromAQueueThatIsNewWhileTheyAreWaitedFor) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish(broker, message("a"));
  auto waiting = asyncio::create_task(broker.replies("client"));
  co_await until_blocked(server, 1);
  Message other = message("b");
  other.queue = "other";
  co_await publish(broker, other);
  Consumer who = consumer();
  who.queues = {"other"};
  const Delivery got = co_await claim_one(broker, who);
  co_await finish(broker, got.lease);
  const auto replies = co_await waiting;
  EXPECT_EQ(replies.at(0).id, "b");
  co_await broker.close();
}

ASYNC_TEST(RedisReplies, WhatWasGivenIsNotKept) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  const Consumer who = consumer();
  for (const Message& one : messages(20)) {
    co_await publish(broker, one);
    const Delivery got = co_await claim_one(broker, who);
    co_await finish(broker, got.lease);
    (void)co_await broker.replies("client");
  }
  const std::string kept = server.cli({"XLEN", "asyncio:{mail}:reply:client"});
  EXPECT_TRUE(kept == "1" || kept == "2") << kept;
  EXPECT_NE(server.cli({"PTTL", "asyncio:{mail}:reply:client"}), "-1");
  co_await broker.close();
}

ASYNC_TEST(RedisClaim, AnEntryThatCannotBeReadIsADeadLetter) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  const char* stream = "asyncio:{mail}:stream";
  (void)server.cli({"XADD", stream, "*", "nonsense", "1"});
  (void)server.cli({"XADD", stream, "*", "id", "x", "task", "t", "version", "2:0", "args", ""});
  (void)server.cli(
      {"XADD", stream, "*", "id", "y", "task", "t", "version", "1:0", "args", "", "attempt", "-1"});
  (void)server.cli({"XADD", stream, "*", "id", "good", "task", "t", "version", "1:ff", "args", "",
                    "unknown", "field"});
  const Consumer who = consumer();
  const Claimed claimed = co_await broker.claim(who, 10);
  EXPECT_EQ(ids(claimed.deliveries), (Texts{"good"}));
  const Message& good = claimed.deliveries.at(0).message;
  EXPECT_EQ(good.version, 0xffU);
  EXPECT_EQ(good.attempt, 1U);
  Texts reasons;
  for (const auto& letter : co_await broker.dead("mail", "", 10)) reasons.push_back(letter.reason);
  EXPECT_EQ(reasons, (Texts{"it cannot be read: it has no field \"id\"",
                            "it cannot be read: its field \"version\" is \"2:0\"",
                            "it cannot be read: its field \"attempt\" is \"-1\""}));
  co_await finish(broker, claimed.deliveries.at(0).lease);
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.running + status.queued, 0U);
  co_await broker.close();
}

ASYNC_TEST(RedisClaim, WhoWaitsForAMessageThatWasDamagedGetsAnError) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  Message later = message("a");
  later.delay = 1ms;
  co_await publish(broker, later);
  (void)server.cli({"HSET", "asyncio:{mail}:message:a", "version", "damaged"});
  const Consumer who = consumer();
  auto claiming = asyncio::create_task(broker.claim(who, 1));
  auto waiting = asyncio::create_task(broker.replies("client"));
  while (!waiting.done()) {
    (void)co_await broker.tend(who);
    co_await asyncio::sleep(1ms);
  }
  const auto replies = co_await waiting;
  EXPECT_EQ(replies.at(0).outcome, Outcome::dead);
  asyncio::codec::Decoder payload(replies.at(0).payload);
  EXPECT_EQ(payload.decode<std::string>(), "asyncio::cluster::TaskLost");
  claiming.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(claiming)).cancelled());
  co_await broker.close();
}

ASYNC_TEST(RedisClaim, GoesOnWhenEverythingWasDeleted) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker client(server.url());
  RedisBroker worker(server.url());
  const Consumer who = consumer();
  co_await publish(client, message("a"));
  (void)co_await claim_one(worker, who);
  auto claiming = asyncio::create_task(claim_one(worker, who));
  co_await until_blocked(server, 1);
  (void)server.cli({"FLUSHALL"});
  const auto accepted = co_await publish(client, message("a"));
  EXPECT_EQ(accepted, (std::vector{Accepted::now}));
  const Delivery got = co_await claiming;
  co_await finish(worker, got.lease);
  const auto replies = co_await client.replies("client");
  EXPECT_EQ(replies.at(0).payload, "done");
  const auto queues = co_await client.queues();
  EXPECT_EQ(queues, (Texts{"mail"}));
  co_await client.close();
  co_await worker.close();
}

ASYNC_TEST(RedisClaim, KeepsToTheRateOverAllWorkers) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await broker.publish(messages(100), 0);
  co_await broker.limit_rate("mail", 50);
  EXPECT_EQ((co_await broker.status("mail")).rate, 50);
  const auto begun = std::chrono::steady_clock::now();
  std::size_t claimed = 0;
  auto work = [&](std::string name) -> Coro<> {
    const Consumer who = consumer(name);
    while (claimed < 30) {
      const Claimed some = co_await broker.claim(who, 10);
      claimed += some.deliveries.size();
    }
  };
  auto one = asyncio::create_task([&] { return work("one"); });
  co_await work("two");
  // At most five at once, and 50 a second: no fewer than half a second for 30.
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 400ms);
  one.cancel();
  (void)co_await asyncio::as_result(one);
  co_await broker.limit_rate("mail", 0);
  EXPECT_EQ((co_await broker.status("mail")).rate, 0);
  const Consumer who = consumer();
  while (claimed < 95) claimed += (co_await broker.claim(who, 100)).deliveries.size();
  co_await broker.close();
}

ASYNC_TEST(RedisClaim, ARateCountsForThoseWhoWaitAlready) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  const Consumer who = consumer();
  auto claiming = asyncio::create_task(broker.claim(who, 10));
  co_await until_blocked(server, 1);
  co_await broker.limit_rate("mail", 0.001);
  // It has asked again: what counts is what the queue says now.
  while (server.cli({"HEXISTS", "asyncio:{mail}:config", "at"}) != "1") {
    co_await asyncio::sleep(1ms);
  }
  co_await broker.publish(messages(10), 0);
  EXPECT_EQ((co_await claiming).deliveries.size(), 1U);
  auto second = asyncio::create_task(broker.claim(who, 10));
  co_await until_blocked(server, 1);
  co_await broker.limit_rate("mail", 0);
  EXPECT_EQ((co_await second).deliveries.size(), 9U);
  co_await broker.close();
}
