// What a terminal shows of a Progress.
#include <asyncio/progress.hpp>

#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "progress/terminal.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

using progress_tests::Emulator;
using progress_tests::PlainEnvironment;
using progress_tests::Pty;
using progress_tests::Variable;
using Lines = std::vector<std::string>;

struct Screen : Emulator {
  explicit Screen(const Pty& pty) { feed(pty.read()); }
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

ASYNC_TEST(ProgressTerminal, ShowsDescriptionBarPercentageCountRateAndTimes) {
  const PlainEnvironment environment;
  const Pty pty(80, 24);
  asyncio::Progress progress({.fd = pty.fd()});
  auto task = progress.add_task("fetching", {.total = 10});
  for (int i = 0; i < 4; ++i) {
    co_await asyncio::sleep(1s);
    task.advance();
  }
  co_await asyncio::sleep(1s);
  EXPECT_EQ(
      Screen(pty).lines(),
      (Lines{"fetching ##############-----------------------  40%  4/10 0.77/s 0:05 0:07 left"}));
}

ASYNC_TEST(ProgressTerminal, IsDrawnAtMostTenTimesASecond) {
  const PlainEnvironment environment;
  const Pty pty(80, 24);
  asyncio::Progress progress({.fd = pty.fd()});
  auto task = progress.add_task("counting", {.total = 2'000'000});
  Emulator screen;
  for (int i = 0; i < 1000; ++i) {
    for (int k = 0; k < 1000; ++k) task.advance();
    co_await asyncio::sleep(1ms);
    screen.feed(pty.read());
  }
  EXPECT_LE(screen.frames(), 11);
  EXPECT_GE(screen.frames(), 9);
}

TEST(ProgressTerminal, IsDrawnAtMostTenTimesASecondWithoutALoop) {
  const PlainEnvironment environment;
  const Pty pty(80, 24);
  asyncio::Progress progress({.fd = pty.fd()});
  auto task = progress.add_task("counting", {.total = 2'000'000});
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 1'000'000; ++i) task.advance();
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_LE(Screen(pty).frames(), 1 + took / 100ms);
}

TEST(ProgressTerminal, IsDrawnByAdvanceWithoutALoop) {
  const PlainEnvironment environment;
  const Pty pty(80, 24);
  asyncio::Progress progress({.fd = pty.fd(), .refresh = 10ms});
  auto task = progress.add_task("counting", {.total = 2});
  std::this_thread::sleep_for(30ms);
  task.advance();
  EXPECT_TRUE(contains(Screen(pty).line(0), "50% 1/2")) << Screen(pty).line(0);
}

ASYNC_TEST(ProgressTerminal, WhatHasChangedIsShownWhileTheProgramWaits) {
  const PlainEnvironment environment;
  const Pty pty(80, 24);
  asyncio::Progress progress({.fd = pty.fd()});
  auto task = progress.add_task("fetching", {.total = 4});
  task.advance();  // too soon after the first drawing
  co_await asyncio::sleep(200ms);
  EXPECT_TRUE(contains(Screen(pty).line(0), "25% 1/4"));
}

ASYNC_TEST(ProgressTerminal, TimeAndSpinnerGoOnWhileTheProgramWaits) {
  const PlainEnvironment environment;
  const Pty pty(80, 24);
  asyncio::Progress progress({.fd = pty.fd()});
  auto task = progress.add_task("searching");
  std::string spinners;
  for (int i = 0; i < 4; ++i) {
    co_await asyncio::sleep(1100ms);
    const std::string line = Screen(pty).line(0);
    spinners += line.at(10);
    EXPECT_TRUE(contains(line, "0:0" + std::to_string(i + 1))) << line;
  }
  EXPECT_EQ(spinners, "\\-/|") << "each eleven turns further";
}

