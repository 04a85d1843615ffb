// Very many tasks at one primitive.

#include <asyncio/barrier.hpp>
#include <asyncio/condition.hpp>
#include <asyncio/event.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/lock.hpp>
#include <asyncio/semaphore.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/line.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Barrier;
using asyncio::Condition;
using asyncio::Event;
using asyncio::Lock;
using asyncio::Semaphore;
using support::Order;
using support::passes;

namespace {

constexpr int thousand = 1000;
/// With a search of the line for each of them it would take minutes.
constexpr int many = 100'000;

using Tasks = std::vector<asyncio::Task<>>;

Order numbers(int n) {
  Order order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

/// Takes its turn, and another one.
template <class Primitive>
asyncio::Coro<> two_turns(Primitive& primitive, Order& order, int number) {
  for (int turn = 0; turn < 2; ++turn) {
    const auto held = co_await primitive.hold();
    order.push_back(turn * thousand + number);
    co_await asyncio::sleep(1s);
  }
}

template <class Primitive>
asyncio::Coro<> expect_fair() {
  Primitive primitive;
  Order order;
  Tasks tasks;
  for (int i = 0; i < thousand; ++i) {
    tasks.push_back(asyncio::create_task(two_turns(primitive, order, i)));
  }
  co_await asyncio::gather(tasks);
  EXPECT_EQ(order, numbers(2 * thousand));
}

/// `many` tasks that `wait`, all of them cancelled but every thousandth.
template <class Wait>
asyncio::Coro<Tasks> cancel_most(Wait& wait) {
  Tasks tasks;
  for (int i = 0; i < many; ++i) tasks.push_back(asyncio::create_task(wait()));
  co_await passes(1);
  // From the last to the first, which is the worst for a list that is searched from its front.
  for (int i = many - 1; i >= 0; --i) {
    if (i % thousand != 0) tasks[static_cast<std::size_t>(i)].cancel();
  }
  co_return tasks;
}

asyncio::Coro<> expect_most_cancelled(Tasks tasks) {
  (void)co_await asyncio::gather(asyncio::return_exceptions, tasks);
  const auto cancelled =
      std::count_if(tasks.begin(), tasks.end(), [](const auto& task) { return task.cancelled(); });
  EXPECT_EQ(cancelled, many - many / thousand);
}

}  // namespace

// SYNC-008, SYNC-010, failure 33
ASYNC_TEST(PrimitiveScale, ALockIsFairToAThousandTasks) { co_await expect_fair<Lock>(); }

// SYNC-036, SYNC-040, failure 33
ASYNC_TEST(PrimitiveScale, ASemaphoreIsFairToAThousandTasks) { co_await expect_fair<Semaphore>(); }

// SYNC-024, SYNC-025, failure 33
ASYNC_TEST(PrimitiveScale, AConditionIsFairToAThousandTasks) {
  Condition condition;
  Order order;
  Tasks tasks;
  auto wait = [&](int number) -> asyncio::Coro<> {
    const auto held = co_await condition.hold();
    co_await condition.wait();
    order.push_back(number);
  };
  for (int i = 0; i < thousand; ++i) tasks.push_back(asyncio::create_task(wait(i)));
  co_await passes(1);
  for (int i = 0; i < thousand; i += 100) {
    const auto held = co_await condition.hold();
    condition.notify(100);
  }
  co_await asyncio::gather(tasks);
  EXPECT_EQ(order, numbers(thousand));
}

// SYNC-044, SYNC-045
ASYNC_TEST(PrimitiveScale, ABarrierLetsAThousandTasksThroughInTheirOrder) {
  Barrier barrier(thousand);
  std::vector<asyncio::Task<int>> tasks;
  for (int i = 0; i < 2 * thousand; ++i) tasks.push_back(asyncio::create_task(barrier.wait()));
  auto positions = co_await asyncio::gather(tasks);
  std::sort(positions.begin(), positions.end());
  auto expected = numbers(thousand);
  expected.insert(expected.end(), expected.begin(), expected.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(positions, expected);
}

// SYNC-012, SYNC-013, failure 94
ASYNC_TEST(PrimitiveScale, ALockIsLeftByAHundredThousandTasks) {
  Lock lock;
  co_await lock.acquire();
  auto turn = [&]() -> asyncio::Coro<> { const auto held = co_await lock.hold(); };
  auto tasks = co_await cancel_most(turn);
  lock.release();
  co_await expect_most_cancelled(std::move(tasks));
  EXPECT_EQ(lock.repr(), "<Lock [unlocked]>");
}

// SYNC-017, SYNC-020, failure 94
ASYNC_TEST(PrimitiveScale, AnEventIsLeftByAHundredThousandTasks) {
  Event event;
  auto wait = [&]() -> asyncio::Coro<> { co_await event.wait(); };
  auto tasks = co_await cancel_most(wait);
  event.set();
  co_await expect_most_cancelled(std::move(tasks));
  EXPECT_EQ(event.repr(), "<Event [set]>");
}

// SYNC-038, SYNC-039, failure 94
ASYNC_TEST(PrimitiveScale, ASemaphoreIsLeftByAHundredThousandTasks) {
  Semaphore semaphore(0);
  auto turn = [&]() -> asyncio::Coro<> { const auto held = co_await semaphore.hold(); };
  auto tasks = co_await cancel_most(turn);
  semaphore.release();
  co_await expect_most_cancelled(std::move(tasks));
  EXPECT_EQ(semaphore.repr(), "<Semaphore [unlocked, value:1]>");
}

// SYNC-027, SYNC-029, failure 94: each takes the lock back, and passes on what it may have got
ASYNC_TEST(PrimitiveScale, AConditionIsLeftByAHundredThousandTasks) {
  Condition condition;
  auto wait = [&]() -> asyncio::Coro<> {
    const auto held = co_await condition.hold();
    co_await condition.wait();
  };
  auto tasks = co_await cancel_most(wait);
  co_await expect_most_cancelled(std::move(tasks));
  EXPECT_EQ(condition.repr(), "<Condition [unlocked]>");
}

// SYNC-039, failure 94: chosen, then cancelled
ASYNC_TEST(PrimitiveScale, ASemaphoreGetsAHundredThousandPermitsBack) {
  Semaphore semaphore(0);
  Tasks tasks;
  auto turn = [&]() -> asyncio::Coro<> { const auto held = co_await semaphore.hold(); };
  for (int i = 0; i < many; ++i) tasks.push_back(asyncio::create_task(turn()));
  co_await passes(1);
  for (int i = 0; i < many; ++i) semaphore.release();
  for (const auto& task : tasks) task.cancel();
  (void)co_await asyncio::gather(asyncio::return_exceptions, tasks);
  EXPECT_EQ(semaphore.value(), many);
}

// SYNC-017: a hundred thousand woken at once
ASYNC_TEST(PrimitiveScale, AnEventWakesAHundredThousandTasksInTheirOrder) {
  Event event;
  Order order;
  Tasks tasks;
  auto wait = [&](int number) -> asyncio::Coro<> {
    co_await event.wait();
    order.push_back(number);
  };
  for (int i = 0; i < many; ++i) tasks.push_back(asyncio::create_task(wait(i)));
  co_await passes(1);
  event.set();
  co_await asyncio::gather(tasks);
  EXPECT_EQ(order, numbers(many));
}
