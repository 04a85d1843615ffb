// Answers that are written piece by piece, and what goes wrong in handlers.

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
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::http::Abort;
using asyncio::http::EventStream;
using asyncio::http::Headers;
using asyncio::http::Reply;
using asyncio::http::ReplyStream;
using asyncio::http::Request;
using asyncio::http::Server;
using support::Answer;
using support::connected;
using support::ended;
using support::get;
using support::HttpClient;
using support::LogCapture;

// --- streams ------------------------------------------------------------------------------------

ASYNC_TEST(HttpReplyStream, SendsEachPieceAtOnce) {
  Server server;
  asyncio::Event go;
  server.get("/", [&](Request& request) -> Coro<> {
    const Headers headers = {{"Content-Type", "text/plain"}};
    ReplyStream out = co_await request.start_reply(203, headers);
    co_await go.wait();
    co_await out.write("one");
    co_await go.wait();
    co_await out.write("");  // no end
    co_await out.write(std::string(100'000, 'x'));
  });
  const HttpClient client = co_await connected(server);
  client.get("/");
  const std::string head = co_await client.reader().readuntil("\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 203 Non-Auth")) << head;
  EXPECT_NE(head.find("\r\nTransfer-Encoding: chunked\r\n"), std::string::npos) << head;
  go.set();
  go.clear();
  EXPECT_EQ(co_await client.chunk(), "one");
  go.set();
  EXPECT_EQ((co_await client.chunk()).size(), 100'000U);
  EXPECT_EQ(co_await client.chunk(), "");
  client.get("/");
  EXPECT_EQ((co_await client.answer()).status, 203);
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpReplyStream, IsSentPlainlyIfItsLengthIsKnown) {
  Server server;
  server.get("/", [](Request& request) -> Coro<> {
    const Headers headers = {{"Content-Length", "6"}};
    ReplyStream out = co_await request.start_reply(200, headers);
    co_await out.write("abc");
    co_await out.write("def");
  });
  const HttpClient client = co_await connected(server);
  for (int i = 0; i < 2; ++i) {
    client.get("/");
    const Answer answer = co_await client.answer();
    EXPECT_EQ(answer.header("Transfer-Encoding"), "");
    EXPECT_EQ(answer.content, "abcdef");
  }
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpReplyStream, BreaksOffAnAnswerThatIsShorterThanItSays) {
  const LogCapture reports;
  Server server;
  server.get("/", [](Request& request) -> Coro<> {
    const Headers headers = {{"Content-Length", "6"}};
    ReplyStream out = co_await request.start_reply(200, headers);
    co_await out.write("abc");
  });
  const HttpClient client = co_await connected(server);
  client.get("/");
  EXPECT_FALSE((co_await client.answer()).whole);
  co_await client.close();
  EXPECT_EQ(reports.count("written 3 of 6 bytes of its Content-Length"), 1);
  co_await ended(server);
}

ASYNC_TEST(HttpReplyStream, RefusesContentThatMayNotBe) {
  const LogCapture reports;
  Server server;
  server.get("/long", [](Request& request) -> Coro<> {
    const Headers headers = {{"Content-Length", "2"}};
    ReplyStream out = co_await request.start_reply(200, headers);
    co_await out.write("abc");
  });
  server.get("/204", [](Request& request) -> Coro<> {
    ReplyStream out = co_await request.start_reply(204);
    co_await out.write("abc");
  });
  server.get("/length", [](Request& request) -> Coro<> {
    const Headers headers = {{"Content-Length", "+2"}};
    (void)co_await request.start_reply(200, headers);
  });
  server.get("/100", [](Request& request) -> Coro<> { (void)co_await request.start_reply(100); });
  server.get("/twice", [](Request& request) -> Coro<> {
    (void)co_await request.start_reply();
    (void)co_await request.start_reply();
  });
  server.get("/both", [](Request& request) -> Coro<Reply> {
    (void)co_await request.start_reply();
    co_return "both";
  });
  server.get("/neither", [](Request&) -> Coro<> { co_return; });
  EXPECT_FALSE((co_await get(server, "/long")).whole);
  (void)co_await get(server, "/204");
  EXPECT_EQ((co_await get(server, "/length")).status, 500);
  EXPECT_EQ((co_await get(server, "/100")).status, 500);
  EXPECT_FALSE((co_await get(server, "/twice")).whole);
  EXPECT_FALSE((co_await get(server, "/both")).whole);
  EXPECT_EQ((co_await get(server, "/neither")).status, 500);
  EXPECT_EQ(reports.count("3 bytes are more than the Content-Length of 2"), 1);
  EXPECT_EQ(reports.count("an answer with status 204 has no content"), 1);
  EXPECT_EQ(reports.count("Content-Length \"+2\" is no number"), 1);
  EXPECT_EQ(reports.count("100 is no status of an answer"), 1);
  EXPECT_EQ(reports.count("the answer to this request has begun already"), 1);
  EXPECT_EQ(reports.count("a handler that has called start_reply() returns no Reply"), 1);
  EXPECT_EQ(reports.count("a handler that returns no Reply awaits start_reply()"), 1);
  EXPECT_EQ(reports.lines().size(), 7U);
  co_await ended(server);
}

ASYNC_TEST(HttpReplyStream, WaitsForAClientThatReadsSlowly) {
  Server server;
  std::size_t written = 0;
  server.get("/", [&](Request& request) -> Coro<> {
    ReplyStream out = co_await request.start_reply();
    const std::string piece(100'000, 'x');
    for (int i = 0; i < 300; ++i) {
      co_await out.write(piece);
      written += piece.size();
    }
  });
  const HttpClient client = co_await connected(server);
  client.get("/");
  co_await asyncio::sleep(50ms);
  EXPECT_LT(written, 20'000'000U);
  EXPECT_EQ((co_await client.answer()).content.size(), 30'000'000U);
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpReplyStream, TellsAHandlerThatItsClientIsGone) {
  Server server;
  std::string error;
  server.get("/", [&](Request& request) -> Coro<> {
    ReplyStream out = co_await request.start_reply();
    try {
      for (;;) {
        co_await out.write("more");
        co_await asyncio::sleep(1ms);
      }
    } catch (const std::system_error& gone) {
      error = gone.what();
      throw;  // and nobody is told
    }
  });
  const HttpClient client = co_await connected(server);
  client.get("/");
  EXPECT_EQ(co_await client.reader().readexactly(8), "HTTP/1.1");
  client.abort();
  co_await client.close();
  while (error.empty()) co_await asyncio::sleep(1ms);
  co_await ended(server);
}

// --- events -------------------------------------------------------------------------------------

ASYNC_TEST(HttpEvents, AreSentAsLines) {
  Server server;
  server.get("/", [](Request& request) -> Coro<> {
    EventStream events = co_await request.start_events();
    co_await events.send("one");
    co_await events.send("a\nb\r\nc\rd", {.event = "lines", .id = "7", .retry = 1500ms});
    co_await events.send("");
    co_await events.send("end\n");
    co_await events.comment("alive");
    co_await events.comment();
  });
  const Answer answer = co_await get(server, "/");
  EXPECT_EQ(answer.header("Content-Type"), "text/event-stream");
  EXPECT_EQ(answer.header("Cache-Control"), "no-cache");
  EXPECT_EQ(answer.content,
            "data: one\n\n"
            "event: lines\nid: 7\nretry: 1500\ndata: a\ndata: b\ndata: c\ndata: d\n\n"
            "data: \n\n"
            "data: end\ndata: \n\n"
            ": alive\n\n"
            ": \n\n");
  co_await ended(server);
}

ASYNC_TEST(HttpEvents, HaveNoNamesThatBeginOtherEvents) {
  Server server;
  std::vector<std::string> errors;
  server.get("/", [&](Request& request) -> Coro<> {
    const Headers headers = {{"Cache-Control", "no-store"}};
    EventStream events = co_await request.start_events(headers);
    const std::string nul("a\0b", 3);
    for (const std::string& bad : {std::string("a\nb"), std::string("a\rb"), nul}) {
      EXPECT_THROW((void)events.send("x", {.event = bad}), std::invalid_argument);
      EXPECT_THROW((void)events.send("x", {.id = bad}), std::invalid_argument);
    }
  });
  const Answer answer = co_await get(server, "/");
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_EQ(answer.content, "");
  co_await ended(server);
}

// --- errors -------------------------------------------------------------------------------------

namespace {

Coro<int> fails_deep_down() {
  co_await asyncio::sleep(1ms);
  throw std::domain_error("no such thing");
}

Coro<Reply> fails(Request&) { co_return std::to_string(co_await fails_deep_down()); }

}  // namespace

ASYNC_TEST(HttpErrors, OfHandlersAreReportedAndAnsweredWith500) {
  const LogCapture reports;
  Server server;
  server.get("/plain", [](Request&) -> Reply { throw std::domain_error("plainly"); });
  server.get("/awaited", &fails);
  server.get("/odd", [](Request&) -> Reply { throw 7; });
  server.get("/good", [](Request&) { return Reply("good"); });
  const HttpClient client = co_await connected(server);
  for (const char* target : {"/plain", "/awaited", "/odd"}) {
    client.get(target);
    const Answer answer = co_await client.answer();
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.content, "the server has failed\n");
  }
  client.get("/good");
  EXPECT_EQ((co_await client.answer()).content, "good");
  co_await client.close();
  EXPECT_EQ(reports.lines().size(), 3U);
  EXPECT_EQ(reports.count("Unhandled exception in the handler of GET /plain, connection with 127."),
            1);
  EXPECT_EQ(reports.count("plainly"), 1);
  EXPECT_EQ(reports.count("fails_deep_down"), 1);
  EXPECT_EQ(reports.count("no such thing"), 1);
  co_await ended(server);
}

ASYNC_TEST(HttpErrors, InTheMiddleOfAnAnswerBreakItOff) {
  const LogCapture reports;
  Server server;
  asyncio::Event go;
  server.get("/", [](Request& request) -> Coro<> {
    ReplyStream out = co_await request.start_reply();
    co_await out.write("so far");
    throw std::domain_error("so good");
  });
  server.get("/waits", [&](Request&) -> Coro<Reply> {
    co_await go.wait();
    co_return "undisturbed";
  });
  const HttpClient other = co_await connected(server);
  other.get("/waits");
  EXPECT_FALSE((co_await get(server, "/")).whole);
  EXPECT_EQ(reports.count("so good"), 1);
  go.set();
  EXPECT_EQ((co_await other.answer()).content, "undisturbed");
  co_await other.close();
  co_await ended(server);
}

ASYNC_TEST(HttpErrors, ThatAreAnswersAreNotReported) {
  Server server;
  server.get("/plain", [](Request&) -> Reply { throw Abort(404, "no such user\n"); });
  server.get("/awaited", [](Request&) -> Coro<Reply> {
    co_await asyncio::sleep(1ms);
    throw Abort(403);
  });
  server.get("/streamed", [](Request& request) -> Coro<> {
    (void)co_await request.start_reply();
    throw Abort(403);
  });
  const Answer plain = co_await get(server, "/plain");
  EXPECT_EQ(plain.status, 404);
  EXPECT_EQ(plain.content, "no such user\n");
  EXPECT_EQ((co_await get(server, "/awaited")).status, 403);
  EXPECT_FALSE((co_await get(server, "/streamed")).whole);
  EXPECT_THROW((void)Abort(99), std::invalid_argument);
  co_await ended(server);
}

// It is the handler's error, not its end, that somebody has cancelled what it waits for.
ASYNC_TEST(HttpErrors, OfWhatAHandlerAwaitsMayBeACancellation) {
  const LogCapture reports;
  Server server;
  server.get("/", [](Request&) -> Coro<Reply> {
    auto other = asyncio::create_task(fails_deep_down());
    other.cancel();
    co_return std::to_string(co_await other);
  });
  server.get("/plain", [](Request&) -> Reply { throw asyncio::CancelledError(); });
  EXPECT_EQ((co_await get(server, "/")).status, 500);
  EXPECT_EQ((co_await get(server, "/plain")).status, 500);
  EXPECT_EQ(reports.lines().size(), 2U);
  co_await ended(server);
}