ASYNC_TEST(ProgressTerminal, HasNoTimerWhenAllTasksHaveEnded) {
  const PlainEnvironment environment;
  const Pty pty(80, 24);
  asyncio::Progress progress({.fd = pty.fd()});
  auto task = progress.add_task("fetching", {.total = 1});
  task.advance();
  co_await asyncio::sleep(1s);
  EXPECT_TRUE(contains(Screen(pty).line(0), "100% 1/1"));
  co_await asyncio::sleep(1h);
  EXPECT_EQ(pty.read(), "");
}

ASYNC_TEST(ProgressTerminal, NoLineIsWiderThanTheTerminal) {
  const PlainEnvironment environment;
  const Pty pty(80, 24);
  asyncio::Progress progress({.fd = pty.fd(), .refresh = 10ms});
  auto task = progress.add_task("a description that is rather long, 漢字漢字漢字, for a bar",
                                {.total = 1000});
  auto other = progress.add_task("x");
  for (int columns = 1; columns <= 120; ++columns) {
    pty.resize(columns, 24);
    co_await asyncio::sleep(20ms);
    static_cast<void>(pty.read());  // drawn before it was resized
    task.advance(7);
    other.advance(123456789);
    co_await asyncio::sleep(20ms);
    const Screen screen(pty);
    EXPECT_GT(screen.frames(), 0) << columns;
    EXPECT_LE(screen.widest(), columns);
    EXPECT_EQ(screen.strange(), "");
  }
}

ASYNC_TEST(ProgressTerminal, TheWidthCanBeSaid) {
  const PlainEnvironment environment;
  const Pty pty(80, 24);
  asyncio::Progress progress({.fd = pty.fd(), .width = 30});
  auto task = progress.add_task("fetching", {.total = 10});
  co_await asyncio::sleep(0s);
  EXPECT_LE(Screen(pty).widest(), 30);
}

ASYNC_TEST(ProgressTerminal, ATextIsCutBetweenItsCodePoints) {
  const PlainEnvironment environment;
  const Variable locale("LC_ALL", "en_US.UTF-8");
  const Pty pty(20, 24);
  asyncio::Progress progress({.fd = pty.fd()});
  auto task = progress.add_task("漢字漢字漢字漢字");
  co_await asyncio::sleep(0s);
  EXPECT_EQ(Screen(pty).line(0), "漢字漢…  ⠋        0");
}

ASYNC_TEST(ProgressTerminal, ControlCharactersInADescriptionAreHarmless) {
  const PlainEnvironment environment;
  const Pty pty(60, 24);
  asyncio::Progress progress({.fd = pty.fd()});
  auto task = progress.add_task("a\033[2Jb\nc\x7F\xFF\xC2\x9B d", {.total = 1});
  co_await asyncio::sleep(0s);
  const Screen screen(pty);
  EXPECT_EQ(screen.line(0).substr(0, 14), "a?[2Jb c??? d ");
  EXPECT_EQ(screen.strange(), "");
}

ASYNC_TEST(ProgressTerminal, GlyphsAreThoseOfTheLocale) {
  const PlainEnvironment environment;
  for (const char* locale : {"en_US.UTF-8", "C.utf8"}) {
    const Variable all("LC_ALL", locale);
    const Pty pty(40, 24);
    asyncio::Progress progress({.fd = pty.fd()});
    auto task = progress.add_task("x", {.total = 4, .completed = 1});
    EXPECT_TRUE(contains(Screen(pty).line(0), "━━")) << locale;
  }
  const Variable all("LC_ALL", nullptr);
  const Variable ctype("LC_CTYPE", "de_DE.ISO-8859-1");
  const Variable lang("LANG", "de_DE.UTF-8");
  const Pty pty(40, 24);
  asyncio::Progress progress({.fd = pty.fd()});
  auto task = progress.add_task("x", {.total = 4, .completed = 1});
  EXPECT_TRUE(contains(Screen(pty).line(0), "##"));
  co_return;
}

ASYNC_TEST(ProgressTerminal, NoColorMeansNone) {
  const PlainEnvironment environment;
  for (const char* value : {"1", "", static_cast<const char*>(nullptr)}) {
    const Variable no_color("NO_COLOR", value);
    const Pty pty(60, 24);
    {
      asyncio::Progress progress({.fd = pty.fd()});
      auto task = progress.add_task("x", {.total = 4, .completed = 1});
    }
    const bool wanted = value == nullptr || *value == '\0';
    EXPECT_EQ(Screen(pty).colours() > 0, wanted);
  }
  co_return;
}

