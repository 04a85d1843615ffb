// In which order datagrams come, and where that is among callbacks. What each test expects is what
// CPython 3.13 prints for the same steps.

#include <asyncio/asyncio.hpp>
#include <asyncio/datagram.hpp>
#include <asyncio/testing.hpp>

#include "support/line.hpp"
#include "support/shuffled.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using asyncio::Address;
using asyncio::Coro;
using asyncio::DatagramTransport;
using asyncio::Socket;
using support::passes;
using support::shuffled;
using Log = std::vector<std::string>;

namespace {

asyncio::EventLoop& loop() { return asyncio::get_running_loop(); }

void soon(Log& log, const std::string& line) {
  loop().call_soon([&log, line] { log.push_back(line); });
}

/// "made", each datagram, "lost"; and of all of them "soon of ..." when their call_soon() has come.
struct Recorder : asyncio::DatagramProtocol {
  explicit Recorder(Log& l) : log(l) {}
  void connection_made(const DatagramTransport&) override { tell("made"); }
  void datagram_received(std::string_view data, const Address&) override {
    tell(std::string(data));
  }
  void connection_lost(std::exception_ptr) override { tell("lost"); }
  void tell(const std::string& line) {
    log.push_back(line);
    soon(log, "soon of " + line);
  }
  Log& log;
};

void send(const Socket& socket, std::string_view text) {
  EXPECT_EQ(::send(socket.fileno(), text.data(), text.size(), 0),
            static_cast<ssize_t>(text.size()));
}

struct Line {
  DatagramTransport transport;
  Socket peer;
};

/// An endpoint to which nothing has come yet.
Coro<Line> quiet_line(Log& log) {
  auto pair = asyncio::socketpair(Socket::Type::datagram);
  auto factory = [&log] { return std::make_unique<Recorder>(log); };
  auto made = co_await loop().create_datagram_endpoint(factory, std::move(pair.first));
  co_await passes(3);
  log.clear();
  co_return Line{made.transport, std::move(pair.second)};
}

/// "creator N" after the N-th pass, and what is to be done then.
Coro<> creator(Log& log, int count, std::map<int, std::function<void()>>& acts) {
  for (int pass = 1; pass <= count; ++pass) {
    co_await passes(1);
    log.push_back("creator " + std::to_string(pass));
    if (const auto act = acts.find(pass); act != acts.end()) act->second();
  }
}

/// close(), until nothing more is told.
Coro<> over(const DatagramTransport& transport) {
  transport.close();
  co_await passes(3);
}

using Acts = std::map<int, std::function<void()>>;

/// Answers a number with the next one, up to 4.
struct Counter : asyncio::DatagramProtocol {
  Counter(Log& l, std::string n) : log(l), name(std::move(n)) {}
  void connection_made(const DatagramTransport& made) override { transport = made; }
  void datagram_received(std::string_view data, const Address&) override {
    log.push_back(name + std::string(data));
    const int number = std::stoi(std::string(data));
    if (number < 4) transport->sendto(std::to_string(number + 1));
  }
  void connection_lost(std::exception_ptr) override { transport.reset(); }
  Log& log;
  std::string name;
  std::optional<DatagramTransport> transport;
};

Coro<DatagramTransport> counter(Log& log, const char* name, Socket socket) {
  auto factory = [&] { return std::make_unique<Counter>(log, name); };
  auto made = co_await loop().create_datagram_endpoint(factory, std::move(socket));
  co_return made.transport;
}

}  // namespace

// NET-118
ASYNC_TEST(DatagramOrder, OneIsReceivedInEachIteration) {
  if (shuffled()) co_return;
  Log log;
  const Line line = co_await quiet_line(log);
  for (const char* text : {"a", "b", "c"}) send(line.peer, text);
  Acts none;
  co_await creator(log, 5, none);
  EXPECT_EQ(log, (Log{"creator 1", "a", "creator 2", "soon of a", "b", "creator 3", "soon of b",
                      "c", "creator 4", "soon of c", "creator 5"}));
  co_await over(line.transport);
}

// NET-118
ASYNC_TEST(DatagramOrder, WhatIsSentAfterAPollWaitsForTheNextOne) {
  if (shuffled()) co_return;
  Log log;
  const Line line = co_await quiet_line(log);
  send(line.peer, "a");
  Acts acts{{2, [&] { send(line.peer, "b"); }}, {3, [&] { send(line.peer, "c"); }}};
  co_await creator(log, 6, acts);
  EXPECT_EQ(log, (Log{"creator 1", "a", "creator 2", "soon of a", "creator 3", "b", "creator 4",
                      "soon of b", "c", "creator 5", "soon of c", "creator 6"}));
  co_await over(line.transport);
}

// NET-118
ASYNC_TEST(DatagramOrder, AnAnswerTakesAnIteration) {
  if (shuffled()) co_return;
  Log log;
  auto pair = asyncio::socketpair(Socket::Type::datagram);
  const DatagramTransport first = co_await counter(log, "one", std::move(pair.first));
  const DatagramTransport second = co_await counter(log, "two", std::move(pair.second));
  co_await passes(3);
  first.sendto("0");
  Acts none;
  co_await creator(log, 6, none);
  EXPECT_EQ(log, (Log{"creator 1", "two0", "creator 2", "one1", "creator 3", "two2", "creator 4",
                      "one3", "creator 5", "two4", "creator 6"}));
  co_await over(first);
  co_await over(second);
}

// NET-113
ASYNC_TEST(DatagramOrder, CreatorGoesOnBeforeTheFirstDatagram) {
  if (shuffled()) co_return;
  Log log;
  auto pair = asyncio::socketpair(Socket::Type::datagram);
  send(pair.second, "x");
  auto factory = [&] { return std::make_unique<Recorder>(log); };
  auto made = co_await loop().create_datagram_endpoint(factory, std::move(pair.first));
  log.emplace_back("creator 0");
  soon(log, "soon of creator");
  Acts none;
  co_await creator(log, 3, none);
  EXPECT_EQ(log, (Log{"made", "soon of made", "creator 0", "x", "soon of creator", "creator 1",
                      "soon of x", "creator 2", "creator 3"}));
  co_await over(made.transport);
}

// NET-118
ASYNC_TEST(DatagramOrder, WhatHasComeIsDroppedByClose) {
  if (shuffled()) co_return;
  Log log;
  const Line line = co_await quiet_line(log);
  for (const char* text : {"a", "b"}) send(line.peer, text);
  loop().call_soon([&] {  // in the iteration that finds it
    log.emplace_back("closing");
    line.transport.close();
  });
  Acts none;
  co_await creator(log, 4, none);
  EXPECT_EQ(log, (Log{"closing", "creator 1", "lost", "creator 2", "soon of lost", "creator 3",
                      "creator 4"}));
}
