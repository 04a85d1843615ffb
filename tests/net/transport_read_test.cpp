// What a protocol is told of what comes in.

#include <asyncio/error.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/socket.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/transports.hpp>

#include "io/fault.hpp"
#include "support/errors.hpp"
#include "support/line.hpp"
#include "support/log_capture.hpp"
#include "support/protocols.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::detail::sys::Call;
using asyncio::detail::sys::Fault;
using support::Line;
using support::Log;
using support::Script;
using support::until;

namespace {

Coro<> lost(Script& script) {
  EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
  script.transport.reset();
}

}  // namespace

// NET-083, NET-087, NET-089
ASYNC_TEST(TransportRead, EndOfThePeerClosesTheConnectionWithoutAnError) {
  Script script;
  Line line = co_await support::line_to(script);
  line.send("data");
  line.peer.close();
  co_await lost(script);
  EXPECT_EQ(script.log, (Log{"made", "data", "eof", "lost"}));
  EXPECT_EQ(script.error, nullptr);
  EXPECT_EQ(script.alive, 0);
}

// NET-083, NET-087
ASYNC_TEST(TransportRead, ProtocolThatKeepsItOpenGoesOnSendingAndHearsNoSecondEnd) {
  Script script;
  script.keep_open = true;
  const Line line = co_await support::line_to(script);
  ::shutdown(line.peer.fileno(), SHUT_WR);
  EXPECT_TRUE(co_await until([&] { return script.has("eof"); }));
  EXPECT_FALSE(line.transport.is_closing());
  line.transport.pause_reading();
  line.transport.resume_reading();
  co_await asyncio::sleep(5ms);
  const std::string text = support::pattern(1'000'000);
  line.transport.write(text);
  EXPECT_TRUE(co_await support::all_from(line, text.size()) == text);
  line.transport.close();
  co_await lost(script);
  EXPECT_EQ(script.count("eof"), 1);
}

// NET-086
ASYNC_TEST(TransportRead, OneCallHasAtMost256KiB) {
  std::vector<std::size_t> sizes;
  struct Sizes : asyncio::Protocol {
    explicit Sizes(std::vector<std::size_t>& s) : sizes(s) {}
    void data_received(std::string_view data) override { sizes.push_back(data.size()); }
    std::vector<std::size_t>& sizes;
  };
  asyncio::SocketPair pair = asyncio::socketpair();
  pair.second.setsockopt(SOL_SOCKET, SO_SNDBUF, 2 << 20);
  auto& loop = asyncio::get_running_loop();
  auto factory = [&] { return std::make_unique<Sizes>(sizes); };
  auto [transport, protocol] = co_await loop.create_connection(factory, std::move(pair.first));
  const std::string text(2 << 20, 'x');
  co_await loop.sock_sendall(pair.second, text);
  EXPECT_TRUE(co_await until([&] {
    std::size_t all = 0;
    for (const std::size_t size : sizes) all += size;
    return all == text.size();
  }));
  EXPECT_LE(*std::max_element(sizes.begin(), sizes.end()), std::size_t{256} * 1024);
  transport.close();
}

// NET-093
ASYNC_TEST(TransportRead, ReadThatWouldBlockIsRepeated) {
  Script script;
  script.texts = false;
  const Line line = co_await support::line_to(script);
  {
    const Fault fault(Call::receive, EAGAIN);
    line.send("one");
    co_await asyncio::sleep(5ms);
  }
  line.send("two");
  EXPECT_TRUE(co_await until([&] { return script.received == "onetwo"; })) << script.received;
  EXPECT_FALSE(line.transport.is_closing());
  line.transport.close();
  co_await lost(script);
}

// NET-089, NET-090, failure 92
ASYNC_TEST(TransportRead, ErrorOfTheSystemEndsTheConnectionAndIsNotReported) {
  for (const int error : {ECONNRESET, ETIMEDOUT, EIO, EHOSTUNREACH, ENOMEM}) {
    Script script;
    const Line line = co_await support::line_to(script);
    const Fault fault(Call::receive, error, 0, 1000);
    line.send("data");
    co_await lost(script);
    EXPECT_EQ(script.log, (Log{"made", "lost"}));
    ASYNC_ASSERT_TRUE(support::is_a<std::system_error>(script.error));
    EXPECT_TRUE(support::text_of(script.error).starts_with("recv from ")) << error;
  }
}

