// Locks, conditions and semaphores within hold(), with(), limits and whatever takes an awaitable.

#include <asyncio/lock.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/condition.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/semaphore.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/errors.hpp"
#include "support/line.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

using namespace std::chrono_literals;
using asyncio::BoundedSemaphore;
using asyncio::Condition;
using asyncio::Guard;
using asyncio::Lock;
using asyncio::Semaphore;
using support::acquires;
using support::Order;
using support::passes;

// --- hold() -------------------------------------------------------------------------------------

static_assert(!std::is_copy_constructible_v<Guard<Lock>>);
static_assert(std::is_nothrow_move_constructible_v<Guard<Lock>>);
static_assert(std::is_nothrow_move_assignable_v<Guard<Semaphore>>);

// SYNC-015
ASYNC_TEST(Hold, ReleasesWhenTheGuardGoes) {
  Lock lock;
  {
    const auto held = co_await lock.hold();
    EXPECT_TRUE(lock.locked());
    EXPECT_TRUE(held);
  }
  EXPECT_FALSE(lock.locked());
}

// SYNC-004, SYNC-015
ASYNC_TEST(Hold, DoesNotYieldWhenThereIsNoNeedToWait) {
  Lock lock;
  Semaphore semaphore;
  EXPECT_FALSE(co_await support::yields(lock.hold()));
  EXPECT_FALSE(co_await support::yields(semaphore.hold()));
  EXPECT_FALSE(lock.locked() || semaphore.locked());
}

// SYNC-032: own and given
ASYNC_TEST(Hold, OfAConditionHoldsItsLock) {
  Lock lock;
  Condition condition(lock);
  Condition own;
  {
    const auto held = co_await condition.hold();
    const auto held_too = co_await own.hold();
    EXPECT_TRUE(lock.locked() && condition.locked() && own.locked());
  }
  EXPECT_FALSE(lock.locked() || condition.locked() || own.locked());
}

// SYNC-034, SYNC-036
ASYNC_TEST(Hold, OfASemaphoreGivesThePermitBack) {
  Semaphore semaphore(2);
  {
    const auto first = co_await semaphore.hold();
    const auto second = co_await semaphore.hold();
    EXPECT_EQ(semaphore.value(), 0);
  }
  EXPECT_EQ(semaphore.value(), 2);
}

// SYNC-015
ASYNC_TEST(Hold, ReleasesWhenAnErrorLeavesTheBlock) {
  Lock lock;
  const auto end = co_await asyncio::as_result([&]() -> asyncio::Coro<> {
    const auto held = co_await lock.hold();
    throw std::domain_error("no");
  }());
  EXPECT_EQ(support::text_of(end.error()), "no");
  EXPECT_FALSE(lock.locked());
}

// SYNC-015
ASYNC_TEST(Hold, ReleasesWhenTheTaskIsCancelled) {
  Lock lock;
  Order order;
  const auto holder = asyncio::create_task([&]() -> asyncio::Coro<> {
    const auto held = co_await lock.hold();
    co_await asyncio::sleep(1h);
  });
  const auto next = asyncio::create_task(acquires(lock, order, 1));
  co_await passes(1);
  holder.cancel();
  co_await next;
  EXPECT_TRUE(holder.cancelled());
}

// SYNC-015
ASYNC_TEST(Hold, CanBeReleasedEarlyAndOnlyOnce) {
  Lock lock;
  Order order;
  auto held = co_await lock.hold();
  held.release();
  EXPECT_FALSE(held);
  EXPECT_FALSE(lock.locked());
  co_await acquires(lock, order, 1);
  held.release();
  EXPECT_TRUE(lock.locked()) << "somebody else's by now";
}

// SYNC-015
ASYNC_TEST(Hold, GoesWithTheGuardThatIsMoved) {
  Lock lock;
  Guard<Lock> outer;
  EXPECT_FALSE(outer);
  {
    auto inner = co_await lock.hold();
    outer = std::move(inner);
    EXPECT_FALSE(inner);  // NOLINT(bugprone-use-after-move): that is what it tells
  }
  EXPECT_TRUE(lock.locked());
  EXPECT_TRUE(outer);
  const auto last = std::make_unique<Guard<Lock>>(std::move(outer));
  EXPECT_TRUE(*last);
  last->release();
  EXPECT_FALSE(lock.locked());
}

