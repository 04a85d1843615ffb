#include <asyncio/queue.hpp>

#include <asyncio/event_loop.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include "support/errors.hpp"
#include "support/queues.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Queue;
using support::get_into;
using support::Numbers;
using support::OthersRan;
using support::pass;
using support::take_all;
using support::thrown_by;
using support::with_each_queue;

namespace {

// Puts `first`, `first` + 1, ... and logs each that is in the queue.
asyncio::Coro<> put_numbers(Queue<int>& queue, int first, int count, Numbers& log) {
  for (int i = first; i < first + count; ++i) {
    co_await queue.put(i);
    log.push_back(i);
  }
}

}  // namespace

// --- size and limit -----------------------------------------------------------------------------

// SYNC-054
ASYNC_TEST(Queue, WithoutALimitItIsNeverFull) {
  for (const int maxsize : {0, -1, -7}) {
    Queue<int> queue(maxsize);
    EXPECT_EQ(queue.maxsize(), maxsize);
    EXPECT_FALSE(queue.full());
    for (int i = 0; i < 1000; ++i) co_await queue.put(i);
    EXPECT_FALSE(queue.full()) << maxsize;
  }
}

// SYNC-054
ASYNC_TEST(Queue, WithALimitItIsFullWhenItHoldsAsMany) {
  Queue<int> queue(2);
  co_await queue.put(1);
  EXPECT_FALSE(queue.full());
  co_await queue.put(2);
  EXPECT_TRUE(queue.full());
  EXPECT_EQ(co_await queue.get(), 1);
  EXPECT_FALSE(queue.full());
}

// SYNC-064
ASYNC_TEST(Queue, TellsHowManyItemsItHolds) {
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    EXPECT_EQ(queue.maxsize(), 5);
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.qsize(), 0U);
    co_await queue.put(1);
    EXPECT_FALSE(queue.empty());
    EXPECT_EQ(queue.qsize(), 1U);
    EXPECT_EQ(co_await queue.get(), 1);
    EXPECT_TRUE(queue.empty());
  };
  co_await with_each_queue(5, check);
}

// SYNC-003
TEST(Queue, IsMadeOfItsLimitAlone) {
  static_assert(std::default_initializable<Queue<int>>);
  static_assert(std::constructible_from<Queue<int>, std::ptrdiff_t>);
  static_assert(!std::constructible_from<Queue<int>, std::ptrdiff_t, asyncio::EventLoop&>);
  static_assert(!std::convertible_to<int, Queue<int>> && !std::is_copy_constructible_v<Queue<int>>);
  EXPECT_EQ(Queue<int>().maxsize(), 0);
}

// --- put and get --------------------------------------------------------------------------------

// SYNC-004, SYNC-055
ASYNC_TEST(Queue, NeitherAPutWithRoomNorAGetOfAnItemYields) {
  const OthersRan others_ran;
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    co_await queue.put(1);
    co_await queue.emplace(2);
    EXPECT_EQ(co_await queue.get() + co_await queue.get(), 3);
  };
  co_await with_each_queue(2, check);
  EXPECT_FALSE(others_ran);
  co_await pass();
  EXPECT_TRUE(others_ran);
}

// SYNC-055, SYNC-064
ASYNC_TEST(Queue, APutWaitsWhileTheQueueIsFull) {
  Queue<int> queue(2);
  Numbers log;
  auto putter = asyncio::create_task(put_numbers(queue, 0, 3, log));
  co_await pass(2);
  EXPECT_EQ(log, (Numbers{0, 1}));
  EXPECT_EQ(queue.qsize(), 2U);
  EXPECT_EQ(co_await queue.get(), 0);
  co_await pass();
  EXPECT_EQ(log, (Numbers{0, 1, 2}));
  EXPECT_TRUE(putter.done());
  EXPECT_EQ(take_all(queue), (Numbers{1, 2}));
}

// SYNC-055, SYNC-058
ASYNC_TEST(Queue, AGetWaitsWhileTheQueueIsEmpty) {
  Queue<int> queue;
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  auto timer = loop.call_later(1s, [&] { queue.put_nowait(7); });
  EXPECT_EQ(co_await queue.get(), 7);
  EXPECT_EQ(loop.time() - start, asyncio::Duration(1s));
}

