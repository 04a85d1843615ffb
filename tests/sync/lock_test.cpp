#include <asyncio/lock.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "support/errors.hpp"
#include "support/line.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

using namespace std::chrono_literals;
using asyncio::Lock;
using support::acquires;
using support::Order;
using support::passes;

namespace {

constexpr const char* own_lock = "waits for a lock that it has acquired itself";

/// Holds the lock until `end`.
asyncio::Coro<> holds_until(Lock& lock, asyncio::Future<> end) {
  const auto held = co_await lock.hold();
  co_await end;
}

asyncio::Coro<> takes_turn(Lock& lock) { const auto held = co_await lock.hold(); }

/// How many warnings there are of what a task does in debug mode.
int warnings_in_debug_mode(asyncio::Coro<> (*acts)(Lock&)) {
  const support::LogCapture log;
  asyncio::testing::run(
      [acts]() -> asyncio::Coro<> {
        Lock lock;
        co_await acts(lock);
      },
      {.debug = true});
  return log.count(own_lock);
}

}  // namespace

// --- acquire() and release() --------------------------------------------------------------------

// SYNC-004, SYNC-007: test_lock, test_acquire
ASYNC_TEST(Lock, IsTakenAtOnceWhenItIsFree) {
  Lock lock;
  EXPECT_FALSE(lock.locked());
  EXPECT_FALSE(co_await support::yields(lock.acquire()));
  EXPECT_TRUE(lock.locked());
  lock.release();
  EXPECT_TRUE(co_await lock.acquire());
}

// SYNC-005, SYNC-008: test_acquire
ASYNC_TEST(Lock, GoesToItsWaitersInTheOrderInWhichTheyCame) {
  Lock lock;
  Order order;
  co_await lock.acquire();
  asyncio::create_task(acquires(lock, order, 1));
  asyncio::create_task(acquires(lock, order, 2));
  co_await passes(1);
  EXPECT_EQ(order, Order());
  lock.release();
  EXPECT_EQ(order, Order());
  co_await passes(1);
  EXPECT_EQ(order, (Order{1}));
  co_await passes(3);
  EXPECT_EQ(order, (Order{1}));
  asyncio::create_task(acquires(lock, order, 3));
  lock.release();
  co_await passes(1);
  EXPECT_EQ(order, (Order{1, 2}));
  lock.release();
  co_await passes(1);
  EXPECT_EQ(order, (Order{1, 2, 3}));
}

// SYNC-008, failure 33: there is no overtaking
ASYNC_TEST(Lock, IsNotTakenByATaskThatComesWhileAWaiterIsToHaveIt) {
  Lock lock;
  Order order;
  co_await lock.acquire();
  asyncio::create_task(acquires(lock, order, 1));
  co_await passes(1);
  lock.release();
  EXPECT_FALSE(lock.locked());
  const auto late = asyncio::create_task(acquires(lock, order, 2));
  co_await passes(2);
  EXPECT_EQ(order, (Order{1}));
  lock.release();
  co_await late;
  EXPECT_EQ(order, (Order{1, 2}));
}

// SYNC-010
ASYNC_TEST(Lock, IsUnlockedBetweenItsReleaseAndTheNextTasksTurn) {
  Lock lock;
  Order order;
  co_await lock.acquire();
  asyncio::create_task(acquires(lock, order, 1));
  const auto second = asyncio::create_task(acquires(lock, order, 2));
  co_await passes(1);
  lock.release();
  EXPECT_FALSE(lock.locked());
  EXPECT_EQ(lock.repr(), "<Lock [unlocked, waiters:2]>");
  co_await passes(1);
  EXPECT_TRUE(lock.locked());
  EXPECT_EQ(lock.repr(), "<Lock [locked, waiters:1]>");  // only the first was woken
  lock.release();
  co_await second;
}

// SYNC-009: test_release_not_acquired
ASYNC_TEST(Lock, CannotBeReleasedWhileAWaiterIsStillToTakeIt) {
  Lock lock;
  Order order;
  co_await lock.acquire();
  const auto next = asyncio::create_task(acquires(lock, order, 1));
  co_await passes(1);
  lock.release();
  EXPECT_THROW(lock.release(), asyncio::RuntimeError);
  co_await next;
  EXPECT_TRUE(lock.locked());
}

