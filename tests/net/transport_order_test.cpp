// In which order a protocol is called, and where that is among callbacks. What each test expects is
// what CPython 3.13 prints for the same steps.

#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/transports.hpp>

#include "support/backend.hpp"
#include "support/line.hpp"
#include "support/protocols.hpp"
#include "support/shuffled.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <string>

using asyncio::Coro;
using support::Line;
using support::Log;
using support::on_the_ring;
using support::passes;
using support::Script;
using support::shuffled;

namespace {

struct SoonScript : Script {
  SoonScript() { soons = true; }
};

/// A connection to which nothing has come yet.
Coro<Line> quiet_line_to(Script& script) {
  Line line = co_await support::line_to(script);
  co_await passes(3);
  script.log.clear();
  co_return line;
}

// A script holds its transport until its test ends, after the loop's; that is asked for elsewhere.
Coro<> over(Script& script) {
  EXPECT_TRUE(co_await support::until([&] { return script.has("soon of lost"); }));
  script.transport.reset();
}

}  // namespace

// NET-057, NET-084
ASYNC_TEST(TransportOrder, CreatorGoesOnAfterConnectionMadeAndBeforeTheFirstData) {
  if (shuffled()) co_return;
  SoonScript script;
  asyncio::SocketPair pair = asyncio::socketpair();
  ::send(pair.second.fileno(), "data", 4, 0);
  auto& loop = asyncio::get_running_loop();
  auto factory = [&] { return std::make_unique<support::Recorder>(script); };
  auto [transport, protocol] = co_await loop.create_connection(factory, std::move(pair.first));
  script.log.emplace_back("creator");
  script.soon("soon of creator");
  EXPECT_TRUE(co_await support::until([&] { return script.has("soon of data"); }));
  transport.abort();
  co_await over(script);
  EXPECT_EQ(script.log, (Log{"made", "soon of made", "creator", "data", "soon of creator",
                             "soon of data", "lost", "soon of lost"}));
}

// NET-083
ASYNC_TEST(TransportOrder, DataEndAndLossComeInATurnEach) {
  if (shuffled()) co_return;
  SoonScript script;
  asyncio::SocketPair pair = asyncio::socketpair();
  ::send(pair.second.fileno(), "data", 4, 0);
  pair.second.close();
  auto& loop = asyncio::get_running_loop();
  auto factory = [&] { return std::make_unique<support::Recorder>(script); };
  auto [transport, protocol] = co_await loop.create_connection(factory, std::move(pair.first));
  script.log.emplace_back("creator");
  script.soon("soon of creator");
  co_await over(script);
  EXPECT_EQ(script.log, (Log{"made", "soon of made", "creator", "data", "soon of creator",
                             "soon of data", "eof", "soon of eof", "lost", "soon of lost"}));
}

// NET-101
ASYNC_TEST(TransportOrder, CloseEndsTheConnectionByCallSoon) {
  if (shuffled()) co_return;
  SoonScript script;
  const Line line = co_await quiet_line_to(script);
  script.soon("before");
  line.transport.close();
  script.soon("after");
  script.log.emplace_back("closed");
  co_await over(script);
  EXPECT_EQ(script.log, (Log{"closed", "before", "lost", "after", "soon of lost"}));
}

// NET-102
ASYNC_TEST(TransportOrder, AbortEndsTheConnectionByCallSoonAlsoIfDataIsDue) {
  if (shuffled()) co_return;
  SoonScript script;
  const Line line = co_await quiet_line_to(script);
  line.send("data");
  asyncio::get_running_loop().call_soon([&] {  // in the iteration that finds the data
    script.soon("before");
    line.transport.abort();
    script.soon("after");
    script.log.emplace_back("aborted");
  });
  co_await over(script);
  EXPECT_EQ(script.log, (Log{"aborted", "before", "lost", "after", "soon of lost"}));
}

