// What a client may cost. While sockets are waited for, the virtual clock runs as the real one
// does: the limits of these tests are short.

#include <asyncio/http_server.hpp>

#include <asyncio/event.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/http.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::http::Reply;
using asyncio::http::ReplyStream;
using asyncio::http::Request;
using asyncio::http::Server;
using asyncio::http::ServerLimits;
using support::Answer;
using support::connected;
using support::ended;
using support::HttpClient;
using support::LogCapture;

namespace {

Reply hello(Request&) { return "hello\n"; }

/// Time that has passed on the loop's clock.
class Since {
 public:
  [[nodiscard]] asyncio::Duration passed() const {
    return asyncio::get_running_loop().time() - began_;
  }

 private:
  asyncio::TimePoint began_ = asyncio::get_running_loop().time();
};

}  // namespace

ASYNC_TEST(HttpLimits, AHeaderThatIsTooLongIsA431) {
  Server server({.header_bytes = 200});
  server.get("/", &hello);
  const std::string fixed = "GET / HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n";
  for (const bool fits : {true, false}) {
    const HttpClient client = co_await connected(server);
    client.ask("GET", "/",
               "X: " + std::string(200 - 3 - fixed.size() + (fits ? 0 : 1), 'x') + "\r\n");
    EXPECT_EQ((co_await client.answer()).status, fits ? 200 : 431);
    client.abort();
    co_await client.close();
  }
  const HttpClient endless = co_await connected(server);
  for (int i = 0; i < 100; ++i) endless.send("GET / HTTP/1.1\r\n" + std::string(1000, 'x'));
  EXPECT_EQ((co_await endless.answer()).status, 431);
  const std::string rest = co_await endless.rest();
  EXPECT_TRUE(rest.empty() || rest == "reset") << rest;
  endless.abort();
  co_await endless.close();
  co_await ended(server);
}

ASYNC_TEST(HttpLimits, AHeaderThatTakesTooLongIsA408) {
  Server server({.header_time = 30ms});
  server.get("/", &hello);
  const HttpClient client = co_await connected(server);
  client.get("/");
  EXPECT_EQ((co_await client.answer()).status, 200);
  const Since began;
  const auto drip = [](HttpClient to) -> Coro<> {  // something comes all the time
    to.send("GET / HTTP/1.1\r\n");
    for (int i = 0; i < 40; ++i) {
      to.send("X: x\r\n");
      co_await asyncio::sleep(2ms);
    }
  };
  auto dripping = asyncio::create_task(drip(client));
  const Answer answer = co_await client.answer();
  EXPECT_EQ(answer.status, 408);
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_LT(began.passed(), 70ms);
  co_await dripping;
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpLimits, WhoSaysNothingIsLeftAlone) {
  Server server({.header_time = 20ms, .idle_time = 60ms});
  server.get("/", &hello);
  const Since began;
  const HttpClient silent = co_await connected(server);
  EXPECT_EQ(co_await silent.rest(), "");
  EXPECT_GE(began.passed(), 20ms);
  EXPECT_LT(began.passed(), 60ms);
  co_await silent.close();
  const HttpClient idle = co_await connected(server);
  idle.get("/");
  EXPECT_EQ((co_await idle.answer()).status, 200);
  const Since idle_since;
  EXPECT_EQ(co_await idle.rest(), "");
  EXPECT_GE(idle_since.passed(), 50ms);
  co_await idle.close();
  co_await ended(server);
}

ASYNC_TEST(HttpLimits, ARequestNowAndThenKeepsAConnection) {
  Server server({.idle_time = 40ms});
  server.get("/", &hello);
  const HttpClient client = co_await connected(server);
  for (int i = 0; i < 10; ++i) {
    client.get("/");
    EXPECT_EQ((co_await client.answer()).status, 200);
    co_await asyncio::sleep(20ms);
  }
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpLimits, ABodyThatStopsComingIsA408) {
  Server server({.idle_time = 30ms});
  server.post("/", [](Request& request) -> Coro<Reply> { co_return co_await request.read(); });
  const HttpClient client = co_await connected(server);
  client.ask("POST", "/", "Content-Length: 6\r\n");
  for (int i = 0; i < 3; ++i) {  // slow, but it comes
    client.send("x");
    co_await asyncio::sleep(20ms);
  }
  const Answer answer = co_await client.answer();
  EXPECT_EQ(answer.status, 408);
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_EQ(co_await client.rest(), "");
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpLimits, AHandlerThatTakesTooLongIsCancelledAndA503) {
  Server server({.request_time = 20ms});
  std::vector<std::string> log;
  server.get("/slow", [&](Request&) -> Coro<Reply> {
    auto slept = co_await asyncio::as_result(asyncio::sleep(1h));
    log.emplace_back(slept.cancelled() ? "cancelled" : "slept");
    slept.value();
    co_return "slept";
  });
  server.get("/begun", [&](Request& request) -> Coro<> {
    ReplyStream out = co_await request.start_reply();
    co_await out.write("some");
    co_await asyncio::sleep(1h);
  });
  server.get("/stubborn", [&](Request&) -> Coro<Reply> {
    (void)co_await asyncio::as_result(asyncio::sleep(1h));
    co_return "after all";
  });
  server.get("/quick", &hello);
  const HttpClient slow = co_await connected(server);
  slow.get("/slow");
  const Answer answer = co_await slow.answer();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_EQ(co_await slow.rest(), "");
  EXPECT_EQ(log, std::vector<std::string>{"cancelled"});
  co_await slow.close();
  const HttpClient begun = co_await connected(server);
  begun.get("/begun");
  const Answer broken_off = co_await begun.answer();
  EXPECT_EQ(broken_off.content, "some");
  EXPECT_FALSE(broken_off.whole);
  co_await begun.close();
  const HttpClient stubborn = co_await connected(server);
  stubborn.get("/stubborn");
  EXPECT_EQ((co_await stubborn.answer()).content, "after all");
  stubborn.get("/quick");
  EXPECT_EQ((co_await stubborn.answer()).content, "hello\n");
  co_await asyncio::sleep(30ms);  // that limit is over
  stubborn.get("/quick");
  EXPECT_EQ((co_await stubborn.answer()).content, "hello\n");
  co_await stubborn.close();
  co_await ended(server);
}