// SYNC-015
ASYNC_TEST(Hold, ReleasesWhatAGuardHadWhenAnotherIsMovedIntoIt) {
  Lock first;
  Lock second;
  auto held = co_await first.hold();
  held = co_await second.hold();
  EXPECT_FALSE(first.locked());
  EXPECT_TRUE(second.locked());
  auto& self = held;
  held = std::move(self);
  EXPECT_TRUE(second.locked() && held);
}

// SYNC-036: moved and released in any order
ASYNC_TEST(Hold, KeepsApartTheGuardsOfOnePrimitive) {
  Semaphore semaphore(3);
  auto a = co_await semaphore.hold();
  auto b = co_await semaphore.hold();
  auto c = co_await semaphore.hold();
  auto b_now = std::move(b);
  a.release();
  EXPECT_EQ(semaphore.value(), 1);
  c.release();
  EXPECT_EQ(semaphore.value(), 2);
  EXPECT_TRUE(b_now);
  b_now.release();
  EXPECT_EQ(semaphore.value(), 3);
}

// SYNC-011, SYNC-015: the guard has nothing left to do
ASYNC_TEST(Hold, OfALockThatSomebodyElseReleasedDoesNothing) {
  Lock lock;
  {
    const auto held = co_await lock.hold();
    lock.release();
  }
  EXPECT_FALSE(lock.locked());
}

// SYNC-041: a guard cannot throw
ASYNC_TEST(Hold, OfABoundedSemaphoreThatSomebodyElseReleasedIsReported) {
  const support::LogCapture log;
  BoundedSemaphore semaphore;
  {
    const auto held = co_await semaphore.hold();
    semaphore.release();
  }
  EXPECT_EQ(semaphore.value(), 1);
  EXPECT_EQ(log.count("BoundedSemaphore.release(): released too many times"), 1);
}

// SYNC-015, failure 37
ASYNC_TEST(Hold, MayOutliveWhatItHolds) {
  auto lock = std::make_unique<Lock>();
  auto condition = std::make_unique<Condition>();
  auto semaphore = std::make_unique<Semaphore>(2);
  auto held_lock = co_await lock->hold();
  const auto held_condition = co_await condition->hold();
  const auto held_permit = co_await semaphore->hold();
  const auto another_permit = co_await semaphore->hold();
  lock.reset();
  condition.reset();
  semaphore.reset();
  EXPECT_FALSE(held_lock || held_condition || held_permit || another_permit);
  held_lock.release();
  const auto moved = std::move(held_lock);
  EXPECT_FALSE(moved);
}

// --- with() -------------------------------------------------------------------------------------

// SYNC-015: test_context_manager, test_context_manager_async_with
ASYNC_TEST(WithLock, HasItDuringTheBody) {
  Lock lock;
  const int value = co_await asyncio::with(lock, [&]() -> asyncio::Coro<int> {
    EXPECT_TRUE(lock.locked());
    co_await asyncio::sleep(1s);
    EXPECT_TRUE(lock.locked());
    co_return 3;
  });
  EXPECT_EQ(value, 3);
  EXPECT_FALSE(lock.locked());
}

// SYNC-032, SYNC-034: test_context_manager
ASYNC_TEST(WithLock, AlsoTakesConditionsAndSemaphores) {
  Condition condition;
  Semaphore semaphore(2);
  BoundedSemaphore bounded;
  co_await asyncio::with(condition, [&] { EXPECT_TRUE(condition.locked()); });
  co_await asyncio::with(semaphore, [&] { EXPECT_EQ(semaphore.value(), 1); });
  co_await asyncio::with(bounded, [&] { EXPECT_TRUE(bounded.locked()); });
  EXPECT_FALSE(condition.locked() || bounded.locked());
  EXPECT_EQ(semaphore.value(), 2);
}

// SYNC-015
ASYNC_TEST(WithLock, ReleasesItWhenTheBodyFails) {
  Lock lock;
  const auto end = co_await asyncio::as_result(
      asyncio::with(lock, []() -> int { throw std::domain_error("no"); }));
  EXPECT_EQ(support::text_of(end.error()), "no");
  EXPECT_FALSE(lock.locked());
}

// SYNC-009, SYNC-015: as in Python, unlike what a guard does
ASYNC_TEST(WithLock, RefusesToLeaveWhatTheBodyHasReleased) {
  Lock lock;
  const auto end = co_await asyncio::as_result(asyncio::with(lock, [&] { lock.release(); }));
  EXPECT_TRUE(support::is_a<asyncio::RuntimeError>(end.error()));
}

