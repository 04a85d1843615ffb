// How a server ends, and what its handlers, its clients and cancellations make of that.

#include <asyncio/http_server.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/finally.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/descriptors.hpp"
#include "support/errors.hpp"
#include "support/http.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::create_task;
using asyncio::http::Reply;
using asyncio::http::ReplyStream;
using asyncio::http::Request;
using asyncio::http::Server;
using support::Answer;
using support::connected;
using support::ended;
using support::HttpClient;
using support::LogCapture;

namespace {

Reply hello(Request&) { return "hello\n"; }

Coro<> begun(const Server& server, std::size_t clients) {
  while (server.clients() < clients) co_await asyncio::sleep(1ms);
}

}  // namespace

ASYNC_TEST(HttpShutdown, ClosesIdleConnectionsAtOnce) {
  Server server;
  server.get("/", &hello);
  const HttpClient used = co_await connected(server);
  used.get("/");
  EXPECT_EQ((co_await used.answer()).content, "hello\n");
  const HttpClient fresh = co_await connected(server);
  co_await begun(server, 2);
  co_await asyncio::sleep(5ms);
  co_await server.shutdown(1h);
  EXPECT_EQ(co_await used.rest(), "");
  EXPECT_EQ(co_await fresh.rest(), "");
  EXPECT_TRUE(server.sockets().empty());
  co_await used.close();
  co_await fresh.close();
}

ASYNC_TEST(HttpShutdown, LetsRequestsFinish) {
  Server server;
  asyncio::Event go;
  server.get("/", [&](Request&) -> Coro<Reply> {
    co_await go.wait();
    co_return "done";
  });
  server.post("/", [](Request& request) -> Coro<Reply> { co_return co_await request.read(); });
  const HttpClient client = co_await connected(server);
  client.get("/");
  const HttpClient uploads = co_await connected(server);
  uploads.ask("POST", "/", "Content-Length: 4\r\n");
  const HttpClient begins = co_await connected(server);
  begins.send("GET / HT");  // half a head is a request, too
  co_await asyncio::sleep(10ms);
  auto down = create_task(server.shutdown(1h));
  co_await asyncio::sleep(10ms);
  EXPECT_FALSE(down.done());
  go.set();
  uploads.send("body");
  begins.send("TP/1.1\r\nHost: h\r\n\r\n");
  for (const HttpClient* each : {&client, &uploads, &begins}) {
    const Answer answer = co_await each->answer();
    EXPECT_EQ(answer.content, each == &uploads ? "body" : "done");
    EXPECT_EQ(answer.header("Connection"), "close");
    EXPECT_EQ(co_await each->rest(), "");
    co_await each->close();
  }
  co_await down;
}

ASYNC_TEST(HttpShutdown, CancelsWhatTakesTooLong) {
  const LogCapture reports;
  Server server;
  server.get("/waits", [](Request&) -> Coro<Reply> {
    co_await asyncio::sleep(1h);
    co_return "done";
  });
  server.get("/streams", [](Request& request) -> Coro<> {
    ReplyStream out = co_await request.start_reply();
    co_await out.write("some");
    co_await asyncio::sleep(1h);
  });
  const HttpClient waits = co_await connected(server);
  waits.get("/waits");
  const HttpClient streams = co_await connected(server);
  streams.get("/streams");
  co_await asyncio::sleep(10ms);
  co_await server.shutdown(20ms);
  EXPECT_EQ((co_await waits.answer()).status, 0);
  const Answer broken_off = co_await streams.answer();
  EXPECT_EQ(broken_off.content, "some");
  EXPECT_FALSE(broken_off.whole);
  co_await waits.close();
  co_await streams.close();
  EXPECT_EQ(reports.count("cancelled at the deadline"), 2);
}

ASYNC_TEST(HttpShutdown, OfServeForeverEndsTheConnections) {
  Server server;
  server.get("/", [](Request&) -> Coro<Reply> {
    co_await asyncio::sleep(1ms);
    co_return "done";
  });
  co_await server.start("127.0.0.1", 0);
  co_await server.start("127.0.0.1", 0);
  auto serving = create_task(server.serve_forever());
  const HttpClient client = co_await HttpClient::to(server.sockets().at(1));
  client.get("/");
  EXPECT_EQ((co_await client.answer()).content, "done");
  serving.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(serving)).cancelled());
  EXPECT_EQ(co_await client.rest(), "");
  EXPECT_EQ(server.clients(), 0U);
  co_await client.close();
}

ASYNC_TEST(HttpShutdown, ByCloseEndsServeForever) {
  Server server;
  EXPECT_EQ(co_await support::thrown_by_await(server.serve_forever()),
            "RuntimeError: serve_forever(): the server listens nowhere; await start() before");
  co_await server.start("127.0.0.1", 0);
  auto serving = create_task(server.serve_forever());
  co_await asyncio::sleep(1ms);
  server.close();
  server.close();
  co_await serving;
  EXPECT_EQ(co_await support::thrown_by_await(server.serve_forever()),
            "RuntimeError: serve_forever(): the server is closed; make a new one");
  co_await server.wait_closed();
}

// --- whatever happens, nothing is left ----------------------------------------------------------

namespace {

Coro<> client_of(Server server) {
  const HttpClient client = co_await HttpClient::to(server.sockets().at(0));
  client.get("/plain");
  client.post("/echo", "a body");
  (void)co_await client.answer();
  (void)co_await client.answer();
  client.ask("POST", "/stream", "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n");
  (void)co_await client.answer();
  client.send("3\r\nabc\r\n");
  client.send("0\r\n\r\n");
  (void)co_await client.answer();
  client.post("/plain", "dropped");
  (void)co_await client.answer();
  client.get("/events");
  (void)co_await client.answer();
  client.send("bad\r\n\r\n");
  (void)co_await client.answer();
  co_await client.close();
}

Coro<> a_server_and_a_client() {
  Server server({.request_time = 10s});
  server.get("/plain", &hello).post("/plain", &hello);
  server.post("/echo", [](Request& request) -> Coro<Reply> { co_return co_await request.read(); });
  server.post("/stream", [](Request& request) -> Coro<> {
    auto piece = co_await request.next();
    ReplyStream out = co_await request.start_reply();
    for (; piece; piece = co_await request.next()) co_await out.write(*piece);
    co_await asyncio::sleep(0s);
    co_await out.write(std::string(10'000, 'x'));
  });
  server.get("/events", [](Request& request) -> Coro<> {
    auto events = co_await request.start_events();
    co_await events.send("event", {.event = "e"});
  });
  const auto whole = [&]() -> Coro<> {
    co_await server.start("127.0.0.1", 0);
    co_await client_of(server);
  };
  const auto end = [&]() -> Coro<> { co_await server.shutdown(100ms); };
  co_await asyncio::finally(whole(), end);
}

}  // namespace

TEST(HttpDisturbed, LeavesNothingWhenAnyAwaitIsCancelled) {
  const LogCapture reports;
  const auto before = support::open_descriptors();
  std::string problems = asyncio::testing::cancel_at_each_await(&a_server_and_a_client);
  problems.resize(std::min<std::size_t>(problems.size(), 3000));
  EXPECT_EQ(problems, "");
  EXPECT_EQ(support::open_descriptors(), before);
}

TEST(HttpDisturbed, LeavesNothingWhenAnyAllocationFails) {
  const LogCapture reports;
  std::string problems = asyncio::testing::fail_at_each_allocation(&a_server_and_a_client);
  problems.resize(std::min<std::size_t>(problems.size(), 3000));
  EXPECT_EQ(problems, "");
}
