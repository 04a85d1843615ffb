#include <asyncio/cluster_redis.hpp>
#include <asyncio/testing.hpp>

#include "cluster/redis_messages.hpp"
#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace support;
using Texts = std::vector<std::string>;

namespace {

/// Whose leases are over soon.
Consumer hasty(std::string name = "worker") {
  Consumer made = consumer(std::move(name));
  made.visibility = 20ms;
  return made;
}

/// Until what nobody came back with was put back, so many times.
Coro<> tend_until_redelivered(RedisBroker& broker, const Consumer& who, std::uint64_t times) {
  auto status = co_await broker.status("mail");
  while (status.redelivered < times) {
    (void)co_await broker.tend(who);
    co_await asyncio::sleep(1ms);
    status = co_await broker.status("mail");
  }
}

}  // namespace

ASYNC_TEST(RedisLease, WhatNobodyComesBackWithGoesToAnotherOne) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish(broker, message("a"));
  const Consumer one = hasty("one");
  const Consumer two = hasty("two");
  const Delivery first = co_await claim_one(broker, one);
  co_await tend_until_redelivered(broker, two, 1);
  const Delivery second = co_await claim_one(broker, two);
  EXPECT_EQ(second.message.id, "a");
  EXPECT_EQ(second.message.redelivered, 1U);
  EXPECT_EQ(second.message.attempt, 1U);
  std::vector<Lease> leases{first.lease};
  const auto lost = co_await broker.extend(one, std::move(leases));
  EXPECT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost.at(0).entry, first.lease.entry);
  co_await broker.close();
}

ASYNC_TEST(RedisLease, TheFirstEndIsTheOneThatCounts) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish(broker, message("a"));
  const Consumer one = hasty("one");
  const Consumer two = hasty("two");
  const Delivery first = co_await claim_one(broker, one);
  co_await tend_until_redelivered(broker, two, 1);
  const Delivery second = co_await claim_one(broker, two);
  co_await finish(broker, first.lease, "first");
  co_await finish(broker, first.lease, "first");  // told again, as after a lost answer
  co_await finish(broker, second.lease, "second");
  const auto replies = co_await broker.replies("client");
  EXPECT_EQ(replies.size(), 1U);
  EXPECT_EQ(replies.at(0).payload, "first");
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.finished, 1U);
  EXPECT_EQ(status.duplicates, 1U);
  EXPECT_EQ(status.running + status.queued, 0U);
  co_await broker.close();
}

ASYNC_TEST(RedisLease, WhatHasEndedLateIsNotDeliveredAgain) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish(broker, message("a"));
  const Consumer who = hasty();
  const Delivery first = co_await claim_one(broker, who);
  co_await tend_until_redelivered(broker, who, 1);
  co_await finish(broker, first.lease);
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.queued + status.running, 0U);
  EXPECT_EQ(status.finished, 1U);
  co_await broker.close();
}

ASYNC_TEST(RedisLease, IsKeptByExtendingIt) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish(broker, message("a"));
  Consumer who = consumer();
  who.visibility = 1h;
  const Delivery got = co_await claim_one(broker, who);
  // As if an hour had passed since it was claimed.
  (void)server.cli({"XCLAIM", "asyncio:{mail}:stream", "workers", "worker", "0", got.lease.entry,
                    "IDLE", "3700000", "JUSTID"});
  std::vector<Lease> leases{got.lease};
  const auto lost = co_await broker.extend(who, std::move(leases));
  EXPECT_TRUE(lost.empty());
  (void)co_await broker.tend(who);
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.running, 1U);
  EXPECT_EQ(status.redelivered, 0U);
  co_await broker.close();
}

ASYNC_TEST(RedisLease, WhatIsLostTooOftenIsADeadLetter) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish(broker, message("a"));
  Consumer who = hasty();
  who.max_deliveries = 2;
  (void)co_await claim_one(broker, who);
  co_await tend_until_redelivered(broker, who, 1);
  (void)co_await claim_one(broker, who);
  co_await tend_until_redelivered(broker, who, 2);
  const auto replies = co_await broker.replies("client");
  EXPECT_EQ(replies.at(0).outcome, Outcome::dead);
  asyncio::codec::Decoder payload(replies.at(0).payload);
  EXPECT_EQ(payload.decode<std::string>(), "asyncio::cluster::TaskLost");
  EXPECT_NE(payload.decode<std::string>().find("delivered 2 times"), std::string::npos);
  EXPECT_EQ(payload.decode<std::string>(), "");
  const auto letters = co_await broker.dead("mail", "", 10);
  EXPECT_EQ(letters.size(), 1U);
  EXPECT_NE(letters.at(0).reason.find("delivered 2 times"), std::string::npos);
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.running + status.queued, 0U);
  co_await broker.close();
}

