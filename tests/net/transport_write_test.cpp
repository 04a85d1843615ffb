// What a transport makes of what is written.

#include <asyncio/error.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/transports.hpp>

#include "io/fault.hpp"
#include "support/errors.hpp"
#include "support/line.hpp"
#include "support/log_capture.hpp"
#include "support/protocols.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
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

Coro<> close(const Line& line, Script& script) {
  line.transport.close();
  EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
  script.transport.reset();
}

Coro<> lost(Script& script) {
  EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
  script.transport.reset();
}

}  // namespace

// NET-094
ASYNC_TEST(TransportWrite, WritingNothingHasNoEffect) {
  const support::LogCapture reports;
  Script script;
  const Line line = co_await support::line_to(script);
  line.transport.write("");
  line.transport.writelines({});
  line.transport.writelines({"", "", ""});
  EXPECT_EQ(line.transport.get_write_buffer_size(), 0U);
  EXPECT_EQ(line.arrived(), "");
  co_await close(line, script);
  for (int i = 0; i < 20; ++i) line.transport.write("");
  EXPECT_TRUE(reports.empty());
}

// NET-095
ASYNC_TEST(TransportWrite, WhatTheSystemTakesIsSentAtOnce) {
  Script script;
  const Line line = co_await support::line_to(script);
  line.transport.write("at once");
  EXPECT_EQ(line.transport.get_write_buffer_size(), 0U);
  EXPECT_EQ(co_await support::all_from(line, 7), "at once");
  co_await close(line, script);
}

// NET-095, NET-096, NET-105, failure 47: the bytes are the writer's own again when write() returns.
ASYNC_TEST(TransportWrite, WhatTheSystemDoesNotTakeIsCopiedAndSentLater) {
  Script script;
  const Line line = co_await support::narrow_line_to(script);
  std::string all;
  for (int i = 0; i < 300; ++i) {
    std::string text = support::pattern(1 + static_cast<std::size_t>(i) * 37);
    all += text;
    line.transport.write(text);
    text.assign(text.size(), '?');
  }
  EXPECT_GT(line.transport.get_write_buffer_size(), all.size() / 2);
  EXPECT_TRUE(co_await support::all_from(line, all.size()) == all);
  EXPECT_EQ(line.transport.get_write_buffer_size(), 0U);
  co_await close(line, script);
}

