// Bodies that are compressed, or say so.

#include "servers_probe.hpp"

#include "support/errors.hpp"
#include "support/sanitizers.hpp"

#include <string>

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

SERVERS_TEST(Gzip) {
  const Client client({.base_url = where("HTTP")});
  const Response packed = co_await client.get("/gzip/100K");
  EXPECT_EQ(packed.content, numbered(102400));
  EXPECT_EQ(packed.headers.get("Content-Encoding"), "gzip");
  EXPECT_FALSE(packed.headers.contains("Content-Length"));
  const Response large = co_await client.get("/gzip/30M");
  EXPECT_TRUE(large.content == numbered(31457280)) << large.content.size();
  ResponseStream streamed = co_await client.stream("GET", "/gzip/30M");
  EXPECT_EQ(streamed.headers.get("Content-Encoding"), "gzip");
  std::size_t at = 0;
  while (const auto piece = co_await streamed.next()) {
    EXPECT_TRUE(*piece == numbered(piece->size(), at)) << at;
    at += piece->size();
  }
  EXPECT_EQ(at, 31457280U);
  const Response head = co_await client.head("/gzip/100K");
  EXPECT_EQ(head.status_code, 200);
  EXPECT_EQ(head.content, "");
  const Headers plain = {{"Accept-Encoding", "identity"}};
  const Response as_it_is = co_await client.get("/gzip/100K", {.headers = plain});
  EXPECT_EQ(as_it_is.content, numbered(102400));
  EXPECT_EQ(as_it_is.headers.get("Content-Encoding"), std::nullopt);
  EXPECT_EQ(connection(as_it_is), connection(packed));
}

SERVERS_TEST(Codings) {
  const Client client({.base_url = where("ORIGIN")});
  const Response echo = co_await client.get("/echo");
  EXPECT_TRUE(has(echo.content, "\nAccept-Encoding: deflate, gzip")) << echo.content;
  for (const char* coding : {"gzip", "deflate", "br", "zstd"}) {
    const std::string name(coding);
    if (!has(echo.content, name)) continue;  // this libcurl cannot
    const Response answer = co_await client.get("/packed?as=" + name);
    EXPECT_EQ(answer.content, "hello") << name;
    EXPECT_EQ(answer.headers.get("Content-Encoding"), name);
    const std::string wrong = co_await thrown_by_await(client.get("/packed?wrong=1&as=" + name));
    EXPECT_EQ(type_of(wrong), "http::DecodingError") << name << ": " << wrong;
  }
}

SERVERS_TEST(GzipBroken) {
  const Client client({.base_url = std::string(where("HTTP")) + "/packed/"});
  EXPECT_EQ((co_await client.get("whole")).content, numbered(102400));
  EXPECT_EQ((co_await client.get("empty")).content, "");
  for (const char* name : {"garbage", "damaged"}) {
    const std::string error = co_await thrown_by_await(client.get(name));
    EXPECT_EQ(type_of(error), "http::DecodingError") << name << ": " << error;
    ResponseStream stream = co_await client.stream("GET", name);
    EXPECT_EQ(stream.status_code, 200);
    const std::string later = co_await thrown_by_await(stream.read());
    EXPECT_EQ(type_of(later), "http::DecodingError") << name << ": " << later;
  }
  // That its end is missing is seen by its length or its chunks, not by what is in it: libcurl does
  // not tell.
  const Response truncated = co_await client.get("truncated");
  EXPECT_TRUE(numbered(102400).starts_with(truncated.content));
  EXPECT_GT(truncated.content.size(), 10'000U);
  EXPECT_LT(truncated.content.size(), 102400U);
  EXPECT_EQ((co_await client.get("whole")).content, numbered(102400));
}

// 200 MiB of zeros, in 200 KiB.
SERVERS_TEST(GzipBomb) {
  const std::string base = std::string(where("HTTP")) + "/packed/";
  const Client client({.base_url = base, .max_response_bytes = 1 << 20});
  const double before = probe::peak();
  probe::begin_peak();
  const std::string error = co_await thrown_by_await(client.get("bomb"));
  EXPECT_EQ(type_of(error), "http::ResponseTooLarge") << error;
  EXPECT_TRUE(has(error, "1048576 bytes")) << error;
  if (!support::under_asan && !support::under_tsan) {
    EXPECT_LT(probe::peak() - before, 4);
  }
  ResponseStream whole = co_await client.stream("GET", "bomb");
  EXPECT_EQ(type_of(co_await thrown_by_await(whole.read())), "http::ResponseTooLarge");

  ResponseStream stream = co_await client.stream("GET", "bomb");
  std::size_t size = 0;
  std::size_t others = 0;
  while (const auto piece = co_await stream.next()) {
    size += piece->size();
    others += piece->find_first_not_of('\0') != std::string::npos ? 1U : 0U;
    co_await asyncio::sleep(asyncio::Duration());
  }
  EXPECT_EQ(size, std::size_t{200} << 20);
  EXPECT_EQ(others, 0U);
  if (!support::under_asan && !support::under_tsan) {
    EXPECT_LT(probe::peak() - before, 80);  // 16 MiB, which 16 KiB make, and what is made of it
  }
}

// A thousand times as much: of 32 KiB.
SERVERS_TEST(ZstdBomb) {
  const Client client({.base_url = where("ORIGIN"), .max_response_bytes = 1 << 20});
  const Response echo = co_await client.get("/echo");
  if (!has(echo.content, "zstd")) co_return;  // this libcurl cannot
  const double before = probe::peak();
  probe::begin_peak();
  const std::string error = co_await thrown_by_await(client.get("/packed?as=zstd&bomb=1"));
  EXPECT_EQ(type_of(error), "http::ResponseTooLarge") << error;
  ResponseStream stream = co_await client.stream("GET", "/packed?as=zstd&bomb=1");
  EXPECT_EQ(stream.headers.get("Content-Encoding"), "zstd");
  const std::string later = co_await thrown_by_await(stream.read());
  EXPECT_EQ(type_of(later), "http::ResponseTooLarge") << later;
  ResponseStream piecewise = co_await client.stream("GET", "/packed?as=zstd&bomb=1");
  std::string last;
  for (std::size_t i = 0; last.empty() && i < 100'000; ++i) {
    const asyncio::Result<std::optional<std::string>> piece =
        co_await asyncio::as_result(piecewise.next());
    if (!piece) last = support::text_of(piece.error());
    co_await asyncio::sleep(asyncio::Duration());
  }
  EXPECT_TRUE(has(last, "a piece of its body has more than 64 MiB, decompressed")) << last;
  if (!support::under_asan && !support::under_tsan) {
    EXPECT_LT(probe::peak() - before, 160);
  }
}
