// Tasks that wait for a condition and are cancelled, or run out of time.

#include <asyncio/condition.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/errors.hpp"
#include "support/line.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>

using namespace std::chrono_literals;
using asyncio::Condition;
using asyncio::Lock;
using support::Order;
using support::passes;

namespace {

/// Waits once. Whatever ends that, it has the lock then.
asyncio::Coro<> waits(Condition& condition) {
  const auto held = co_await condition.hold();
  const auto end = co_await asyncio::as_result(condition.wait());
  EXPECT_TRUE(condition.locked());
  end.value();
}

/// Takes items until there is a negative number of them.
asyncio::Coro<> consumes(Condition& condition, int& items) {
  const auto held = co_await condition.hold();
  for (;;) {
    co_await condition.wait_for([&] { return items != 0; });
    if (items < 0) co_return;
    --items;
  }
}

/// Two consumers, one item, and one of the two notified, then `cancel`: the other must take it.
asyncio::Coro<> expect_passed_on(std::function<asyncio::Coro<>(asyncio::Task<>)> cancel) {
  Condition condition;
  int items = 0;
  const auto first = asyncio::create_task(consumes(condition, items));
  const auto second = asyncio::create_task(consumes(condition, items));
  co_await passes(1);
  auto held = co_await condition.hold();
  ++items;
  condition.notify();
  co_await cancel(first);
  (void)co_await asyncio::as_result(
      asyncio::wait_for(condition.wait_for([&] { return items == 0; }), 10ms));
  EXPECT_EQ(items, 0);
  items = -1;
  condition.notify_all();
  held.release();
  co_await second;
  EXPECT_TRUE(first.cancelled());
}

}  // namespace

// SYNC-027: test_wait_cancel
ASYNC_TEST(ConditionCancel, TakesTheLockBackFirst) {
  Condition condition;
  co_await condition.acquire();
  const auto waiter = asyncio::create_task(condition.wait());
  asyncio::get_running_loop().call_soon([waiter] { waiter.cancel("enough"); });
  const auto end = co_await asyncio::as_result(waiter);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:enough");
  EXPECT_EQ(condition.repr(), "<Condition [locked]>");
}

// SYNC-027, failure 34: test_cancelled_error_wakeup
ASYNC_TEST(ConditionCancel, KeepsTheMessage) {
  Condition condition;
  int items = 0;
  const auto waiter = asyncio::create_task(consumes(condition, items));
  co_await passes(1);
  waiter.cancel("foo");
  const auto end = co_await asyncio::as_result(waiter);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:foo");
  EXPECT_FALSE(condition.locked());
}

// SYNC-027, failure 34: test_wait_cancel_contested
ASYNC_TEST(ConditionCancel, TakesTheLockBackFromWhoReleasesItMeanwhile) {
  Condition condition;
  co_await condition.acquire();
  const auto waiter = asyncio::create_task(condition.wait());
  co_await passes(1);
  EXPECT_FALSE(condition.locked());
  co_await condition.acquire();
  condition.notify();
  auto& loop = asyncio::get_running_loop();
  loop.call_soon([waiter] { waiter.cancel(); });
  loop.call_soon([&] { condition.release(); });
  const auto end = co_await asyncio::as_result(waiter);
  EXPECT_TRUE(end.cancelled());
  EXPECT_TRUE(condition.locked());
}

// SYNC-027, failure 34: however long that takes
ASYNC_TEST(ConditionCancel, WaitsForTheLockAsLongAsItTakes) {
  Condition condition;
  const auto waiter = asyncio::create_task(waits(condition));
  co_await passes(1);
  co_await condition.acquire();
  waiter.cancel("foo");
  co_await asyncio::sleep(24h);
  EXPECT_FALSE(waiter.done());
  condition.release();
  const auto end = co_await asyncio::as_result(waiter);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:foo");
}

// SYNC-028: test_wait_cancel_after_notify
ASYNC_TEST(ConditionCancel, AfterTheNotificationStillTakesTheLockBackFirst) {
  Condition condition;
  const auto waiter = asyncio::create_task(waits(condition));
  co_await passes(1);
  co_await condition.acquire();
  condition.notify();
  co_await passes(1);  // it waits for the lock now
  waiter.cancel();
  co_await passes(1);
  EXPECT_FALSE(waiter.done());
  condition.release();
  co_await passes(1);
  EXPECT_TRUE(waiter.cancelled());
  EXPECT_FALSE(condition.locked());
}

// SYNC-028, failure 34: test_cancelled_error_re_aquire
ASYNC_TEST(ConditionCancel, AfterTheNotificationKeepsTheMessage) {
  Condition condition;
  int items = 0;
  const auto waiter = asyncio::create_task(consumes(condition, items));
  co_await passes(1);
  co_await condition.acquire();
  items = 1;
  condition.notify();
  co_await passes(1);
  waiter.cancel("foo");
  condition.release();
  const auto end = co_await asyncio::as_result(waiter);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:foo");
}

// SYNC-028, failure 34
ASYNC_TEST(ConditionCancel, ThatComesAgainAndAgainGivesTheLastMessage) {
  Condition condition;
  const auto waiter = asyncio::create_task(waits(condition));
  co_await passes(1);
  co_await condition.acquire();
  for (char message = 'a'; message <= 'c'; ++message) {
    waiter.cancel(std::string(1, message));
    co_await passes(2);
    EXPECT_FALSE(waiter.done());
  }
  EXPECT_EQ(waiter.cancelling(), 3U);
  condition.release();
  const auto end = co_await asyncio::as_result(waiter);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:c");
}

