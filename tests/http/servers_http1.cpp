// Files, connections and their limits, by HTTP/1.1.

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
using asyncio::http::Headers;
using asyncio::http::Response;
using asyncio::http::ResponseStream;
using probe::connection;
using probe::has;
using probe::numbered;
using probe::type_of;
using probe::where;
using support::thrown_by_await;

SERVERS_TEST(Sizes) {
  const Client client({.base_url = where("HTTP")});
  const Response nothing = co_await client.get("/0");
  EXPECT_EQ(nothing.content, "");
  EXPECT_EQ(nothing.headers.get("Content-Length"), "0");
  const Response one = co_await client.get("/1");
  EXPECT_EQ(one.content, "0");
  const Response medium = co_await client.get("/100K");
  EXPECT_EQ(medium.content, numbered(102400));
  EXPECT_EQ(medium.http_version, "HTTP/1.1");
  EXPECT_EQ(medium.reason_phrase, "OK");
  EXPECT_EQ(medium.headers.get("Content-Length"), "102400");
  const Response large = co_await client.get("/30M");
  EXPECT_TRUE(large.content == numbered(31457280)) << large.content.size();
  EXPECT_EQ(connection(large), connection(nothing));
}

SERVERS_TEST(HeadAndErrors) {
  const Client client({.base_url = where("HTTP")});
  const Response head = co_await client.head("/100K");
  EXPECT_EQ(head.status_code, 200);
  EXPECT_EQ(head.headers.get("Content-Length"), "102400");
  EXPECT_EQ(head.content, "");
  const Response nothing = co_await client.get("/nothing");
  EXPECT_EQ(nothing.status_code, 404);
  EXPECT_EQ(nothing.reason_phrase, "Not Found");
  EXPECT_TRUE(has(nothing.content, "<h1>404 Not Found</h1>")) << nothing.content;
  const Response refused = co_await client.post("/100K", {.content = "text"});
  EXPECT_EQ(refused.status_code, 405);
  const Response no_head = co_await client.head("/nothing");
  EXPECT_EQ(no_head.status_code, 404);
  EXPECT_EQ(no_head.content, "");
  EXPECT_EQ(connection(no_head), connection(head));
  EXPECT_EQ(no_head.headers.get("X-Requests"), "4");
}

// Who reads slowly has the server wait, and not the memory grow.
SERVERS_TEST(Streamed) {
  const Client client({.base_url = where("HTTP"), .max_response_bytes = 1 << 20});
  const double before = probe::peak();
  probe::begin_peak();
  ResponseStream file = co_await client.stream("GET", "/30M");
  EXPECT_EQ(file.status_code, 200);
  std::size_t at = 0;
  while (const auto piece = co_await file.next()) {
    if (at == 0) co_await asyncio::sleep(300ms);
    EXPECT_TRUE(*piece == numbered(piece->size(), at)) << at;
    at += piece->size();
  }
  EXPECT_EQ(at, 31457280U);
  if (!support::under_asan && !support::under_tsan) {
    EXPECT_LT(probe::peak() - before, 4);
  }

  const std::string too_large = co_await thrown_by_await(client.get("/30M"));
  EXPECT_EQ(type_of(too_large), "http::ResponseTooLarge") << too_large;
  ResponseStream left = co_await client.stream("GET", "/30M");
  co_await left.next();
  left.close();
  const Response next = co_await client.get("/100K");
  EXPECT_EQ(next.content, numbered(102400));
}

SERVERS_TEST(KeepAlive) {
  const Client client({.base_url = where("HTTP")});
  std::set<std::string> connections;
  for (int i = 1; i <= 400; i += 4) {
    const Response answer = co_await client.get("/100K");
    EXPECT_EQ(answer.headers.get("X-Requests"), std::to_string(i));
    connections.insert(connection(answer));
    connections.insert(connection(co_await client.get("/nothing")));
    connections.insert(connection(co_await client.head("/1")));
    ResponseStream stream = co_await client.stream("GET", "/1");
    co_await stream.read();
    connections.insert(connection(stream));
  }
  EXPECT_EQ(connections.size(), 1U);

  const Client other({.base_url = where("HTTP")});
  EXPECT_FALSE(connections.contains(connection(co_await other.get("/1"))));
}

