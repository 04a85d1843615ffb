// Debug mode tells what blocks the loop. A busy machine may block it, too: so these tests look for
// the report that they expect, and say that there is none only where no time passes.

#include <asyncio/event_loop.hpp>

#include <asyncio/log.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

using namespace std::chrono_literals;

namespace {

constexpr auto limit = 5ms;
constexpr auto blocked = 20ms;
constexpr double blocked_seconds = 0.020;

void block() { std::this_thread::sleep_for(blocked); }

// Callbacks with names.
struct blocks {
  void operator()() const { block(); }
};
struct unseen {
  void operator()() const { block(); }
};
struct first_quick {
  void operator()() const {}
};
struct second_quick {
  void operator()() const {}
};

// On the real clock.
std::unique_ptr<asyncio::EventLoop> loop_with(asyncio::Duration slow_callback_duration) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  loop->slow_callback_duration = slow_callback_duration;
  loop->set_watchdog(0s);  // which would report it, too
  return loop;
}

void run_iteration(asyncio::EventLoop& loop) {
  loop.stop();
  loop.run_forever();
}

// The report of something slow that has `what` in it; empty if there is none.
std::string report_of(const support::LogCapture& logged, std::string_view what) {
  for (const std::string& line : logged.lines()) {
    if (line.starts_with("Executing ") && line.find(what) != std::string::npos) return line;
  }
  return {};
}

// -1 if it does not tell them, with three decimals.
double seconds_in(const std::string& report) {
  static const std::regex form("took ([0-9]+\\.[0-9]{3}) seconds");
  std::smatch found;
  return std::regex_search(report, found, form) ? std::stod(found[1]) : -1;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

asyncio::Coro<> blocks_at_once() {
  block();
  co_return;
}

constexpr unsigned inner_awaits = __LINE__ + 2;
asyncio::Coro<> inner() {
  co_await asyncio::sleep(0s);
  block();
  co_await asyncio::sleep(0s);
}

constexpr unsigned outer_awaits = __LINE__ + 1;
asyncio::Coro<> outer() { co_await inner(); }

asyncio::Coro<> blocks_and_fails() {
  block();
  throw std::runtime_error("out of luck");
  co_return;
}

asyncio::Coro<> quick() { co_return; }

}  // namespace

// LOOP-099, DBG-009
TEST(SlowCallback, IsReportedOnceWithItsHandleAndTheTimeThatItTook) {
  const support::LogCapture logged;
  auto loop = loop_with(limit);
  const auto line = std::to_string(__LINE__ + 1);
  loop->call_soon(blocks());
  run_iteration(*loop);
  loop->close();
  const std::string report = report_of(logged, "blocks");
  EXPECT_TRUE(report.starts_with("Executing <Handle ")) << report;
  EXPECT_TRUE(contains(report, " created at slow_callback_test.cpp:" + line + "> took ")) << report;
  EXPECT_TRUE(report.ends_with(" seconds")) << report;
  EXPECT_GE(seconds_in(report), blocked_seconds) << report;
  EXPECT_EQ(logged.count("blocks"), 1);
}

// LOOP-099
TEST(SlowCallback, OfATimerIsReported) {
  const support::LogCapture logged;
  auto loop = loop_with(limit);
  loop->call_later(0s, blocks());
  run_iteration(*loop);
  loop->close();
  const std::string report = report_of(logged, "blocks");
  EXPECT_TRUE(report.starts_with("Executing <TimerHandle when=")) << report;
  EXPECT_GE(seconds_in(report), blocked_seconds) << report;
}

// LOOP-099
TEST(SlowCallback, OfAnotherThreadIsReported) {
  const support::LogCapture logged;
  auto loop = loop_with(limit);
  std::thread([&] { loop->call_soon_threadsafe(blocks()); }).join();
  run_iteration(*loop);
  loop->close();
  EXPECT_GE(seconds_in(report_of(logged, "blocks")), blocked_seconds);
}

// LOOP-099
TEST(SlowCallback, OfAReaderIsReported) {
  const support::LogCapture logged;
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  ASSERT_EQ(::write(pipe[1], "x", 1), 1);
  auto loop = loop_with(limit);
  loop->add_reader(pipe[0], blocks());
  run_iteration(*loop);
  loop->remove_reader(pipe[0]);
  loop->close();
  ::close(pipe[0]);
  ::close(pipe[1]);
  EXPECT_GE(seconds_in(report_of(logged, "blocks")), blocked_seconds);
}

// LOOP-099
TEST(SlowCallback, OfAFutureThatIsDoneIsReported) {
  const support::LogCapture logged;
  auto loop = loop_with(limit);
  const auto future = loop->create_future<>();
  future.add_done_callback(blocks());
  future.set_result();
  run_iteration(*loop);
  loop->close();
  EXPECT_GE(seconds_in(report_of(logged, "blocks")), blocked_seconds);
}

// LOOP-099
TEST(SlowCallback, IsReportedInALoopThatAForeignLoopPolls) {
  const support::LogCapture logged;
  auto loop = loop_with(limit);
  loop->call_soon(blocks());
  loop->poll_once();
  loop->close();
  EXPECT_GE(seconds_in(report_of(logged, "blocks")), blocked_seconds);
}

