// Answers that are taken piece by piece.

#include <asyncio/http.hpp>

#include "support/canned_server.hpp"
#include "support/errors.hpp"
#include "support/pattern.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::http::Client;
using asyncio::http::ResponseStream;
using support::CannedServer;
using support::thrown_by_await;

ASYNC_TEST(HttpStream, GivesTheHeadersFirstAndThenEachPiece) {
  asyncio::Event go_on;
  auto server = co_await asyncio::start_server(
      [&](asyncio::StreamReader reader, asyncio::StreamWriter writer) -> Coro<> {
        co_await reader.readuntil("\r\n\r\n");
        writer.write("HTTP/1.1 200 OK\r\nX: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        co_await go_on.wait();
        writer.write("3\r\ntwo\r\n0\r\n\r\n");
        co_await writer.drain();
      },
      "127.0.0.1", 0);
  const Client client;
  const std::string url = "http://" + server.sockets().at(0).str() + "/";
  ResponseStream stream = co_await client.stream("GET", url);
  EXPECT_EQ(stream.status_code, 200);
  EXPECT_EQ(stream.headers.get("X"), "1");
  EXPECT_EQ(co_await stream.next(), "one");
  const asyncio::Duration first = stream.elapsed;
  auto waits = asyncio::create_task(stream.next());
  co_await asyncio::sleep(5ms);
  waits.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(waits)).cancelled());
  go_on.set();
  EXPECT_EQ(co_await stream.next(), "two");
  EXPECT_EQ(co_await stream.next(), std::nullopt);
  EXPECT_GE(stream.elapsed, first + 5ms);
  EXPECT_EQ(co_await stream.next(), std::nullopt);
  server.close();
  co_await server.wait_closed();
}

ASYNC_TEST(HttpStream, LinesAreTheSameHoweverTheyArrive) {
  CannedServer server;
  co_await server.start();
  server.answer("/",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                "2\r\nab\r\n3\r\nc\nd\r\n2\r\n\r\n\r\n4\r\n\ngh \r\n1\r\ni\r\n0\r\n\r\n");
  const Client client;
  const std::string url = server.url();
  ResponseStream stream = co_await client.stream("GET", url);
  std::vector<std::string> lines;
  while (auto line = co_await stream.next_line()) lines.push_back(*line);
  EXPECT_EQ(lines, (std::vector<std::string>{"abc", "d", "", "gh i"}));
  co_await server.stop();
}

ASYNC_TEST(HttpStream, ReadsNoMoreThanIsTaken) {
  std::size_t written = 0;
  auto server = co_await asyncio::start_server(
      [&](asyncio::StreamReader reader, asyncio::StreamWriter writer) -> Coro<> {
        co_await reader.readuntil("\r\n\r\n");
        writer.write("HTTP/1.1 200 OK\r\n\r\n");
        const std::string block = support::pattern(65536);
        for (int i = 0; i < 1000; ++i) {
          writer.write(block);
          auto drained = co_await asyncio::as_result(writer.drain());
          if (!drained) co_return;
          written += block.size();
        }
      },
      "127.0.0.1", 0);
  const Client client({.timeout = {.read = 100ms}});
  const std::string url = "http://" + server.sockets().at(0).str() + "/";
  ResponseStream stream = co_await client.stream("GET", url);
  co_await asyncio::sleep(300ms);  // longer than the server may be silent
  EXPECT_LT(written, std::size_t{20'000'000});
  std::size_t taken = 0;
  std::string begin;
  while (auto piece = co_await stream.next()) {
    if (taken < 65536) begin += *piece;
    taken += piece->size();
  }
  EXPECT_EQ(taken, std::size_t{65'536'000});
  EXPECT_EQ(begin.substr(0, 65536), support::pattern(65536));
  server.close();
  co_await server.wait_closed();
}

ASYNC_TEST(HttpStream, OneThatIsDroppedFreesItsConnection) {
  CannedServer server;
  co_await server.start();
  server.answer("/", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin");
  server.page("/next", "next");
  const std::string base = server.url();
  const Client client({.base_url = base, .limits = {.max_connections = 1}});
  {
    ResponseStream stream = co_await client.stream("GET", "/");
    EXPECT_EQ(co_await stream.next(), "begin");
  }
  EXPECT_EQ((co_await client.get("/next")).content, "next");
  ResponseStream closed = co_await client.stream("GET", "/");
  closed.close();
  closed.close();
  EXPECT_EQ((co_await client.get("/next")).content, "next");
  co_await server.stop();
}

ASYNC_TEST(HttpStream, WhatHasComeIsGivenBeforeTheError) {
  CannedServer server;
  co_await server.start();
  server.answer("/", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1000\r\n\r\nbegin");
  const Client client;
  const std::string url = server.url();
  ResponseStream stream = co_await client.stream("GET", url);
  EXPECT_EQ(co_await stream.next(), "begin");
  const std::string error = co_await thrown_by_await(stream.next());
  EXPECT_EQ(error.substr(0, error.find(':', 6)), "http::RemoteProtocolError") << error;
  co_await server.stop();
}

ASYNC_TEST(HttpStream, ForEachTakesOne) {
  CannedServer server;
  co_await server.start();
  server.page("/", "all of it");
  const Client client;
  const std::string url = server.url();
  ResponseStream stream = co_await client.stream("GET", url);
  std::string got;
  auto take = [&](const std::string& piece) { got += piece; };
  co_await asyncio::for_each(stream, take);
  EXPECT_EQ(got, "all of it");
  co_await server.stop();
}

ASYNC_TEST(HttpStream, GivesWhatCameBeforeAnErrorEvenIfItCameAtOnce) {
  CannedServer server;
  co_await server.start();
  server.answer("/cut",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\nno chunk\r\n");
  server.answer("/garbage",
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone");
  const Client client;
  const std::string cut = server.url("/cut");
  ResponseStream one = co_await client.stream("GET", cut);
  EXPECT_EQ(co_await one.next(), "one");
  const std::string error = co_await thrown_by_await(one.next());
  EXPECT_NE(error.find("http::RemoteProtocolError"), std::string::npos) << error;
  const std::string garbage = server.url("/garbage");
  ResponseStream none = co_await client.stream("GET", garbage);
  EXPECT_EQ(none.status_code, 200);
  const std::string wrong = co_await thrown_by_await(none.read());
  EXPECT_NE(wrong.find("http::DecodingError"), std::string::npos) << wrong;
  co_await server.stop();
}
