// How connections of protocols end, and that nothing is left of them.

#include <asyncio/error.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/transports.hpp>

#include "support/errors.hpp"
#include "support/line.hpp"
#include "support/log_capture.hpp"
#include "support/protocols.hpp"
#include "testing/leftovers.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::testing::detail::Leftovers;
using support::Line;
using support::Log;
using support::Script;
using support::until;

namespace {

Coro<> lost(Script& script) {
  EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
  script.transport.reset();
}

/// As most protocols do, it keeps its transport for ever.
struct Keeper : asyncio::Protocol {
  explicit Keeper(int& n) : alive(n) { ++alive; }
  ~Keeper() override {
    --alive;
    if (at_the_end) at_the_end(*transport);
  }
  void connection_made(const asyncio::Transport& t) override { transport = t; }

  int& alive;
  std::optional<asyncio::Transport> transport;
  std::function<void(const asyncio::Transport&)> at_the_end;
};

}  // namespace

// NET-089, NET-101
ASYNC_TEST(TransportClose, CloseSendsWhatWasWrittenAndEndsWithoutAnError) {
  Script script;
  const Line line = co_await support::narrow_line_to(script);
  const std::string text = support::pattern(1'000'000);
  line.transport.write(text);
  line.transport.close();
  EXPECT_TRUE(line.transport.is_closing());
  EXPECT_FALSE(script.has("lost"));
  EXPECT_TRUE(co_await support::all_from(line, text.size() + 1) == text);
  EXPECT_TRUE(line.ended());
  co_await lost(script);
  EXPECT_EQ(script.error, nullptr);
  EXPECT_EQ(line.transport.fileno(), -1);
  EXPECT_TRUE(line.transport.is_closing());
}