// SYNC-055, SYNC-058
ASYNC_TEST(Queue, APutWaitsForACallbackThatTakes) {
  Queue<int> queue(1);
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  auto timer = loop.call_later(1s, [&] { EXPECT_EQ(queue.get_nowait(), 1); });
  co_await queue.put(1);
  EXPECT_EQ(loop.time(), start);
  co_await queue.put(2);
  EXPECT_EQ(loop.time() - start, asyncio::Duration(1s));
  EXPECT_EQ(take_all(queue), Numbers{2});
}

// SYNC-056
TEST(Queue, WithoutWaitingItNeedsNoLoop) {
  Queue<int> queue;
  queue.put_nowait(1);
  EXPECT_EQ(queue.get_nowait(), 1);
  queue.task_done();
  queue.shutdown();
}

// SYNC-056
ASYNC_TEST(Queue, PutNowaitOnAFullOneThrowsQueueFull) {
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    queue.put_nowait(1);
    EXPECT_EQ(thrown_by([&] { queue.put_nowait(2); }), "QueueFull: queue is full");
    EXPECT_EQ(queue.get_nowait(), 1);
    EXPECT_TRUE(queue.empty());
    co_return;
  };
  co_await with_each_queue(1, check);
}

// SYNC-056
ASYNC_TEST(Queue, GetNowaitOnAnEmptyOneThrowsQueueEmpty) {
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    EXPECT_EQ(thrown_by([&] { (void)queue.get_nowait(); }), "QueueEmpty: queue is empty");
    co_return;
  };
  co_await with_each_queue(0, check);
}

// --- order --------------------------------------------------------------------------------------

// SYNC-057
ASYNC_TEST(Queue, ItemsComeOutInTheOrderInWhichTheyWerePut) {
  Queue<int> queue;
  for (const int i : {1, 3, 2}) co_await queue.put(i);
  Numbers items;
  for (int i = 0; i < 3; ++i) items.push_back(co_await queue.get());
  EXPECT_EQ(items, (Numbers{1, 3, 2}));
}

// SYNC-057
ASYNC_TEST(Queue, GettersAreServedInTheOrderInWhichTheyCame) {
  Queue<int> queue;
  Numbers got;
  std::vector<asyncio::Task<>> getters;
  const auto getter = [&](int name) -> asyncio::Coro<> {
    got.push_back(10 * name + co_await queue.get());
  };
  for (int name = 1; name <= 3; ++name) getters.push_back(asyncio::create_task(getter(name)));
  co_await pass();
  for (int item = 1; item <= 3; ++item) co_await queue.put(item);
  for (auto& task : getters) co_await task;
  EXPECT_EQ(got, (Numbers{11, 22, 33}));
}

// SYNC-057
ASYNC_TEST(Queue, PuttersGetRoomInTheOrderInWhichTheyCame) {
  Queue<int> queue(1);
  std::vector<asyncio::Task<>> putters;
  for (int i = 0; i < 4; ++i) putters.push_back(asyncio::create_task(queue.put(i)));
  co_await pass();
  Numbers got;
  for (int i = 0; i < 4; ++i) got.push_back(co_await queue.get());
  EXPECT_EQ(got, (Numbers{0, 1, 2, 3}));
  for (auto& task : putters) EXPECT_TRUE(task.done());
}

// SYNC-005, SYNC-058
ASYNC_TEST(Queue, APutWakesOneGetterWhichRunsInALaterIteration) {
  Queue<int> queue;
  Numbers got;
  auto first = asyncio::create_task(get_into(queue, got));
  auto second = asyncio::create_task(get_into(queue, got));
  co_await pass();
  co_await queue.put(1);
  EXPECT_EQ(got, Numbers{});
  EXPECT_EQ(queue.qsize(), 1U);
  co_await pass(3);
  EXPECT_TRUE(first.done());
  EXPECT_FALSE(second.done());
  co_await queue.put(2);
  co_await second;
  EXPECT_EQ(got, (Numbers{1, 2}));
}

