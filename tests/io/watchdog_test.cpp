// What the watchdog says of a step or callback while it blocks its loop. What blocks here goes on
// until it is reported, so that no test depends on how fast anything is.

#include <asyncio/event_loop.hpp>
#include <asyncio/log.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "io/system_fork.hpp"
#include "support/children.hpp"
#include "support/log_capture.hpp"
#include "support/sanitizers.hpp"
#include "support/watchdog.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using support::block_until;
using support::contains;
using support::ScopedVariable;
using support::Until;
using support::watchdog_threads;

namespace {

constexpr auto soon = 20ms;
constexpr std::string_view blocked = "is blocked: ";
const char* const this_file = __FILE__;

/// The first report that contains `text`.
std::string report_of(const support::LogCapture& logged, std::string_view text) {
  for (const std::string& line : logged.lines()) {
    if (contains(line, blocked) && contains(line, text)) return line;
  }
  return {};
}

// --- what blocks ---

/// Without any call.
[[gnu::noinline]] void spin_until(const std::atomic<bool>& over) {
  while (!over.load(std::memory_order_relaxed)) {
  }
}

unsigned inner_line = 0;
unsigned middle_line = 0;
unsigned outer_line = 0;

asyncio::Coro<> inner(const support::LogCapture& logged) {
  inner_line = __LINE__ + 1;
  co_await asyncio::sleep(1ms);
  block_until(logged, blocked);
}
asyncio::Coro<> middle(const support::LogCapture& logged) {
  middle_line = __LINE__ + 1;
  co_await inner(logged);
}
asyncio::Coro<> outer(const support::LogCapture& logged) {
  outer_line = __LINE__ + 1;
  co_await middle(logged);
}

asyncio::Coro<> blocks(const support::LogCapture& logged, std::string_view text = blocked,
                       int times = 1) {
  block_until(logged, text, times);
  co_return;
}

asyncio::Coro<> deep(const support::LogCapture& logged, int levels) {
  if (levels > 0) {
    co_await deep(logged, levels - 1);
  } else {
    block_until(logged, blocked);
  }
}

struct blocking_callback {  // NOLINT(readability-identifier-naming)
  const support::LogCapture* logged;
  void operator()() const { block_until(*logged, blocked); }
};

std::string frame(unsigned line, std::string_view function) {
  return "\n  File \"" + std::string(this_file) + "\", line " + std::to_string(line) + ", in " +
         std::string(function) + "\n";
}

}  // namespace

// --- what it says ---

// DBG-019: where it blocks, and not only whose step it was
TEST(Watchdog, TellsTheTaskItsCoroutinesWithTheirLinesAndTheNativeStack) {
  const support::LogCapture logged;
  const auto main = [&]() -> asyncio::Coro<> {
    auto task = asyncio::create_task(outer(logged), {.name = "digest"});
    co_await task;
  };
  asyncio::run(main, {.name = "shop", .watchdog = soon});
  const std::string report = report_of(logged, "task 'digest'");
  EXPECT_TRUE(report.starts_with("event loop \"shop\" is blocked: task 'digest' has run for 0."))
      << report;
  const auto running =
      report.find("\nCoroutines (most recent call first):\n  File \"" + std::string(this_file) +
                  "\", after line " + std::to_string(inner_line) + ", in inner\n");
  const auto awaiting = report.find(frame(middle_line, "middle"));
  const auto outermost = report.find(frame(outer_line, "outer"));
  const auto native = report.find("\nNative stack (most recent call first):\n");
  EXPECT_LT(running, awaiting) << report;
  EXPECT_LT(awaiting, outermost) << report;
  EXPECT_LT(outermost, native) << report;
  EXPECT_TRUE(contains(report, "block_until")) << report;
  EXPECT_TRUE(contains(report, "TaskState::step")) << report;
}

// DBG-019
TEST(Watchdog, ReportsALoopThatComputesWithoutAnyCall) {
  const support::LogCapture logged;
  const auto main = [&]() -> asyncio::Coro<> {
    // ThreadSanitizer delivers a signal at the next call only.
    const std::string_view text = support::under_tsan ? blocked : "\n  spin_until (";
    const Until reported(logged, text);
    spin_until(reported.over());
    EXPECT_NE(report_of(logged, text), "");
    co_return;
  };
  asyncio::run(main, {.watchdog = soon});
}

