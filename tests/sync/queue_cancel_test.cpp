#include <asyncio/queue.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/errors.hpp"
#include "support/queues.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>

using namespace std::chrono_literals;
using asyncio::Queue;
using support::cancelled_of;
using support::Item;
using support::Numbers;
using support::pass;
using support::take_all;
using support::waiting_getters;
using support::waiting_putters;
using support::with_each_queue;

// --- getters ------------------------------------------------------------------------------------

// SYNC-060
ASYNC_TEST(QueueCancel, AGetterThatIsCancelledFirstLeavesTheItemToTheNext) {
  Queue<int> queue;
  auto getters = co_await waiting_getters(queue, 2);
  getters[0].cancel();
  co_await pass();
  EXPECT_TRUE(getters[0].cancelled());
  co_await queue.put(7);
  EXPECT_EQ(co_await getters[1], 7);
}

// SYNC-060, SYNC-063
ASYNC_TEST(QueueCancel, AGetterThatIsCancelledWhenItWasWokenWakesTheNext) {
  Queue<int> queue;
  auto getters = co_await waiting_getters(queue, 2);
  queue.put_nowait(7);
  getters[0].cancel();
  EXPECT_EQ(co_await getters[1], 7);
  EXPECT_TRUE(getters[0].cancelled());
}

// SYNC-060
ASYNC_TEST(QueueCancel, TheWakeUpGoesPastAllWhoAreCancelledInTheSameIteration) {
  Queue<int> queue;
  auto getters = co_await waiting_getters(queue, 5);
  queue.put_nowait(7);
  for (const int i : {0, 1, 3}) getters[static_cast<std::size_t>(i)].cancel();
  EXPECT_EQ(co_await getters[2], 7);
  co_await pass(2);
  EXPECT_FALSE(getters[4].done());
  EXPECT_EQ(cancelled_of(getters), 3U);
  queue.put_nowait(8);
  EXPECT_EQ(co_await getters[4], 8);
}

// SYNC-060
ASYNC_TEST(QueueCancel, APutGoesPastAGetterThatWasCancelledBeforeIt) {
  Queue<int> queue;
  auto getters = co_await waiting_getters(queue, 2);
  getters[0].cancel();
  queue.put_nowait(7);
  co_await pass();
  EXPECT_TRUE(getters[0].cancelled());
  EXPECT_TRUE(getters[1].done());
  EXPECT_EQ(getters[1].result(), 7);
}

// SYNC-063
ASYNC_TEST(QueueCancel, AGetThatIsCancelledWhenItsItemHasComeLeavesTheItemThere) {
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    auto getter = asyncio::create_task(queue.get());
    co_await pass();
    queue.put_nowait(1);
    queue.put_nowait(2);
    const auto all = queue.qsize();
    getter.cancel();
    co_await pass();
    EXPECT_TRUE(getter.cancelled());
    EXPECT_EQ(queue.qsize(), all);
  };
  co_await with_each_queue(0, check);
}

// SYNC-060, SYNC-063
ASYNC_TEST(QueueCancel, AGetAfterACancelledOneGivesTheFirstItem) {
  Queue<int> queue;
  auto reader = asyncio::create_task(queue.get());
  co_await pass();
  queue.put_nowait(1);
  queue.put_nowait(2);
  reader.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(reader)).cancelled());
  EXPECT_EQ(co_await queue.get(), 1);
  EXPECT_EQ(take_all(queue), Numbers{2});
}

// SYNC-060
ASYNC_TEST(QueueCancel, OneOfThreeReadersIsCancelledAndTheOthersGetBothItems) {
  Queue<int> queue;
  auto readers = co_await waiting_getters(queue, 3);
  queue.put_nowait(1);
  queue.put_nowait(2);
  readers[0].cancel();
  EXPECT_TRUE((co_await asyncio::as_result(readers[0])).cancelled());
  const int third = co_await readers[2];
  EXPECT_EQ(co_await readers[1] + third, 3);
}

// SYNC-060: nobody is woken, and loses his place, for an item that a thief has taken
ASYNC_TEST(QueueCancel, AGetterThatIsCancelledAfterATheftPassesNothingOn) {
  Queue<int> queue;
  auto getters = co_await waiting_getters(queue, 3);
  queue.put_nowait(1);
  EXPECT_EQ(queue.get_nowait(), 1);
  getters[0].cancel();
  co_await pass(3);
  EXPECT_TRUE(getters[0].cancelled());
  for (const int item : {2, 3}) queue.put_nowait(item);
  EXPECT_EQ(co_await getters[1], 2);
  EXPECT_EQ(co_await getters[2], 3);
}

