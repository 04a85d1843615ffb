// Who goes on, and who is refused.

#include <asyncio/socket.hpp>

#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/sockets.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::Socket;
using support::is_a;
using support::loop;
using support::receive_exactly;

// --- turns --------------------------------------------------------------------------------------

// LOOP-081: in the same iteration
ASYNC_TEST(Socket, WhatNeedNotWaitDoesNot) {
  auto pair = asyncio::socketpair();
  co_await loop().sock_sendall(pair.first, std::string(100, 'x'));
  co_await loop().sock_recv(pair.second, 1);
  bool others_ran = false;
  loop().call_soon([&] { others_ran = true; });
  for (int i = 0; i < 5; ++i) co_await loop().sock_recv(pair.second, 1);
  EXPECT_FALSE(others_ran);
  co_await asyncio::sleep(0s);
}

// LOOP-081, failure 14
ASYNC_TEST(Socket, WhoNeverHasToWaitLetsOthersRunNowAndThen) {
  auto pair = asyncio::socketpair();
  const std::string sent = support::pattern(2000);
  co_await loop().sock_sendall(pair.first, sent);
  int iterations = 0;
  std::function<void()> count = [&] {
    if (++iterations < 1000) loop().call_soon(count);
  };
  loop().call_soon(count);
  std::string got;
  for (int i = 0; i < 2000; ++i) got += co_await loop().sock_recv(pair.second, 1);
  EXPECT_GE(iterations, 10);
  EXPECT_LE(iterations, 100);
  EXPECT_EQ(got, sent);
  iterations = 1000;
  co_await asyncio::sleep(0s);
}

// LOOP-081: what was received before others ran must not be theirs
ASYNC_TEST(Socket, ReadersThatTakeTurnsGetTheirOwnBytes) {
  constexpr int readers = 5;
  std::vector<asyncio::SocketPair> pairs;
  std::vector<asyncio::Task<std::string>> tasks;
  const auto read = [](Socket& socket) -> Coro<std::string> {
    std::string got;
    for (int i = 0; i < 3000; ++i) got += co_await loop().sock_recv(socket, 1);
    co_return got;
  };
  for (int i = 0; i < readers; ++i) {
    pairs.push_back(asyncio::socketpair());
    co_await loop().sock_sendall(pairs.back().first, std::string(3000, static_cast<char>('a' + i)));
  }
  for (auto& pair : pairs) tasks.push_back(asyncio::create_task(read(pair.second)));
  for (int i = 0; i < readers; ++i) {
    EXPECT_EQ(co_await tasks[static_cast<std::size_t>(i)],
              std::string(3000, static_cast<char>('a' + i)));
  }
}

// failure 14
ASYNC_TEST(Socket, ACallbackThatSchedulesItselfForEverDoesNotStarveASocketOrATimer) {
  auto pair = asyncio::socketpair();
  bool timer_fired = false;
  bool stop = false;
  loop().call_later(1ms, [&] { timer_fired = true; });
  std::function<void()> again = [&] {
    if (!stop) loop().call_soon(again);
  };
  loop().call_soon(again);
  auto receiving = asyncio::create_task(loop().sock_recv(pair.first, 10));
  co_await support::settle();
  EXPECT_EQ(::send(pair.second.fileno(), "x", 1, 0), 1);
  EXPECT_EQ(co_await receiving, "x");
  stop = true;
  co_await asyncio::sleep(2ms);
  EXPECT_TRUE(timer_fired);
}

// --- one at a time ------------------------------------------------------------------------------

// LOOP-088
ASYNC_TEST(Socket, SecondReaderIsRefused) {
  auto pair = asyncio::socketpair();
  auto first = asyncio::create_task(loop().sock_recv(pair.first, 10));
  co_await support::settle();
  EXPECT_EQ(co_await support::thrown_by_await(loop().sock_recv(pair.first, 10)),
            "RuntimeError: sock_recv(): another operation is already waiting to read "
            "here, so the task '" +
                asyncio::current_task()->get_name() +
                "' cannot; let one task do all of the reading, or use a Lock");
  co_await loop().sock_sendall(pair.second, "x");
  EXPECT_EQ(co_await first, "x");
}