// DBG-019
TEST(Watchdog, ReportsASystemCallThatWaits) {
  const support::LogCapture logged;
  const auto main = [&]() -> asyncio::Coro<> {
    constexpr int most = 100;
    for (int i = 0; i < most && report_of(logged, "nanosleep (").empty(); ++i) {
      std::this_thread::sleep_for(100ms);
    }
    co_return;
  };
  asyncio::run(main, {.watchdog = soon});
  EXPECT_NE(report_of(logged, "nanosleep ("), "");
}

// DBG-019, DBG-024
TEST(Watchdog, TellsACallbackByItsNameAndItsPlace) {
  const support::LogCapture logged;
  unsigned line = 0;
  const auto main = [&]() -> asyncio::Coro<> {
    line = __LINE__ + 1;
    asyncio::get_running_loop().call_soon(blocking_callback{&logged});
    co_await asyncio::sleep(1ms);
  };
  asyncio::run(main, {.watchdog = soon});
  const std::string report = report_of(logged, "callback");
  EXPECT_TRUE(contains(report, "callback blocking_callback, made at watchdog_test.cpp:" +
                                   std::to_string(line) + ", has run for 0."))
      << report;
  EXPECT_FALSE(contains(report, "Coroutines")) << report;
}

TEST(Watchdog, TellsTheTaskThatIsStartedEagerlyInAStepOfAnother) {
  const support::LogCapture logged;
  const auto main = [&]() -> asyncio::Coro<> {
    asyncio::create_task(blocks(logged), {.name = "eager", .eager_start = true});
    co_return;
  };
  asyncio::run(main, {.watchdog = soon});
  EXPECT_NE(report_of(logged, "task 'eager'"), "");
}

TEST(Watchdog, BoundsHowManyCoroutinesItTells) {
  const support::LogCapture logged;
  constexpr int levels = 1'000;
  asyncio::run(deep(logged, levels), {.watchdog = soon});
  const std::string report = report_of(logged, "Task-");
  EXPECT_TRUE(contains(report, "\n  ... and more of them\nNative stack")) << report;
  constexpr std::size_t most = 40'000;
  EXPECT_LT(report.size(), most);
}

// failure 105: names are from outside
TEST(Watchdog, ShowsNamesEscapedAndCut) {
  const support::LogCapture logged;
  constexpr std::size_t megabyte = 1'000'000;
  const std::string name = "\x1b[31m\n" + std::string(megabyte, 'x');
  const auto main = [&]() -> asyncio::Coro<> {
    auto task = asyncio::create_task(blocks(logged), {.name = name});
    co_await task;
  };
  asyncio::run(main, {.watchdog = soon});
  const std::string report = report_of(logged, "xxx");
  EXPECT_TRUE(contains(report, "task '\\x1b[31m\\nxxx")) << report;
  EXPECT_TRUE(contains(report, "xxx...' has run")) << report;
  EXPECT_LT(report.find("has run"), 500U);
}

// --- when it says it ---

// DBG-009, DBG-019: and debug mode tells the rest when it has ended
TEST(Watchdog, IsOnInDebugModeAndComesBeforeTheReportOfTheEnd) {
  const support::LogCapture logged;
  const auto main = [&]() -> asyncio::Coro<> {
    asyncio::get_running_loop().slow_callback_duration = soon;
    co_await asyncio::sleep(0s);
    block_until(logged, blocked);
  };
  asyncio::run(main, {.debug = true});
  const auto lines = logged.lines();
  ASSERT_GE(lines.size(), 2U);
  EXPECT_TRUE(contains(lines.front(), blocked)) << lines.front();
  EXPECT_EQ(logged.count("Executing <Task finished"), 1);
  EXPECT_EQ(logged.count("goes on: "), 0);
}

TEST(Watchdog, TellsTheEndOfWhatItHasReportedWhereDebugModeDoesNot) {
  const support::LogCapture logged;
  asyncio::run(blocks(logged), {.name = "shop", .watchdog = soon});
  EXPECT_EQ(logged.count("event loop \"shop\" goes on: it was blocked for 0."), 1);
}

