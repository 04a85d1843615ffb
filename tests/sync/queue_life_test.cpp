// Waits of queues that are stored, given away, outlive their queue, or meet another loop.

#include <asyncio/queue.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/run.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "support/errors.hpp"
#include "support/queues.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Queue;
using support::has;
using support::Item;
using support::Numbers;
using support::pass;
using support::take_all;
using support::thrown_by_await;

namespace {

struct Order {
  int number;
  std::string text;
};

const std::string destroyed =
    "(): what the task 'waiting' waited for was destroyed; keep it alive as long as tasks use it, "
    "or cancel them first";

constexpr asyncio::TaskOptions waiting{.name = "waiting"};

template <class T>
std::string error_of(const asyncio::Task<T>& task) {
  if (!task.done()) return "not done";
  if (task.cancelled()) return "cancelled";
  return task.exception() == nullptr ? "none" : asyncio::detail::describe(task.exception());
}

/// What came of an await in another loop than the first.
std::string in_another_loop(asyncio::testing::Scenario first, asyncio::testing::Scenario second) {
  asyncio::testing::run([&] { return first(); });
  std::string error;
  const auto body = [&]() -> asyncio::Coro<> { error = co_await thrown_by_await(second()); };
  asyncio::testing::run(body);
  return error;
}

template <class A>
asyncio::Coro<> for_a_second(A awaitable) {
  (void)co_await thrown_by_await(asyncio::wait_for(std::move(awaitable), 1s));
}

}  // namespace

// --- stored and given away ----------------------------------------------------------------------

// SYNC-055: it is the await that puts and gets
ASYNC_TEST(QueueLife, WhatIsStoredDoesNothingUntilItIsAwaited) {
  Queue<int> queue(1);
  auto get = queue.get();
  auto put = queue.put(1);
  auto other = queue.put(2);
  EXPECT_TRUE(queue.empty());
  co_await std::move(put);
  EXPECT_TRUE(queue.full());
  auto join = asyncio::create_task(queue.join());
  EXPECT_EQ(co_await std::move(get), 1);
  co_await std::move(other);
  EXPECT_EQ(take_all(queue), Numbers{2});
  queue.task_done();
  queue.task_done();
  co_await join;
}

// SYNC-061
ASYNC_TEST(QueueLife, WhatIsNeverAwaitedPutsNothing) {
  Queue<Item> queue;
  {
    auto put = queue.put(Item(1));
    const auto get = queue.get();
    const auto join = queue.join();
    auto moved = std::move(put);
    EXPECT_EQ(Item::alive, 2);
  }
  EXPECT_EQ(Item::alive, 0);
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0>");
  co_return;
}

// SYNC-055, SYNC-057
ASYNC_TEST(QueueLife, ATaskCanBeMadeOfEach) {
  Queue<Item> queue(1);
  auto first = asyncio::create_task(queue.put(Item(1)));
  auto second = asyncio::create_task(queue.emplace(2));
  auto get = asyncio::create_task(queue.get());
  auto join = asyncio::create_task(queue.join());
  EXPECT_EQ((co_await std::move(get)).number(), 1);
  co_await first;
  co_await second;
  EXPECT_EQ(queue.get_nowait().number(), 2);
  queue.task_done();
  queue.task_done();
  co_await join;
}

// SYNC-055, SYNC-057
ASYNC_TEST(QueueLife, GatherTakesThem) {
  Queue<int> queue(1);
  auto all = asyncio::gather(queue.put(1), queue.put(2), queue.get(), queue.get());
  const auto results = co_await std::move(all);
  EXPECT_EQ(std::get<2>(results), 1);
  EXPECT_EQ(std::get<3>(results), 2);
}

// SYNC-055, SYNC-061
ASYNC_TEST(QueueLife, AsResultTakesThem) {
  Queue<Item> queue(1);
  EXPECT_TRUE((co_await asyncio::as_result(queue.put(Item(1)))).has_value());
  const auto got = co_await asyncio::as_result(queue.get());
  EXPECT_EQ(got.value().number(), 1);
  queue.task_done();
  EXPECT_TRUE((co_await asyncio::as_result(queue.join())).has_value());
  auto outcome = [&]() -> asyncio::Coro<bool> {
    co_return (co_await asyncio::as_result(queue.get())).cancelled();
  };
  auto task = asyncio::create_task(outcome());
  co_await pass();
  task.cancel();
  EXPECT_TRUE(co_await task);
}