// NET-089, NET-102
ASYNC_TEST(TransportClose, AbortDropsWhatIsUnsent) {
  Script script;
  const Line line = co_await support::narrow_line_to(script);
  line.transport.write(support::pattern(1'000'000));
  line.transport.abort();
  EXPECT_TRUE(line.transport.is_closing());
  EXPECT_EQ(line.transport.get_write_buffer_size(), 0U);
  EXPECT_FALSE(script.has("lost"));
  co_await lost(script);
  EXPECT_EQ(script.error, nullptr);
  EXPECT_LT((co_await support::all_from(line, 1'000'000)).size(), 900'000U);
  EXPECT_TRUE(line.ended());
}

// NET-103
ASYNC_TEST(TransportClose, RepeatedClosesAndAbortsAreOneEnd) {
  Script script;
  const Line line = co_await support::narrow_line_to(script);
  line.transport.write(support::pattern(1'000'000));
  for (int i = 0; i < 3; ++i) line.transport.close();
  for (int i = 0; i < 3; ++i) line.transport.abort();
  line.transport.close();
  co_await lost(script);
  line.transport.close();
  line.transport.abort();
  co_await asyncio::sleep(5ms);
  EXPECT_EQ(script.count("lost"), 1);
  EXPECT_EQ(script.error, nullptr);
}

// NET-089, NET-101: the peer goes while the rest is sent.
ASYNC_TEST(TransportClose, ErrorWhileTheRestIsSentIsToldOfInTheEnd) {
  Script script;
  Line line = co_await support::narrow_line_to(script);
  line.transport.write(support::pattern(1'000'000));
  line.transport.close();
  line.peer.close();
  co_await lost(script);
  EXPECT_TRUE(support::is_a<std::system_error>(script.error));
  EXPECT_EQ(script.count("lost"), 1);
}

// What the connection was can be asked for until its protocol knows that it has ended, and the
// peer's address also later.
ASYNC_TEST(TransportClose, AddressesAreKnownWhileTheProtocolHearsOfTheEnd) {
  auto& loop = asyncio::get_running_loop();
  Script clients;
  Script servers;
  std::string peers;
  for (Script* script : {&clients, &servers}) {
    script->acts["lost"] = [script, &peers] {
      peers += script->transport->peername().host();
      EXPECT_GT(script->transport->sockname().port(), 0);
      EXPECT_GE(script->transport->fileno(), 0);
      EXPECT_NE(script->transport->get_protocol(), nullptr);
    };
  }
  auto serving = [&] { return std::make_unique<support::Recorder>(servers); };
  auto server = co_await loop.create_server(serving, "127.0.0.1", 0);
  const asyncio::Address address = server.sockets().at(0);
  auto calling = [&] { return std::make_unique<support::Recorder>(clients); };
  auto [transport, protocol] =
      co_await loop.create_connection(calling, "127.0.0.1", address.port());
  transport.close();
  EXPECT_TRUE(co_await until([&] { return clients.has("lost") && servers.has("lost"); }));
  EXPECT_EQ(peers, "127.0.0.1127.0.0.1");
  EXPECT_EQ(transport.peername(), address);
  EXPECT_EQ(transport.get_extra_info("peername"), address.str());
  EXPECT_EQ(transport.get_protocol(), nullptr);
  clients.transport.reset();
  servers.transport.reset();
  server.close();
  co_await server.wait_closed();
}

// NET-106
ASYNC_TEST(TransportClose, UnknownInformationIsNothing) {
  Script script;
  const Line line = co_await support::line_to(script);
  EXPECT_EQ(line.transport.get_extra_info("no such thing"), std::nullopt);
  line.transport.abort();
  co_await lost(script);
  EXPECT_EQ(line.transport.get_extra_info("no such thing"), std::nullopt);
}

// A protocol and its transport do not keep each other.
ASYNC_TEST(TransportClose, ProtocolThatKeepsItsTransportGoesWithTheConnection) {
  int alive = 0;
  asyncio::SocketPair pair = asyncio::socketpair();
  auto& loop = asyncio::get_running_loop();
  {
    auto factory = [&] { return std::make_unique<Keeper>(alive); };
    (void)co_await loop.create_connection(factory, std::move(pair.first));
  }
  EXPECT_EQ(alive, 1);  // nobody else has a handle, and the connection is there
  EXPECT_EQ(::send(pair.second.fileno(), "x", 1, MSG_NOSIGNAL), 1);
  pair.second.close();
  EXPECT_TRUE(co_await until([&] { return alive == 0; }));
}

// ... nor does who has a handle keep the protocol.
ASYNC_TEST(TransportClose, HandleDoesNotKeepAProtocolThatHasHeardOfTheEnd) {
  int alive = 0;
  asyncio::SocketPair pair = asyncio::socketpair();
  auto& loop = asyncio::get_running_loop();
  std::optional<asyncio::Transport> handle;
  {
    auto factory = [&] { return std::make_unique<Keeper>(alive); };
    auto [transport, protocol] = co_await loop.create_connection(factory, std::move(pair.first));
    handle = transport;
  }
  handle->abort();
  EXPECT_TRUE(co_await until([&] { return alive == 0; }));
  handle->set_protocol(std::make_unique<Keeper>(alive));  // too late
  EXPECT_EQ(alive, 0);
}

// failure 96
TEST(TransportClose, LoopThatClosesWithOpenTransportsLeavesNothing) {
  const Leftovers leftovers;
  int alive = 0;
  std::optional<asyncio::Transport> handle;
  {
    auto loop = asyncio::testing::new_virtual_loop();
    auto begin = [&]() -> Coro<> {
      auto& running = asyncio::get_running_loop();
      auto factory = [&] {
        auto keeper = std::make_unique<Keeper>(alive);
        // What the end of a protocol does to its transport has no effect.
        keeper->at_the_end = [](const asyncio::Transport& transport) {
          transport.write("too late");
          transport.writelines({"too ", "late"});
          transport.write_eof();
          transport.pause_reading();
          transport.resume_reading();
          transport.set_write_buffer_limits(0);
          transport.abort();
          transport.close();
          EXPECT_EQ(transport.fileno(), -1);
          EXPECT_TRUE(transport.is_closing());
          EXPECT_EQ(transport.get_protocol(), nullptr);
        };
        return keeper;
      };
      auto server = co_await running.create_server(factory, "127.0.0.1", 0);
      const std::uint16_t port = server.sockets().at(0).port();
      for (int i = 0; i < 5; ++i) {
        auto [transport, protocol] = co_await running.create_connection(factory, "127.0.0.1", port);
        transport.write(std::string(10'000'000, 'x'));
        if (i == 1) transport.close();  // and it has not ended yet
        if (i == 2) transport.abort();  // its end is queued
        if (i == 3) transport.pause_reading();
        handle = transport;
      }
      EXPECT_TRUE(co_await until([&] { return alive >= 8; }));
      handle->abort();
    };
    loop->run_until_complete(begin());
    loop->close();
    EXPECT_EQ(alive, 0);
  }
  EXPECT_EQ(handle->fileno(), -1);
  handle->write("too late");
  handle->close();
  handle.reset();
  EXPECT_EQ(leftovers.describe(), "");
}

// A handle of a connection that has ended may outlive the loop, and one that has not, too.
TEST(TransportClose, HandlesMayOutliveTheLoop) {
  const Leftovers leftovers;
  {
    Script ended;
    Script open;
    std::optional<asyncio::Transport> handles[2];
    {
      auto loop = asyncio::testing::new_virtual_loop();
      auto begin = [&]() -> Coro<> {
        const Line first = co_await support::line_to(ended);
        const Line second = co_await support::line_to(open);
        handles[0] = first.transport;
        handles[1] = second.transport;
        first.transport.close();
        co_await lost(ended);
        open.transport.reset();
      };
      loop->run_until_complete(begin());
      loop->close();
    }
    for (auto& handle : handles) {
      EXPECT_EQ(handle->fileno(), -1);
      handle->write("x");
      handle->abort();
      handle.reset();
    }
    EXPECT_FALSE(open.has("lost"));  // as in CPython: nobody is told
    EXPECT_EQ(open.alive, 0);
  }
  EXPECT_EQ(leftovers.describe(), "");
}

// LOOP-075
ASYNC_TEST(TransportClose, DescriptorOfATransportCannotBeWatched) {
  Script script;
  const Line line = co_await support::line_to(script);
  auto& loop = asyncio::get_running_loop();
  const int fd = line.transport.fileno();
  for (const std::string& thrown : {support::thrown_by([&] { loop.add_reader(fd, [] {}); }),
                                    support::thrown_by([&] { loop.add_writer(fd, [] {}); })}) {
    EXPECT_TRUE(thrown.starts_with("RuntimeError: ")) << thrown;
    EXPECT_NE(thrown.find("is used by a transport"), std::string::npos) << thrown;
  }
  EXPECT_FALSE(loop.remove_reader(fd));
  line.send("data");
  EXPECT_TRUE(co_await until([&] { return script.has("data"); }));
  line.transport.close();
  co_await lost(script);
}