// SYNC-028, failure 34: it has been chosen for the lock, and joins the line anew
ASYNC_TEST(ConditionCancel, AsItIsGivenTheLockLetsTheOthersGoFirst) {
  Condition condition;
  Order order;
  const auto waiter = asyncio::create_task(waits(condition));
  co_await passes(1);
  co_await condition.acquire();
  condition.notify();
  co_await passes(1);
  const auto other = asyncio::create_task(support::acquires(condition, order, 1));
  co_await passes(1);
  condition.release();
  waiter.cancel("foo");
  co_await passes(2);
  EXPECT_EQ(order, (Order{1}));
  EXPECT_FALSE(waiter.done());
  condition.release();
  const auto end = co_await asyncio::as_result(waiter);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:foo");
  co_await other;
}

// SYNC-029, failure 32: test_cancelled_wakeup
ASYNC_TEST(ConditionCancel, BeforeItsTurnPassesTheNotificationOn) {
  co_await expect_passed_on([](asyncio::Task<> notified) -> asyncio::Coro<> {
    notified.cancel();
    co_return;
  });
}

// SYNC-029, failure 32: test_cancelled_wakeup_relock
ASYNC_TEST(ConditionCancel, WhileItTakesTheLockBackPassesTheNotificationOn) {
  co_await expect_passed_on([](asyncio::Task<> notified) -> asyncio::Coro<> {
    co_await passes(1);
    notified.cancel();
  });
}

// SYNC-029: also one that was not notified may wake another, which must look again
ASYNC_TEST(ConditionCancel, WakesAnotherThoughNobodyNotified) {
  Condition condition;
  int woken = 0;
  const auto first = asyncio::create_task(waits(condition));
  const auto second = asyncio::create_task([&]() -> asyncio::Coro<> {
    const auto held = co_await condition.hold();
    co_await condition.wait();
    ++woken;
  });
  co_await passes(1);
  first.cancel();
  co_await second;
  EXPECT_EQ(woken, 1);
}

// SYNC-027
ASYNC_TEST(ConditionCancel, OfATaskThatIsToldToStopBeforeItWaitsTakesTheLockBackToo) {
  Condition condition;
  const auto waiter = asyncio::create_task([&]() -> asyncio::Coro<> {
    const auto held = co_await condition.hold();
    asyncio::current_task()->cancel("enough");
    const auto end = co_await asyncio::as_result(condition.wait());
    EXPECT_TRUE(condition.locked());
    end.value();
  });
  const auto end = co_await asyncio::as_result(waiter);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:enough");
  EXPECT_EQ(condition.repr(), "<Condition [unlocked]>");
}

// SYNC-027, SYNC-032: the block is left as any other
ASYNC_TEST(ConditionCancel, LeavesWithAsUsual) {
  Condition condition;
  const auto waiter = asyncio::create_task(
      asyncio::with(condition, [&]() -> asyncio::Coro<> { co_await condition.wait(); }));
  co_await passes(1);
  waiter.cancel();
  const auto end = co_await asyncio::as_result(waiter);
  EXPECT_TRUE(end.cancelled());
  EXPECT_FALSE(condition.locked());
}

// SYNC-031: test_timeout_in_block
ASYNC_TEST(ConditionCancel, ByALimitTakesTheLockBackFirst) {
  Condition condition;
  const auto held = co_await condition.hold();
  const auto end = co_await asyncio::as_result(asyncio::wait_for(condition.wait(), 500ms));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  EXPECT_EQ(condition.repr(), "<Condition [locked]>");
}

// SYNC-031
ASYNC_TEST(ConditionCancel, ByALimitWaitsForTheLockLongerThanThat) {
  Condition condition;
  auto& loop = asyncio::get_running_loop();
  const auto begin = loop.time();
  const auto waiter = asyncio::create_task([&]() -> asyncio::Coro<> {
    const auto held = co_await condition.hold();
    const auto end = co_await asyncio::as_result(asyncio::with(
        asyncio::timeout(1s), [&]() -> asyncio::Coro<> { co_await condition.wait(); }));
    EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
    EXPECT_EQ(loop.time() - begin, asyncio::Duration(5s));
    EXPECT_TRUE(condition.locked());
  });
  co_await passes(1);
  const auto held = co_await condition.hold();
  co_await asyncio::sleep(5s);
  condition.notify();
  EXPECT_FALSE(waiter.done());
  loop.call_soon([&] { condition.release(); });
  co_await waiter;
  EXPECT_FALSE(condition.locked());
}

// SYNC-021, SYNC-027: the lock is the same for both
ASYNC_TEST(ConditionCancel, TakesASharedLockBackFromTheOtherConditionsTasks) {
  Lock lock;
  Condition a(lock);
  Condition b(lock);
  const auto at_a = asyncio::create_task(waits(a));
  const auto at_b = asyncio::create_task(waits(b));
  co_await passes(1);
  co_await lock.acquire();
  b.notify();
  at_a.cancel("foo");
  co_await passes(2);
  EXPECT_FALSE(at_a.done() || at_b.done());
  lock.release();
  co_await at_b;
  const auto end = co_await asyncio::as_result(at_a);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:foo");
  EXPECT_EQ(a.repr() + b.repr(), "<Condition [unlocked]><Condition [unlocked]>");
}