// LOOP-099, LOOP-031
TEST(SlowCallback, ThatThrowsIsReportedAsSlowAndItsErrorToo) {
  const support::LogCapture logged;
  auto loop = loop_with(limit);
  loop->call_soon([] {
    block();
    throw std::runtime_error("broken on purpose");
  });
  run_iteration(*loop);
  loop->close();
  EXPECT_EQ(logged.count("broken on purpose"), 1);
  EXPECT_GE(seconds_in(report_of(logged, "slow_callback_test.cpp")), blocked_seconds);
}

// LOOP-099
TEST(SlowCallback, ThatCancelsItsOwnHandleIsReported) {
  const support::LogCapture logged;
  auto loop = loop_with(limit);
  std::optional<asyncio::Handle> own;
  own = loop->call_soon([&] {
    block();
    own->cancel();
  });
  run_iteration(*loop);
  loop->close();
  EXPECT_GE(seconds_in(report_of(logged, "<Handle cancelled")), blocked_seconds);
}

// --- the steps of tasks ---

// LOOP-099, DBG-009, DBG-019: with the task and where its step began
TEST(SlowStep, OfATaskIsReportedWithTheTasksRepr) {
  const support::LogCapture logged;
  unsigned created = 0;
  const auto main = [&]() -> asyncio::Coro<> {
    asyncio::get_running_loop().slow_callback_duration = limit;
    created = __LINE__ + 1;
    auto task = asyncio::create_task(blocks_at_once(), {.name = "blocker"});
    co_await task;
  };
  asyncio::run(main, {.debug = true, .watchdog = 0s});
  const std::string report = report_of(logged, "name='blocker'");
  EXPECT_TRUE(
      report.starts_with("Executing <Task finished name='blocker' "
                         "coro=<blocks_at_once() done, defined at slow_callback_test.cpp:"))
      << report;
  EXPECT_TRUE(contains(
      report, "> created at slow_callback_test.cpp:" + std::to_string(created) + "> took "))
      << report;
  EXPECT_TRUE(report.ends_with(" seconds; it began at the start of blocks_at_once()")) << report;
  EXPECT_GE(seconds_in(report), blocked_seconds) << report;
  EXPECT_EQ(logged.count("name='blocker'"), 1);
}

// LOOP-099, DBG-019
TEST(SlowStep, IsReportedWithTheAwaitOfTheInnermostCoroutineThatItWentOnFrom) {
  const support::LogCapture logged;
  auto loop = loop_with(limit);
  auto task = loop->create_task(outer(), {.name = "blocker"});
  loop->run_until_complete(task);
  loop->close();
  // On a busy machine the step before it may be slow, too.
  const std::string report = report_of(logged, "in inner()");
  EXPECT_TRUE(
      report.starts_with("Executing <Task pending name='blocker' coro=<outer() running at "
                         "slow_callback_test.cpp:" +
                         std::to_string(outer_awaits) + "> wait_for=<"))
      << report;
  EXPECT_TRUE(report.ends_with(
      "; it began at slow_callback_test.cpp:" + std::to_string(inner_awaits) + ", in inner()"))
      << report;
  EXPECT_GE(seconds_in(report), blocked_seconds) << report;
}

// LOOP-099
TEST(SlowStep, OfATaskThatNobodyHoldsIsReportedAndSoIsItsError) {
  const support::LogCapture logged;
  auto loop = loop_with(limit);
  loop->create_task(blocks_and_fails(), {.name = "blocker"});
  run_iteration(*loop);
  loop->close();
  const std::string report = report_of(logged, "name='blocker'");
  EXPECT_TRUE(contains(report, "exception=")) << report;
  EXPECT_GE(seconds_in(report), blocked_seconds) << report;
  EXPECT_EQ(logged.count("Task exception was never retrieved"), 1);
}

// LOOP-099
TEST(SlowStep, ThatRunsEagerlyBelongsToTheStepOfItsCreator) {
  const support::LogCapture logged;
  const auto creator = []() -> asyncio::Coro<> {
    asyncio::create_task(blocks_at_once(), {.name = "eager one", .eager_start = true});
    co_return;
  };
  auto loop = loop_with(limit);
  loop->run_until_complete(loop->create_task(creator, {.name = "creator"}));
  loop->close();
  EXPECT_GE(seconds_in(report_of(logged, "name='creator'")), blocked_seconds);
  EXPECT_EQ(report_of(logged, "name='eager one'"), "");
}

// --- the limit ---

// LOOP-099, DBG-018
TEST(SlowCallbackDuration, IsATenthOfASecondAtFirst) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  EXPECT_TRUE(loop->slow_callback_duration == 100ms);
  loop->set_debug(true);
  loop->call_soon([] { std::this_thread::sleep_for(100ms); });
  run_iteration(*loop);
  loop->close();
  EXPECT_GE(seconds_in(report_of(logged, "<Handle ")), 0.1);
}

