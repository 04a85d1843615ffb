#include <asyncio/cluster_redis.hpp>
#include <asyncio/testing.hpp>

#include "cluster/redis_messages.hpp"
#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace support;
using Texts = std::vector<std::string>;

ASYNC_TEST(RedisBroker, GivesToTheWorkerWhatTheClientHasPublished) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker client(server.url());
  RedisBroker worker(server.url());
  Message sent = message("a");
  sent.arguments = std::string("\0\r\n$\xff", 5);
  sent.version = 0xfedc'ba98'7654'3210;
  sent.retry.max_attempts = 7;
  sent.retry.first_delay = 250ms;
  sent.retry.longest_delay = 3s;
  sent.keep = 90s;
  const auto accepted = co_await publish(client, sent);
  EXPECT_EQ(accepted, (std::vector{Accepted::now}));
  const Consumer who = consumer();
  const Delivery got = co_await claim_one(worker, who);
  EXPECT_EQ(got.message.id, "a");
  EXPECT_EQ(got.message.queue, "mail");
  EXPECT_EQ(got.message.task, "send");
  EXPECT_EQ(got.message.version, sent.version);
  EXPECT_EQ(got.message.arguments, sent.arguments);
  EXPECT_EQ(got.message.reply_to, "client");
  EXPECT_EQ(got.message.attempt, 1U);
  EXPECT_EQ(got.message.redelivered, 0U);
  EXPECT_EQ(got.message.retry.max_attempts, 7U);
  EXPECT_EQ(got.message.retry.first_delay, asyncio::Duration(250ms));
  EXPECT_EQ(got.message.retry.longest_delay, asyncio::Duration(3s));
  EXPECT_EQ(got.message.keep, asyncio::Duration(90s));
  EXPECT_EQ(got.lease.queue, "mail");
  EXPECT_EQ(got.lease.id, "a");
  co_await client.close();
  co_await worker.close();
}

ASYNC_TEST(RedisBroker, GivesToTheClientWhatTheWorkerHasFinished) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker client(server.url());
  RedisBroker worker(server.url());
  co_await publish(client, message("a"));
  const Consumer who = consumer();
  const Delivery got = co_await claim_one(worker, who);
  co_await worker.report(got.lease, 3, 10);
  co_await finish(worker, got.lease, std::string("val\0ue", 6));
  std::vector<Reply> replies;
  while (replies.size() < 2) {
    for (Reply& reply : co_await client.replies("client")) replies.push_back(std::move(reply));
  }
  EXPECT_TRUE(replies[0].is_progress);
  EXPECT_EQ(replies[0].done, 3);
  EXPECT_EQ(replies[0].total, 10);
  EXPECT_FALSE(replies[1].is_progress);
  EXPECT_EQ(replies[1].id, "a");
  EXPECT_EQ(replies[1].outcome, Outcome::value);
  EXPECT_EQ(replies[1].payload, std::string("val\0ue", 6));
  co_await client.close();
  co_await worker.close();
}

ASYNC_TEST(RedisBroker, ManyMessagesGoTogether) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker client(server.url());
  RedisBroker worker(server.url());
  constexpr int count = 1234;
  const auto accepted = co_await client.publish(messages(count), 0);
  EXPECT_EQ(accepted, std::vector(count, Accepted::now));
  const Consumer who = consumer();
  int claimed = 0;
  while (claimed < count) {
    const Claimed some = co_await worker.claim(who, 300);
    EXPECT_LE(some.deliveries.size(), 300U);
    std::vector<Finished> ends;
    for (const Delivery& one : some.deliveries) {
      EXPECT_EQ(one.message.id, "m" + std::to_string(claimed++));
      ends.push_back(finished(one.lease, one.message.id));
    }
    co_await worker.finish(std::move(ends));
  }
  int replied = 0;
  while (replied < count) {
    for (const Reply& reply : co_await client.replies("client")) {
      EXPECT_EQ(reply.payload, reply.id);
      ++replied;
    }
  }
  const auto status = co_await client.status("mail");
  EXPECT_EQ(status.accepted, 1234U);
  EXPECT_EQ(status.finished, 1234U);
  EXPECT_EQ(status.queued + status.running + status.duplicates, 0U);
  co_await client.close();
  co_await worker.close();
}

ASYNC_TEST(RedisBroker, ManyTasksPublishAndFinishAtOnce) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  (void)co_await broker.publish(messages(1), 0);  // all else goes over one connection at once
  std::vector<asyncio::Task<std::vector<Accepted>>> publishing;
  for (int i = 0; i < 500; ++i) {
    publishing.push_back(asyncio::create_task(
        publish(broker, message("m" + std::to_string(i / 2 * 2)), i % 3 == 0 ? 1000 : 0)));
  }
  auto doomed = asyncio::create_task(publish(broker, message("doomed")));
  co_await asyncio::sleep(asyncio::Duration());
  doomed.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(doomed)).cancelled());
  int now = 0;
  for (const auto& task : publishing) now += (co_await task).at(0) == Accepted::now ? 1 : 0;
  EXPECT_EQ(now, 249);
  const Consumer who = consumer();
  std::vector<asyncio::Task<>> finishing;
  std::set<std::string> claimed;
  while (claimed.size() < 250) {
    const Claimed some = co_await broker.claim(who, 1000);
    for (const Delivery& one : some.deliveries) {
      if (one.message.id == "doomed") continue;  // it may have been too late
      claimed.insert(one.message.id);
      finishing.push_back(asyncio::create_task(finish(broker, one.lease, one.message.id)));
    }
  }
  for (const auto& task : finishing) co_await task;
  for (std::size_t replied = 0; replied < 250;) {
    for (const Reply& reply : co_await broker.replies("client")) {
      EXPECT_EQ(reply.payload, reply.id);
      ++replied;
    }
  }
  EXPECT_EQ((co_await broker.status("mail")).finished, 250U);
  co_await broker.close();
}

