#include <asyncio/cluster_redis.hpp>
#include <asyncio/resolver.hpp>
#include <asyncio/server.hpp>
#include <asyncio/ssl.hpp>
#include <asyncio/testing.hpp>

#include "cluster/redis_messages.hpp"
#include "support/errors.hpp"
#include "support/log_capture.hpp"
#include "support/resolvers.hpp"
#include "support/streams.hpp"

#include <gtest/gtest.h>
#include <netdb.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace support;
using Texts = std::vector<std::string>;

namespace {

/// Whether what is published there can be claimed there.
Coro<> expect_works(RedisOptions options) {
  RedisBroker broker(options);
  co_await publish(broker, message("a"));
  const Consumer who = consumer();
  const Delivery got = co_await claim_one(broker, who);
  EXPECT_EQ(got.message.id, "a");
  co_await broker.close();
}

/// What the first call throws.
Coro<std::string> first_error(RedisOptions options) {
  RedisBroker broker(options);
  std::string text = co_await thrown_by_await(broker.queues());
  co_await broker.close();
  co_return text;
}

/// Answers each command with the next of some replies.
auto canned(std::vector<std::string> replies) {
  return [replies = std::move(replies)](asyncio::StreamReader reader,
                                        asyncio::StreamWriter writer) -> Coro<> {
    for (const std::string& reply : replies) {
      const std::string command = co_await reader.read(4096);
      if (command.empty()) break;
      writer.write(reply);
    }
    (void)co_await reader.read(4096);
    writer.close();
  };
}

Coro<std::string> error_of_canned(std::vector<std::string> replies) {
  auto handler = canned(std::move(replies));
  auto server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
  const std::string url = "redis://127.0.0.1:" + std::to_string(server.sockets().at(0).port());
  std::string text = co_await first_error({.url = url});
  co_await support::close(server);
  co_return text;
}

}  // namespace

ASYNC_TEST(RedisConnect, ReachesAServerByTcp) {
  SKIP_WITHOUT_REDIS();
  RedisServer server({.door = RedisServer::Door::tcp});
  const std::string url = server.url();
  co_await expect_works({.url = url});
}

ASYNC_TEST(RedisConnect, LogsInAndSelectsADatabase) {
  SKIP_WITHOUT_REDIS();
  RedisServer server({.door = RedisServer::Door::tcp, .password = "p@ss/word"});
  const std::string url = server.url_with("p%40ss%2Fword") + "/3";
  co_await expect_works({.url = url, .prefix = "mine"});
  EXPECT_EQ(server.cli({"--no-auth-warning", "-n", "3", "EXISTS", "mine:{mail}:stream"}), "1");
}

ASYNC_TEST(RedisConnect, LogsInAsAUser) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  (void)server.cli({"ACL", "SETUSER", "ann", "on", ">secret", "~*", "&*", "+@all"});
  std::string url = server.url();
  url.insert(url.find("://") + 3, "ann:secret@");
  co_await expect_works({.url = url});
}

ASYNC_TEST(RedisConnect, ReachesAServerByTls) {
  SKIP_WITHOUT_REDIS();
  RedisServer server({.door = RedisServer::Door::tls, .password = "secret"});
  auto context = asyncio::ssl::create_default_context({.cadata = server.ca_pem()});
  const std::string url = server.url();
  co_await expect_works({.url = url, .ssl = &context});
}

ASYNC_TEST(RedisConnect, RefusesAServerThatItDoesNotTrust) {
  SKIP_WITHOUT_REDIS();
  RedisServer server({.door = RedisServer::Door::tls});
  const std::string url = server.url();
  const std::string error = co_await first_error({.url = url});
  EXPECT_NE(error.find("certificate verify failed"), std::string::npos) << error;
}

ASYNC_TEST(RedisConnect, AWrongPasswordIsAnErrorAtOnce) {
  SKIP_WITHOUT_REDIS();
  RedisServer server({.password = "secret"});
  const std::string wrong = server.url_with("wrong");
  const std::string error = co_await first_error({.url = wrong});
  EXPECT_NE(error.find("refuses the login: WRONGPASS"), std::string::npos) << error;
  EXPECT_EQ(error.find("wrong@"), std::string::npos);
  const std::string none = server.url_with("");
  const std::string missing = co_await first_error({.url = none});
  EXPECT_NE(missing.find("refuses the login: NOAUTH"), std::string::npos) << missing;
}

ASYNC_TEST(RedisConnect, ABrokerCanTryAgainAfterAWrongPassword) {
  SKIP_WITHOUT_REDIS();
  RedisServer server({.password = "secret"});
  const std::string wrong = server.url_with("right");
  RedisBroker broker(wrong);
  EXPECT_NE(co_await thrown_by_await(broker.queues()), nothing_thrown);
  (void)server.cli({"--no-auth-warning", "CONFIG", "SET", "requirepass", "right"});
  EXPECT_EQ(co_await thrown_by_await(broker.queues()), nothing_thrown);
  co_await broker.close();
}

ASYNC_TEST(RedisConnect, AnUnknownNameIsAnErrorAtOnce) {
  FakeResolver resolver;
  resolver.error =
      std::make_exception_ptr(asyncio::gaierror(EAI_NONAME, "getaddrinfo nosuch.example"));
  asyncio::get_running_loop().set_resolver(&resolver);
  const std::string error = co_await first_error({.url = "redis://nosuch.example"});
  asyncio::get_running_loop().set_resolver(nullptr);
  EXPECT_NE(error.find("getaddrinfo nosuch.example"), std::string::npos) << error;
}