// LOOP-099, DBG-018
TEST(SlowCallbackDuration, MayBeChangedWhileTheLoopRuns) {
  const support::LogCapture logged;
  auto loop = loop_with(1h);
  loop->call_soon(unseen());
  loop->call_soon([&] { loop->slow_callback_duration = limit; });
  loop->call_soon(blocks());
  run_iteration(*loop);
  loop->slow_callback_duration = 1h;
  loop->call_soon(unseen());
  run_iteration(*loop);
  loop->close();
  EXPECT_GE(seconds_in(report_of(logged, "blocks")), blocked_seconds);
  EXPECT_EQ(logged.count("unseen"), 0);
}

// LOOP-099: "at least", so that none at all is reported of everything
TEST(SlowCallbackDuration, IsReachedByWhatTakesJustAsLong) {
  const support::LogCapture logged;
  const auto main = []() -> asyncio::Coro<> {
    asyncio::get_running_loop().slow_callback_duration = 0s;
    asyncio::get_running_loop().call_soon(first_quick());
    co_await asyncio::sleep(0s);
  };
  asyncio::testing::run(main, {.debug = true});
  EXPECT_EQ(seconds_in(report_of(logged, "first_quick")), 0);
  EXPECT_EQ(logged.count("took 0.000 seconds"), static_cast<int>(logged.lines().size()));
}

// --- which time counts ---

// LOOP-100, DBG-018
TEST(SlowCallback, DoesNotIncludeTheTimeOfPolling) {
  const support::LogCapture logged;
  const auto main = []() -> asyncio::Coro<> {
    asyncio::get_running_loop().slow_callback_duration = 1ns;
    asyncio::get_running_loop().call_later(1h, first_quick());
    co_await asyncio::sleep(2h);
  };
  asyncio::testing::run(main, {.debug = true});
  EXPECT_TRUE(logged.empty()) << logged.lines().front();
}

// LOOP-100: it is loop.time() that counts
TEST(SlowCallback, IsNoneOnTheVirtualClockHoweverLongItTakes) {
  const support::LogCapture logged;
  const auto main = []() -> asyncio::Coro<> {
    asyncio::get_running_loop().slow_callback_duration = 1ns;
    asyncio::get_running_loop().call_soon(blocks());
    co_await asyncio::sleep(1s);
    block();
  };
  asyncio::testing::run(main, {.debug = true});
  EXPECT_TRUE(logged.empty()) << logged.lines().front();
}

// --- debug mode only ---

// LOOP-100, DBG-009
TEST(SlowCallback, IsReportedInDebugModeOnly) {
  const support::LogCapture logged;
  auto loop = loop_with(0s);
  loop->set_debug(false);
  loop->call_soon(blocks());
  loop->run_until_complete(blocks_at_once());
  loop->close();
  EXPECT_TRUE(logged.empty()) << logged.lines().front();
}

// LOOP-096, LOOP-100, DBG-002
TEST(SlowCallback, IsReportedFromTheIterationAfterDebugModeWasSwitchedOn) {
  const support::LogCapture logged;
  auto loop = loop_with(0s);
  loop->set_debug(false);
  loop->call_soon([&] {
    first_quick()();
    loop->set_debug(true);
    loop->call_soon(second_quick());
  });
  run_iteration(*loop);
  run_iteration(*loop);
  loop->close();
  EXPECT_EQ(logged.count("second_quick"), 1);
}

// LOOP-096, LOOP-100, DBG-002
TEST(SlowCallback, IsReportedIfItRunsInTheIterationThatSwitchesDebugModeOn) {
  const support::LogCapture logged;
  auto loop = loop_with(0s);
  loop->set_debug(false);
  loop->call_soon(first_quick());
  loop->call_soon([&] { loop->set_debug(true); });
  loop->call_soon(second_quick());
  run_iteration(*loop);
  loop->close();
  EXPECT_EQ(logged.count("first_quick"), 0);
  EXPECT_EQ(logged.count("second_quick"), 1);
}

// LOOP-096, LOOP-100, DBG-002
TEST(SlowCallback, IsNoLongerReportedOnceDebugModeIsSwitchedOff) {
  const support::LogCapture logged;
  auto loop = loop_with(0s);
  loop->call_soon(first_quick());
  loop->call_soon([&] { loop->set_debug(false); });
  loop->call_soon(second_quick());
  run_iteration(*loop);
  loop->call_soon(second_quick());
  run_iteration(*loop);
  loop->close();
  EXPECT_EQ(logged.count("first_quick"), 1);
  EXPECT_EQ(logged.count("second_quick"), 0);
}

// DBG-009: each report is counted, and nothing else is
TEST(SlowCallback, IsCounted) {
  const support::LogCapture logged;
  const auto before = asyncio::report_counts();
  auto loop = loop_with(limit);
  loop->call_soon(blocks());
  run_iteration(*loop);
  loop->run_until_complete(quick());
  loop->close();
  const auto after = asyncio::report_counts();
  const auto added = after.slow_callbacks - before.slow_callbacks;
  EXPECT_GE(added, 1U);
  EXPECT_EQ(added, static_cast<std::uint64_t>(logged.count("Executing ")));
  EXPECT_EQ(after.total() - before.total(), added);
}