ASYNC_TEST(RedisBroker, TasksThatWaitTogetherGetEachReplyOnce) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  std::multiset<std::string> replied;
  auto collect = [&]() -> Coro<> {
    for (;;) {
      for (const Reply& reply : co_await broker.replies("client")) replied.insert(reply.id);
    }
  };
  const Consumer who = consumer();
  auto work = [&]() -> Coro<> {
    for (;;) {
      const Claimed claimed = co_await broker.claim(who, 1);
      for (const Delivery& one : claimed.deliveries) co_await finish(broker, one.lease);
    }
  };
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < 3; ++i) tasks.push_back(asyncio::create_task(collect));
  for (int i = 0; i < 3; ++i) tasks.push_back(asyncio::create_task(work));
  co_await broker.publish(messages(50), 0);
  while (replied.size() < 50) co_await asyncio::sleep(1ms);
  for (const auto& task : tasks) task.cancel();
  for (const auto& task : tasks) EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  const std::set<std::string> each(replied.begin(), replied.end());
  EXPECT_EQ(each.size(), 50U);
  EXPECT_EQ(replied.size(), 50U);
  co_await broker.close();
}

ASYNC_TEST(RedisBroker, AnIdThatWasAcceptedBeforeIsNotKeptTwice) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish(broker, message("a", "one"));
  const auto again = co_await publish(broker, message("a", "two"));
  EXPECT_EQ(again, (std::vector{Accepted::before}));
  const Consumer who = consumer();
  const Delivery got = co_await claim_one(broker, who);
  co_await finish(broker, got.lease, "done");
  for (const char* client : {"one", "two"}) {
    const auto replies = co_await broker.replies(client);
    EXPECT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies.at(0).payload, "done");
  }
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.accepted, 1U);
  co_await broker.close();
}

ASYNC_TEST(RedisBroker, WhoAsksForAnIdThatHasEndedGetsItsResult) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish(broker, message("a", ""));
  const Consumer who = consumer();
  const Delivery got = co_await claim_one(broker, who);
  co_await finish(broker, got.lease, "early");
  const auto again = co_await publish(broker, message("a", "late"));
  EXPECT_EQ(again, (std::vector{Accepted::before}));
  const auto replies = co_await broker.replies("late");
  EXPECT_EQ(replies.at(0).payload, "early");
  co_await broker.close();
}

ASYNC_TEST(RedisBroker, AResultIsForgottenWhenItsTimeIsOver) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  Message brief = message("a", "");
  brief.keep = 1ms;
  co_await publish(broker, brief);
  const Consumer who = consumer();
  const Delivery got = co_await claim_one(broker, who);
  co_await finish(broker, got.lease);
  while (server.cli({"EXISTS", "asyncio:{mail}:task:a"}) != "0") co_await asyncio::sleep(1ms);
  const auto again = co_await publish(broker, message("a"));
  EXPECT_EQ(again, (std::vector{Accepted::now}));
  co_await broker.close();
}

ASYNC_TEST(RedisBroker, RefusesWhatDoesNotFitIntoTheQueue) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  Message later = message("later");
  later.delay = 1h;
  co_await publish(broker, later, 3);
  const auto accepted = co_await broker.publish(messages(3), 3);
  EXPECT_EQ(accepted, (std::vector{Accepted::now, Accepted::now, Accepted::full}));
  const Consumer who = consumer();
  (void)co_await claim_one(broker, who);  // what runs does not wait
  const auto again = co_await broker.publish(messages(3), 3);
  EXPECT_EQ(again, (std::vector{Accepted::before, Accepted::before, Accepted::now}));
  co_await broker.close();
}

ASYNC_TEST(RedisBroker, ADelayedMessageComesWhenItIsDue) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  Message later = message("later");
  later.delay = 60ms;
  co_await publish(broker, later);
  auto status = co_await broker.status("mail");
  EXPECT_EQ(status.delayed, 1U);
  EXPECT_EQ(status.queued, 0U);
  const auto waiting = co_await broker.queued("mail", 10);
  EXPECT_EQ(ids(waiting), (Texts{"later"}));
  EXPECT_GT(waiting.at(0).delay, asyncio::Duration(0s));
  const Consumer who = consumer();
  while (status.queued == 0) {
    const auto quiet = co_await broker.tend(who);
    EXPECT_LE(quiet, asyncio::Duration(1s));
    co_await asyncio::sleep(quiet);
    status = co_await broker.status("mail");
  }
  const Delivery got = co_await claim_one(broker, who);
  EXPECT_EQ(got.message.id, "later");
  EXPECT_EQ(got.message.arguments, later.arguments);
  co_await broker.close();
}