// NET-101, NET-108, NET-109
ASYNC_TEST(TransportOrder, WhatWasWrittenIsSentBeforeTheLoss) {
  if (shuffled()) co_return;
  SoonScript script;
  const Line line = co_await support::narrow_line_to(script);
  co_await passes(3);
  script.log.clear();
  const std::string text = support::pattern(1'000'000);
  line.transport.write(text);
  script.log.emplace_back("wrote");
  line.transport.close();
  script.log.emplace_back("closed");
  EXPECT_TRUE(co_await support::all_from(line, text.size()) == text);
  co_await over(script);
  EXPECT_EQ(script.log, (Log{"pause", "wrote", "closed", "soon of pause", "resume",
                             "soon of resume", "lost", "soon of lost"}));
}

// NET-101, NET-109: what goes out with the last bytes comes in their turn.
ASYNC_TEST(TransportOrder, TheLossIsInTheTurnOfTheLastBytes) {
  if (shuffled()) co_return;
  SoonScript script;
  const Line line = co_await support::line_to(script);
  co_await passes(3);
  line.transport.set_write_buffer_limits(0);
  script.log.clear();
  std::size_t size = 0;
  const std::string piece(8000, 'x');  // not so small that a backend would send it behind
  for (; line.transport.get_write_buffer_size() == 0; size += piece.size()) {
    line.transport.write(piece);
  }
  line.transport.close();
  EXPECT_EQ((co_await support::all_from(line, size)).size(), size);
  co_await over(script);
  EXPECT_EQ(script.log,
            (Log{"pause", "soon of pause", "resume", "lost", "soon of resume", "soon of lost"}));
}

// NET-111
ASYNC_TEST(TransportOrder, ReadingGoesOnAtTheNextPoll) {
  if (shuffled()) co_return;
  SoonScript script;
  const Line line = co_await quiet_line_to(script);
  line.transport.pause_reading();
  line.send("data");
  co_await asyncio::sleep(std::chrono::milliseconds(2));  // the loop knows of it
  line.transport.resume_reading();
  script.soon("after resume");
  script.log.emplace_back("resumed");
  EXPECT_TRUE(co_await support::until([&] { return script.has("soon of data"); }));
  EXPECT_EQ(script.log, (Log{"resumed", "after resume", "data", "soon of data"}));
  line.transport.abort();
  co_await over(script);
}

// NET-083
ASYNC_TEST(TransportOrder, TasksGoOnBetweenDataAndItsEnd) {
  if (shuffled()) co_return;
  SoonScript script;
  Line line = co_await quiet_line_to(script);
  line.send(on_the_ring() ? "onetwo" : "one");
  script.soon("soon");
  co_await passes(1);
  script.log.emplace_back("creator 1");
  if (!on_the_ring()) line.send("two");  // before the turn of the read
  co_await passes(1);
  script.log.emplace_back("creator 2");
  line.peer.close();
  co_await passes(1);
  script.log.emplace_back("creator 3");
  co_await over(script);
  EXPECT_EQ(script.log, (Log{"soon", "creator 1", "onetwo", "creator 2", "soon of data",
                             "creator 3", "eof", "soon of eof", "lost", "soon of lost"}));
}

// NET-083, NET-111
ASYNC_TEST(TransportOrder, TasksGoOnBetweenResumingAndTheEnd) {
  if (shuffled()) co_return;
  SoonScript script;
  Line line = co_await quiet_line_to(script);
  line.transport.pause_reading();
  line.transport.resume_reading();
  co_await passes(1);
  script.log.emplace_back("creator 1");
  line.peer.close();
  co_await passes(1);
  script.log.emplace_back("creator 2");
  co_await over(script);
  EXPECT_EQ(script.log,
            (Log{"creator 1", "creator 2", "eof", "soon of eof", "lost", "soon of lost"}));
}

