// sleep(), as_result(), async_timed() and chains of coroutines, disturbed at each of their points.

#include <asyncio/sleep.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/async_timed.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/task.hpp>

#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::Item;
using support::require;
using support::torture;
using support::Witness;

namespace {

asyncio::TimePoint now() { return asyncio::get_running_loop().time(); }

asyncio::Coro<> sleeps_in_a_row() {
  const auto begin = now();
  co_await asyncio::sleep(1s);
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(-1s);
  const int value = co_await asyncio::sleep(1ms, 7);
  require(value == 7, "a sleep gives its value");
  const Item item = co_await asyncio::sleep(0s, Item(8));
  require(item.number() == 8, "a sleep gives an item that can only be moved");
  require(now() - begin == asyncio::Duration(1001ms), "sleeps take their time");
}

asyncio::Coro<> sleeps_side_by_side() {
  const auto begin = now();
  std::vector<asyncio::Task<Item>> sleepers;
  for (int i = 1; i <= 4; ++i) {
    sleepers.push_back(asyncio::create_task(asyncio::sleep(i % 2 * 1s, Item(i))));
  }
  for (int i = 1; i <= 4; ++i) {
    const Item& item = co_await sleepers[i - 1];
    require(item.number() == i, "each task gives its own value");
  }
  require(now() - begin == asyncio::Duration(1s), "they have slept at the same time");
}

// Twice the capacity that the ready queue begins with.
asyncio::Coro<> sleeps_in_a_crowd() {
  constexpr int crowd = 128;
  std::vector<asyncio::Task<>> sleepers;
  sleepers.reserve(crowd);
  for (int i = 0; i < crowd; ++i) sleepers.push_back(asyncio::create_task(asyncio::sleep(1s)));
  for (const auto& sleeper : sleepers) co_await sleeper;
}

asyncio::Coro<int> later(int value) {
  co_await asyncio::sleep(1s);
  co_return value;
}

asyncio::Coro<> fail_later() {
  co_await asyncio::sleep(1s);
  throw std::domain_error("from fail_later()");
}

/// What is asked is still true if somebody has disturbed what was awaited.
template <class T>
void require_end(const asyncio::Result<T>& end, bool as_expected) {
  if (as_expected) return;
  end.value();
  require(false, "as_result() gives the outcome of what it awaits");
}

bool is_domain_error(const asyncio::Result<void>& end) {
  return !end && asyncio::detail::holds<std::domain_error>(end.error());
}

asyncio::Coro<> results() {
  const auto value = co_await asyncio::as_result(later(3));
  require_end(value, value.has_value() && value.value() == 3);
  const auto error = co_await asyncio::as_result(fail_later());
  require_end(error, is_domain_error(error));
  const auto task = asyncio::create_task(fail_later());
  const auto of_task = co_await asyncio::as_result(task);
  require_end(of_task, is_domain_error(of_task));
  asyncio::Future<int> future;
  future.cancel();
  const auto of_future = co_await asyncio::as_result(future);
  require_end(of_future, of_future.cancelled());
  const auto slept = co_await asyncio::as_result(asyncio::sleep(1s));
  require_end(slept, slept.has_value());
}

asyncio::Coro<> timed() {
  const int value = co_await asyncio::async_timed(later(3));
  require(value == 3, "async_timed() gives the value");
  const int again = co_await asyncio::async_timed("later", later)(4);
  require(again == 4, "async_timed() gives the value of the call");
  const auto end = co_await asyncio::as_result(asyncio::async_timed(fail_later()));
  require_end(end, is_domain_error(end));
}

asyncio::Coro<int> descend(int depth, bool fails) {
  const Witness witness;
  if (depth > 1) co_return 1 + co_await descend(depth - 1, fails);
  co_await asyncio::sleep(1s);
  if (fails) throw std::domain_error("from the bottom");
  co_return 1;
}

constexpr int deep = 50;

asyncio::Coro<> deep_chain() {
  const auto depth = co_await asyncio::as_result(descend(deep, false));
  require(Witness::alive == 0, "each frame is gone");
  require_end(depth, depth.has_value() && depth.value() == deep);
}

asyncio::Coro<> deep_error() {
  const auto end = co_await asyncio::as_result(descend(deep, true));
  require(Witness::alive == 0, "each frame is gone");
  require_end(end, !end && asyncio::detail::holds<std::domain_error>(end.error()));
}

asyncio::Coro<int> await_next(int left) {
  const Witness witness;
  if (left == 0) co_return co_await later(0);
  auto next = asyncio::create_task(await_next(left - 1));
  co_return 1 + co_await next;
}

asyncio::Coro<> chain_of_tasks() {
  const int length = co_await await_next(deep);
  require(length == deep, "each task hears of the next one");
  require(Witness::alive == 0, "each frame is gone");
}

}  // namespace

// failure 91
TEST(SleepDisturbed, TakesItsTimeAndGivesItsValue) { EXPECT_EQ(torture(&sleeps_in_a_row), ""); }

// failure 91
TEST(SleepDisturbed, OfSeveralTasksEndsForEachOfThem) {
  EXPECT_EQ(torture(&sleeps_side_by_side), "");
}

// failure 91: the ready queue and the heap of timers grow meanwhile
TEST(SleepDisturbed, OfACrowdEndsForAll) {
  EXPECT_EQ(torture(&sleeps_in_a_crowd, {.seeds = 5}), "");
}

// failure 91
TEST(AsResultDisturbed, GivesTheOutcome) { EXPECT_EQ(torture(&results), ""); }

// failure 91
TEST(AsyncTimedDisturbed, GivesTheOutcome) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(torture(&timed), "");
  const std::string printed = testing::internal::GetCapturedStdout();
  EXPECT_NE(printed.find("in 1.00 seconds"), std::string::npos);
}

// failure 91
TEST(DeepChainDisturbed, OfCoroutinesEndsFrameByFrame) { EXPECT_EQ(torture(&deep_chain), ""); }

// failure 91
TEST(DeepChainDisturbed, OfCoroutinesLetsAnErrorThrough) { EXPECT_EQ(torture(&deep_error), ""); }

// failure 91
TEST(DeepChainDisturbed, OfTasksEndsTaskByTask) { EXPECT_EQ(torture(&chain_of_tasks), ""); }
