// What a file or a pipe is told of a Progress.
#include <asyncio/progress.hpp>

#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "io/fault.hpp"
#include "progress/terminal.hpp"
#include "support/files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

using namespace std::chrono_literals;

namespace {

using progress_tests::Pipe;
using progress_tests::PlainEnvironment;
namespace sys = asyncio::detail::sys;

}  // namespace

ASYNC_TEST(ProgressPlain, WritesALineEveryFiveSecondsAndOneAtTheEnd) {
  const Pipe pipe;
  {
    asyncio::Progress progress({.fd = pipe.writer()});
    auto task = progress.add_task("fetching", {.total = 24});
    for (int i = 0; i < 24; ++i) {
      co_await asyncio::sleep(500ms);
      task.advance();
    }
    EXPECT_TRUE(task.finished());
  }
  EXPECT_EQ(pipe.read(),
            "fetching: 9/24 (37%), 1.80/s, 0:05, 0:08 left\n"
            "fetching: 19/24 (79%), 1.92/s, 0:10, 0:02 left\n"
            "fetching: 24/24 (100%), 2.00/s, 0:12\n");
}

ASYNC_TEST(ProgressPlain, SaysNothingWhileNothingChanges) {
  const Pipe pipe;
  asyncio::Progress progress({.fd = pipe.writer()});
  auto task = progress.add_task("fetching", {.total = 10});
  co_await asyncio::sleep(6s);
  EXPECT_EQ(pipe.read(), "fetching: 0/10 (0%), 0:05\n");
  co_await asyncio::sleep(1h);
  EXPECT_EQ(pipe.read(), "");
  task.advance();
  EXPECT_EQ(pipe.read(), "fetching: 1/10 (10%), 1.0/h, 1:00:06, 9:00:09 left\n");
}

ASYNC_TEST(ProgressPlain, WhatHasChangedIsToldWhileTheProgramWaits) {
  const Pipe pipe;
  asyncio::Progress progress({.fd = pipe.writer()});
  auto task = progress.add_task("counting");
  co_await asyncio::sleep(1s);
  task.advance(1500);
  co_await asyncio::sleep(5s);
  EXPECT_EQ(pipe.read(), "counting: 1500, 300/s, 0:05\n");
}

ASYNC_TEST(ProgressPlain, EachTaskHasItsLineAtItsEnd) {
  const Pipe pipe;
  {
    asyncio::Progress progress({.fd = pipe.writer()});
    auto one = progress.add_task("one", {.total = 2});
    auto two = progress.add_task("two", {.total = 3});
    auto three = progress.add_task("three");
    auto four = progress.add_task("four", {.total = 4, .completed = 1});
    two.finish();
    two.finish();
    one.advance();
    one.stop();
    one.advance();
    four.update({.total = 2, .description = "4"});
    four.advance();
    co_await asyncio::sleep(1s);
    EXPECT_EQ(pipe.read(),
              "two: 3/3 (100%), 0:00\none: 1/2 (50%), 0:00, stopped\n4: 2/2 (100%), 0:00\n");
  }
  EXPECT_EQ(pipe.read(), "three: 0, 0:01, stopped\n");
}

ASYNC_TEST(ProgressPlain, ATaskWhoseTotalGrowsGoesOn) {
  const Pipe pipe;
  asyncio::Progress progress({.fd = pipe.writer()});
  auto task = progress.add_task("x", {.total = 1});
  task.advance();
  EXPECT_TRUE(task.finished());
  task.update({.total = 3});
  EXPECT_FALSE(task.finished());
  task.update({.completed = 3});
  EXPECT_TRUE(task.finished());
  EXPECT_EQ(pipe.read(), "x: 1/1 (100%), 0:00\nx: 3/3 (100%), 0:00\n");
  co_return;
}

ASYNC_TEST(ProgressPlain, ATransientOneIsSilentAboutTheEnd) {
  const Pipe pipe;
  {
    asyncio::Progress progress({.fd = pipe.writer(), .transient = true});
    auto task = progress.add_task("x", {.total = 10});
    co_await asyncio::sleep(4s);
    task.advance(10);
  }
  EXPECT_EQ(pipe.read(), "");
}

ASYNC_TEST(ProgressPlain, CanBeForcedToBeATerminal) {
  const PlainEnvironment environment;
  const Pipe pipe;
  asyncio::Progress progress({.fd = pipe.writer(), .force_terminal = true});
  auto task = progress.add_task(std::string(100, 'x'), {.total = 10});
  progress_tests::Emulator screen;
  screen.feed(pipe.read());
  EXPECT_EQ(screen.frames(), 1);
  EXPECT_EQ(screen.widest(), 79) << "of the 80 that are taken for granted";
  co_return;
}

ASYNC_TEST(ProgressPlain, PrintWritesItsTextAlsoAfterTheEnd) {
  const Pipe pipe;
  asyncio::Progress progress({.fd = pipe.writer()});
  progress.print("one");
  progress.print("two\n");
  progress.stop();
  progress.stop();
  progress.print("");
  EXPECT_EQ(pipe.read(), "one\ntwo\n\n");
  co_return;
}

