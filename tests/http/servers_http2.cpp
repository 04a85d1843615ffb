// Many requests on one connection.

#include "servers_probe.hpp"

#include "support/errors.hpp"
#include "support/sanitizers.hpp"

#include <chrono>
#include <set>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::http::Client;
using asyncio::http::Response;
using asyncio::http::ResponseStream;
using probe::connection;
using probe::has;
using probe::numbered;
using probe::where;

namespace {

Client http2(const char* server = "HTTP2",
             asyncio::http::Limits limits = {.keepalive_expiry = probe::long_enough}) {
  const std::string ca = probe::file("ca.pem");
  return Client({.base_url = where(server),
                 .timeout = asyncio::http::Timeout::all(20s),
                 .limits = limits,
                 .ca_file = ca,
                 .http2 = true});
}

void check_file(const Response& answer, std::size_t size) {
  EXPECT_EQ(answer.status_code, 200);
  EXPECT_EQ(answer.http_version, "HTTP/2");
  EXPECT_TRUE(answer.content == numbered(size)) << answer.content.size();
}

}  // namespace

SERVERS_TEST(Http2Many) {
  // A connection takes 100 at a time; those above would make connections of their own.
  const Client client =
      http2("HTTP2", {.max_connections_per_host = 2, .keepalive_expiry = probe::long_enough});
  const Response first = co_await client.get("/1");
  check_file(first, 1);
  EXPECT_EQ(first.reason_phrase, "OK");
  EXPECT_EQ(first.headers.get("content-length"), "1");

  std::vector<Coro<Response>> asked;
  for (int i = 0; i < 200; ++i) asked.push_back(client.get("/100K?" + std::to_string(i)));
  std::set<std::string> connections;
  const std::vector<Response> answers = co_await asyncio::gather(std::move(asked));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    check_file(answers[i], 102400);
    EXPECT_EQ(answers[i].url.query(), std::to_string(i));
    connections.insert(connection(answers[i]));
  }
  EXPECT_LE(connections.size(), 2U);
  EXPECT_TRUE(connections.contains(connection(first)));

  // From nothing: those that come together wait for one connection and do not make one each.
  const Client fresh = http2();
  std::vector<Coro<Response>> together;
  for (int i = 0; i < 100; ++i) together.push_back(fresh.get("/1"));
  std::set<std::string> made;
  for (const Response& answer : co_await asyncio::gather(std::move(together))) {
    check_file(answer, 1);
    made.insert(connection(answer));
  }
  EXPECT_EQ(made.size(), 1U);
}

SERVERS_TEST(Http2Cancelled) {
  const Client client = http2();
  const Response first = co_await client.get("/1");
  std::vector<asyncio::Task<Response>> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(asyncio::create_task(client.get(i % 4 == 0 ? "/30M" : "/100K")));
  }
  co_await asyncio::sleep(5ms);
  for (std::size_t i = 0; i < all.size(); i += 4) all[i].cancel();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const asyncio::Result<Response> result = co_await asyncio::as_result(all[i]);
    EXPECT_EQ(result.cancelled(), i % 4 == 0);
    if (result.cancelled()) continue;
    check_file(result.value(), 102400);
    EXPECT_EQ(connection(result.value()), connection(first));
  }
  const Response after = co_await client.get("/100K");
  check_file(after, 102400);
  EXPECT_EQ(connection(after), connection(first));

  // An upload that is cancelled in the middle.
  const std::string body = numbered(7 << 20);
  auto sending = asyncio::create_task(client.post("/origin/mirror", {.content = body}));
  co_await asyncio::sleep(3ms);
  sending.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(sending)).cancelled());
  const Response last = co_await client.get("/100K");
  check_file(last, 102400);
}

namespace {

asyncio::AsyncGenerator<std::string> pieces(std::size_t size, std::size_t each) {
  for (std::size_t at = 0; at < size; at += each) {
    if (at % (10 * each) == 0) co_await asyncio::sleep(1ms);
    co_yield numbered(std::min(each, size - at), at);
  }
}

}  // namespace