TEST(Watchdog, ReportsAStallAgainAsItGrows) {
  const support::LogCapture logged;
  asyncio::run(blocks(logged, blocked, 3), {.watchdog = soon});
  EXPECT_GE(logged.count(blocked), 3);
  EXPECT_EQ(logged.count("goes on: "), 1);
}

// DBG-018: waiting is no stall
TEST(Watchdog, IsSilentAboutALoopThatWaits) {
  const support::LogCapture logged;
  const auto main = []() -> asyncio::Coro<> { co_await asyncio::sleep(900ms); };
  asyncio::run(main, {.watchdog = 300ms});
  EXPECT_TRUE(logged.empty()) << logged.lines().front();
}

TEST(Watchdog, GoesOnAfterAStepThatThrows) {
  const support::LogCapture logged;
  const auto main = [&]() -> asyncio::Coro<> {
    auto fails = [&]() -> asyncio::Coro<> {
      block_until(logged, "task 'first'");
      throw std::runtime_error("broken on purpose");
      co_return;
    };
    auto first = asyncio::create_task(fails(), {.name = "first"});
    try {
      co_await first;
      ADD_FAILURE() << "it has not thrown";
    } catch (const std::runtime_error&) {
      // It is the one.
    }
    auto second = asyncio::create_task(blocks(logged, "task 'second'"), {.name = "second"});
    co_await second;
  };
  asyncio::run(main, {.watchdog = soon});
  EXPECT_NE(report_of(logged, "task 'first'"), "");
  EXPECT_NE(report_of(logged, "task 'second'"), "");
}

// A KeyboardInterrupt leaves the entry and the loop.
TEST(Watchdog, SeesAStepEndThatLeavesTheLoop) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  loop->set_watchdog(soon);
  loop->call_soon([] { throw asyncio::KeyboardInterrupt(); });
  EXPECT_THROW(loop->run_forever(), asyncio::KeyboardInterrupt);
  std::this_thread::sleep_for(4 * soon);
  EXPECT_EQ(logged.count(blocked), 0);
  loop->close();
}

// DBG-018
TEST(Watchdog, TakesAnotherThresholdWhileTheLoopRuns) {
  const support::LogCapture logged;
  const auto main = [&]() -> asyncio::Coro<> {
    asyncio::get_running_loop().set_watchdog(soon);
    co_await asyncio::sleep(0s);
    block_until(logged, blocked);
    asyncio::get_running_loop().set_watchdog(0s);
    EXPECT_EQ(watchdog_threads(), 0);
    asyncio::get_running_loop().set_watchdog(soon);
    co_await asyncio::sleep(0s);
    block_until(logged, blocked, logged.count(blocked) + 1);
  };
  asyncio::run(main, {.watchdog = 1h});
}