// failure 89: each byte comes in time, and the whole does not
ASYNC_TEST(HttpLimits, ABodyThatDripsIsA503) {
  Server server({.request_time = 40ms, .idle_time = 30ms});
  server.post("/", [](Request& request) -> Coro<Reply> { co_return co_await request.read(); });
  const HttpClient client = co_await connected(server);
  client.ask("POST", "/", "Content-Length: 1000\r\n");
  for (int i = 0; i < 20; ++i) {
    client.send("x");
    co_await asyncio::sleep(5ms);
  }
  EXPECT_EQ((co_await client.answer()).status, 503);
  client.abort();
  co_await client.close();
  co_await ended(server);
}

// failure 89
ASYNC_TEST(HttpLimits, AClientThatDoesNotReadIsAborted) {
  Server server({.write_time = 50ms});
  std::vector<std::string> log;
  server.get("/streamed", [&](Request& request) -> Coro<> {
    ReplyStream out = co_await request.start_reply();
    const std::string piece(100'000, 'x');
    auto written = co_await asyncio::as_result([](ReplyStream& to, std::string text) -> Coro<> {
      for (;;) co_await to.write(text);
    }(out, piece));
    log.push_back(support::text_of(written.error()));
    written.value();
  });
  server.get("/whole", [&](Request&) { return Reply(std::string(20'000'000, 'x')); });
  server.get("/last", [&](Request&) {
    Reply reply(std::string(20'000'000, 'x'));
    reply.headers.set("Connection", "close");
    return reply;
  });
  for (const char* target : {"/streamed", "/whole", "/last"}) {
    const HttpClient client = co_await connected(server);
    client.get(target);
    client.get(target);
    while (server.clients() == 0) co_await asyncio::sleep(1ms);
    const Since began;
    while (server.clients() > 0) co_await asyncio::sleep(1ms);
    EXPECT_GE(began.passed(), 45ms) << target;
    client.abort();
    co_await client.close();
  }
  EXPECT_EQ(log.size(), 1U);
  co_await ended(server);
}

ASYNC_TEST(HttpLimits, AClientThatReadsSlowlyIsServed) {
  Server server({.write_time = 60ms});
  server.get("/", [&](Request&) { return Reply(std::string(30'000'000, 'x')); });
  const HttpClient client = co_await connected(server);
  client.get("/");
  client.send("bad\r\n\r\n");  // what follows is not answered in the middle of it
  (void)co_await client.reader().readuntil("\r\n\r\n");
  std::size_t size = 0;
  for (int i = 0; size < 30'000'000; ++i) {
    size += (co_await client.reader().readexactly(1'000'000)).size();
    if (i < 10) co_await asyncio::sleep(15ms);
  }
  EXPECT_EQ((co_await client.answer()).status, 400);
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpLimits, AConnectionHasSoManyRequests) {
  Server server({.max_requests = 3});
  server.get("/", &hello);
  const HttpClient client = co_await connected(server);
  for (int i = 1; i <= 4; ++i) client.get("/");
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ((co_await client.answer()).header("Connection"), i == 3 ? "close" : "");
  }
  EXPECT_EQ(co_await client.rest(), "");
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpLimits, CanBeLeftOut) {
  Server server({.header_bytes = {},
                 .header_time = {},
                 .body_bytes = {},
                 .request_time = {},
                 .idle_time = {},
                 .write_time = {},
                 .max_requests = {}});
  server.post("/", [](Request& request) -> Coro<Reply> { co_return co_await request.read(); });
  const HttpClient client = co_await connected(server);
  client.ask("POST", "/", "X: " + std::string(1'000'000, 'x') + "\r\nContent-Length: 3000000\r\n");
  client.send(std::string(3'000'000, 'x'));
  EXPECT_EQ((co_await client.answer()).content.size(), 3'000'000U);
  co_await client.close();
  co_await ended(server);
}