ASYNC_TEST(ProgressPlain, ATaskAddedAfterTheEndDoesNothing) {
  const Pipe pipe;
  asyncio::Progress progress({.fd = pipe.writer()});
  progress.stop();
  auto task = progress.add_task("x", {.total = 1});
  task.advance();
  EXPECT_EQ(task.completed(), 0);
  EXPECT_EQ(pipe.read(), "");
  co_return;
}

ASYNC_TEST(ProgressPlain, NumbersAtTheEdgesAreHarmless) {
  const Pipe pipe;
  asyncio::Progress progress({.fd = pipe.writer()});
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  auto nothing = progress.add_task("nothing", {.total = 0});
  auto less = progress.add_task("less", {.total = 10, .completed = -5});
  less.advance(-7);
  EXPECT_EQ(less.completed(), 0);
  less.advance(12);
  auto much = progress.add_task("much");
  much.advance(most);
  much.advance(most);
  EXPECT_EQ(much.completed(), most);
  co_await asyncio::sleep(6s);
  EXPECT_EQ(pipe.read(),
            "nothing: 0/0 (100%), 0:00\n"
            "less: 12/10 (100%), 0:00\n"
            "much: 9223372036854775807, 1844674T/s, 0:05\n");
}

// --- errors -------------------------------------------------------------------------------------

ASYNC_TEST(ProgressErrors, AClosedReaderEndsTheOutputAndNothingElse) {
  for (const bool terminal : {false, true}) {
    Pipe pipe;
    pipe.close_reader();  // a SIGPIPE would end this program
    asyncio::Progress progress({.fd = pipe.writer(), .force_terminal = terminal});
    auto task = progress.add_task("x", {.total = 10});
    progress.print("text");
    co_await asyncio::sleep(10s);
    task.advance(10);
    EXPECT_TRUE(task.finished());
  }
}

ASYNC_TEST(ProgressErrors, AClosedOrNegativeDescriptorIsHarmless) {
  const int closed = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::close(closed);
  for (const int fd : {-1, closed}) {
    for (const bool terminal : {false, true}) {
      asyncio::Progress progress({.fd = fd, .force_terminal = terminal});
      auto task = progress.add_task("x", {.total = 10});
      co_await asyncio::sleep(10s);
      progress.print("text");
      task.advance(10);
    }
  }
}

ASYNC_TEST(ProgressErrors, AFullPipeStallsNothingAndIsGoneOnWithLater) {
  const PlainEnvironment environment;
  for (const int flags : {O_NONBLOCK, 0}) {
    const Pipe pipe(flags);
    const std::size_t full = pipe.fill();
    asyncio::Progress progress({.fd = pipe.writer()});
    auto task = progress.add_task("x", {.total = 10});
    co_await asyncio::sleep(6s);
    task.finish();
    EXPECT_EQ(pipe.read().size(), full);
    auto other = progress.add_task("y", {.total = 1});
    other.finish();
    EXPECT_EQ(pipe.read(),
              "x: 0/10 (0%), 0:05\nx: 10/10 (100%), 1.67/s, 0:06\n"
              "y: 1/1 (100%), 0:00\n");
  }
}

ASYNC_TEST(ProgressErrors, AFullTerminalMissesFramesAndThenShowsTheLastOne) {
  const PlainEnvironment environment;
  const Pipe pipe(O_NONBLOCK);
  const std::size_t full = pipe.fill();
  asyncio::Progress progress({.fd = pipe.writer(), .force_terminal = true});
  auto task = progress.add_task("x", {.total = 10});
  task.advance(5);
  co_await asyncio::sleep(1h);
  EXPECT_EQ(pipe.read().size(), full);
  co_await asyncio::sleep(1s);
  progress_tests::Emulator screen;
  screen.feed(pipe.read());
  EXPECT_NE(screen.line(0).find("50%  5/10"), std::string::npos) << screen.line(0);
}

ASYNC_TEST(ProgressErrors, WhatIsTakenInPartIsSentOn) {
  const PlainEnvironment environment;
  const Pipe pipe;
  {
    asyncio::Progress progress({.fd = pipe.writer()});
    const sys::Limit limit(sys::Call::write, 3);
    progress.print("in small pieces");
    const sys::Fault fault(sys::Call::write, EAGAIN);
    progress.print("later");
    progress.print("and more");
  }
  EXPECT_EQ(pipe.read(), "in small pieces\nlater\nand more\n");
  co_return;
}

ASYNC_TEST(ProgressErrors, AFullDiskEndsTheOutput) {
  const support::File file;
  asyncio::Progress progress({.fd = file.fd()});
  {
    const sys::Fault fault(sys::Call::write, ENOSPC);
    progress.print("lost");
  }
  progress.print("not tried again");
  EXPECT_EQ(file.position(), 0);
  co_return;
}

TEST(ProgressErrors, NoMemoryToShowItIsNoError) {
  const std::string found = asyncio::testing::fail_at_each_allocation([]() -> asyncio::Coro<> {
    const PlainEnvironment environment;
    const Pipe pipe;
    asyncio::Progress progress({.fd = pipe.writer(), .force_terminal = true});
    auto task = progress.add_task("x", {.total = 10});
    for (int i = 0; i < 5; ++i) {
      co_await asyncio::sleep(100ms);
      task.advance();
    }
  });
  EXPECT_EQ(found, "");
}