// SYNC-060: so that nobody loses his place
ASYNC_TEST(QueueCancel, ACancelledGetterThatWasNotWokenWakesNobody) {
  Queue<int> queue;
  auto getters = co_await waiting_getters(queue, 4);
  getters[1].cancel();
  queue.put_nowait(1);
  co_await pass(3);
  EXPECT_EQ(getters[0].result(), 1);
  for (const int item : {2, 3}) queue.put_nowait(item);
  EXPECT_EQ(co_await getters[2], 2);
  EXPECT_EQ(co_await getters[3], 3);
}

// SYNC-059, SYNC-060
ASYNC_TEST(QueueCancel, AGetterThatWaitsAgainCanBeCancelled) {
  Queue<int> queue;
  auto getters = co_await waiting_getters(queue, 2);
  queue.put_nowait(1);
  EXPECT_EQ(queue.get_nowait(), 1);
  co_await pass();  // the first waits behind the second now
  getters[0].cancel();
  queue.put_nowait(2);
  EXPECT_EQ(co_await getters[1], 2);
  EXPECT_TRUE(getters[0].cancelled());
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0 tasks=2>");
}

// SYNC-062
ASYNC_TEST(QueueCancel, ACancelledGetterIsNoLongerInTheLine) {
  Queue<int> queue(5);
  (void)co_await support::thrown_by_await(asyncio::wait_for(queue.get(), 100ms));
  EXPECT_EQ(queue.repr(), "<Queue maxsize=5>");
}

// --- putters ------------------------------------------------------------------------------------

// SYNC-061
ASYNC_TEST(QueueCancel, ThePutOfATaskThatIsDoneIsNotAffected) {
  Queue<int> queue;
  auto putter = asyncio::create_task(queue.put(1));
  EXPECT_EQ(co_await queue.get(), 1);
  EXPECT_TRUE(putter.done());
  EXPECT_FALSE(putter.cancel());
  co_await putter;
}

// SYNC-061
ASYNC_TEST(QueueCancel, TheItemOfACancelledPutIsNotInTheQueue) {
  Queue<int> queue(1);
  queue.put_nowait(0);
  auto putters = co_await waiting_putters(queue, 2);
  putters[0].cancel();
  co_await pass();
  EXPECT_TRUE(putters[0].cancelled());
  EXPECT_EQ(queue.get_nowait(), 0);
  co_await putters[1];
  EXPECT_EQ(take_all(queue), Numbers{2});
  EXPECT_EQ(queue.repr(), "<Queue maxsize=1 tasks=2>");
}

// SYNC-061
ASYNC_TEST(QueueCancel, APutterThatIsCancelledWhenItWasWokenWakesTheNext) {
  Queue<int> queue(1);
  queue.put_nowait(0);
  auto putters = co_await waiting_putters(queue, 3);
  EXPECT_EQ(queue.get_nowait(), 0);
  putters[0].cancel();
  co_await putters[1];
  EXPECT_TRUE(putters[0].cancelled());
  EXPECT_FALSE(putters[2].done());
  EXPECT_EQ(queue.get_nowait(), 2);
  co_await putters[2];
  EXPECT_EQ(take_all(queue), Numbers{3});
}

// SYNC-061
ASYNC_TEST(QueueCancel, OneThatIsCancelledBeforeItRanDisturbsNobody) {
  Queue<int> queue(1);
  auto a = asyncio::create_task(queue.put(1));
  auto b = asyncio::create_task(queue.put(2));
  auto c = asyncio::create_task(queue.put(3));
  co_await pass();
  EXPECT_TRUE(a.done());
  c.cancel();
  co_await pass();
  EXPECT_TRUE(c.cancelled());
  EXPECT_EQ(queue.get_nowait(), 1);
  co_await pass();
  EXPECT_EQ(queue.get_nowait(), 2);
  co_await b;
  EXPECT_TRUE(queue.empty());
}

// SYNC-061
ASYNC_TEST(QueueCancel, ACancelledPutCanBeTriedAgain) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  auto writer = asyncio::create_task(queue.put(2));
  co_await pass();
  EXPECT_EQ(queue.get_nowait(), 1);
  writer.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(writer)).cancelled());
  EXPECT_TRUE(queue.empty());
  co_await queue.put(2);
  EXPECT_EQ(take_all(queue), Numbers{2});
}

