// What goes wrong between a client and a server, and what the program is told.

#include <asyncio/http.hpp>
#include <asyncio/resolver.hpp>

#include "support/canned_server.hpp"
#include "support/descriptors.hpp"
#include "support/errors.hpp"
#include "support/resolvers.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::http::Client;
using asyncio::http::Response;
using asyncio::http::ResponseStream;
using asyncio::http::Timeout;
using support::CannedServer;
using support::no_such_name;
using support::SystemCalls;
using support::thrown_by_await;

namespace {

std::string type_of(const std::string& error) { return error.substr(0, error.find(':', 6)); }

Coro<> slowly(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
  co_await reader.readuntil("\r\n\r\n");
  writer.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  while (!writer.is_closing()) {
    writer.write("x");
    co_await asyncio::sleep(5ms);
  }
}

}  // namespace

ASYNC_TEST(HttpFailures, ARefusedConnectionIsAConnectError) {
  asyncio::Socket nobody(asyncio::Address::Family::ipv4);
  nobody.bind({"127.0.0.1", 0});
  const std::string url = "http://" + nobody.getsockname().str() + "/x";
  const Client client;
  const std::string error = co_await thrown_by_await(client.get(url));
  EXPECT_EQ(type_of(error), "http::ConnectError");
  EXPECT_NE(error.find("GET " + url + ": "), std::string::npos) << error;
  EXPECT_NE(error.find("Connection refused"), std::string::npos) << error;
}

ASYNC_TEST(HttpFailures, AnUnknownNameIsAConnectError) {
  const SystemCalls calls({.addresses = &no_such_name});
  const Client client;
  const std::string error = co_await thrown_by_await(client.get("http://nosuch.invalid/"));
  EXPECT_EQ(type_of(error), "http::ConnectError");
  EXPECT_NE(error.find("nosuch.invalid"), std::string::npos) << error;
}

ASYNC_TEST(HttpFailures, AProxyThatCannotBeReachedIsAProxyError) {
  const SystemCalls calls({.addresses = &no_such_name});
  asyncio::Socket nobody(asyncio::Address::Family::ipv4);
  nobody.bind({"127.0.0.1", 0});
  const std::string address = nobody.getsockname().str();
  for (const std::string& proxy : {address, "socks5://" + address, std::string("nosuch.invalid")}) {
    const Client client({.proxy = proxy});
    for (const char* url : {"http://example.invalid/", "https://example.invalid/"}) {
      const std::string error = co_await thrown_by_await(client.get(url));
      EXPECT_EQ(type_of(error), "http::ProxyError") << proxy << " " << error;
    }
  }
}

ASYNC_TEST(HttpFailures, EachLimitOfTimeHasItsError) {
  CannedServer server;
  co_await server.start();
  server.never_answer("/never");
  const std::string base = server.url();
  const Client client({.base_url = base, .limits = {.max_connections = 1}});
  EXPECT_EQ(
      type_of(co_await thrown_by_await(client.get("/never", {.timeout = Timeout{.read = 20ms}}))),
      "http::ReadTimeout");
  auto holds_it = asyncio::create_task(client.get("/never"));
  co_await asyncio::sleep(10ms);
  EXPECT_EQ(
      type_of(co_await thrown_by_await(client.get("/never", {.timeout = Timeout{.pool = 20ms}}))),
      "http::PoolTimeout");
  holds_it.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(holds_it)).cancelled());
  const std::string total =
      co_await thrown_by_await(client.get("/never", {.timeout = Timeout{.total = 20ms}}));
  EXPECT_EQ(type_of(total), "http::TimeoutException");
  EXPECT_NE(total.find("not done within 0.02 s (Timeout::total)"), std::string::npos) << total;
  co_await server.stop();
}

ASYNC_TEST(HttpFailures, AConnectionThatIsNotAcceptedIsAConnectTimeout) {
  // The queue of a listener with a backlog of 0 takes one or two; the others' SYNs are dropped.
  asyncio::Socket listener(asyncio::Address::Family::ipv4);
  listener.bind({"127.0.0.1", 0});
  listener.listen(0);
  std::vector<asyncio::Socket> queued;
  auto& loop = asyncio::get_running_loop();
  for (int i = 0; i < 3; ++i) {
    asyncio::Socket one(asyncio::Address::Family::ipv4);
    auto connected = co_await asyncio::as_result(
        asyncio::wait_for(loop.sock_connect(one, listener.getsockname()), 20ms));
    queued.push_back(std::move(one));
    if (!connected) break;
  }
  const Client client({.timeout = {.connect = 30ms}});
  const std::string url = "http://" + listener.getsockname().str() + "/";
  EXPECT_EQ(type_of(co_await thrown_by_await(client.get(url))), "http::ConnectTimeout");
}