// NET-087, NET-098
ASYNC_TEST(TransportOrder, ConnectionThatIsKeptOpenAtTheEndEndsByClose) {
  if (shuffled()) co_return;
  SoonScript script;
  script.keep_open = true;
  const Line line = co_await support::line_to(script);
  line.send("data");
  ::shutdown(line.peer.fileno(), SHUT_WR);
  EXPECT_TRUE(co_await support::until([&] { return script.has("soon of eof"); }));
  script.log.emplace_back("write");
  line.transport.write("hello");
  line.transport.write_eof();
  line.transport.write_eof();
  script.log.emplace_back("wrote eof");
  EXPECT_EQ(co_await support::all_from(line, 100), "hello");
  line.transport.close();
  script.log.emplace_back("closed");
  co_await over(script);
  EXPECT_EQ(script.log, (Log{"made", "soon of made", "data", "soon of data", "eof", "soon of eof",
                             "write", "wrote eof", "closed", "lost", "soon of lost"}));
}

// NET-100
ASYNC_TEST(TransportOrder, ErrorOfAWriteEndsTheConnectionByCallSoon) {
  if (shuffled()) co_return;
  SoonScript script;
  Line line = co_await quiet_line_to(script);
  line.transport.pause_reading();
  line.peer.close();
  script.soon("before");
  line.transport.write("x");
  if (!line.transport.is_closing()) co_await passes(1);  // a backend may send behind
  script.log.emplace_back("wrote");
  script.soon("after");
  co_await over(script);
  EXPECT_EQ(script.log, (Log{"wrote", "before", "lost", "after", "soon of lost"}));
}

// NET-101
ASYNC_TEST(TransportOrder, CloseWhileDataIsReceivedEndsTheConnectionByCallSoon) {
  if (shuffled()) co_return;
  SoonScript script;
  const Line line = co_await quiet_line_to(script);
  script.acts["data"] = [&] {
    script.transport->close();
    script.log.emplace_back("closed");
  };
  line.send("data");
  co_await over(script);
  EXPECT_EQ(script.log, (Log{"data", "closed", "soon of data", "lost", "soon of lost"}));
}

// NET-083, NET-084: on a server's side.
ASYNC_TEST(TransportOrder, ServersCallTheirProtocolsInTheSameOrder) {
  if (shuffled()) co_return;
  SoonScript script;
  auto& loop = asyncio::get_running_loop();
  auto factory = [&] { return std::make_unique<support::Recorder>(script); };
  auto server = co_await loop.create_server(factory, "127.0.0.1", 0, asyncio::ServerOptions());
  asyncio::Socket client(asyncio::Address::Family::ipv4);
  co_await loop.sock_connect(client, server.sockets().at(0));
  ::send(client.fileno(), "data", 4, 0);
  EXPECT_TRUE(co_await support::until([&] { return script.has("soon of data"); }));
  client.close();
  co_await over(script);
  EXPECT_EQ(script.log, (Log{"made", "soon of made", "data", "soon of data", "eof", "soon of eof",
                             "lost", "soon of lost"}));
  server.close();
  co_await server.wait_closed();
}

// NET-083: what is aborted before it was begun begins and ends all the same.
ASYNC_TEST(TransportOrder, ConnectionThatIsAbortedAtOnceIsMadeAndLost) {
  Script script;
  auto& loop = asyncio::get_running_loop();
  std::optional<asyncio::Server> server;
  auto factory = [&] {
    loop.call_soon([&] { server->abort_clients(); });
    return std::make_unique<support::Recorder>(script);
  };
  server = co_await loop.create_server(factory, "127.0.0.1", 0, asyncio::ServerOptions());
  asyncio::Socket client(asyncio::Address::Family::ipv4);
  co_await loop.sock_connect(client, server->sockets().at(0));
  EXPECT_TRUE(co_await support::until([&] { return script.has("lost"); }));
  EXPECT_EQ(script.log, (Log{"made", "lost"}));
  script.transport.reset();
  server->close();
  co_await server->wait_closed();
}