ASYNC_TEST(ProgressTerminal, ADumbTerminalIsNone) {
  const PlainEnvironment environment;
  const Variable term("TERM", "dumb");
  const Pty pty(60, 24);
  {
    asyncio::Progress progress({.fd = pty.fd()});
    auto task = progress.add_task("x", {.total = 4, .completed = 1});
  }
  EXPECT_EQ(pty.read(), "x: 1/4 (25%), 0:00, stopped\r\n");
  co_return;
}

ASYNC_TEST(ProgressTerminal, SeveralTasksStandBelowEachOtherInColumns) {
  const PlainEnvironment environment;
  const Pty pty(60, 24);
  asyncio::Progress progress({.fd = pty.fd()});
  auto pages = progress.add_task("pages", {.total = 4});
  auto images = progress.add_task("big images", {.total = 200});
  auto links = progress.add_task("links");
  Emulator screen;
  for (int i = 0; i < 3; ++i) {
    co_await asyncio::sleep(1s);
    pages.advance();
    images.advance(30);
    links.advance(100);
  }
  co_await asyncio::sleep(200ms);
  screen.feed(pty.read());
  EXPECT_EQ(screen.lines(), (Lines{"pages      #########----  75%     3/4 0.98/s 0:03 0:01 left",
                                   "big images #####--------  45%  90/200 29.4/s 0:03 0:03 left",
                                   "links      |                      300 98.0/s 0:03"}));
  pages.advance();
  images.finish();
  links.finish();
  co_await asyncio::sleep(1s);
  screen.feed(pty.read());
  EXPECT_EQ(screen.lines(), (Lines{"pages      ####################### 100%     4/4 1.25/s 0:03",
                                   "big images ####################### 100% 200/200 62.5/s 0:03",
                                   "links      ####################### 100% 300/300 93.8/s 0:03"}));
}

ASYNC_TEST(ProgressTerminal, WhereThereIsNoRoomForAllTheEndedOnesAreHidden) {
  const PlainEnvironment environment;
  const Pty pty(60, 5);
  asyncio::Progress progress({.fd = pty.fd()});
  std::vector<asyncio::ProgressTask> tasks;
  for (int i = 0; i < 10; ++i) {
    tasks.push_back(progress.add_task("task " + std::to_string(i), {.total = 2}));
  }
  for (int i = 0; i < 8; ++i) tasks.at(static_cast<std::size_t>(i)).finish();
  co_await asyncio::sleep(2s);
  const Screen screen(pty);
  const Lines lines = screen.lines();
  EXPECT_EQ(lines.size(), 4U);
  EXPECT_TRUE(contains(lines.at(0), "task 7")) << lines.at(0);
  EXPECT_TRUE(contains(lines.at(2), "task 9")) << lines.at(2);
  EXPECT_EQ(lines.at(3), "and 7 more");
}

ASYNC_TEST(ProgressTerminal, TheLastStateStaysAtTheEnd) {
  const PlainEnvironment environment;
  const Pty pty(60, 24);
  Emulator screen;
  {
    asyncio::Progress progress({.fd = pty.fd()});
    auto task = progress.add_task("fetching", {.total = 10});
    task.advance(9);  // not drawn yet
  }
  screen.feed(pty.read());
  screen.feed("$ ");
  EXPECT_TRUE(contains(screen.line(0), "90%  9/10"));
  EXPECT_EQ(screen.line(1), "$");
  EXPECT_TRUE(screen.cursor_is_shown());
  co_return;
}