// SYNC-059, SYNC-061
ASYNC_TEST(QueueCancel, APutterThatWaitsAgainCanBeCancelled) {
  Queue<int> queue(1);
  queue.put_nowait(0);
  auto putters = co_await waiting_putters(queue, 2);
  EXPECT_EQ(queue.get_nowait(), 0);
  queue.put_nowait(9);
  co_await pass();
  putters[0].cancel();
  EXPECT_EQ(queue.get_nowait(), 9);
  co_await putters[1];
  EXPECT_TRUE(putters[0].cancelled());
  EXPECT_EQ(take_all(queue), Numbers{2});
}

// SYNC-062
ASYNC_TEST(QueueCancel, ACancelledPutterIsNoLongerInTheLine) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  auto putter = asyncio::create_task(queue.put(1));
  co_await pass();
  EXPECT_EQ(queue.repr(), "<Queue maxsize=1 _queue[1] _putters[1] tasks=1>");
  putter.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(putter)).cancelled());
  EXPECT_EQ(queue.repr(), "<Queue maxsize=1 _queue[1] tasks=1>");
}

// SYNC-061: with its task
ASYNC_TEST(QueueCancel, TheItemOfACancelledPutGoes) {
  Queue<Item> queue(1);
  queue.put_nowait(Item(1));
  auto putter = asyncio::create_task(queue.put(Item(2)));
  co_await pass();
  putter.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(putter)).cancelled());
  EXPECT_EQ(Item::alive, 1);
  EXPECT_EQ(queue.get_nowait().number(), 1);
}

// --- limits -------------------------------------------------------------------------------------

// SYNC-062, SYNC-063
ASYNC_TEST(QueueCancel, AGetWithALimitTakesNothingWhenItIsLate) {
  Queue<int> queue;
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  auto timer = loop.call_later(2s, [&] { queue.put_nowait(5); });
  EXPECT_EQ(co_await support::thrown_by_await(asyncio::wait_for(queue.get(), 1s)),
            "TimeoutError: timed out");
  EXPECT_EQ(loop.time() - start, asyncio::Duration(1s));
  EXPECT_EQ(co_await asyncio::wait_for(queue.get(), 5s), 5);
  EXPECT_EQ(loop.time() - start, asyncio::Duration(2s));
}

// SYNC-061, SYNC-062
ASYNC_TEST(QueueCancel, APutWithALimitPutsNothingWhenItIsLate) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  EXPECT_EQ(co_await support::thrown_by_await(asyncio::wait_for(queue.put(2), 1s)),
            "TimeoutError: timed out");
  EXPECT_EQ(queue.repr(), "<Queue maxsize=1 _queue[1] tasks=1>");
  auto timer =
      asyncio::get_running_loop().call_later(1s, [&] { EXPECT_EQ(queue.get_nowait(), 1); });
  co_await asyncio::wait_for(queue.put(3), 5s);
  EXPECT_EQ(take_all(queue), Numbers{3});
}

// SYNC-062, SYNC-068
ASYNC_TEST(QueueCancel, AJoinWithALimitLeavesNoTrace) {
  Queue<int> queue;
  queue.put_nowait(1);
  EXPECT_EQ(co_await support::thrown_by_await(asyncio::wait_for(queue.join(), 1s)),
            "TimeoutError: timed out");
  queue.task_done();
  co_await asyncio::wait_for(queue.join(), 1s);
}

// SYNC-060, SYNC-063: the limit ends when the item comes
ASYNC_TEST(QueueCancel, AnItemAtTheVeryEndOfALimitIsTakenOrStays) {
  for (const auto delay : {999ms, 1000ms, 1001ms}) {
    Queue<int> queue;
    Numbers got;
    auto timer = asyncio::get_running_loop().call_later(delay, [&] { queue.put_nowait(5); });
    const auto body = [&]() -> asyncio::Coro<> { got.push_back(co_await queue.get()); };
    const auto end = co_await asyncio::as_result(asyncio::with(asyncio::timeout(1s), body));
    EXPECT_EQ(end.has_value(), !got.empty());
    co_await asyncio::sleep(1s);
    EXPECT_EQ(got.size() + queue.qsize(), 1U);
  }
}
