// Bodies that come and go in pieces, and those that nobody wants.

#include "servers_probe.hpp"

#include "support/errors.hpp"
#include "support/sanitizers.hpp"

#include <chrono>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::http::Client;
using asyncio::http::Headers;
using asyncio::http::Response;
using asyncio::http::ResponseStream;
using probe::has;
using probe::numbered;
using probe::type_of;
using probe::where;
using support::thrown_by_await;

namespace {

constexpr std::size_t large = 3 << 20;

asyncio::AsyncGenerator<std::string> pieces(std::size_t size, std::size_t each,
                                            std::size_t* made = nullptr) {
  for (std::size_t at = 0; at < size; at += each) {
    if (at % (5 * each) == 0) co_await asyncio::sleep(1ms);
    if (made != nullptr) *made = at + each;
    co_yield numbered(std::min(each, size - at), at);
  }
}

}  // namespace

SERVERS_TEST(Chunked) {
  const Client client({.base_url = where("ORIGIN")});
  const Response whole = co_await client.get("/chunked?count=1000");
  EXPECT_EQ(whole.content.size(), 8890U);
  EXPECT_TRUE(whole.content.ends_with("line 998\nline 999\n"));
  EXPECT_EQ(whole.headers.get("Transfer-Encoding"), "chunked");
  EXPECT_FALSE(whole.headers.contains("X-Sum"));  // a trailer is no header

  // Each line comes when it is sent.
  asyncio::EventLoop& loop = asyncio::get_running_loop();
  ResponseStream slow = co_await client.stream("GET", "/chunked?count=4&pause=0.2");
  EXPECT_EQ(co_await slow.next_line(), "line 0");
  const asyncio::TimePoint began = loop.time();
  EXPECT_EQ(co_await slow.next_line(), "line 1");
  EXPECT_EQ(co_await slow.next_line(), "line 2");
  EXPECT_EQ(co_await slow.next_line(), "line 3");
  EXPECT_EQ(co_await slow.next_line(), std::nullopt);
  EXPECT_GT(loop.time() - began, asyncio::Duration(400ms));

  const std::string cut = co_await thrown_by_await(client.get("/chunked?count=3&cut=1"));
  EXPECT_EQ(type_of(cut), "http::RemoteProtocolError") << cut;
  const Response to_the_end = co_await client.get("/until_close");
  EXPECT_EQ(to_the_end.content, "to the end");
  const Response hinted = co_await client.get("/early_hints");
  EXPECT_EQ(hinted.status_code, 200);
  EXPECT_EQ(hinted.content, "late");
  EXPECT_EQ(hinted.headers.get("X-Late"), "1");
  EXPECT_FALSE(hinted.headers.contains("X-Early"));
}

SERVERS_TEST(Uploads) {
  const std::string origin = std::string(where("ORIGIN")) + "/mirror";
  const std::string buffered = std::string(where("HTTP")) + "/origin/mirror";
  const std::string unbuffered = std::string(where("HTTP")) + "/unbuffered/mirror";
  const std::string expected = numbered(large);
  const Client client;
  for (const std::string& url : {origin, buffered, unbuffered}) {
    const Response at_once = co_await client.post(url, {.content = expected});
    EXPECT_EQ(at_once.status_code, 200) << url;
    EXPECT_TRUE(at_once.content == expected) << url << " " << at_once.content.size();
    for (const std::size_t each : {1000U, 16384U, 1000000U}) {
      auto body = pieces(large, each);
      const Response answer = co_await client.put(url, {.stream = body});
      EXPECT_TRUE(answer.content == expected) << url << " " << answer.content.size();
    }
    auto body = pieces(large, 50000);
    const Headers length = {{"Content-Length", std::to_string(large)}};
    const Response counted = co_await client.post(url, {.headers = length, .stream = body});
    EXPECT_TRUE(counted.content == expected) << url << " " << counted.content.size();
    auto none = pieces(0, 1);
    const Response empty = co_await client.post(url, {.stream = none});
    EXPECT_EQ(empty.status_code, 200);
    EXPECT_EQ(empty.content, "");
  }
}

// A server is asked whether it wants the body when the program says so, and has a second to answer.
SERVERS_TEST(Expectation) {
  const std::string expected = numbered(large);
  const Headers asks = {{"Expect", "100-continue"}};
  const Client client({.base_url = where("ORIGIN")});
  const Response direct = co_await client.post("/mirror", {.headers = asks, .content = expected});
  EXPECT_TRUE(direct.content == expected) << direct.content.size();
  EXPECT_EQ(direct.headers.get("X-Expect"), "100-continue");
  EXPECT_EQ(direct.status_code, 200);
  const std::string url = std::string(where("HTTP")) + "/origin/mirror";
  const Response by_nginx = co_await client.post(url, {.headers = asks, .content = expected});
  EXPECT_TRUE(by_nginx.content == expected) << by_nginx.content.size();
  if (!support::under_asan && !support::under_tsan) {
    EXPECT_LT(direct.elapsed, asyncio::Duration(900ms));  // the answer came, and was understood
    EXPECT_LT(by_nginx.elapsed, asyncio::Duration(900ms));
  }
  const Response silent = co_await client.post("/silent", {.headers = asks, .content = expected});
  EXPECT_TRUE(silent.content == expected) << silent.content.size();
  const Response unasked = co_await client.post("/mirror", {.content = expected});
  EXPECT_TRUE(unasked.content == expected) << unasked.content.size();
  EXPECT_EQ(unasked.headers.get("X-Expect"), "nothing");
  for (const char* path : {"/refuse/417", "/refuse/417/close"}) {
    const Response refused = co_await client.post(path, {.headers = asks, .content = expected});
    EXPECT_EQ(refused.status_code, 417) << path;
    EXPECT_EQ(refused.content, "") << path;
  }
  const Response usable = co_await client.post("/mirror", {.headers = asks, .content = "x"});
  EXPECT_EQ(usable.content, "x");
  EXPECT_EQ(usable.headers.get("X-Expect"), "100-continue");
}

// The answer counts, although the body is not sent, or only a part of it.
SERVERS_TEST(RefusedUpload) {
  const std::string body = numbered(large);
  const Client client;
  const std::string by_nginx = std::string(where("HTTP")) + "/limited";
  const Response too_large = co_await client.post(by_nginx, {.content = body});
  EXPECT_EQ(too_large.status_code, 413);
  EXPECT_TRUE(has(too_large.content, "413 Request Entity Too Large")) << too_large.content;
  std::size_t made = 0;
  auto streamed = pieces(std::size_t{64} << 20, 100'000, &made);
  const Response stopped = co_await client.post(by_nginx, {.stream = streamed});
  EXPECT_EQ(stopped.status_code, 413);
  EXPECT_LT(made, std::size_t{32} << 20);
  const std::string medium = numbered(1 << 20);
  EXPECT_EQ((co_await client.post(by_nginx, {.content = medium})).status_code, 200);

  const std::string origin(where("ORIGIN"));
  const Headers asks = {{"Expect", "100-continue"}};
  const std::string refusing = origin + "/refuse/413";
  const Response refused = co_await client.post(refusing, {.headers = asks, .content = body});
  EXPECT_EQ(refused.status_code, 413);
  EXPECT_EQ(refused.content, "refused");
  const Response usable = co_await client.post(origin + "/mirror", {.content = "x"});
  EXPECT_EQ(usable.content, "x");
}