// LOOP-088
ASYNC_TEST(Socket, SecondWriterIsRefusedAndTheBytesOfTheFirstStayTogether) {
  auto pair = asyncio::socketpair();
  const std::string sent = support::pattern(1'000'000);
  auto first = asyncio::create_task(loop().sock_sendall(pair.first, sent));
  co_await support::settle();
  const auto second = co_await asyncio::as_result(loop().sock_sendall(pair.first, "no"));
  EXPECT_TRUE(is_a<asyncio::RuntimeError>(second.error()));
  EXPECT_TRUE(co_await receive_exactly(pair.second, sent.size()) == sent);
  co_await first;
}

// LOOP-088: one that begins after the first was woken and before its turn
ASYNC_TEST(Socket, OfTwoReadersWhoMeetOneMayBeRefusedAndNothingIsLost) {
  auto pair = asyncio::socketpair();
  std::string got;
  const auto read = [&](int times) -> Coro<> {
    for (int i = 0; i < times; ++i) got += co_await loop().sock_recv(pair.first, 1);
  };
  auto first = asyncio::create_task(read(1));
  co_await support::settle();
  // It runs before the poll that wakes the first reader, and its task after that.
  std::optional<asyncio::Task<>> second;
  loop().call_soon([&] {
    EXPECT_EQ(::send(pair.second.fileno(), "a", 1, 0), 1);
    second = loop().create_task(read(2));
  });
  for (int i = 0; i < 4; ++i) co_await asyncio::sleep(0s);
  EXPECT_EQ(::send(pair.second.fileno(), "b", 1, 0), 1);
  pair.second.close();
  for (const auto& reader : {first, *second}) {
    const auto end = co_await asyncio::as_result(reader);
    EXPECT_TRUE(end.has_value() || is_a<asyncio::RuntimeError>(end.error()));
  }
  if (got.size() < 2) got += co_await loop().sock_recv(pair.first, 10);
  EXPECT_EQ(got, "ab");
}

// LOOP-075
ASYNC_TEST(Socket, ADescriptorOfASocketIsNotWatched) {
  auto pair = asyncio::socketpair();
  co_await loop().sock_sendall(pair.first, "x");
  for (const bool writing : {false, true}) {
    const std::string thrown = support::thrown_by([&] {
      if (writing) {
        loop().add_writer(pair.first.fileno(), [] {});
      } else {
        loop().add_reader(pair.first.fileno(), [] {});
      }
    });
    EXPECT_TRUE(thrown.starts_with("RuntimeError: descriptor ")) << thrown;
    EXPECT_FALSE(loop().remove_reader(pair.first.fileno()));
  }
  EXPECT_EQ(co_await loop().sock_recv(pair.second, 10), "x");
}

// LOOP-075: the other way round
ASYNC_TEST(Socket, AWatchedDescriptorIsNoSocketUntilItIsNotWatchedAnyMore) {
  auto pair = asyncio::socketpair();
  const int fd = pair.first.fileno();
  for (const bool writing : {false, true}) {
    if (writing) {
      loop().add_writer(fd, [] {});
    } else {
      loop().add_reader(fd, [] {});
    }
    const auto end = co_await asyncio::as_result(loop().sock_sendall(pair.first, "x"));
    EXPECT_TRUE(is_a<asyncio::RuntimeError>(end.error()));
    EXPECT_TRUE(writing ? loop().remove_writer(fd) : loop().remove_reader(fd));
    EXPECT_EQ(pair.first.fileno(), fd);
  }
  co_await loop().sock_sendall(pair.first, "x");
  EXPECT_EQ(co_await loop().sock_recv(pair.second, 10), "x");
}