// NET-089: a real one.
ASYNC_TEST(TransportRead, ResetOfThePeerIsTheErrorOfTheConnection) {
  Script script;
  auto& loop = asyncio::get_running_loop();
  auto factory = [&] { return std::make_unique<support::Recorder>(script); };
  auto server = co_await loop.create_server(factory, "127.0.0.1", 0);
  asyncio::Socket client(asyncio::Address::Family::ipv4);
  co_await loop.sock_connect(client, server.sockets().at(0));
  EXPECT_TRUE(co_await until([&] { return script.has("made"); }));
  const linger at_once{1, 0};
  ::setsockopt(client.fileno(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  client.close();
  co_await lost(script);
  EXPECT_NE(support::text_of(script.error).find("Connection reset by peer"), std::string::npos)
      << support::text_of(script.error);
  server.close();
  co_await server.wait_closed();
}

// NET-091: bytes that come later go to the other one; the first one goes.
ASYNC_TEST(TransportRead, ProtocolCanBeReplacedWhileItReceives) {
  Script first;
  Script second;
  const Line line = co_await support::line_to(first);
  first.acts["data"] = [&] {
    line.transport.set_protocol(std::make_unique<support::Recorder>(second));
    first.log.emplace_back("still alive: " + std::to_string(first.alive));
  };
  line.send("one");
  EXPECT_TRUE(co_await until([&] { return first.has("one"); }));
  EXPECT_EQ(first.log, (Log{"made", "one", "still alive: 1"}));
  EXPECT_EQ(first.alive, 0);
  EXPECT_NE(line.transport.get_protocol(), nullptr);
  line.send("two");
  EXPECT_TRUE(co_await until([&] { return second.has("two"); }));
  line.transport.close();
  co_await lost(second);
  EXPECT_EQ(second.log, (Log{"two", "lost"}));
  EXPECT_EQ(line.transport.get_protocol(), nullptr);
  first.transport.reset();
}

// NET-092
ASYNC_TEST(TransportRead, ProtocolThatOverridesNothingIsGoodForAConnection) {
  asyncio::SocketPair pair = asyncio::socketpair();
  auto& loop = asyncio::get_running_loop();
  auto factory = [] { return std::make_unique<asyncio::Protocol>(); };
  auto [transport, protocol] = co_await loop.create_connection(factory, std::move(pair.first));
  ::send(pair.second.fileno(), "data", 4, 0);
  transport.write(std::string(1'000'000, 'x'));
  co_await asyncio::sleep(5ms);
  pair.second.close();
  EXPECT_TRUE(co_await until([&] { return transport.fileno() < 0; }));
}

// NET-111
ASYNC_TEST(TransportRead, NothingIsReceivedWhileItIsPaused) {
  Script script;
  const Line line = co_await support::line_to(script);
  EXPECT_TRUE(line.transport.is_reading());
  line.transport.pause_reading();
  line.transport.pause_reading();
  EXPECT_FALSE(line.transport.is_reading());
  line.send("data");
  co_await asyncio::sleep(10ms);
  EXPECT_EQ(script.log, (Log{"made"}));
  line.transport.resume_reading();
  line.transport.resume_reading();
  EXPECT_TRUE(line.transport.is_reading());
  EXPECT_TRUE(co_await until([&] { return script.has("data"); }));
  line.transport.close();
  EXPECT_FALSE(line.transport.is_reading());
  line.transport.pause_reading();
  line.transport.resume_reading();
  EXPECT_FALSE(line.transport.is_reading());
  co_await lost(script);
}

// NET-111: also a read that is due, since both have something: who is first pauses the other one.
ASYNC_TEST(TransportRead, PauseHoldsBackDataThatIsDue) {
  Script scripts[2];
  const Line first = co_await support::line_to(scripts[0]);
  const Line second = co_await support::line_to(scripts[1]);
  scripts[0].acts["data"] = [&] { second.transport.pause_reading(); };
  scripts[1].acts["data"] = [&] { first.transport.pause_reading(); };
  first.send("data");
  second.send("data");
  co_await asyncio::sleep(10ms);
  EXPECT_EQ(scripts[0].count("data") + scripts[1].count("data"), 1);
  first.transport.resume_reading();
  second.transport.resume_reading();
  EXPECT_TRUE(co_await until([&] { return scripts[0].has("data") && scripts[1].has("data"); }));
  for (Script& script : scripts) {
    script.transport->close();
    co_await lost(script);
  }
}

// NET-112
ASYNC_TEST(TransportRead, PauseInConnectionMadePreventsTheFirstRead) {
  Script script;
  bool was_reading = false;
  script.acts["made"] = [&] {
    was_reading = script.transport->is_reading();
    script.transport->pause_reading();
  };
  asyncio::SocketPair pair = asyncio::socketpair();
  ::send(pair.second.fileno(), "data", 4, 0);
  auto& loop = asyncio::get_running_loop();
  auto factory = [&] { return std::make_unique<support::Recorder>(script); };
  auto [transport, protocol] = co_await loop.create_connection(factory, std::move(pair.first));
  co_await asyncio::sleep(10ms);
  EXPECT_TRUE(was_reading);
  EXPECT_FALSE(transport.is_reading());
  EXPECT_EQ(script.log, (Log{"made"}));
  transport.resume_reading();
  EXPECT_TRUE(co_await until([&] { return script.has("data"); }));
  transport.close();
  co_await lost(script);
}

// NET-101: nothing more is received after close(), however much is there.
ASYNC_TEST(TransportRead, CloseStopsReceivingAtOnce) {
  Script script;
  script.texts = false;
  asyncio::SocketPair pair = asyncio::socketpair();
  pair.second.setsockopt(SOL_SOCKET, SO_SNDBUF, 2 << 20);
  script.acts["data"] = [&] { script.transport->close(); };
  auto& loop = asyncio::get_running_loop();
  auto factory = [&] { return std::make_unique<support::Recorder>(script); };
  auto [transport, protocol] = co_await loop.create_connection(factory, std::move(pair.first));
  const std::string text(1 << 20, 'x');
  ::send(pair.second.fileno(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  co_await lost(script);
  EXPECT_EQ(script.count("data"), 1);
  EXPECT_FALSE(script.has("eof"));
}

// Much of it, in both directions at the same time.
ASYNC_TEST(TransportRead, EchoIsTheSameBytes) {
  struct Echo : asyncio::Protocol {
    std::optional<asyncio::Transport> transport;
    void connection_made(const asyncio::Transport& t) override { transport = t; }
    void data_received(std::string_view data) override { transport->write(data); }
    void pause_writing() override { transport->pause_reading(); }
    void resume_writing() override { transport->resume_reading(); }
  };
  Script script;
  script.texts = false;
  auto& loop = asyncio::get_running_loop();
  auto server =
      co_await loop.create_server([] { return std::make_unique<Echo>(); }, "127.0.0.1", 0);
  auto factory = [&] { return std::make_unique<support::Recorder>(script); };
  auto [transport, protocol] =
      co_await loop.create_connection(factory, "127.0.0.1", server.sockets().at(0).port());
  const std::string text = support::pattern(8'000'000);
  transport.write(text);
  EXPECT_TRUE(co_await until([&] { return script.received.size() >= text.size(); }));
  EXPECT_TRUE(script.received == text);
  transport.close();
  co_await lost(script);
  server.close();
  co_await server.wait_closed();
}

namespace {

/// Receives something else while it looks at what has come.
struct Nested : asyncio::Protocol {
  explicit Nested(asyncio::Socket other) : other_(std::move(other)) {}
  void data_received(std::string_view data) override {
    auto receive = [](asyncio::Socket& from) -> asyncio::Coro<std::string> {
      co_return co_await asyncio::get_running_loop().sock_recv(from, 1000);
    };
    auto task = asyncio::create_task(receive(other_), {.eager_start = true});
    EXPECT_TRUE(task.done());
    seen = std::string(data) + "|" + task.result();
  }
  std::string seen;

 private:
  asyncio::Socket other_;
};

}  // namespace

// NET-083: what a protocol is given stays as it is for the whole call
ASYNC_TEST(TransportRead, DataStaysWhileAnEagerTaskReceives) {
  auto& loop = asyncio::get_running_loop();
  asyncio::SocketPair pair = asyncio::socketpair();
  asyncio::SocketPair other = asyncio::socketpair();
  co_await loop.sock_sendall(other.second, std::string_view("-of another one"));
  EXPECT_EQ(co_await loop.sock_recv(other.first, 1), "-");  // from here on it need not wait
  auto make = [&other] { return std::make_unique<Nested>(std::move(other.first)); };
  auto connecting = loop.create_connection(make, std::move(pair.first));
  auto [transport, protocol] = co_await std::move(connecting);
  co_await loop.sock_sendall(pair.second, std::string_view("for the protocol"));
  const Nested& nested = *protocol;
  EXPECT_TRUE(co_await until([&] { return !nested.seen.empty(); }));
  EXPECT_EQ(nested.seen, "for the protocol|of another one");
  transport.abort();
}