ASYNC_TEST(RedisLease, WhoLeavesGivesBackWhatItHas) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish(broker, message("a"));
  const Consumer one = consumer("one");
  (void)co_await claim_one(broker, one);
  co_await beat(broker, one);
  co_await broker.leave(one);
  EXPECT_TRUE((co_await broker.status("mail")).workers.empty());
  const Consumer two = consumer("two");
  const Delivery got = co_await claim_one(broker, two);
  EXPECT_EQ(got.message.id, "a");
  EXPECT_EQ(server.cli({"XINFO", "CONSUMERS", "asyncio:{mail}:stream", "workers"}).find("one"),
            std::string::npos);
  co_await broker.close();
}

ASYNC_TEST(RedisLease, WorkersThatAreSilentForLongAreForgotten) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  const Consumer who = consumer();
  co_await beat(broker, who);
  (void)server.cli({"HSET", "asyncio:{mail}:workers", "ghost", "1000000 4"});
  EXPECT_EQ((co_await broker.status("mail")).workers.size(), 2U);
  (void)co_await broker.tend(who);
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.workers.size(), 1U);
  EXPECT_EQ(status.workers.at(0).name, "worker");
  co_await broker.close();
}

ASYNC_TEST(RedisLease, WhatWasDeletedByHandIsLost) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish(broker, message("a"));
  const Consumer who = hasty();
  const Delivery got = co_await claim_one(broker, who);
  (void)server.cli({"XDEL", "asyncio:{mail}:stream", got.lease.entry});
  std::vector<Lease> leases{got.lease};
  EXPECT_EQ((co_await broker.extend(who, std::move(leases))).size(), 1U);
  (void)co_await broker.tend(who);
  EXPECT_EQ((co_await broker.status("mail")).running, 0U);
  co_await broker.close();
}

ASYNC_TEST(RedisCancel, WhatHasNotBegunDoesNot) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  Message later = message("later");
  later.delay = 1h;
  co_await publish(broker, later);
  co_await publish(broker, message("a"));
  co_await broker.cancel("mail", "later", "client");
  co_await broker.cancel("mail", "a", "client");
  co_await broker.cancel("mail", "nosuch", "client");
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.queued + status.delayed + status.running, 0U);
  EXPECT_EQ(status.failed, 2U);
  co_await broker.close();
}

ASYNC_TEST(RedisCancel, WhatOthersWaitForGoesOn) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish(broker, message("a", "one"));
  co_await publish(broker, message("a", "two"));
  co_await broker.cancel("mail", "a", "one");
  co_await broker.cancel("mail", "a", "");
  const Consumer who = consumer();
  const Delivery got = co_await claim_one(broker, who);
  co_await finish(broker, got.lease);
  EXPECT_EQ((co_await broker.replies("two")).size(), 1U);
  EXPECT_EQ(server.cli({"EXISTS", "asyncio:{mail}:reply:one"}), "0");
  co_await broker.close();
}

ASYNC_TEST(RedisCancel, WhoHasItIsTold) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker client(server.url());
  RedisBroker worker(server.url());
  co_await publish(client, message("a"));
  co_await publish(client, message("b", ""));
  const Consumer who = consumer();
  const Claimed claimed = co_await worker.claim(who, 2);
  EXPECT_EQ(ids(claimed.deliveries), (Texts{"a", "b"}));
  auto claiming = asyncio::create_task(worker.claim(who, 2));
  co_await client.cancel("mail", "a", "client");
  const Claimed told = co_await claiming;
  EXPECT_EQ(told.cancelled, (Texts{"a"}));
  co_await client.cancel("mail", "b", "");
  const Claimed again = co_await worker.claim(who, 2);
  EXPECT_EQ(again.cancelled, (Texts{"b"}));
  std::vector<Finished> ends;
  for (const Delivery& one : claimed.deliveries) {
    ends.push_back(finished(one.lease, "", Outcome::cancelled));
  }
  co_await worker.finish(std::move(ends));
  const auto status = co_await client.status("mail");
  EXPECT_EQ(status.running, 0U);
  EXPECT_EQ(status.failed, 2U);
  co_await client.close();
  co_await worker.close();
}

ASYNC_TEST(RedisCancel, IsNotForgottenWhenTheWorkerIsLostOrTriesAgain) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await broker.publish(messages(2), 0);
  const Consumer who = hasty();
  const Claimed claimed = co_await broker.claim(who, 2);
  EXPECT_EQ(claimed.deliveries.size(), 2U);
  co_await broker.cancel("mail", "m0", "client");
  co_await broker.cancel("mail", "m1", "client");
  co_await broker.delay(claimed.deliveries.at(0), 0s);
  co_await tend_until_redelivered(broker, who, 1);
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.running + status.queued + status.delayed, 0U);
  EXPECT_EQ(status.failed, 2U);
  co_await broker.close();
}