// SYNC-009: test_release_no_waiters
ASYNC_TEST(Lock, IsFreeAgainAfterItsRelease) {
  Lock lock;
  co_await lock.acquire();
  lock.release();
  EXPECT_FALSE(lock.locked());
  EXPECT_THROW(lock.release(), asyncio::RuntimeError);
}

// SYNC-011
ASYNC_TEST(Lock, MayBeReleasedByAnotherTask) {
  Lock lock;
  co_await lock.acquire();
  co_await asyncio::create_task([&]() -> asyncio::Coro<> {
    lock.release();
    co_return;
  });
  EXPECT_FALSE(co_await support::yields(lock.acquire()));
}

// SYNC-011
ASYNC_TEST(Lock, AcquiredTwiceByATaskIsNeverGot) {
  Lock lock;
  co_await lock.acquire();
  const auto end = co_await asyncio::as_result(asyncio::wait_for(lock.acquire(), 24h));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  EXPECT_TRUE(lock.locked());
}

// SYNC-011: told in debug mode
TEST(Lock, WarnsInDebugModeOfATaskThatAcquiresItTwice) {
  EXPECT_EQ(warnings_in_debug_mode([](Lock& lock) -> asyncio::Coro<> {
              co_await lock.acquire();
              (void)co_await asyncio::as_result(asyncio::wait_for(lock.acquire(), 1s));
            }),
            1);
}

// SYNC-011: no false alarm
TEST(Lock, DoesNotWarnOfATaskThatSomebodyElseKeepsWaiting) {
  EXPECT_EQ(warnings_in_debug_mode([](Lock& lock) -> asyncio::Coro<> {
              Order order;
              co_await lock.acquire();
              lock.release();
              auto other = asyncio::create_task(acquires(lock, order, 1));
              co_await passes(1);
              (void)co_await asyncio::as_result(asyncio::wait_for(lock.acquire(), 1s));
              co_await other;
            }),
            0);
}

// SYNC-011: no false alarm, also where the new task is at the old one's address
TEST(Lock, DoesNotWarnOfATaskWhenTheOneThatAcquiredItIsGone) {
  EXPECT_EQ(warnings_in_debug_mode([](Lock& lock) -> asyncio::Coro<> {
              Order order;
              asyncio::create_task(acquires(lock, order, 1));
              co_await passes(2);
              const auto next = asyncio::create_task(acquires(lock, order, 2));
              co_await passes(2);
              lock.release();
              co_await next;
            }),
            0);
}

// SYNC-006: test_repr
ASYNC_TEST(Lock, TellsItsStateAndHowManyWait) {
  Lock lock;
  EXPECT_EQ(lock.repr(), "<Lock [unlocked]>");
  co_await lock.acquire();
  EXPECT_EQ(lock.repr(), "<Lock [locked]>");
  const auto next = asyncio::create_task(lock.acquire());
  co_await passes(1);
  EXPECT_EQ(lock.repr(), "<Lock [locked, waiters:1]>");
  lock.release();
  co_await next;
  EXPECT_EQ(lock.repr(), "<Lock [locked]>");
}

// --- cancellation -------------------------------------------------------------------------------

// SYNC-012: test_acquire_cancel
ASYNC_TEST(Lock, IsLeftByAWaiterThatIsCancelled) {
  Lock lock;
  co_await lock.acquire();
  auto task = asyncio::create_task(lock.acquire());
  asyncio::get_running_loop().call_soon([task] { task.cancel("enough"); });
  const auto end = co_await asyncio::as_result(task);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:enough");
  EXPECT_EQ(lock.repr(), "<Lock [locked]>");
}

// SYNC-013, failure 32: test_cancel_race
ASYNC_TEST(Lock, ReleasedWhileTheFirstWaiterIsBeingCancelledGoesToTheSecond) {
  Lock lock;
  const asyncio::Future<> end;
  const auto a = asyncio::create_task(holds_until(lock, end));
  const auto b = asyncio::create_task(takes_turn(lock));
  const auto c = asyncio::create_task(takes_turn(lock));
  co_await passes(1);
  EXPECT_EQ(lock.repr(), "<Lock [locked, waiters:2]>");
  end.set_result();
  b.cancel();
  co_await passes(1);
  EXPECT_FALSE(lock.locked());
  EXPECT_TRUE(a.done());
  EXPECT_TRUE(b.cancelled());
  co_await c;
}

