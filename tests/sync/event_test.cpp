#include <asyncio/event.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/threads.hpp>
#include <asyncio/wait_for.hpp>

#include "support/errors.hpp"
#include "support/line.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <type_traits>
#include <utility>

using namespace std::chrono_literals;
using asyncio::Event;
using support::Order;
using support::passes;

namespace {

asyncio::Coro<> waits(Event& event, Order& order, int number) {
  const bool woken = co_await event.wait();
  if (woken) order.push_back(number);
}

}  // namespace

// SYNC-003: also for the primitives made of it
TEST(Event, TakesNoLoop) {
  static_assert(!std::is_constructible_v<Event, asyncio::EventLoop&>);
  const Event event;
  EXPECT_FALSE(event.is_set());
}

// SYNC-006: test_repr
ASYNC_TEST(Event, TellsItsStateAndHowManyWait) {
  Event event;
  Order order;
  EXPECT_EQ(event.repr(), "<Event [unset]>");
  event.set();
  EXPECT_EQ(event.repr(), "<Event [set]>");
  event.clear();
  const auto a = asyncio::create_task(waits(event, order, 1));
  const auto b = asyncio::create_task(waits(event, order, 2));
  co_await passes(1);
  EXPECT_EQ(event.repr(), "<Event [unset, waiters:2]>");
  event.set();
  EXPECT_EQ(event.repr(), "<Event [set, waiters:2]>");  // until they have gone on
  co_await a;
  co_await b;
  EXPECT_EQ(event.repr(), "<Event [set]>");
}

// SYNC-004, SYNC-005, SYNC-017: test_wait
ASYNC_TEST(Event, WakesItsWaitersInTheOrderInWhichTheyCame) {
  Event event;
  Order order;
  const auto a = asyncio::create_task(waits(event, order, 1));
  const auto b = asyncio::create_task(waits(event, order, 2));
  co_await passes(1);
  EXPECT_EQ(order, Order());
  const auto c = asyncio::create_task(waits(event, order, 3));
  event.set();
  EXPECT_EQ(order, Order()) << "nobody runs within set()";
  co_await passes(1);
  // The third one has not begun to wait and finds the flag set.
  EXPECT_EQ(order, (Order{3, 1, 2}));
  EXPECT_TRUE(a.done() && b.done() && c.done());
}

// SYNC-004, SYNC-016: test_wait_on_set
ASYNC_TEST(Event, DoesNotLetAnybodyWaitWhileItIsSet) {
  Event event;
  event.set();
  EXPECT_TRUE(co_await event.wait());
  EXPECT_FALSE(co_await support::yields(event.wait()));
}

// SYNC-017
ASYNC_TEST(Event, IsSetTwiceAsOnce) {
  Event event;
  Order order;
  const auto a = asyncio::create_task(waits(event, order, 1));
  co_await passes(1);
  event.set();
  event.set();
  EXPECT_TRUE(event.is_set());
  co_await passes(2);
  EXPECT_EQ(order, (Order{1}));
  EXPECT_TRUE(a.done());
}

// SYNC-018
ASYNC_TEST(Event, WakesThoseWhoWaitedAlthoughItIsClearedBeforeTheirTurn) {
  Event event;
  const auto waiter = asyncio::create_task(event.wait());
  co_await passes(1);
  event.set();
  event.clear();
  EXPECT_FALSE(event.is_set());
  EXPECT_TRUE(co_await waiter);
  EXPECT_FALSE(event.is_set());
}

// SYNC-018, SYNC-019: test_clear_with_waiters
ASYNC_TEST(Event, SetClearedAndSetAgainWakesAWaiterOnce) {
  Event event;
  Order order;
  const auto waiter = asyncio::create_task(waits(event, order, 1));
  co_await passes(1);
  event.set();
  event.clear();
  EXPECT_FALSE(event.is_set());
  event.set();
  event.set();
  EXPECT_EQ(event.repr(), "<Event [set, waiters:1]>");
  co_await passes(1);
  EXPECT_EQ(order, (Order{1}));
  EXPECT_EQ(event.repr(), "<Event [set]>");
  EXPECT_TRUE(waiter.done());
}

// SYNC-019: test_clear
ASYNC_TEST(Event, IsWaitedForAgainOnceItIsCleared) {
  Event event;
  event.set();
  EXPECT_TRUE(event.is_set());
  event.clear();
  EXPECT_FALSE(event.is_set());
  const auto waiter = asyncio::create_task(event.wait());
  co_await passes(3);
  EXPECT_FALSE(waiter.done());
  event.set();
  EXPECT_TRUE(co_await waiter);
}