// SYNC-055: a limit that is not needed
ASYNC_TEST(QueueLife, WaitForTakesThem) {
  Queue<Item> queue(1);
  co_await asyncio::wait_for(queue.put(Item(1)), 1s);
  EXPECT_EQ((co_await asyncio::wait_for(queue.get(), 1s)).number(), 1);
  queue.task_done();
  co_await asyncio::wait_for(queue.join(), 1s);
}

// SYNC-055
ASYNC_TEST(QueueLife, EachStandsForACoroutine) {
  Queue<int> queue;
  const auto put = [&](int n) -> asyncio::Coro<> { return queue.put(n); };
  const auto get = [&]() -> asyncio::Coro<int> { return queue.get(); };
  const auto join = [&]() -> asyncio::Coro<> { return queue.join(); };
  co_await put(3);
  EXPECT_EQ(co_await get(), 3);
  queue.task_done();
  co_await join();
}

// SYNC-055, SYNC-057
ASYNC_TEST(QueueLife, EmplaceMakesAnAggregateInPlace) {
  Queue<Order> queue;
  co_await queue.emplace(3, "some text that is not a short one");
  const Order order = co_await queue.get();
  EXPECT_EQ(order.number, 3);
  EXPECT_EQ(order.text, "some text that is not a short one");
}

// --- two loops ----------------------------------------------------------------------------------

// SYNC-001
TEST(QueueLife, ItCanBeUsedInOneLoopAfterAnotherAsLongAsNobodyWaits) {
  Queue<int> queue;
  const auto body = [&]() -> asyncio::Coro<> {
    queue.put_nowait(1);
    EXPECT_EQ(co_await queue.get(), 1);
    queue.task_done();
    co_await queue.join();
  };
  asyncio::run(body);
  asyncio::run(body);
}

// SYNC-001
TEST(QueueLife, AGetThatWaitsInASecondLoopIsRefused) {
  Queue<int> queue;
  const auto get = [&] { return for_a_second(queue.get()); };
  const std::string error =
      in_another_loop(get, [&]() -> asyncio::Coro<> { (void)co_await queue.get(); });
  EXPECT_TRUE(error.starts_with("RuntimeError: Queue.get(): it is bound to a different event loop"))
      << error;
  EXPECT_TRUE(error.ends_with("make one for each loop")) << error;
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0>");
}

// SYNC-001
TEST(QueueLife, APutThatWaitsInASecondLoopIsRefused) {
  Queue<Item> queue(1);
  queue.put_nowait(Item(1));
  const auto put = [&] { return for_a_second(queue.put(Item(2))); };
  const std::string error =
      in_another_loop(put, [&]() -> asyncio::Coro<> { co_await queue.put(Item(3)); });
  EXPECT_TRUE(error.starts_with("RuntimeError: Queue.put(): it is bound to a different event loop"))
      << error;
  EXPECT_EQ(Item::alive, 1);
}

// SYNC-001
TEST(QueueLife, AJoinThatWaitsInASecondLoopIsRefused) {
  Queue<int> queue;
  queue.put_nowait(1);
  const auto join = [&] { return for_a_second(queue.join()); };
  const std::string error =
      in_another_loop(join, [&]() -> asyncio::Coro<> { co_await queue.join(); });
  EXPECT_TRUE(
      error.starts_with("RuntimeError: Queue.join(): it is bound to a different event loop"))
      << error;
}

// SYNC-001: get() and put() of a queue belong to the same loop
TEST(QueueLife, APutIsRefusedWhereAGetHasWaitedInAnotherLoop) {
  Queue<int> queue(1);
  const auto get = [&] { return for_a_second(queue.get()); };
  const auto put = [&]() -> asyncio::Coro<> {
    queue.put_nowait(1);
    co_await asyncio::wait_for(queue.put(2), 1s);
  };
  const std::string error = in_another_loop(get, put);
  EXPECT_TRUE(has(error, "is bound to a different event loop")) << error;
}

// --- a queue that dies --------------------------------------------------------------------------

// failure 37
ASYNC_TEST(QueueLife, WhoeverWaitsWhenItIsDestroyedEndsWithAnError) {
  auto queue = std::make_unique<Queue<Item>>(1);
  auto get = asyncio::create_task(queue->get(), waiting);
  co_await pass();
  auto join = asyncio::create_task(queue->join(), waiting);
  queue->put_nowait(Item(1));
  co_await std::move(get);
  queue->put_nowait(Item(2));
  auto put = asyncio::create_task(queue->put(Item(3)), waiting);
  co_await pass();
  queue.reset();
  co_await pass();
  EXPECT_EQ(error_of(put), "RuntimeError: Queue.put" + destroyed);
  EXPECT_EQ(error_of(join), "RuntimeError: Queue.join" + destroyed);
  EXPECT_EQ(Item::alive, 0);
}