ASYNC_TEST(RedisConnect, AServerThatIsTooOldIsAnErrorAtOnce) {
  const std::vector<std::string> replies{":7\r\n", "$21\r\nredis_version:6.0.16\n\r\n"};
  const std::string error = co_await error_of_canned(replies);
  EXPECT_NE(error.find(" is Redis 6.0; it must be 6.2 or newer"), std::string::npos) << error;
}

ASYNC_TEST(RedisConnect, WhatIsNoRedisIsAnErrorAtOnce) {
  const std::vector<std::string> replies{"HTTP/1.1 400 Bad Request\r\n\r\n"};
  const std::string error = co_await error_of_canned(replies);
  EXPECT_NE(error.find("is no Redis"), std::string::npos) << error;
}

ASYNC_TEST(RedisConnect, WaitsForAServerThatIsNotThereYet) {
  SKIP_WITHOUT_REDIS();
  const LogCapture log;
  RedisServer server({.door = RedisServer::Door::tcp}, false);
  RedisBroker broker(server.url());
  auto publishing = asyncio::create_task(publish(broker, message("a")));
  const Consumer who = consumer();
  auto claiming = asyncio::create_task(claim_one(broker, who));
  while (log.count("Connection refused; it is tried again") == 0) co_await asyncio::sleep(1ms);
  server.start();
  const auto accepted = co_await publishing;
  EXPECT_EQ(accepted, (std::vector{Accepted::now}));
  EXPECT_EQ((co_await claiming).message.id, "a");
  EXPECT_EQ(log.lines().size(), 1U);  // for all connections and attempts
  co_await broker.close();
}

ASYNC_TEST(RedisConnect, WaitsForAServerThatIsGone) {
  SKIP_WITHOUT_REDIS();
  const LogCapture log;
  RedisServer server;
  RedisBroker broker(server.url());
  (void)co_await broker.queues();
  server.kill();
  auto asking = asyncio::create_task(broker.queues());
  while (log.empty()) co_await asyncio::sleep(1ms);
  EXPECT_FALSE(asking.done());
  server.start();
  const auto queues = co_await asking;
  EXPECT_TRUE(queues.empty());
  co_await broker.close();
}

ASYNC_TEST(RedisConnect, WaitsCanBeCancelledAndClosed) {
  SKIP_WITHOUT_REDIS();
  const LogCapture log;
  RedisServer server({.door = RedisServer::Door::tcp}, false);
  RedisBroker broker(server.url());
  const Consumer who = consumer();
  auto asking = asyncio::create_task(broker.queues());
  auto claiming = asyncio::create_task(broker.claim(who, 1));
  auto waiting = asyncio::create_task(broker.status("mail"));
  while (log.empty()) co_await asyncio::sleep(1ms);
  asking.cancel();
  claiming.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(asking)).cancelled());
  EXPECT_TRUE((co_await asyncio::as_result(claiming)).cancelled());
  co_await broker.close();
  EXPECT_EQ(text_of((co_await asyncio::as_result(waiting)).error()), "RedisBroker: it was closed");
}

ASYNC_TEST(RedisConnect, ABrokerThatWasNotClosedLeavesNothing) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  {
    RedisBroker broker(server.url());
    (void)co_await broker.queues();
  }
  co_await support::pass();
}

ASYNC_TEST(RedisConnect, WaitsWhileTheServerIsAReplica) {
  SKIP_WITHOUT_REDIS();
  const LogCapture log;
  RedisServer server;
  RedisBroker broker(server.url());
  co_await publish(broker, message("a"));
  (void)server.cli({"REPLICAOF", "127.0.0.1", "1"});
  auto publishing = asyncio::create_task(publish(broker, message("b")));
  while (server.cli({"INFO", "errorstats"}).find("READONLY") == std::string::npos) {
    co_await asyncio::sleep(1ms);
  }
  (void)server.cli({"REPLICAOF", "NO", "ONE"});
  const auto accepted = co_await publishing;
  EXPECT_EQ(accepted, (std::vector{Accepted::now}));
  co_await broker.close();
}

ASYNC_TEST(RedisConnect, ScriptsThatTheServerHasForgottenAreSentAgain) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  const Consumer who = consumer();
  for (const char* id : {"a", "b"}) {
    co_await publish(broker, message(id));
    (void)server.cli({"SCRIPT", "FLUSH"});
    const Delivery got = co_await claim_one(broker, who);
    (void)server.cli({"SCRIPT", "FLUSH"});
    co_await finish(broker, got.lease);
  }
  EXPECT_EQ((co_await broker.status("mail")).finished, 2U);
  co_await broker.close();
}

ASYNC_TEST(RedisConnect, AnErrorOfTheServerIsToldToWhoAsked) {
  SKIP_WITHOUT_REDIS();
  RedisServer server;
  RedisBroker broker(server.url());
  (void)server.cli({"SET", "asyncio:queues", "no set"});
  const std::string error = co_await thrown_by_await(broker.queues());
  EXPECT_NE(error.find("says: WRONGTYPE"), std::string::npos) << error;
  co_await broker.close();
}