ASYNC_TEST(RedisBroker, AnAttemptThatFailedComesBackAsTheNextOne) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish(broker, message("a"));
  const Consumer who = consumer();
  Delivery got = co_await claim_one(broker, who);
  got.message.attempt = 2;
  co_await broker.delay(got, 0s);
  const Delivery second = co_await claim_one(broker, who);
  EXPECT_EQ(second.message.attempt, 2U);
  co_await broker.delay(got, 0s);  // of a lease that is over: nothing
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.retried, 1U);
  EXPECT_EQ(status.queued, 0U);
  EXPECT_EQ(status.running, 1U);
  co_await broker.close();
}

ASYNC_TEST(RedisBroker, DeadLettersAreListedAndGoBackAsNew) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await broker.publish(messages(3), 0);
  const Consumer who = consumer();
  const Claimed claimed = co_await broker.claim(who, 3);
  for (Delivery one : claimed.deliveries) {
    co_await broker.fail(std::move(one), "it is no good", "the error");
  }
  const auto replies = co_await broker.replies("client");
  EXPECT_EQ(replies.size(), 3U);
  EXPECT_EQ(replies.at(0).outcome, Outcome::dead);
  EXPECT_EQ(replies.at(0).payload, "the error");
  const auto first = co_await broker.dead("mail", "", 2);
  EXPECT_EQ(first.size(), 2U);
  EXPECT_EQ(first.at(0).reason, "it is no good");
  EXPECT_EQ(first.at(0).message.id, "m0");
  EXPECT_EQ(first.at(0).message.arguments, "arguments of m0");
  const auto rest = co_await broker.dead("mail", first.at(1).entry, 10);
  EXPECT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest.at(0).message.id, "m2");
  const std::vector<std::string> entries{first.at(0).entry, "1-1"};
  const auto requeued = co_await broker.requeue("mail", entries);
  EXPECT_EQ(requeued, 1U);
  const Delivery again = co_await claim_one(broker, who);
  EXPECT_EQ(again.message.id, "m0");
  co_await finish(broker, again.lease, "this time");
  const auto good = co_await broker.replies("client");
  EXPECT_EQ(good.at(0).payload, "this time");
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.dead, 2U);
  EXPECT_EQ(status.failed, 3U);
  EXPECT_EQ(status.finished, 1U);
  co_await broker.close();
}

ASYNC_TEST(RedisBroker, DrainingTellsWhoeverWaits) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  Message later = message("later");
  later.delay = 1h;
  co_await publish(broker, later);
  co_await broker.publish(messages(250), 0);
  const Consumer who = consumer();
  (void)co_await claim_one(broker, who);  // what runs stays
  const auto drained = co_await broker.drain("mail");
  EXPECT_EQ(drained, 250U);
  std::size_t told = 0;
  while (told < 250) {
    for (const Reply& reply : co_await broker.replies("client")) {
      EXPECT_EQ(reply.outcome, Outcome::cancelled);
      ++told;
    }
  }
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.queued + status.delayed, 0U);
  EXPECT_EQ(status.running, 1U);
  EXPECT_EQ(status.failed, 250U);
  co_await broker.close();
}

ASYNC_TEST(RedisBroker, ShowsQueuesAndWorkers) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  co_await broker.publish(messages(3), 0);
  Message other = message("x");
  other.queue = "a";
  co_await publish(broker, other);
  const auto queues = co_await broker.queues();
  EXPECT_EQ(queues, (Texts{"a", "mail"}));
  const Consumer who = consumer();
  (void)co_await broker.claim(who, 2);
  co_await beat(broker, who);
  const auto status = co_await broker.status("mail");
  EXPECT_EQ(status.queued, 1U);
  EXPECT_EQ(status.running, 2U);
  EXPECT_EQ(status.accepted, 3U);
  EXPECT_EQ(status.workers.size(), 1U);
  EXPECT_EQ(status.workers.at(0).name, "worker");
  EXPECT_EQ(status.workers.at(0).concurrency, 4U);
  EXPECT_EQ(status.workers.at(0).running, 2U);
  EXPECT_LT(status.workers.at(0).silent, asyncio::Duration(60s));
  const auto nothing = co_await broker.status("nosuch");
  EXPECT_EQ(nothing.queued, 0U);
  const auto waiting = co_await broker.queued("mail", 10);
  EXPECT_EQ(ids(waiting), (Texts{"m2"}));
  co_await broker.close();
}

ASYNC_TEST(RedisBroker, CallsAfterItsEndAreErrors) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  (void)co_await broker.queues();
  co_await broker.close();
  co_await broker.close();
  EXPECT_EQ(co_await thrown_by_await(broker.queues()), "RuntimeError: RedisBroker: it was closed");
}
