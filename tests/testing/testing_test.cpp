#include <asyncio/testing.hpp>

#include <asyncio/asyncio.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include <unistd.h>

using namespace std::chrono_literals;

namespace {

std::optional<asyncio::Future<int>> kept;
int kept_descriptor = -1;

asyncio::Coro<> leaves_nothing() { co_await asyncio::sleep(1h); }

asyncio::Coro<> leaves_a_task() {
  asyncio::create_task(asyncio::sleep(1h), {.name = "forgotten"});
  co_return;
}

asyncio::Coro<> leaves_a_timer() {
  asyncio::get_running_loop().call_later(1h, [] {});
  co_return;
}

asyncio::Coro<> leaves_a_future() {
  kept.emplace();
  co_return;
}

asyncio::Coro<> leaves_a_descriptor() {
  kept_descriptor = ::dup(0);
  co_return;
}

asyncio::Coro<> throws() {
  co_await asyncio::sleep(0s);
  throw std::runtime_error("from the body");
}

asyncio::Coro<> waits_for_nobody() {
  asyncio::Future<> never;
  co_await never;
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST(RunTest, HasNothingToSayOfABodyThatLeavesNothing) {
  EXPECT_EQ(asyncio::testing::run_test(&leaves_nothing), "");
}

TEST(RunTest, NamesATaskThatIsLeft) {
  const auto problems = asyncio::testing::run_test(&leaves_a_task);
  EXPECT_TRUE(contains(problems, "a task is left")) << problems;
  EXPECT_TRUE(contains(problems, "forgotten")) << problems;
}

TEST(RunTest, CountsTimersThatAreLeft) {
  EXPECT_EQ(asyncio::testing::run_test(&leaves_a_timer), "1 timer is left\n");
}

TEST(RunTest, CountsFuturesThatOutliveTheLoop) {
  const auto problems = asyncio::testing::run_test(&leaves_a_future);
  kept.reset();
  EXPECT_EQ(
      problems.find("1 left of coroutine frames, futures and handles:\n  <Future pending> made at"),
      0)
      << problems;
}

TEST(RunTest, CountsDescriptorsThatAreLeftOpen) {
  const auto problems = asyncio::testing::run_test(&leaves_a_descriptor);
  ::close(kept_descriptor);
  EXPECT_TRUE(contains(problems, "descriptors were open before")) << problems;
}

TEST(RunTest, SaysWhatTheBodyThrew) {
  EXPECT_TRUE(contains(asyncio::testing::run_test(&throws), "runtime_error: from the body"));
}

TEST(VirtualClock, ADeadlockIsAnErrorThatNamesWhoWaits) {
  try {
    asyncio::testing::run(waits_for_nobody());
    ADD_FAILURE() << "returned";
  } catch (const asyncio::RuntimeError& e) {
    EXPECT_TRUE(contains(e.what(), "deadlock")) << e.what();
    EXPECT_TRUE(contains(e.what(), "waits_for_nobody()")) << e.what();
  }
}

// That it does not wait is shown by the test's own time limit.
TEST(VirtualClock, JumpsOverADayWithoutWaiting) {
  asyncio::testing::run([]() -> asyncio::Coro<> {
    const auto before = asyncio::get_running_loop().time();
    co_await asyncio::sleep(24h);
    EXPECT_EQ(asyncio::get_running_loop().time() - before, asyncio::Duration(24h));
  });
}

TEST(VirtualClock, WaitsInRealTimeForAJobOnAThread) {
  asyncio::testing::run([]() -> asyncio::Coro<> {
    auto& loop = asyncio::get_running_loop();
    const auto before = loop.time();
    bool timer_came_first = false;
    auto timer = loop.call_later(1h, [&] { timer_came_first = true; });
    co_await asyncio::to_thread([] { std::this_thread::sleep_for(5ms); });
    EXPECT_FALSE(timer_came_first);
    EXPECT_LT(loop.time() - before, asyncio::Duration(1h));
    timer.cancel();
  });
}

// Runs a whole program on it, by the environment.
TEST(VirtualClock, AnUnknownBackendIsRefusedWithTheNamesOfTheKnownOnes) {
  ::setenv("ASYNCIO_BACKEND", "quantum", 1);
  try {
    (void)asyncio::new_event_loop();
    ADD_FAILURE() << "returned";
  } catch (const std::invalid_argument& e) {
    EXPECT_TRUE(contains(e.what(), "quantum")) << e.what();
    EXPECT_TRUE(contains(e.what(), "virtual")) << e.what();
  }
  ::unsetenv("ASYNCIO_BACKEND");
}
