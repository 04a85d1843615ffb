#include <asyncio/sleep.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <vector>

using namespace std::chrono_literals;

namespace {

asyncio::Coro<> count_turns(std::vector<int>& order, int id, int turns) {
  for (int i = 0; i < turns; ++i) {
    order.push_back(id);
    co_await asyncio::sleep(0s);
  }
}

}  // namespace

// COMB-005, COMB-001, TASK-044
ASYNC_TEST(Sleep, TwoTasksThatSleepZeroAlternateStrictly) {
  std::vector<int> order;
  auto one = asyncio::create_task(count_turns(order, 1, 3));
  auto two = asyncio::create_task(count_turns(order, 2, 3));
  co_await one;
  co_await two;
  EXPECT_EQ(order, (std::vector{1, 2, 1, 2, 1, 2}));
}

// COMB-001
ASYNC_TEST(Sleep, ANegativeDelayYieldsOnceAndGivesTheValue) {
  const auto before = asyncio::get_running_loop().time();
  EXPECT_EQ(co_await asyncio::sleep(-5s, 7), 7);
  EXPECT_EQ(asyncio::get_running_loop().time(), before);
}

// COMB-002
ASYNC_TEST(Sleep, TakesAtLeastItsTimeAndGivesTheValue) {
  auto& loop = asyncio::get_running_loop();
  const auto before = loop.time();
  EXPECT_EQ(co_await asyncio::sleep(1500ms, std::string("done")), "done");
  EXPECT_EQ(loop.time() - before, asyncio::Duration(1500ms));
}

// COMB-003, failure 11
TEST(Sleep, NaNIsRefusedWhereTheDurationIsMade) {
  const std::chrono::duration<double> nan(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THROW((void)asyncio::sleep(nan), std::invalid_argument);
}

// COMB-004
ASYNC_TEST(Sleep, CancelledWhileSleepingEndsAtOnceAndItsTimerIsGone) {
  auto& loop = asyncio::get_running_loop();
  const auto before = loop.time();
  auto sleeper = asyncio::create_task(asyncio::sleep(1h));
  co_await asyncio::sleep(0s);
  sleeper.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(sleeper)).cancelled());
  EXPECT_EQ(loop.time(), before);
}
