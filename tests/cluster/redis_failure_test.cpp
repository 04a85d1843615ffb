#include <asyncio/cluster_redis.hpp>
#include <asyncio/testing.hpp>

#include "cluster/redis_messages.hpp"
#include "support/errors.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using namespace support;

namespace {

/// A client, workers, and a server that is killed while they are at it.
class Storm {
 public:
  explicit Storm(const RedisServer& server) : client_(server.url()), worker_(server.url()) {
    who_ = consumer();
    who_.visibility = 300ms;
    who_.max_deliveries = 1000;
  }

  Coro<> publish_all() {
    for (std::size_t i = 0; i < count; ++i) {
      const auto accepted = co_await publish(client_, message("m" + std::to_string(i)));
      EXPECT_EQ(accepted, (std::vector{Accepted::now})) << i;
    }
  }
  Coro<> work() {
    for (;;) {
      const Claimed claimed = co_await worker_.claim(who_, 5);
      std::vector<Finished> ends;
      for (const Delivery& one : claimed.deliveries) {
        ends.push_back(finished(one.lease, one.message.id));
      }
      co_await worker_.finish(std::move(ends));
    }
  }
  Coro<> tend() {
    for (;;) {
      (void)co_await worker_.tend(who_);
      co_await asyncio::sleep(20ms);
    }
  }
  Coro<> collect() {
    while (replies_.size() < count) {
      for (const Reply& reply : co_await client_.replies("client")) {
        ++replies_[reply.id];
        EXPECT_EQ(reply.payload, reply.id);
      }
    }
  }
  Coro<> until_replied(std::size_t some) {
    while (replies_.size() < some) co_await asyncio::sleep(1ms);
  }
  [[nodiscard]] const std::map<std::string, int>& replies() const { return replies_; }
  RedisBroker& client() { return client_; }
  Coro<> close() {
    co_await client_.close();
    co_await worker_.close();
  }

  static constexpr std::size_t count = 300;

 private:
  RedisBroker client_;
  RedisBroker worker_;
  Consumer who_;
  std::map<std::string, int> replies_;
};

}  // namespace

ASYNC_TEST(RedisFailure, NothingThatWasAcceptedIsLostWhenTheServerIsKilled) {
  SKIP_WITHOUT_REDIS();
  const LogCapture log;
  RedisServer server({.keeps = true});
  Storm storm(server);
  auto publishing = asyncio::create_task(storm.publish_all());
  auto working = asyncio::create_task(storm.work());
  auto tending = asyncio::create_task(storm.tend());
  auto collecting = asyncio::create_task(storm.collect());
  for (const std::size_t some : {20U, 80U, 150U, 220U}) {
    co_await storm.until_replied(some);
    server.kill();
    co_await asyncio::sleep(1ms);  // what is under way notices
    server.start();
  }
  co_await publishing;
  co_await collecting;
  working.cancel();
  tending.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(working)).cancelled());
  EXPECT_TRUE((co_await asyncio::as_result(tending)).cancelled());
  for (const auto& [id, times] : storm.replies()) EXPECT_EQ(times, 1) << id;
  const auto status = co_await storm.client().status("mail");
  EXPECT_EQ(status.accepted, Storm::count);
  EXPECT_EQ(status.finished, Storm::count);
  EXPECT_EQ(status.failed, 0U);
  EXPECT_EQ(status.queued, 0U);
  co_await storm.close();
}

ASYNC_TEST(RedisFailure, ALostConnectionIsMadeAgainWithoutAWord) {
  SKIP_WITHOUT_REDIS();
  const LogCapture log;
  RedisServer server;
  RedisBroker broker(server.url());
  const Consumer who = consumer();
  for (int i = 0; i < 10; ++i) {
    auto claiming = asyncio::create_task(claim_one(broker, who));
    auto waiting = asyncio::create_task(broker.replies("client"));
    (void)server.cli({"CLIENT", "KILL", "TYPE", "normal"});
    co_await publish(broker, message(std::to_string(i)));
    const Delivery got = co_await claiming;
    (void)server.cli({"CLIENT", "KILL", "TYPE", "normal"});
    co_await finish(broker, got.lease);
    const auto replies = co_await waiting;
    EXPECT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies.at(0).id, std::to_string(i));
  }
  co_await broker.close();
}
