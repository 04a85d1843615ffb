// When a request is made again.

#include <asyncio/http_retry.hpp>

#include "support/canned_server.hpp"
#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

using namespace std::chrono_literals;
using asyncio::http::Client;
using asyncio::http::Retry;
using support::CannedServer;
using support::thrown_by;
using support::thrown_by_await;

namespace {

const std::string busy = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

}  // namespace

ASYNC_TEST(HttpRetry, AsksUntilTheServerIsNotBusy) {
  CannedServer server;
  co_await server.start();
  server.answer("/", busy);
  const std::string url = server.url();
  const Client client;
  auto better = asyncio::create_task([](CannedServer& at) -> asyncio::Coro<> {
    while (at.requests.size() < 2) co_await asyncio::sleep(1ms);
    at.page("/", "at last");
  }(server));
  const Retry retry({.attempts = 5, .backoff = 5ms});
  EXPECT_EQ((co_await retry.get(client, url)).content, "at last");
  EXPECT_EQ(server.requests.size(), 3U);
  co_await better;
  co_await server.stop();
}

ASYNC_TEST(HttpRetry, TheLastAttemptDecides) {
  CannedServer server;
  co_await server.start();
  server.answer("/busy", busy);
  server.answer("/cut", "");
  const std::string base = server.url();
  const Client client({.base_url = base});
  const Retry retry({.attempts = 3, .backoff = 1ms});
  EXPECT_EQ((co_await retry.get(client, "/busy")).status_code, 503);
  EXPECT_EQ(server.requests.size(), 3U);
  const Client fresh({.base_url = base});  // without a connection that could be closed meanwhile
  const std::string error = co_await thrown_by_await(retry.get(fresh, "/cut"));
  EXPECT_EQ(error.substr(0, error.find(':', 6)), "http::RemoteProtocolError") << error;
  EXPECT_EQ(server.requests.size(), 6U);
  EXPECT_EQ((co_await retry.get(client, "/missing")).status_code, 404);
  EXPECT_EQ(server.requests.size(), 7U);
  co_await server.stop();
}

ASYNC_TEST(HttpRetry, WhatIsNotIdempotentIsSentOnce) {
  CannedServer server;
  co_await server.start();
  server.answer("/", busy);
  const std::string url = server.url();
  const Client client;
  const Retry careful({.backoff = 1ms});
  co_await careful.request(client, "POST", url, {.content = "x"});
  EXPECT_EQ(server.requests.size(), 1U);
  const Retry bold({.attempts = 2, .backoff = 1ms, .all_methods = true});
  co_await bold.request(client, "POST", url, {.content = "x"});
  EXPECT_EQ(server.requests.size(), 3U);
  co_await server.stop();
}

ASYNC_TEST(HttpRetry, WaitsAsLongAsTheServerAsks) {
  CannedServer server;
  co_await server.start();
  server.answer("/",
                "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n");
  const std::string url = server.url();
  const Client client;
  auto& loop = asyncio::get_running_loop();
  const asyncio::TimePoint began = loop.time();
  const Retry retry({.attempts = 2, .backoff = 1ms, .longest = 50ms});
  EXPECT_EQ((co_await retry.get(client, url)).status_code, 429);
  EXPECT_GE(loop.time() - began, asyncio::Duration(50ms));
  co_await server.stop();
}

TEST(HttpRetry, RefusesWhatMakesNoSense) {
  EXPECT_EQ(thrown_by([] { Retry retry({.attempts = 0}); }).substr(0, 16), "invalid_argument");
  EXPECT_EQ(thrown_by([] { Retry retry({.jitter = 2.0}); }).substr(0, 16), "invalid_argument");
}