// SYNC-012, SYNC-015: what was not acquired is not released
ASYNC_TEST(WithLock, LeavesTheLockToItsHolderWhenItIsCancelledAtTheEntry) {
  Lock lock;
  co_await lock.acquire();
  const auto task = asyncio::create_task(asyncio::with(lock, [] { ADD_FAILURE(); }));
  co_await passes(1);
  task.cancel();
  co_await passes(1);
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(lock.repr(), "<Lock [locked]>");
}

// SYNC-015: test_lock, test_lock_by_with_statement, test_semaphore
ASYNC_TEST(WithLock, IsNeededBecauseALockItselfIsNotAwaited) {
  static_assert(!asyncio::Awaitable<Lock&> && !asyncio::Awaitable<Condition&>);
  static_assert(!asyncio::Awaitable<Semaphore&> && !asyncio::Awaitable<BoundedSemaphore&>);
  co_return;
}

// --- in time ------------------------------------------------------------------------------------

// SYNC-012
ASYNC_TEST(LockScope, IsLeftByAWaiterWhoseTimeIsUp) {
  Lock lock;
  Order order;
  co_await lock.acquire();
  const auto limited = asyncio::create_task(asyncio::wait_for(lock.acquire(), 1s));
  co_await passes(1);
  const auto patient = asyncio::create_task(acquires(lock, order, 1));
  const auto end = co_await asyncio::as_result(limited);
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  EXPECT_EQ(lock.repr(), "<Lock [locked, waiters:1]>");
  lock.release();
  co_await patient;
}

// SYNC-012, SYNC-013: the timer is before the release in one pass
ASYNC_TEST(LockScope, ReleasedWhenTheTimeOfTheFirstIsUpGoesToTheSecond) {
  Lock lock;
  Order order;
  co_await lock.acquire();
  const auto limited = asyncio::create_task(asyncio::wait_for(lock.acquire(), 1s));
  const auto patient = asyncio::create_task(acquires(lock, order, 2));
  co_await passes(1);
  auto& loop = asyncio::get_running_loop();
  loop.call_later(1s, [&] { lock.release(); });
  const auto end = co_await asyncio::as_result(limited);
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  co_await patient;
  EXPECT_TRUE(lock.locked());
}

// SYNC-015: a block with a limit
ASYNC_TEST(LockScope, IsReleasedWhenTheTimeOfItsBodyIsUp) {
  Lock lock;
  const auto end =
      co_await asyncio::as_result(asyncio::with(asyncio::timeout(1s), [&]() -> asyncio::Coro<> {
        co_await asyncio::with(lock, [&]() -> asyncio::Coro<> { co_await asyncio::sleep(1h); });
      }));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  EXPECT_FALSE(lock.locked());
}

// --- what acquire() gives -----------------------------------------------------------------------

// SYNC-008: it joins the line when it is awaited, as a coroutine does
ASYNC_TEST(LockScope, IsNotWaitedForBeforeWhatAcquireGaveIsAwaited) {
  Lock lock;
  co_await lock.acquire();
  auto acquire = lock.acquire();
  auto moved = std::move(acquire);
  const auto other = asyncio::create_task(lock.acquire());
  co_await passes(1);
  EXPECT_EQ(lock.repr(), "<Lock [locked, waiters:1]>");
  lock.release();
  asyncio::get_running_loop().call_later(1s, [&] { lock.release(); });
  EXPECT_TRUE(co_await std::move(moved));
  EXPECT_TRUE(other.done());
}

// SYNC-008
ASYNC_TEST(LockScope, IsWaitedForThroughWhateverTakesAnAwaitable) {
  Lock lock;
  auto first = asyncio::create_task(lock.acquire());
  auto limited = asyncio::wait_for(lock.acquire(), 1h);
  auto result = asyncio::as_result(lock.acquire());
  auto both = asyncio::gather(lock.acquire(), lock.acquire());
  const auto releaser = asyncio::create_task([&]() -> asyncio::Coro<> {
    for (int n = 0; n < 5; ++n) {
      co_await asyncio::sleep(1s);
      lock.release();
    }
  });
  EXPECT_TRUE(co_await std::move(first));
  EXPECT_TRUE(co_await std::move(limited));
  const auto end = co_await std::move(result);
  EXPECT_TRUE(end.value());
  const auto [one, two] = co_await both;
  EXPECT_TRUE(one && two);
  co_await releaser;
}