namespace {

Coro<std::set<std::string>> connections_of(const Client& client, int requests) {
  std::vector<Coro<Response>> asked;
  for (int i = 0; i < requests; ++i) asked.push_back(client.get("/100K"));
  std::set<std::string> connections;
  const std::string expected = numbered(102400);
  for (const Response& answer : co_await asyncio::gather(std::move(asked))) {
    EXPECT_TRUE(answer.content == expected);
    connections.insert(connection(answer));
  }
  co_return connections;
}

}  // namespace

SERVERS_TEST(Limits) {
  const Client free({.base_url = where("HTTP")});
  EXPECT_GT((co_await connections_of(free, 60)).size(), 30U);

  const Client four({.base_url = where("HTTP"), .limits = {.max_connections = 4}});
  EXPECT_EQ((co_await connections_of(four, 60)).size(), 4U);

  const Client two({.base_url = where("HTTP"), .limits = {.max_connections_per_host = 2}});
  EXPECT_EQ((co_await connections_of(two, 60)).size(), 2U);

  // Of those that are free one is kept, and used by those who come one after the other.
  const Client one({.base_url = where("HTTP"), .limits = {.max_keepalive_connections = 1}});
  co_await connections_of(one, 20);
  std::set<std::string> later;
  for (int i = 0; i < 10; ++i) later.insert(connection(co_await one.get("/1")));
  EXPECT_EQ(later.size(), 1U);
}

SERVERS_TEST(IdleClose) {
  const Client client({.base_url = where("BRIEF")});
  const Response first = co_await client.get("/100K");
  co_await asyncio::sleep(1600ms);  // the server has closed the connection
  const Response second = co_await client.get("/100K");
  EXPECT_EQ(second.content, numbered(102400));
  EXPECT_NE(connection(second), connection(first));
  co_await asyncio::sleep(1600ms);
  const Response third = co_await client.post("/100K", {.content = "not idempotent"});
  EXPECT_EQ(third.status_code, 405);
  EXPECT_EQ(third.headers.get("X-Requests"), "1");

  // The client may be the one whose patience ends.
  const Client impatient({.base_url = where("HTTP"), .limits = {.keepalive_expiry = 1s}});
  const Response before = co_await impatient.get("/1");
  const Response soon = co_await impatient.get("/1");
  EXPECT_EQ(connection(soon), connection(before));
  co_await asyncio::sleep(2200ms);
  const Response after = co_await impatient.get("/1");
  EXPECT_NE(connection(after), connection(before));
}

SERVERS_TEST(Restart) {
  const Client client({.base_url = where("HTTP")});
  co_await client.get("/1");
  co_await probe::control("restart");
  const Response second = co_await client.get("/100K");
  EXPECT_EQ(second.content, numbered(102400));
  co_await probe::control("restart");
  const Response third = co_await client.post("/origin/mirror", {.content = "not idempotent"});
  EXPECT_EQ(third.content, "not idempotent");

  ResponseStream torn = co_await client.stream("GET", "/30M");
  co_await torn.next();
  co_await probe::control("stop");
  const std::string refused = co_await thrown_by_await(client.get("/1"));
  EXPECT_EQ(type_of(refused), "http::ConnectError") << refused;
  const std::string cut = co_await thrown_by_await(torn.read());
  EXPECT_TRUE(type_of(cut) == "http::RemoteProtocolError" || type_of(cut) == "http::ReadError")
      << cut;
  co_await probe::control("start");
  const Response fourth = co_await client.get("/1");
  EXPECT_EQ(fourth.status_code, 200);
}