// SYNC-013, failure 32: test_cancel_release_race
ASYNC_TEST(Lock, IsTakenByOneOnlyWhenTheFirstIsCancelledAndItIsReleasedAtOnce) {
  Lock lock;
  Order order;
  co_await lock.acquire();
  const auto t1 = asyncio::create_task(acquires(lock, order, 1));
  const auto t2 = asyncio::create_task(acquires(lock, order, 2));
  const auto t3 = asyncio::create_task(acquires(lock, order, 3));
  co_await passes(1);
  asyncio::get_running_loop().call_soon([&] {
    t1.cancel();
    lock.release();
  });
  const auto end = co_await asyncio::as_result(t1);
  EXPECT_TRUE(end.cancelled());
  EXPECT_EQ(order, (Order{2}));
  EXPECT_TRUE(t2.done());
  t3.cancel();
  co_await passes(1);
  EXPECT_TRUE(t3.cancelled());
}

// SYNC-013, failure 32: woken, then cancelled
ASYNC_TEST(Lock, IsPassedOnByAWaiterThatIsCancelledBeforeItsTurn) {
  Lock lock;
  Order order;
  co_await lock.acquire();
  const auto t1 = asyncio::create_task(acquires(lock, order, 1));
  const auto t2 = asyncio::create_task(acquires(lock, order, 2));
  co_await passes(1);
  lock.release();
  t1.cancel();
  EXPECT_EQ(lock.repr(), "<Lock [unlocked, waiters:2]>");
  co_await passes(1);
  EXPECT_TRUE(t1.cancelled());
  EXPECT_EQ(lock.repr(), "<Lock [unlocked, waiters:1]>");
  co_await passes(1);
  EXPECT_EQ(order, (Order{2}));
  EXPECT_TRUE(lock.locked());
  co_await t2;
}

// SYNC-012, SYNC-014: test_finished_waiter_cancelled
ASYNC_TEST(Lock, GoesToATaskThatComesBeforeTheCancelledOnesHaveLeft) {
  Lock lock;
  co_await lock.acquire();
  const auto b = asyncio::create_task(lock.acquire());
  co_await passes(1);
  EXPECT_EQ(lock.repr(), "<Lock [locked, waiters:1]>");
  const auto c = asyncio::create_task(lock.acquire());
  b.cancel();
  lock.release();
  co_await passes(1);
  EXPECT_TRUE(lock.locked());
  EXPECT_TRUE(b.cancelled());
  co_await c;
}

// SYNC-014
ASYNC_TEST(Lock, IsTakenAtOnceWhenAllWhoWaitAreCancelled) {
  Lock lock;
  Order order;
  co_await lock.acquire();
  const auto t1 = asyncio::create_task(acquires(lock, order, 1));
  const auto t2 = asyncio::create_task(acquires(lock, order, 2));
  co_await passes(1);
  t2.cancel();
  t1.cancel();
  lock.release();
  EXPECT_FALSE(co_await support::yields(lock.acquire()));
  co_await passes(1);
  EXPECT_TRUE(t1.cancelled() && t2.cancelled());
  EXPECT_EQ(lock.repr(), "<Lock [locked]>");
}

// SYNC-012
ASYNC_TEST(Lock, IsNotWaitedForByATaskThatWasToldToStopBefore) {
  Lock lock;
  co_await lock.acquire();
  const auto task = asyncio::create_task([&]() -> asyncio::Coro<> {
    asyncio::current_task()->cancel("enough");
    co_await lock.acquire();
  });
  const auto end = co_await asyncio::as_result(task);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:enough");
  EXPECT_EQ(lock.repr(), "<Lock [locked]>");
}

// SYNC-004, SYNC-007: there is no await that a cancellation could come to
ASYNC_TEST(Lock, IsTakenByATaskThatWasToldToStopBeforeIfItIsFree) {
  Lock lock;
  const auto task = asyncio::create_task([&]() -> asyncio::Coro<> {
    asyncio::current_task()->cancel();
    co_await lock.acquire();
    lock.release();
    EXPECT_FALSE(lock.locked());
    co_await asyncio::sleep(1h);
    ADD_FAILURE() << "the cancellation comes at the first wait";
  });
  const auto end = co_await asyncio::as_result(task);
  EXPECT_TRUE(end.cancelled());
}