SERVERS_TEST(Http2Bodies) {
  const Client client = http2();
  const Response large = co_await client.get("/30M");
  check_file(large, 31457280);
  ResponseStream streamed = co_await client.stream("GET", "/30M");
  std::size_t at = 0;
  while (const auto piece = co_await streamed.next()) {
    EXPECT_TRUE(*piece == numbered(piece->size(), at)) << at;
    at += piece->size();
  }
  EXPECT_EQ(at, 31457280U);

  for (const std::size_t size : {0U, 1U, 60'000U, 3'000'000U}) {
    const std::string body = numbered(size);
    const Response mirrored = co_await client.post("/origin/mirror", {.content = body});
    check_file(mirrored, size);
    EXPECT_EQ(mirrored.headers.get("x-expect"), "nothing");
    auto made = pieces(size, 7000);
    const Response made_of_pieces = co_await client.put("/unbuffered/mirror", {.stream = made});
    check_file(made_of_pieces, size);
  }
  const Response head = co_await client.head("/100K");
  EXPECT_EQ(head.headers.get("Content-Length"), "102400");
  EXPECT_EQ(head.content, "");
  const Response nothing = co_await client.get("/nothing");
  EXPECT_EQ(nothing.status_code, 404);
  EXPECT_EQ(nothing.reason_phrase, "Not Found");
  const Response redirected = co_await client.get("/to-echo/302", {.follow_redirects = true});
  EXPECT_TRUE(has(redirected.content, "GET /echo\n")) << redirected.content;
  EXPECT_EQ(connection(redirected), connection(large));
  const std::string too_large = numbered(9 << 20);
  const Response refused = co_await client.post("/origin/mirror", {.content = too_large});
  EXPECT_EQ(refused.status_code, 413);

  // Without it on the server's side it is HTTP/1.1.
  const Client other = http2("HTTPS");
  EXPECT_EQ((co_await other.get("/1")).http_version, "HTTP/1.1");
  const Client plain = http2("HTTP");
  EXPECT_EQ((co_await plain.get("/1")).http_version, "HTTP/1.1");
}

// One who reads slowly is no burden to the others, nor to the memory: he has a connection of his
// own, of HTTP/1.1.
SERVERS_TEST(Http2SlowReader) {
  const Client client = http2();
  const Response first = co_await client.get("/1");
  const double before = probe::peak();
  probe::begin_peak();
  ResponseStream endless = co_await client.stream("GET", "/zeros");
  EXPECT_EQ(endless.http_version, "HTTP/1.1");
  EXPECT_NE(connection(endless), connection(first));
  ResponseStream slow = co_await client.stream("GET", "/30M");
  std::size_t at = 0;
  for (int round = 0; round < 20; ++round) {
    std::vector<Coro<Response>> quick;
    for (int i = 0; i < 10; ++i) quick.push_back(client.get("/100K"));
    for (const Response& answer : co_await asyncio::gather(std::move(quick))) {
      check_file(answer, 102400);
    }
    const auto zeros = co_await endless.next();
    EXPECT_EQ(zeros->find_first_not_of('\0'), std::string::npos);
    const auto piece = co_await slow.next();
    EXPECT_TRUE(piece == numbered(piece->size(), at)) << at;
    at += piece->size();
    co_await asyncio::sleep(20ms);
  }
  if (!support::under_asan && !support::under_tsan) {
    EXPECT_LT(probe::peak() - before, 12);
  }
  while (const auto piece = co_await slow.next()) {
    EXPECT_TRUE(*piece == numbered(piece->size(), at)) << at;
    at += piece->size();
  }
  EXPECT_EQ(at, 31457280U);
  endless.close();
  const Response last = co_await client.get("/100K");
  EXPECT_EQ(last.content, numbered(102400));
}