ASYNC_TEST(HttpFailures, AServerThatDoesNotReadIsAWriteTimeout) {
  asyncio::Socket listener(asyncio::Address::Family::ipv4);
  listener.bind({"127.0.0.1", 0});
  listener.listen(5);
  const Client client({.timeout = {.write = 30ms}});
  const std::string url = "http://" + listener.getsockname().str() + "/";
  const std::string large(20'000'000, 'x');
  EXPECT_EQ(type_of(co_await thrown_by_await(client.post(url, {.content = large}))),
            "http::WriteTimeout");
}

// Failure 89
ASYNC_TEST(HttpFailures, AServerOfAByteNowAndThenReachesTheTotalLimit) {
  auto server = co_await asyncio::start_server(slowly, "127.0.0.1", 0);
  const std::string url = "http://" + server.sockets().at(0).str() + "/";
  const Client client({.timeout = {.read = 100ms, .total = 60ms}});
  EXPECT_EQ(type_of(co_await thrown_by_await(client.get(url))), "http::TimeoutException");
  server.close();
  server.abort_clients();
  co_await server.wait_closed();
}

ASYNC_TEST(HttpFailures, ALookupThatHangsIsAConnectTimeout) {
  struct Never : asyncio::Resolver {
    Coro<std::vector<asyncio::Address>> resolve(std::string, std::string,
                                                asyncio::ResolveOptions) override {
      co_await asyncio::sleep(1h);
      co_return std::vector<asyncio::Address>();
    }
  } never;
  asyncio::get_running_loop().set_resolver(&never);
  {
    const Client client({.timeout = {.connect = 1s}});
    EXPECT_EQ(type_of(co_await thrown_by_await(client.get("http://somewhere.test/"))),
              "http::ConnectTimeout");
  }
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  asyncio::get_running_loop().set_resolver(nullptr);
}