ASYNC_TEST(ProgressTerminal, ATransientOneLeavesNothing) {
  const PlainEnvironment environment;
  const Pty pty(60, 24);
  Emulator screen;
  {
    asyncio::Progress progress({.fd = pty.fd(), .transient = true});
    auto one = progress.add_task("one", {.total = 10});
    auto two = progress.add_task("two", {.total = 10});
    co_await asyncio::sleep(1s);
    screen.feed(pty.read());
    EXPECT_EQ(screen.lines().size(), 2U);
  }
  screen.feed(pty.read());
  screen.feed("$ ");
  EXPECT_EQ(screen.lines(), Lines{"$"});
}

ASYNC_TEST(ProgressTerminal, AnExceptionLeavesTheTerminalInOrder) {
  const PlainEnvironment environment;
  const Pty pty(60, 24);
  try {
    asyncio::Progress progress({.fd = pty.fd()});
    auto task = progress.add_task("x", {.total = 4});
    co_await asyncio::sleep(1s);
    throw std::runtime_error("lost");
  } catch (const std::runtime_error&) {
  }
  const std::string sent = pty.read();
  EXPECT_EQ(sent.back(), '\n');
  Emulator screen;
  screen.feed(sent);
  EXPECT_TRUE(screen.cursor_is_shown());
}

// Also a program that is killed leaves the cursor behind.
ASYNC_TEST(ProgressTerminal, TheCursorIsHiddenOnlyWhileItDraws) {
  const PlainEnvironment environment;
  const Pty pty(60, 24);
  asyncio::Progress progress({.fd = pty.fd()});
  auto task = progress.add_task("x");
  co_await asyncio::sleep(1s);
  const std::string sent = pty.read();
  EXPECT_TRUE(contains(sent, "\033[?25l"));
  EXPECT_TRUE(sent.ends_with("\033[?25h"));
}

ASYNC_TEST(ProgressTerminal, PrintWritesAboveTheBars) {
  const PlainEnvironment environment;
  const Pty pty(60, 24);
  asyncio::Progress progress({.fd = pty.fd()});
  auto one = progress.add_task("one", {.total = 10});
  auto two = progress.add_task("two", {.total = 10});
  Emulator screen;
  co_await asyncio::sleep(200ms);
  progress.print("hello");
  progress.print("two\nlines\n");
  screen.feed(pty.read());
  const Lines lines = screen.lines();
  EXPECT_EQ(lines.size(), 5U);
  EXPECT_EQ((Lines{lines.at(0), lines.at(1), lines.at(2)}), (Lines{"hello", "two", "lines"}));
  EXPECT_TRUE(lines.at(3).starts_with("one ")) << lines.at(3);
  EXPECT_TRUE(lines.at(4).starts_with("two ")) << lines.at(4);
}

ASYNC_TEST(ProgressTerminal, AHandleThatOutlivesItDoesNothing) {
  const PlainEnvironment environment;
  const Pty pty(60, 24);
  std::optional<asyncio::Progress> progress;
  progress.emplace(asyncio::ProgressOptions{.fd = pty.fd()});
  auto task = progress->add_task("x", {.total = 4});
  task.advance();
  progress.reset();
  static_cast<void>(pty.read());
  task.advance();
  task.update({.total = 7, .description = "y"});
  task.finish();
  task.stop();
  co_await asyncio::sleep(1s);
  EXPECT_EQ(task.completed(), 1);
  EXPECT_EQ(task.total(), 4);
  EXPECT_FALSE(task.finished());
  EXPECT_EQ(pty.read(), "");
}

TEST(ProgressTerminal, OneThatWasMadeBeforeTheLoopLivesInItAndAfterIt) {
  const PlainEnvironment environment;
  const Pty pty(80, 24);
  asyncio::Progress progress({.fd = pty.fd()});
  auto task = progress.add_task("x", {.total = 10});
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    task.advance();
    co_await asyncio::sleep(10s);
  });
  Emulator screen;
  screen.feed(pty.read());
  EXPECT_TRUE(contains(screen.line(0), " 10%  1/10 3.7/min 0:09 2:")) << screen.line(0);
  task.advance(9);
  progress.stop();
  screen.feed(pty.read());
  EXPECT_TRUE(contains(screen.line(0), "100% 10/10")) << screen.line(0);
}
