// How a server's handlers receive the bodies of requests.

#include <asyncio/http_server.hpp>

#include <asyncio/event.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "support/errors.hpp"
#include "support/http.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::http::Reply;
using asyncio::http::Request;
using asyncio::http::Server;
using asyncio::http::ServerLimits;
using support::Answer;
using support::connected;
using support::ended;
using support::HttpClient;

namespace {

Coro<Reply> echo(Request& request) { co_return co_await request.read(); }

Coro<Reply> count(Request& request) {
  std::size_t size = 0;
  while (auto piece = co_await request.next()) {
    EXPECT_FALSE(piece->empty());
    size += piece->size();
  }
  EXPECT_EQ(co_await request.read(), "");
  co_return std::to_string(size);
}

const char* const chunked = "Transfer-Encoding: chunked\r\n";

}  // namespace

ASYNC_TEST(HttpBody, IsReadWhole) {
  Server server;
  server.post("/", &echo);
  const HttpClient client = co_await connected(server);
  client.post("/", "a body");
  EXPECT_EQ((co_await client.answer()).content, "a body");
  client.post("/", "");
  EXPECT_EQ((co_await client.answer()).content, "");
  client.ask("POST", "/");
  EXPECT_EQ((co_await client.answer()).content, "");
  client.ask("POST", "/", chunked);
  client.send("1\r\na\r\n00A;x=\"y\";z\r\n0123456789\r\n0\r\nTrailer: x\r\nEmpty:\r\n\r\n");
  EXPECT_EQ((co_await client.answer()).content, "a0123456789");
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpBody, IsReadPieceByPiece) {
  Server server({.body_bytes = std::nullopt});
  server.post("/", &count);
  const HttpClient client = co_await connected(server);
  const std::string large(3'000'000, 'x');
  client.post("/", large);
  EXPECT_EQ((co_await client.answer()).content, "3000000");
  client.ask("POST", "/", chunked);
  client.send("2DC6C0\r\n" + large + "\r\n0\r\n\r\n");
  EXPECT_EQ((co_await client.answer()).content, "3000000");
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpBody, ComesAtThePaceOfTheHandler) {
  Server server({.body_bytes = std::nullopt});
  asyncio::Event go;
  std::size_t received = 0;
  server.post("/", [&](Request& request) -> Coro<Reply> {
    received = (co_await request.next()).value().size();
    co_await go.wait();
    while (auto piece = co_await request.next()) received += piece->size();
    co_return "ok";
  });
  const HttpClient client = co_await connected(server);
  const std::string large(30'000'000, 'x');
  client.post("/", large);
  co_await asyncio::sleep(50ms);
  EXPECT_GT(client.writer().get_write_buffer_size(), 10'000'000U);
  EXPECT_LT(received, 1'000'000U);
  go.set();
  EXPECT_EQ((co_await client.answer()).content, "ok");
  EXPECT_EQ(received, large.size());
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpBody, LosesNothingWhenAWaitForItIsCancelled) {
  Server server;
  server.post("/", [](Request& request) -> Coro<Reply> {
    std::string all;
    for (;;) {
      auto piece = co_await asyncio::as_result(asyncio::wait_for(request.next(), 1ms));
      if (!piece) continue;
      if (!piece.value()) co_return all;
      all += *piece.value();
    }
  });
  const HttpClient client = co_await connected(server);
  client.ask("POST", "/", "Content-Length: 10\r\n");
  for (const char c : std::string("0123456789")) {
    client.send({&c, 1});
    co_await asyncio::sleep(3ms);
  }
  EXPECT_EQ((co_await client.answer()).content, "0123456789");
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpBody, IsAskedForWhenTheHandlerReadsIt) {
  Server server;
  server.post("/read", &echo);
  server.post("/refuse", [](Request&) { return Reply(403, "no"); });
  const HttpClient client = co_await connected(server);
  client.ask("POST", "/read", "Content-Length: 4\r\nExpect: 100-continue\r\n");
  EXPECT_EQ((co_await client.answer()).head, "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_EQ((co_await client.answer()).content, "body");
  // Who does not wait for it is not told.
  client.send(
      "POST /read HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody");
  EXPECT_EQ((co_await client.answer()).content, "body");
  client.ask("POST", "/refuse", "Content-Length: 4\r\nExpect: 100-Continue\r\n");
  const Answer refusal = co_await client.answer();
  EXPECT_EQ(refusal.status, 403);
  EXPECT_EQ(refusal.header("Connection"), "close");  // would the body follow, or not?
  EXPECT_EQ(co_await client.rest(), "");
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpBody, ThatNobodyReadsIsDropped) {
  Server server;
  server.post("/", [](Request&) { return Reply("not read"); });
  server.get("/", [](Request&) { return Reply("next"); });
  const HttpClient client = co_await connected(server);
  for (int i = 0; i < 3; ++i) {
    client.post("/", std::string(100'000, 'x'));
    EXPECT_EQ((co_await client.answer()).content, "not read");
    client.ask("POST", "/", chunked);
    client.send("5\r\nabcde\r\n0\r\n\r\n");
    EXPECT_EQ((co_await client.answer()).content, "not read");
    client.get("/");
    EXPECT_EQ((co_await client.answer()).content, "next");
  }
  co_await client.close();
  co_await ended(server);
}

ASYNC_TEST(HttpBody, ThatIsTooLargeToBeDroppedEndsTheConnection) {
  Server server;
  server.post("/", [](Request&) { return Reply("not read"); });
  for (const bool in_chunks : {false, true}) {
    const HttpClient client = co_await connected(server);
    client.ask("POST", "/", in_chunks ? chunked : "Content-Length: 9000000\r\n");
    client.send(in_chunks ? "895440\r\n" : "");
    const Answer answer = co_await client.answer();
    EXPECT_EQ(answer.content, "not read");
    EXPECT_EQ(answer.header("Connection"), in_chunks ? "" : "close");
    client.send(std::string(9'000'000, 'x'));
    client.get("/smuggled");
    const std::string rest = co_await client.rest();
    EXPECT_TRUE(rest.empty() || rest == "reset") << rest;
    client.abort();
    co_await client.close();
  }
  co_await ended(server);
}

ASYNC_TEST(HttpBody, AboveTheLimitIsA413ThatTheClientCanRead) {
  Server server({.body_bytes = 1000});
  server.post("/", &echo);
  server.post("/more", [](Request& request) -> Coro<Reply> {
    request.set_body_limit(std::nullopt);
    co_return co_await request.read();
  });
  const auto ask = [&](std::string target, std::string lines, std::string body) -> Coro<Answer> {
    const HttpClient client = co_await connected(server);
    client.ask("POST", target, lines);
    client.send(body);
    Answer answer = co_await client.answer();
    client.abort();
    co_await client.close();
    co_return answer;
  };
  const std::string fits(1000, 'x');
  EXPECT_EQ((co_await ask("/", "Content-Length: 1000\r\n", fits)).content, fits);
  const Answer known = co_await ask("/", "Content-Length: 1001\r\n", fits + "x");
  EXPECT_EQ(known.status, 413);
  EXPECT_EQ(known.header("Connection"), "close");
  EXPECT_EQ((co_await ask("/", "Content-Length: 18446744073709551615\r\n", "")).status, 413);
  EXPECT_EQ((co_await ask("/", chunked, "3e8\r\n" + fits + "\r\n0\r\n\r\n")).content, fits);
  EXPECT_EQ((co_await ask("/", chunked, "3e9\r\n" + fits + "x\r\n0\r\n\r\n")).status, 413);
  EXPECT_EQ((co_await ask("/", chunked, "ffffffffffffffff\r\n" + fits + "x")).status, 413);
  const std::string large(5'000'000, 'x');
  EXPECT_EQ((co_await ask("/", "Content-Length: 5000000\r\n", large)).status, 413);
  EXPECT_EQ((co_await ask("/more", "Content-Length: 5000000\r\n", large)).content.size(),
            large.size());
  co_await ended(server);
}

ASYNC_TEST(HttpBody, ThatIsNoneIsA400) {
  Server server;
  server.post("/", &echo);
  for (const char* body : {"x\r\n", "\r\n", "5\nabcde\r\n0\r\n\r\n", "5\r\nabcdef\r\n", "0x5\r\n",
                           "-1\r\n", "5 \r\nabcde\r\n", "10000000000000000\r\n",
                           "00000000000000005\r\nabcde", "5;\x01\r\n", "5\r\nabcde\n0\r\n\r\n",
                           "0\r\n Folded: x\r\n\r\n", "0\r\nno colon\r\n\r\n", "0\r\nA: b\n\r\n"}) {
    const HttpClient client = co_await connected(server);
    client.ask("POST", "/", chunked);
    client.send(body);
    const Answer answer = co_await client.answer();
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(answer.header("Connection"), "close") << body;
    EXPECT_EQ(co_await client.rest(), "") << body;
    co_await client.close();
  }
  co_await ended(server);
}

ASYNC_TEST(HttpBody, HasALimitForWhatSurroundsIt) {
  Server server;
  server.post("/", &echo);
  const std::string frills(9'000, 'x');
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "1;0123456789\r\na\r\n";
  for (const std::string& body : {"1;" + frills + "\r\na\r\n", "0\r\nA: " + frills, many}) {
    const HttpClient client = co_await connected(server);
    client.ask("POST", "/", chunked);
    client.send(body);
    EXPECT_EQ((co_await client.answer()).status, 400);
    client.abort();
    co_await client.close();
  }
  co_await ended(server);
}

// That a client goes away is no error of the handler's.
ASYNC_TEST(HttpBody, ThatTheClientBreaksOffIsNotReported) {
  Server server;
  std::vector<std::string> errors;
  server.post("/", [&](Request& request) -> Coro<Reply> {
    auto body = co_await asyncio::as_result(request.read());
    errors.push_back(support::text_of(body.error()));
    co_return body.value();
  });
  const HttpClient half = co_await connected(server);
  half.ask("POST", "/", "Content-Length: 10\r\n");
  half.send("half");
  co_await half.close();
  const HttpClient reset = co_await connected(server);
  reset.ask("POST", "/", "Content-Length: 10\r\n");
  reset.send("half");
  co_await asyncio::sleep(5ms);
  reset.abort();
  co_await reset.close();
  while (errors.size() < 2) co_await asyncio::sleep(1ms);
  co_await ended(server);
}
