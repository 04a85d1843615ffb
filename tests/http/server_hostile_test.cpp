// Requests that one server may read in one way and another one in another: refused, and the
// connection ends with that. failures 83 and 86

#include <asyncio/http_server.hpp>

#include <asyncio/testing.hpp>

#include "support/http.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

using asyncio::Coro;
using asyncio::http::Reply;
using asyncio::http::Request;
using asyncio::http::Server;
using support::Answer;
using support::connected;
using support::ended;
using support::HttpClient;

namespace {

struct Attempt {
  std::string_view what;
  std::string_view head;  ///< before the empty line
  int status = 400;
};

using namespace std::string_view_literals;

constexpr Attempt attempts[] = {
    // two lengths
    {"length and chunks",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"},
    {"chunks and length",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5"},
    {"two lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6"},
    {"a length twice", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5"},
    {"a list of lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5"},
    {"a length of 0 and chunks",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nTransfer-Encoding: chunked"},
    {"another coding and a length",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\nContent-Length: 5", 501},
    // lengths that are none
    {"+5", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +5"},
    {"-5", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -5"},
    {"0x5", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x5"},
    {"5 5", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5 5"},
    {"no length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:"},
    {"quoted", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \"5\""},
    {"5.0", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5.0"},
    {"2^64", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551616"},
    // codings
    {"chunked twice",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked"},
    {"chunked, chunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked", 501},
    {"not the last", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity", 501},
    {"identity", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity", 501},
    {"xchunked", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked", 501},
    {"with a vertical tab",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \x0b"
     "chunked"},
    {"in HTTP/1.0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked"},
    // names
    {"a space before the colon", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 5"},
    {"a tab before the colon", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length\t: 5"},
    {"a space in a name", "GET / HTTP/1.1\r\nHost: h\r\nX Y: 5"},
    {"no name", "GET / HTTP/1.1\r\nHost: h\r\n: 5"},
    {"no colon", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length 5"},
    {"a name of bytes", "GET / HTTP/1.1\r\nHost: h\r\nX\xc3\xbc: 5"},
    {"NUL in a name", "GET / HTTP/1.1\r\nHost: h\r\nX\0Y: 5"sv},
    // lines
    {"a folded line", "GET / HTTP/1.1\r\nHost: h\r\nX: 1\r\n 2"},
    {"folded by a tab", "GET / HTTP/1.1\r\nHost: h\r\nX: 1\r\n\t2"},
    {"a folded first line", "GET / HTTP/1.1\r\n Host: h"},
    {"LF alone", "GET / HTTP/1.1\r\nHost: h\nX: 1"},
    {"LF alone after the request line", "GET / HTTP/1.1\nHost: h"},
    {"CR alone", "GET / HTTP/1.1\r\nHost: h\r\nX: 1\rY: 2"},
    {"CR CR LF", "GET / HTTP/1.1\r\nHost: h\r\r\nX: 1"},
    {"NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b"sv},
    {"DEL in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x7f"},
    // the request line
    {"a space before", " GET / HTTP/1.1\r\nHost: h"},
    {"two spaces", "GET  / HTTP/1.1\r\nHost: h"},
    {"a space behind", "GET / HTTP/1.1 \r\nHost: h"},
    {"a space in the target", "GET /a b HTTP/1.1\r\nHost: h"},
    {"a tab", "GET\t/ HTTP/1.1\r\nHost: h"},
    {"NUL in the target", "GET /\0 HTTP/1.1\r\nHost: h"sv},
    {"NUL that is encoded", "GET /a%00b HTTP/1.1\r\nHost: h"},
    {"a fragment", "GET /a#b HTTP/1.1\r\nHost: h"},
    {"no path", "GET a HTTP/1.1\r\nHost: h"},
    {"no host in a URL", "GET http:///a HTTP/1.1\r\nHost: h"},
    {"a user in a URL", "GET http://a@b/ HTTP/1.1\r\nHost: h"},
    {"another scheme", "GET ftp://h/ HTTP/1.1\r\nHost: h"},
    {"* for GET", "GET * HTTP/1.1\r\nHost: h"},
    {"no target", "GET HTTP/1.1\r\nHost: h"},
    {"no version", "GET /\r\nHost: h"},
    {"no method", "/ HTTP/1.1\r\nHost: h"},
    {"a bad method", "G{}T / HTTP/1.1\r\nHost: h"},
    {"a small http", "GET / http/1.1\r\nHost: h"},
    {"another protocol", "GET / ICAP/1.0\r\nHost: h"},
    {"HTTP/2", "PRI * HTTP/2.0", 505},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h", 505},
    {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: h", 505},
    {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: h"},
    // hosts
    {"no Host", "GET / HTTP/1.1\r\nX: 1"},
    {"nothing but the request line", "GET / HTTP/1.1"},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: i"},
    {"a Host with a path", "GET / HTTP/1.1\r\nHost: h/x"},
    {"a Host with a user", "GET / HTTP/1.1\r\nHost: a@h"},
    {"a Host with a space", "GET / HTTP/1.1\r\nHost: a b"},
    // others
    {"another Expect", "GET / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok", 417},
    {"garbage", "\x16\x03\x01\x02\x00\x01"sv},
};

}  // namespace

ASYNC_TEST(HttpHostile, IsRefusedAndWhatFollowsIsNoRequest) {
  Server server;
  int handled = 0;
  server.fallback([&](Request&) {
    ++handled;
    return Reply();
  });
  for (const Attempt& attempt : attempts) {
    const HttpClient client = co_await connected(server);
    client.send(std::string(attempt.head) + "\r\n\r\n");
    client.get("/smuggled");
    const Answer answer = co_await client.answer();
    EXPECT_EQ(answer.status, attempt.status) << attempt.what << ": " << answer.content;
    EXPECT_EQ(answer.header("Connection"), "close") << attempt.what;
    EXPECT_EQ(co_await client.rest(), "") << attempt.what;
    co_await client.close();
  }
  EXPECT_EQ(handled, 0);
  co_await ended(server);
}

ASYNC_TEST(HttpHostile, HasNoWayIntoTheHeadersOfAnAnswer) {
  Server server;
  server.get("/", [](Request& request) {
    Reply reply("content");
    const std::string wish = request.query_value("wish").value();
    EXPECT_THROW(reply.headers.set("X-Wish", wish), std::invalid_argument);
    EXPECT_THROW(reply.headers.set(wish, "x"), std::invalid_argument);
    return reply;
  });
  for (const char* wish : {"a%0d%0aSet-Cookie:+x", "a%0ab", "a%0db", "a%00b"}) {
    const Answer answer = co_await support::get(server, std::string("/?wish=") + wish);
    EXPECT_EQ(answer.content, "content");
    EXPECT_EQ(answer.head.find("Cookie"), std::string::npos);
  }
  co_await ended(server);
}