// failure 37
ASYNC_TEST(QueueLife, WhoeverWaitsToGetWhenItIsDestroyedEndsWithAnError) {
  auto queue = std::make_unique<Queue<int>>();
  auto first = asyncio::create_task(queue->get(), waiting);
  auto second = asyncio::create_task(queue->get(), waiting);
  co_await pass();
  queue.reset();
  co_await pass();
  EXPECT_EQ(error_of(first), "RuntimeError: Queue.get" + destroyed);
  EXPECT_EQ(error_of(second), error_of(first));
}

// failure 37
ASYNC_TEST(QueueLife, WhoeverIsCancelledBeforeOrAfterItIsDestroyedIsCancelled) {
  auto queue = std::make_unique<Queue<int>>(1);
  queue->put_nowait(1);
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < 2; ++i) {
    tasks.push_back(asyncio::create_task(queue->put(2)));
    tasks.push_back(asyncio::create_task(queue->join()));
  }
  co_await pass();
  for (const auto i : {0U, 1U}) tasks[i].cancel();
  queue.reset();
  for (const auto i : {2U, 3U}) tasks[i].cancel();
  co_await pass();
  for (const auto& task : tasks) EXPECT_EQ(error_of(task), "cancelled");
}

// failure 37: also cancelled before and after
ASYNC_TEST(QueueLife, WhoeverIsCancelledInGetWhenItIsDestroyedIsCancelled) {
  auto queue = std::make_unique<Queue<int>>();
  auto before = asyncio::create_task(queue->get());
  auto after = asyncio::create_task(queue->get());
  co_await pass();
  before.cancel();
  queue.reset();
  after.cancel();
  co_await pass();
  EXPECT_EQ(error_of(before), "cancelled");
  EXPECT_EQ(error_of(after), "cancelled");
}

// failure 37: the item that it was woken for has gone
ASYNC_TEST(QueueLife, AGetterThatWasWokenWhenItIsDestroyedEndsWithAnError) {
  auto queue = std::make_unique<Queue<Item>>();
  auto get = asyncio::create_task(queue->get(), waiting);
  auto cancelled = asyncio::create_task(queue->get(), waiting);
  co_await pass();
  queue->put_nowait(Item(1));
  queue->put_nowait(Item(2));
  cancelled.cancel();
  queue.reset();
  co_await pass();
  EXPECT_EQ(error_of(get), "RuntimeError: Queue.get" + destroyed);
  EXPECT_EQ(error_of(cancelled), "cancelled");
  EXPECT_EQ(Item::alive, 0);
}

// failure 37
ASYNC_TEST(QueueLife, APutterThatWasWokenWhenItIsDestroyedEndsWithAnError) {
  auto queue = std::make_unique<Queue<Item>>(1);
  queue->put_nowait(Item(1));
  auto put = asyncio::create_task(queue->put(Item(2)), waiting);
  co_await pass();
  EXPECT_EQ(queue->get_nowait().number(), 1);
  queue.reset();
  co_await pass();
  EXPECT_EQ(error_of(put), "RuntimeError: Queue.put" + destroyed);
  EXPECT_EQ(Item::alive, 0);
}

// failure 37: all was dealt with
ASYNC_TEST(QueueLife, AJoinThatWasWokenWhenItIsDestroyedReturns) {
  auto queue = std::make_unique<Queue<int>>();
  queue->put_nowait(1);
  auto join = asyncio::create_task(queue->join());
  co_await pass();
  queue->task_done();
  queue.reset();
  co_await pass();
  EXPECT_EQ(error_of(join), "none");
}

// failure 37, SYNC-059
ASYNC_TEST(QueueLife, AGetterThatWaitsAgainWhenItIsDestroyedEndsWithAnError) {
  auto queue = std::make_unique<Queue<int>>();
  auto get = asyncio::create_task(queue->get(), waiting);
  co_await pass();
  queue->put_nowait(1);
  (void)queue->get_nowait();
  co_await pass();
  queue.reset();
  co_await pass();
  EXPECT_EQ(error_of(get), "RuntimeError: Queue.get" + destroyed);
}

// failure 37
ASYNC_TEST(QueueLife, ItsItemsAreDestroyedWithIt) {
  {
    Queue<Item> queue;
    for (int i = 1; i <= 20; ++i) co_await queue.put(Item(i));
    (void)queue.get_nowait();
    EXPECT_EQ(Item::alive, 19);
  }
  EXPECT_EQ(Item::alive, 0);
}