TEST(Watchdog, ReportsEachLoopOfSeveralThreads) {
  const support::LogCapture logged;
  std::vector<std::thread> threads;
  for (const char* name : {"first", "second"}) {
    threads.emplace_back([&logged, name] {
      const std::string text = "event loop \"" + std::string(name) + "\" is blocked";
      asyncio::run(blocks(logged, text), {.name = name, .watchdog = soon});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_NE(report_of(logged, "\"first\""), "");
  EXPECT_NE(report_of(logged, "\"second\""), "");
}

// --- its thread ---

TEST(Watchdog, HasOneThreadWhileALoopIsWatchedAndElseNone) {
  EXPECT_EQ(watchdog_threads(), 0);
  auto first = asyncio::new_event_loop();
  auto second = asyncio::new_event_loop();
  EXPECT_EQ(watchdog_threads(), 0);
  first->set_watchdog(1s);
  second->set_debug(true);
  EXPECT_EQ(watchdog_threads(), 1);
  first->close();
  EXPECT_EQ(watchdog_threads(), 1);
  second->set_debug(false);
  EXPECT_EQ(watchdog_threads(), 0);
  second->close();
}

TEST(Watchdog, IsNotCountedAmongTheThreadsOfTheProgram) {
  const std::size_t before = asyncio::detail::sys::thread_count();
  auto loop = asyncio::new_event_loop();
  loop->set_watchdog(1s);
  EXPECT_EQ(watchdog_threads(), 1);
  EXPECT_EQ(asyncio::detail::sys::thread_count(), before);
  loop->close();
}

// LOOP-100: it is loop.time() that counts
TEST(Watchdog, LeavesTheVirtualClockAlone) {
  const auto main = []() -> asyncio::Coro<> {
    EXPECT_EQ(watchdog_threads(), 0);
    co_return;
  };
  asyncio::testing::run(main, {.debug = true});
}

// failure 79
TEST(Watchdog, OfAForkedChildIsItsOwn) {
  if (support::under_tsan) GTEST_SKIP() << "it wants no threads in a forked child";
  const support::LogCapture logged;
  const auto main = [&]() -> asyncio::Coro<> {
    EXPECT_EQ(support::end_of_child([&] {
                if (watchdog_threads() != 0) return 1;
                asyncio::run(blocks(logged, "\"child\" is blocked"),
                             {.name = "child", .watchdog = soon});
                return watchdog_threads() == 0 ? 7 : 2;
              }),
              "exit 7");
    block_until(logged, "\"parent\" is blocked");
    co_return;
  };
  asyncio::run(main, {.name = "parent", .watchdog = soon});
  EXPECT_EQ(logged.count("\"child\" is blocked"), 0);
}

namespace {
std::atomic<bool> sink_is_in = false;
std::atomic<bool> sink_may_go = false;
}  // namespace

// The thread of a report that is still being written is left to itself.
TEST(Watchdog, EndsAlsoWhileALogSinkWaitsForWhoEndsIt) {
  const asyncio::LogSink before =
      asyncio::set_log_sink([](asyncio::LogLevel, std::string_view text) {
        if (!contains(text, blocked)) return;
        sink_is_in = true;
        while (!sink_may_go) std::this_thread::sleep_for(1ms);
      });
  const auto main = []() -> asyncio::Coro<> {
    while (!sink_is_in) std::this_thread::sleep_for(1ms);
    co_return;
  };
  asyncio::run(main, {.watchdog = soon});  // returns
  asyncio::run(main, {.watchdog = soon});  // and may be had again
  sink_may_go = true;
  for (int i = 0; i < 10'000 && watchdog_threads() > 0; ++i) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(watchdog_threads(), 0);
  asyncio::set_log_sink(before);
}

TEST(Watchdog, LetsTheProgramExitWhileALogSinkKeepsAReport) {
  if (support::under_asan) GTEST_SKIP() << "what an exit in the middle of a step leaves is a leak";
  const auto child = []() -> int {
    static std::atomic<bool> in = false;
    asyncio::set_log_sink([](asyncio::LogLevel, std::string_view) {
      in = true;
      for (;;) std::this_thread::sleep_for(1h);
    });
    const auto main = []() -> asyncio::Coro<> {
      while (!in) std::this_thread::sleep_for(1ms);
      std::exit(7);  // NOLINT(concurrency-mt-unsafe)
      co_return;
    };
    asyncio::run(main, {.watchdog = soon});
    return 1;
  };
  EXPECT_EQ(support::end_of_child(child), "exit 7");
}

// --- the signal ---

namespace {

void noop(int) {}

std::string report_under(int signal, void (*handler)(int)) {
  const support::LogCapture logged;
  void (*before)(int) = std::signal(signal, handler);
  asyncio::run(blocks(logged), {.watchdog = soon});
  EXPECT_EQ(std::signal(signal, before), handler);
  return report_of(logged, "");
}

}  // namespace

TEST(WatchdogSignal, IsGivenBack) {
  EXPECT_TRUE(contains(report_under(SIGURG, SIG_DFL), "\nNative stack"));
  EXPECT_TRUE(contains(report_under(SIGURG, SIG_IGN), "\nNative stack"));
}

TEST(WatchdogSignal, IsNotTakenFromSomebodyElse) {
  EXPECT_TRUE(
      report_under(SIGURG, &noop).ends_with("\nNo stacks: signal 23 is handled by somebody else"));
}

TEST(WatchdogSignal, ThatTheThreadBlocksIsTold) {
  const support::LogCapture logged;
  sigset_t urgent;
  sigset_t before;
  sigemptyset(&urgent);
  sigaddset(&urgent, SIGURG);
  pthread_sigmask(SIG_BLOCK, &urgent, &before);
  asyncio::run(blocks(logged), {.watchdog = soon});
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  const std::string report = report_of(logged, "");
  EXPECT_TRUE(contains(report, "a task whose step began at the start of blocks()")) << report;
  EXPECT_TRUE(contains(report, " blocks signal 23")) << report;
}

TEST(WatchdogSignal, IsTheOneOfTheEnvironment) {
  const int other = SIGRTMIN + 5;
  const ScopedVariable set("ASYNCIO_WATCHDOG_SIGNAL", std::to_string(other).c_str());
  EXPECT_TRUE(report_under(other, &noop)
                  .ends_with("\nNo stacks: signal " + std::to_string(other) +
                             " is handled by somebody else"));
  EXPECT_TRUE(contains(report_under(other, SIG_DFL), "\nNative stack"));
}

TEST(WatchdogSignal, MayBeNone) {
  const ScopedVariable set("ASYNCIO_WATCHDOG_SIGNAL", "0");
  EXPECT_TRUE(report_under(SIGURG, SIG_DFL).ends_with("\nNo stacks: ASYNCIO_WATCHDOG_SIGNAL=0"));
}

TEST(WatchdogSignal, ThatIsNoneIsTold) {
  for (const char* wrong : {"URG", "-1", "23x", "99999", "99999999999999"}) {
    const ScopedVariable set("ASYNCIO_WATCHDOG_SIGNAL", wrong);
    EXPECT_TRUE(report_under(SIGURG, SIG_DFL)
                    .ends_with("\nNo stacks: ASYNCIO_WATCHDOG_SIGNAL=" + std::string(wrong) +
                               " is no number of a signal"));
  }
  const ScopedVariable set("ASYNCIO_WATCHDOG_SIGNAL", "9");
  EXPECT_TRUE(report_under(SIGURG, SIG_DFL).ends_with("\nNo stacks: signal 9 cannot be handled"));
}

// --- switches ---

TEST(WatchdogSwitch, OfTheEnvironmentIsForEveryNewLoop) {
  const ScopedVariable set("ASYNCIO_WATCHDOG", "0.25");
  auto loop = asyncio::new_event_loop();
  EXPECT_TRUE(loop->get_watchdog() == 250ms);
  EXPECT_EQ(watchdog_threads(), 1);
  loop->set_watchdog(std::nullopt);
  EXPECT_EQ(watchdog_threads(), 0);
  loop->close();
}

TEST(WatchdogSwitch, OfZeroIsOffInDebugModeToo) {
  const ScopedVariable set("ASYNCIO_WATCHDOG", "0");
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  EXPECT_EQ(watchdog_threads(), 0);
  loop->close();
}

TEST(WatchdogSwitch, OfTheEnvironmentIsOverruledByTheOption) {
  const ScopedVariable set("ASYNCIO_WATCHDOG", "0.25");
  const auto main = []() -> asyncio::Coro<> {
    EXPECT_TRUE(asyncio::get_running_loop().get_watchdog() == 0s);
    EXPECT_EQ(watchdog_threads(), 0);
    co_return;
  };
  asyncio::run(main, {.watchdog = 0s});
}

TEST(WatchdogSwitch, ThatIsNoNumberIsRefused) {
  for (const char* wrong : {"abc", "0.25s", " 1", "0,25", "nan"}) {
    const ScopedVariable set("ASYNCIO_WATCHDOG", wrong);
    try {
      (void)asyncio::new_event_loop();
      ADD_FAILURE() << wrong;
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(error.what(), "ASYNCIO_WATCHDOG=" + std::string(wrong) +
                                  ": not a number of seconds; write it as 0.25, or 0 for no "
                                  "watchdog");
    }
  }
}

TEST(WatchdogSwitch, OfAnyNumberIsBounded) {
  for (const char* text : {"1e300", "inf", "-1e300", "1e-300", "-0"}) {
    const ScopedVariable set("ASYNCIO_WATCHDOG", text);
    auto loop = asyncio::new_event_loop();
    loop->poll_once();
    loop->close();
  }
}

// A loop that is closed is not watched.
TEST(WatchdogSwitch, OfAClosedLoopDoesNothing) {
  auto loop = asyncio::new_event_loop();
  loop->close();
  loop->set_watchdog(1s);
  EXPECT_EQ(watchdog_threads(), 0);
}
