// How a protocol learns that it writes faster than the peer reads.

#include <asyncio/error.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/transports.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"
#include "support/protocols.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

using asyncio::Coro;
using support::Line;
using support::Log;
using support::Script;
using support::until;

namespace {

/// A transport that keeps whatever is written, since the system takes nothing more.
Coro<Line> full_line_to(Script& script) {
  Line line = co_await support::narrow_line_to(script);
  while (line.transport.get_write_buffer_size() == 0) line.transport.write(std::string(1000, 'x'));
  script.log.clear();
  co_return line;
}

void expect_limits(const asyncio::Transport& transport, std::size_t low, std::size_t high) {
  EXPECT_EQ(transport.get_write_buffer_limits().low, low);
  EXPECT_EQ(transport.get_write_buffer_limits().high, high);
}

Coro<> abort(const Line& line, Script& script) {
  line.transport.abort();
  EXPECT_TRUE(co_await until([&] { return script.has("lost"); }));
  script.transport.reset();
}

}  // namespace

// NET-107
ASYNC_TEST(FlowControl, LimitsFollowFromEachOther) {
  Script script;
  const Line line = co_await support::line_to(script);
  const asyncio::Transport& transport = line.transport;
  expect_limits(transport, 16 * 1024, 64 * 1024);
  transport.set_write_buffer_limits(1024);
  expect_limits(transport, 256, 1024);
  transport.set_write_buffer_limits(std::nullopt, 1000);
  expect_limits(transport, 1000, 4000);
  transport.set_write_buffer_limits(0);
  expect_limits(transport, 0, 0);
  transport.set_write_buffer_limits(1024, 1024);
  expect_limits(transport, 1024, 1024);
  EXPECT_EQ(support::thrown_by([&] { transport.set_write_buffer_limits(1024, 1025); }),
            "invalid_argument: set_write_buffer_limits(): high (1024) must be >= low (1025)");
  expect_limits(transport, 1024, 1024);
  transport.set_write_buffer_limits();
  expect_limits(transport, 16 * 1024, 64 * 1024);
  co_await abort(line, script);
}

// NET-108
ASYNC_TEST(FlowControl, PauseComesInsideTheWriteThatGoesAboveTheHighMark) {
  Script script;
  const Line line = co_await full_line_to(script);
  const std::size_t before = line.transport.get_write_buffer_size();
  line.transport.set_write_buffer_limits(before + 100, 10);
  line.transport.write(std::string(100, 'x'));
  EXPECT_EQ(line.transport.get_write_buffer_size(), before + 100);
  EXPECT_EQ(script.log, (Log{}));  // not above it
  line.transport.write("x");
  EXPECT_EQ(script.log, (Log{"pause"}));
  line.transport.write(std::string(1000, 'x'));
  EXPECT_EQ(script.log, (Log{"pause"}));  // once
  co_await abort(line, script);
  EXPECT_EQ(script.log, (Log{"pause", "lost"}));
}

// NET-109
ASYNC_TEST(FlowControl, ResumeComesAtTheLowMarkOncePerPause) {
  Script script;
  script.texts = false;
  const Line line = co_await support::narrow_line_to(script);
  line.transport.set_write_buffer_limits(20'000, 10'000);
  std::size_t at_resume = 1'000'000;
  script.acts["resume"] = [&] {
    at_resume = std::min(at_resume, line.transport.get_write_buffer_size());
  };
  for (int round = 1; round <= 3; ++round) {
    line.transport.write(std::string(300'000, 'x'));
    EXPECT_EQ(script.count("pause"), round);
    EXPECT_EQ(script.count("resume"), round - 1);
    while (line.transport.get_write_buffer_size() > 0) {
      (void)line.arrived(1024);
      co_await asyncio::sleep(asyncio::Duration());
    }
    EXPECT_EQ(script.count("resume"), round);
  }
  EXPECT_LE(at_resume, 10'000U);
  co_await abort(line, script);
}

// NET-107, NET-108
ASYNC_TEST(FlowControl, LimitBelowWhatIsUnsentPausesAtOnce) {
  Script script;
  const Line line = co_await full_line_to(script);
  const std::size_t before = line.transport.get_write_buffer_size();
  line.transport.set_write_buffer_limits(before + 1000);
  line.transport.write(std::string(500, 'x'));
  EXPECT_EQ(script.log, (Log{}));
  line.transport.set_write_buffer_limits(before + 499);
  EXPECT_EQ(script.log, (Log{"pause"}));
  line.transport.set_write_buffer_limits(100'000);  // as in CPython: only sending resumes
  EXPECT_EQ(script.log, (Log{"pause"}));
  co_await abort(line, script);
}

// NET-110
ASYNC_TEST(FlowControl, ErrorsOfPauseAndResumeAreReportedAndTheConnectionGoesOn) {
  const support::LogCapture reports;
  Script script;
  const Line line = co_await support::narrow_line_to(script);
  Log messages;
  asyncio::get_running_loop().set_exception_handler(
      [&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
        messages.push_back(context.message + ": " + support::text_of(context.exception));
      });
  script.acts["pause"] = [] { throw std::runtime_error("no pause"); };
  script.acts["resume"] = [] { throw std::runtime_error("no resume"); };
  const std::string text = support::pattern(500'000);
  line.transport.write(text);
  EXPECT_TRUE(co_await support::all_from(line, text.size()) == text);
  EXPECT_TRUE(co_await until([&] { return script.has("resume"); }));
  EXPECT_EQ(messages, (Log{"protocol.pause_writing() failed: no pause",
                           "protocol.resume_writing() failed: no resume"}));
  EXPECT_FALSE(line.transport.is_closing());
  co_await abort(line, script);
}

// NET-109: a resume that writes again is paused again.
ASYNC_TEST(FlowControl, ResumeMayWriteUntilItIsPausedAgain) {
  Script script;
  const Line line = co_await support::narrow_line_to(script);
  const std::string text = support::pattern(100'000);
  int left = 5;
  script.acts["resume"] = [&] {
    if (left-- > 0) line.transport.write(text);
  };
  line.transport.write(text);
  std::string all;
  for (int i = 0; i < 6; ++i) all += text;
  EXPECT_TRUE(co_await support::all_from(line, all.size()) == all);
  EXPECT_TRUE(co_await until([&] { return script.count("resume") == 6; }));
  EXPECT_EQ(script.count("pause"), 6);
  co_await abort(line, script);
}

// failure 41: who heeds the pause needs no more memory than the high mark and one write.
ASYNC_TEST(FlowControl, WriterThatHeedsThePauseKeepsTheBufferSmall) {
  Script script;
  script.texts = false;
  const Line line = co_await support::narrow_line_to(script);
  const std::string chunk = support::pattern(64 * 1024);
  std::size_t left = 64;
  std::size_t most = 0;
  bool paused = false;
  const auto go_on = [&] {
    while (!paused && left > 0) {
      --left;
      line.transport.write(chunk);
      most = std::max(most, line.transport.get_write_buffer_size());
    }
  };
  script.acts["pause"] = [&] { paused = true; };
  script.acts["resume"] = [&] {
    paused = false;
    go_on();
  };
  go_on();
  EXPECT_EQ((co_await support::all_from(line, 64 * chunk.size())).size(), 64 * chunk.size());
  EXPECT_EQ(left, 0U);
  EXPECT_LE(most, 2 * chunk.size());
  co_await abort(line, script);
}