// SYNC-005, SYNC-018: who comes between set() and clear() waits for the next set()
ASYNC_TEST(Event, IsNotSetForWhoComesAfterItWasCleared) {
  Event event;
  Order order;
  const auto early = asyncio::create_task(waits(event, order, 1));
  co_await passes(1);
  event.set();
  event.clear();
  const auto late = asyncio::create_task(waits(event, order, 2));
  co_await passes(3);
  EXPECT_EQ(order, (Order{1}));
  EXPECT_EQ(event.repr(), "<Event [unset, waiters:1]>");
  event.set();
  co_await late;
  co_await early;
}

// SYNC-020: test_wait_cancel
ASYNC_TEST(Event, IsLeftByAWaiterThatIsCancelled) {
  Event event;
  const auto waiter = asyncio::create_task(event.wait());
  asyncio::get_running_loop().call_soon([waiter] { waiter.cancel("enough"); });
  const auto end = co_await asyncio::as_result(waiter);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:enough");
  EXPECT_EQ(event.repr(), "<Event [unset]>");
}

// SYNC-020, failure 32: in both orders
ASYNC_TEST(Event, WakesTheOthersWhenOneIsCancelledAtTheSameTime) {
  for (int round = 0; round < 2; ++round) {
    const bool cancel_first = round == 1;
    Event event;
    Order order;
    const auto a = asyncio::create_task(waits(event, order, 1));
    const auto b = asyncio::create_task(waits(event, order, 2));
    const auto c = asyncio::create_task(waits(event, order, 3));
    co_await passes(1);
    if (cancel_first) b.cancel();
    event.set();
    if (!cancel_first) b.cancel();
    co_await passes(1);
    EXPECT_EQ(order, (Order{1, 3}));
    EXPECT_TRUE(b.cancelled());
    EXPECT_EQ(event.repr(), "<Event [set]>");
  }
}

// SYNC-020
ASYNC_TEST(Event, IsNotWaitedForByATaskThatWasToldToStopBefore) {
  Event event;
  const auto task = asyncio::create_task([&]() -> asyncio::Coro<> {
    asyncio::current_task()->cancel("enough");
    co_await event.wait();
  });
  const auto end = co_await asyncio::as_result(task);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:enough");
  EXPECT_EQ(event.repr(), "<Event [unset]>");
}

// SYNC-020
ASYNC_TEST(Event, IsLeftByAWaiterWhoseTimeIsUp) {
  Event event;
  const auto end = co_await asyncio::as_result(asyncio::wait_for(event.wait(), 1s));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  EXPECT_EQ(event.repr(), "<Event [unset]>");
  EXPECT_FALSE(event.is_set());
}

// SYNC-002: the way in from another thread
ASYNC_TEST(Event, IsSetFromAnotherThreadByWayOfTheLoop) {
  Event event;
  auto& loop = asyncio::get_running_loop();
  const auto other = asyncio::create_task(
      asyncio::to_thread([&] { loop.call_soon_threadsafe([&] { event.set(); }); }));
  EXPECT_TRUE(co_await event.wait());
  co_await other;
}

// SYNC-005: it joins the line when it is awaited, as a coroutine does
ASYNC_TEST(Event, IsNotWaitedForBeforeWhatWaitGaveIsAwaited) {
  Event event;
  auto first = event.wait();
  auto moved = std::move(first);
  co_await passes(1);
  EXPECT_EQ(event.repr(), "<Event [unset]>");
  asyncio::get_running_loop().call_later(1s, [&] { event.set(); });
  EXPECT_TRUE(co_await std::move(moved));
}

// SYNC-017
ASYNC_TEST(Event, IsWaitedForThroughWhateverTakesAnAwaitable) {
  Event event;
  auto limited = asyncio::wait_for(event.wait(), 1h);
  auto result = asyncio::as_result(event.wait());
  auto both = asyncio::gather(event.wait(), event.wait());
  const auto task = asyncio::create_task(event.wait());
  asyncio::get_running_loop().call_later(1s, [&] { event.set(); });
  EXPECT_TRUE(co_await std::move(limited));
  const auto end = co_await std::move(result);
  EXPECT_TRUE(end.value());
  const auto [one, two] = co_await both;
  EXPECT_TRUE(one && two);
  EXPECT_TRUE(co_await task);
}
