// Protocols that say where bytes shall go.

#include <asyncio/error.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/transports.hpp>

#include "support/errors.hpp"
#include "support/line.hpp"
#include "support/protocols.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using asyncio::Coro;
using support::Log;
using support::Script;
using support::until;

namespace {

/// Receives into a buffer of its own, of as many bytes as the script's `room` says.
struct Buffered : asyncio::BufferedProtocol {
  Buffered(Script& s, std::size_t size) : script(s), buffer(size) { ++script.alive; }
  ~Buffered() override { --script.alive; }

  void connection_made(const asyncio::Transport& transport) override {
    script.transport = transport;
    script.tell("made");
  }
  std::span<std::byte> get_buffer(std::size_t hint) override {
    script.tell("room");
    EXPECT_EQ(hint, std::size_t{256} * 1024);
    return buffer;
  }
  void buffer_updated(std::size_t bytes) override {
    script.received.append(reinterpret_cast<const char*>(buffer.data()), bytes);
    script.tell("data", std::to_string(bytes));
  }
  bool eof_received() override {
    script.tell("eof");
    return script.keep_open;
  }
  void connection_lost(std::exception_ptr error) override {
    script.error = error;
    script.tell("lost");
  }

  Script& script;
  std::vector<std::byte> buffer;
};

struct BufferedLine {
  asyncio::Transport transport;
  asyncio::Socket peer;
  void send(std::string_view text) const {
    EXPECT_EQ(::send(peer.fileno(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
};

Coro<BufferedLine> line_to(Script& script, std::size_t size) {
  asyncio::SocketPair pair = asyncio::socketpair();
  auto factory = [&script, size] { return std::make_unique<Buffered>(script, size); };
  auto connecting = asyncio::get_running_loop().create_connection(factory, std::move(pair.first));
  auto [transport, protocol] = co_await std::move(connecting);
  co_return BufferedLine{transport, std::move(pair.second)};
}

Coro<> lost(Script& script) {
  EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
  script.transport.reset();
}

Log without_rooms(const Script& script) {
  Log log;
  for (const std::string& line : script.log) {
    if (line != "room") log.push_back(line);
  }
  return log;
}

}  // namespace

// NET-083, NET-085: each update follows a request for room.
ASYNC_TEST(BufferedProtocol, ReceivesIntoItsOwnBuffer) {
  Script script;
  BufferedLine line = co_await line_to(script, 10);
  line.send("hello");
  EXPECT_TRUE(co_await until([&] { return script.received == "hello"; }));
  line.send("a longer text that does not fit");
  EXPECT_TRUE(co_await until([&] { return script.received.size() == 36; }));
  line.peer.close();
  co_await lost(script);
  EXPECT_EQ(script.received, "helloa longer text that does not fit");
  EXPECT_EQ(script.log, (Log{"made", "room", "5", "room", "10", "room", "10", "room", "10", "room",
                             "1", "room", "eof", "lost"}));
  EXPECT_EQ(script.error, nullptr);
  EXPECT_EQ(script.alive, 0);
}

// NET-083, NET-085: a buffer that is filled exactly says nothing about what is left.
ASYNC_TEST(BufferedProtocol, IsAskedForRoomOnlyWhenThereIsSomethingToRead) {
  Script script;
  BufferedLine line = co_await line_to(script, 5);
  line.send("hello");
  EXPECT_TRUE(co_await until([&] { return script.received == "hello"; }));
  co_await support::passes(5);
  EXPECT_EQ(script.log, (Log{"made", "room", "5"}));
  line.peer.close();
  co_await lost(script);
  EXPECT_EQ(script.log, (Log{"made", "room", "5", "room", "eof", "lost"}));
}

// NET-085
ASYNC_TEST(BufferedProtocol, EmptyBufferEndsTheConnection) {
  Script script;
  Log messages;
  asyncio::get_running_loop().set_exception_handler(
      [&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
        messages.push_back(context.message);
      });
  const BufferedLine line = co_await line_to(script, 0);
  line.send("hello");
  co_await lost(script);
  EXPECT_EQ(without_rooms(script), (Log{"made", "lost"}));
  EXPECT_EQ(messages, (Log{"Fatal error: protocol.get_buffer() call failed."}));
  EXPECT_TRUE(support::is_a<asyncio::RuntimeError>(script.error));
  EXPECT_EQ(support::text_of(script.error), "get_buffer() returned an empty buffer");
}

// NET-085, NET-088
ASYNC_TEST(BufferedProtocol, ErrorsEndTheConnection) {
  for (const std::string call : {"room", "data", "eof"}) {
    Script script;
    script.acts[call] = [] { throw std::runtime_error("no"); };
    Log messages;
    asyncio::get_running_loop().set_exception_handler(
        [&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
          messages.push_back(context.message);
        });
    BufferedLine line = co_await line_to(script, 10);
    line.send("hello");
    line.peer.close();
    co_await lost(script);
    EXPECT_EQ(support::text_of(script.error), "no");
    const std::string name = call == "room"   ? "get_buffer"
                             : call == "data" ? "buffer_updated"
                                              : "eof_received";
    EXPECT_EQ(messages, (Log{"Fatal error: protocol." + name + "() call failed."}));
  }
  asyncio::get_running_loop().set_exception_handler(nullptr);
}

// NET-091: to a buffered one and back.
ASYNC_TEST(BufferedProtocol, KindsCanBeSwitched) {
  Script buffered;
  Script plain;
  const BufferedLine line = co_await line_to(buffered, 10);
  line.send("one");
  EXPECT_TRUE(co_await until([&] { return buffered.received == "one"; }));
  line.transport.set_protocol(std::make_unique<support::Recorder>(plain));
  EXPECT_EQ(buffered.alive, 0);
  line.send("two");
  EXPECT_TRUE(co_await until([&] { return plain.received == "two"; }));
  line.transport.set_protocol(std::make_unique<Buffered>(buffered, 10));
  EXPECT_EQ(plain.alive, 0);
  line.send("three");
  EXPECT_TRUE(co_await until([&] { return buffered.received == "onethree"; }));
  line.transport.close();
  co_await lost(buffered);
  EXPECT_FALSE(plain.has("lost"));
}

// NET-085, NET-091: what is done while room is asked for holds, and no byte is lost by it.
ASYNC_TEST(BufferedProtocol, GetBufferMayPauseReplaceAndClose) {
  Script script;
  Script plain;
  bool paused = false;
  script.acts["room"] = [&] {
    if (!paused) script.transport->pause_reading();
    paused = true;
  };
  const BufferedLine line = co_await line_to(script, 10);
  line.send("hello");
  EXPECT_TRUE(co_await until([&] { return paused; }));
  co_await asyncio::sleep(std::chrono::milliseconds(5));
  EXPECT_EQ(script.received, "");
  script.acts["room"] = [&] {
    script.transport->set_protocol(std::make_unique<support::Recorder>(plain));
  };
  line.transport.resume_reading();
  EXPECT_TRUE(co_await until([&] { return plain.received == "hello"; }));
  EXPECT_EQ(script.alive, 0);
  EXPECT_EQ(script.received, "");
  script.acts["room"] = [&] { line.transport.close(); };
  line.transport.set_protocol(std::make_unique<Buffered>(script, 10));
  line.send("hello");
  co_await lost(script);
  EXPECT_EQ(script.received, "");
}