// NET-097, NET-104, failure 47: more pieces than one system call takes, some of them empty.
ASYNC_TEST(TransportWrite, AnyNumberOfPiecesIsSentInOrder) {
  for (const bool narrow : {false, true}) {
    Script script;
    auto connecting = narrow ? support::narrow_line_to(script) : support::line_to(script);
    const Line line = co_await std::move(connecting);
    const std::string text = support::pattern(200'000);
    std::vector<std::string_view> pieces;
    std::string all;
    for (std::size_t i = 0; i < 5000; ++i) {
      pieces.push_back(std::string_view(text).substr(i * 31, i % 7 == 0 ? 0 : i % 60));
      all += pieces.back();
    }
    line.transport.writelines(pieces);
    line.transport.writelines({"the ", "end"});
    all += "the end";
    EXPECT_TRUE(co_await support::all_from(line, all.size()) == all);
    co_await close(line, script);
  }
}

// NET-097, NET-108: the protocol is paused when all pieces are there; what it writes follows them.
ASYNC_TEST(TransportWrite, WhatIsWrittenInPauseWritingFollowsAllPieces) {
  Script script;
  const Line line = co_await support::narrow_line_to(script);
  script.acts["pause"] = [&] { line.transport.write("!"); };
  const std::string text = support::pattern(100'000);
  const std::vector<std::string_view> pieces(5, text);
  line.transport.writelines(pieces);
  EXPECT_EQ(script.count("pause"), 1);
  EXPECT_TRUE(co_await support::all_from(line, 500'001) == text + text + text + text + text + "!");
  co_await close(line, script);
}

// NET-098
ASYNC_TEST(TransportWrite, WriteEofSendsTheEndBehindEverything) {
  for (const bool narrow : {false, true}) {
    Script script;
    auto connecting = narrow ? support::narrow_line_to(script) : support::line_to(script);
    const Line line = co_await std::move(connecting);
    EXPECT_TRUE(line.transport.can_write_eof());
    const std::string text = support::pattern(500'000);
    line.transport.write(text);
    line.transport.write_eof();
    line.transport.write_eof();
    EXPECT_EQ(support::thrown_by([&] { line.transport.write("x"); }),
              "RuntimeError: Cannot call write() after write_eof()");
    EXPECT_EQ(support::thrown_by([&] { line.transport.writelines({"x"}); }),
              "RuntimeError: Cannot call writelines() after write_eof()");
    EXPECT_TRUE(co_await support::all_from(line, text.size() + 1) == text);
    EXPECT_TRUE(co_await until([&] { return line.ended(); }));
    EXPECT_FALSE(line.transport.is_closing());
    line.send("still open");
    EXPECT_TRUE(co_await until([&] { return script.has("still open"); }));
    co_await close(line, script);
    line.transport.write_eof();
  }
}

// NET-098
ASYNC_TEST(TransportWrite, WriteEofHasNoEffectOnAConnectionThatCloses) {
  Script script;
  const Line line = co_await support::narrow_line_to(script);
  const std::string text = support::pattern(500'000);
  line.transport.write(text);
  line.transport.close();
  line.transport.write_eof();
  line.transport.write("more");  // as in CPython: it has not ended yet
  EXPECT_TRUE(co_await support::all_from(line, text.size() + 4) == text + "more");
  co_await close(line, script);
}

// failure 46
ASYNC_TEST(TransportWrite, EndOfThePeerLeavesTheWayBackOpen) {
  Script script;
  script.keep_open = true;
  const Line line = co_await support::narrow_line_to(script);
  const std::string text = support::pattern(300'000);
  line.transport.write(text);
  ::shutdown(line.peer.fileno(), SHUT_WR);
  EXPECT_TRUE(co_await until([&] { return script.has("eof"); }));
  line.transport.write(text);
  line.transport.write_eof();
  line.transport.write_eof();
  EXPECT_TRUE(co_await support::all_from(line, 2 * text.size() + 1) == text + text);
  co_await close(line, script);
  EXPECT_EQ(script.error, nullptr);
}

// NET-099: the first four are silent.
ASYNC_TEST(TransportWrite, WritesToALostConnectionAreDroppedWithAWarningFromTheFifthOn) {
  const support::LogCapture reports;
  Script script;
  const Line line = co_await support::line_to(script);
  line.transport.abort();
  for (int i = 0; i < 4; ++i) line.transport.write("x");
  EXPECT_TRUE(reports.empty());
  line.transport.write("x");
  EXPECT_EQ(reports.count("write(): the connection is lost"), 1);
  co_await lost(script);
  line.transport.writelines({"x"});
  EXPECT_EQ(reports.count("writelines(): the connection is lost"), 1);
  EXPECT_EQ(line.arrived(), "");
}

// NET-100, NET-133, failure 39: a broken pipe is an error, and no signal.
ASYNC_TEST(TransportWrite, WriteToAPeerThatIsGoneEndsTheConnectionWithItsError) {
  Script script;
  Line line = co_await support::line_to(script);
  line.transport.pause_reading();
  line.peer.close();
  line.transport.write("one");
  line.transport.write("two");
  co_await lost(script);
  ASYNC_ASSERT_TRUE(support::is_a<std::system_error>(script.error));
  EXPECT_TRUE(support::text_of(script.error).ends_with("Broken pipe"))
      << support::text_of(script.error);
}

// NET-090, NET-100, failure 92: at the first call and at later ones.
ASYNC_TEST(TransportWrite, ErrorOfTheSystemEndsTheConnectionAndDropsWhatIsLeft) {
  for (const std::uint64_t nth : {0U, 1U, 5U}) {
    for (const int error : {EPIPE, ECONNRESET, ENOBUFS, ETIMEDOUT, EIO}) {
      Script script;
      const Line line = co_await support::narrow_line_to(script);
      const Fault fault(Call::send, error, nth, 1000);
      line.transport.write(support::pattern(400'000));
      (void)co_await support::all_from(line, 400'000);
      EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
      EXPECT_EQ(line.transport.get_write_buffer_size(), 0U);
      ASYNC_ASSERT_TRUE(support::is_a<std::system_error>(script.error));
      EXPECT_TRUE(support::text_of(script.error).starts_with("send to "));
      EXPECT_EQ(script.count("lost"), 1);
      script.transport.reset();
    }
  }
}

// failure 92
ASYNC_TEST(TransportWrite, ErrorOfWriteEofEndsTheConnection) {
  Script script;
  const Line line = co_await support::line_to(script);
  const Fault fault(Call::shutdown, EIO);
  line.transport.write_eof();
  co_await lost(script);
  EXPECT_TRUE(support::is_a<std::system_error>(script.error));
}

// The peer has gone before the end could be told to it: no error, the end will come by itself.
ASYNC_TEST(TransportWrite, WriteEofToAPeerThatIsGoneIsNoError) {
  Script script;
  const Line line = co_await support::line_to(script);
  const Fault fault(Call::shutdown, ENOTCONN);
  line.transport.write_eof();
  co_await close(line, script);
  EXPECT_EQ(script.error, nullptr);
}