// SYNC-005, SYNC-058
ASYNC_TEST(Queue, AGetWakesOnePutterWhichRunsInALaterIteration) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  auto first = asyncio::create_task(queue.put(2));
  auto second = asyncio::create_task(queue.put(3));
  co_await pass();
  EXPECT_EQ(co_await queue.get(), 1);
  EXPECT_TRUE(queue.empty());
  co_await pass(3);
  EXPECT_TRUE(first.done());
  EXPECT_FALSE(second.done());
  EXPECT_EQ(co_await queue.get(), 2);
  co_await second;
  EXPECT_EQ(take_all(queue), Numbers{3});
}

// SYNC-058
ASYNC_TEST(Queue, PuttersAndAGetterTakeTurns) {
  Queue<int> queue(1);
  auto a = asyncio::create_task(queue.put(1));
  auto b = asyncio::create_task(queue.put(2));
  EXPECT_EQ(co_await queue.get(), 1);
  EXPECT_EQ(co_await queue.get(), 2);
  EXPECT_TRUE(a.done() && b.done());
}

// SYNC-058, SYNC-060, SYNC-061
ASYNC_TEST(Queue, AProducerAndAConsumerBothComeToTheirEndThroughRoomForOne) {
  Queue<int> queue(1);
  Numbers log;
  Numbers got;
  const auto consume = [&]() -> asyncio::Coro<> {
    for (int i = 0; i < 5; ++i) got.push_back(co_await queue.get());
  };
  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
    group.create_task(put_numbers(queue, 0, 5, log));
    group.create_task(consume());
  });
  EXPECT_EQ(got, (Numbers{0, 1, 2, 3, 4}));
  EXPECT_EQ(log, got);
}

// SYNC-058, SYNC-061
ASYNC_TEST(Queue, PuttersAllGetThroughWhenSeveralItemsAreTakenAtOnce) {
  Queue<int> queue(2);
  const auto drain = [&]() -> asyncio::Coro<> {
    co_await pass();
    while (!queue.empty()) (void)queue.get_nowait();
  };
  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
    group.create_task(drain());
    for (int i = 0; i < 4; ++i) group.create_task(queue.put(i));
  });
  EXPECT_EQ(take_all(queue), (Numbers{2, 3}));
}

// --- thieves ------------------------------------------------------------------------------------

// SYNC-059
ASYNC_TEST(Queue, AGetterWhoseItemIsStolenWaitsAgainAtTheEnd) {
  Queue<int> queue;
  Numbers first;
  Numbers second;
  auto a = asyncio::create_task(get_into(queue, first));
  auto b = asyncio::create_task(get_into(queue, second));
  co_await pass();
  queue.put_nowait(1);
  EXPECT_EQ(queue.get_nowait(), 1);
  co_await pass(2);
  EXPECT_FALSE(a.done() || b.done());
  queue.put_nowait(2);
  co_await pass();
  EXPECT_EQ(second, Numbers{2});
  EXPECT_FALSE(a.done());
  queue.put_nowait(3);
  co_await a;
  EXPECT_EQ(first, Numbers{3});
}

// SYNC-059
ASYNC_TEST(Queue, AGetMayOvertakeAWokenGetter) {
  Queue<int> queue;
  Numbers got;
  auto getter = asyncio::create_task(get_into(queue, got));
  co_await pass();
  co_await queue.put(1);
  EXPECT_EQ(co_await queue.get(), 1);
  co_await pass(2);
  EXPECT_FALSE(getter.done());
  co_await queue.put(2);
  co_await getter;
  EXPECT_EQ(got, Numbers{2});
}

// SYNC-059
ASYNC_TEST(Queue, APutterWhoseRoomIsTakenWaitsAgainAtTheEnd) {
  Queue<int> queue(1);
  queue.put_nowait(0);
  auto a = asyncio::create_task(queue.put(1));
  auto b = asyncio::create_task(queue.put(2));
  co_await pass();
  EXPECT_EQ(queue.get_nowait(), 0);
  queue.put_nowait(3);
  co_await pass(2);
  EXPECT_FALSE(a.done() || b.done());
  Numbers got;
  for (int i = 0; i < 3; ++i) got.push_back(co_await queue.get());
  EXPECT_EQ(got, (Numbers{3, 2, 1}));
  EXPECT_TRUE(a.done() && b.done());
}