// Failure 86
ASYNC_TEST(HttpFailures, AnswersThatCanBeReadInTwoWaysAreRefused) {
  CannedServer server;
  co_await server.start();
  const std::string begin = "HTTP/1.1 200 OK\r\n";
  server.answer("/both",
                begin + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  server.answer("/two", begin + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!");
  server.answer("/plus", begin + "Content-Length: +5\r\n\r\nhello");
  server.answer("/hex", begin + "Content-Length: 0x5\r\n\r\nhello");
  server.answer("/list", begin + "Content-Length: 5, 5\r\n\r\nhello");
  server.answer("/fold", begin + "X: a\r\n b\r\nContent-Length: 0\r\n\r\n");
  server.answer("/space", begin + "X : a\r\nContent-Length: 0\r\n\r\n");
  server.answer("/colon", begin + "X\r\nContent-Length: 0\r\n\r\n");
  server.answer("/chunk", begin + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n");
  server.answer("/nochunk", begin + "Transfer-Encoding: chunked\r\n\r\nhello\r\n");
  server.answer("/early", begin + "Content-Length: 50\r\nConnection: close\r\n\r\nhello");
  server.answer("/hangup", "");
  server.answer("/nonsense", "SMTP ready\r\n\r\n");
  server.page("/fine", "fine");
  const std::string base = server.url();
  for (const char* path : {"/both", "/two", "/plus", "/hex", "/list", "/fold", "/space", "/colon",
                           "/chunk", "/nochunk", "/early", "/hangup", "/nonsense"}) {
    const Client client({.base_url = base, .timeout = Timeout::all(2s)});
    server.connections = 0;
    const std::string error = co_await thrown_by_await(client.get(path));
    EXPECT_TRUE(type_of(error) == "http::RemoteProtocolError" ||
                type_of(error) == "http::ReadError")
        << path << ": " << error;
    EXPECT_NE(error.find(server.url(path)), std::string::npos) << error;
    EXPECT_EQ((co_await client.get("/fine")).content, "fine");
    EXPECT_GE(server.connections, 2) << path << ": its connection was used again";
  }
  co_await server.stop();
}

ASYNC_TEST(HttpFailures, WhatComesBehindAnAnswerIsNoAnswerToTheNextRequest) {
  CannedServer server;
  co_await server.start();
  server.answer("/", CannedServer::ok("right") + CannedServer::ok("wrong"));
  server.page("/next", "next");
  const std::string base = server.url();
  const Client client({.base_url = base});
  EXPECT_EQ((co_await client.get("/")).content, "right");
  EXPECT_EQ((co_await client.get("/next")).content, "next");
  EXPECT_EQ(server.connections, 2);
  co_await server.stop();
}

ASYNC_TEST(HttpFailures, HeadersAndBodiesHaveLimits) {
  CannedServer server;
  co_await server.start();
  server.page("/header", "", "X: " + std::string(5000, 'x') + "\r\n");
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "X: y\r\n";
  server.page("/headers", "", many);
  server.page("/body", std::string(5000, 'x'));
  const std::string base = server.url();
  const Client client({.base_url = base, .max_response_bytes = 4999, .max_header_bytes = 4096});
  for (const char* path : {"/header", "/headers", "/body"}) {
    const std::string error = co_await thrown_by_await(client.get(path));
    EXPECT_EQ(type_of(error), "http::ResponseTooLarge") << error;
  }
  ResponseStream stream = co_await client.stream("GET", "/body");
  std::size_t size = 0;
  while (auto piece = co_await stream.next()) size += piece->size();
  EXPECT_EQ(size, 5000U);
  co_await server.stop();
}

ASYNC_TEST(HttpFailures, CancellingARequestFreesItsConnectionAtOnce) {
  CannedServer server;
  co_await server.start();
  server.never_answer("/never");
  server.page("/", "next");
  const std::string base = server.url();
  const Client client({.base_url = base, .limits = {.max_connections = 1}});
  for (int i = 0; i < 20; ++i) {
    auto task = asyncio::create_task(client.get("/never"));
    co_await asyncio::sleep(std::chrono::milliseconds(i % 4));
    task.cancel();
    EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
    EXPECT_EQ((co_await client.get("/")).content, "next");
  }
  co_await server.stop();
}

// Failure 87
ASYNC_TEST(HttpFailures, OnlyWhatIsIdempotentIsSentAgainWhenAKeptConnectionWasClosed) {
  int connections = 0;
  int requests = 0;
  // Answers once, and hangs up at the second request of a connection.
  auto server = co_await asyncio::start_server(
      [&](asyncio::StreamReader reader, asyncio::StreamWriter writer) -> Coro<> {
        ++connections;
        auto first = co_await asyncio::as_result(reader.readuntil("\r\n\r\n"));
        if (!first) co_return;
        ++requests;
        writer.write(CannedServer::ok("once"));
        auto more = co_await asyncio::as_result(reader.readuntil("\r\n\r\n"));
        if (more) ++requests;
      },
      "127.0.0.1", 0);
  const std::string url = "http://" + server.sockets().at(0).str() + "/";
  const Client client;
  EXPECT_EQ((co_await client.get(url)).content, "once");
  EXPECT_EQ((co_await client.get(url)).content, "once");
  EXPECT_EQ(connections, 2);
  const std::string error = co_await thrown_by_await(client.post(url));
  EXPECT_EQ(type_of(error), "http::ReadError") << error;
  EXPECT_NE(error.find("not idempotent"), std::string::npos) << error;
  EXPECT_EQ(requests, 4);
  server.close();
  server.abort_clients();
  co_await server.wait_closed();
}

ASYNC_TEST(HttpFailures, AClientMayGoWhileItsRequestsRun) {
  CannedServer server;
  co_await server.start();
  server.page("/", "x");
  server.never_answer("/never");
  const std::string url = server.url();
  asyncio::Task<Response> task = asyncio::create_task(Client().get(url));
  EXPECT_EQ((co_await task).content, "x");
  const Client client;
  const std::string never = server.url("/never");
  auto closed = asyncio::create_task(client.get(never));
  co_await asyncio::sleep(5ms);
  client.close();
  EXPECT_NE((co_await thrown_by_await(closed)).find("closed while a request ran"),
            std::string::npos);
  co_await server.stop();
}

TEST(HttpFailures, AClientThatOutlivesItsLoopHarmsNothing) {
  const std::vector<int> before = support::open_descriptors();
  {
    std::optional<Client> client;
    asyncio::run([&]() -> Coro<> {
      client.emplace();
      CannedServer server;
      co_await server.start();
      server.page("/", "x");
      const std::string url = server.url();
      EXPECT_EQ((co_await client->get(url)).content, "x");
      co_await server.stop();
    });
    EXPECT_TRUE(client->is_closed());
  }
  EXPECT_EQ(support::open_descriptors(), before);
}
