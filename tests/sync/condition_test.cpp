#include <asyncio/condition.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "support/errors.hpp"
#include "support/line.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Condition;
using asyncio::Lock;
using support::Order;
using support::passes;

namespace {

using Tasks = std::vector<asyncio::Task<>>;

/// Waits once; keeps the lock.
asyncio::Coro<> waits_and_keeps(Condition& condition, Order& order, int number) {
  co_await condition.acquire();
  const bool woken = co_await condition.wait();
  if (woken) order.push_back(number);
}

/// Waits once.
asyncio::Coro<> waits(Condition& condition, Order& order, int number) {
  const auto held = co_await condition.hold();
  const bool woken = co_await condition.wait();
  if (woken) order.push_back(number);
}

/// `n` that wait.
template <class Wait>
Tasks waiters(Wait wait, Condition& condition, Order& order, int n) {
  Tasks tasks;
  for (int i = 1; i <= n; ++i) tasks.push_back(asyncio::create_task(wait(condition, order, i)));
  return tasks;
}

asyncio::Coro<> notify(Condition& condition, std::size_t n) {
  const auto held = co_await condition.hold();
  condition.notify(n);
}

asyncio::Coro<> notify_all(Condition& condition) {
  const auto held = co_await condition.hold();
  condition.notify_all();
}

}  // namespace

// --- the lock -----------------------------------------------------------------------------------

// SYNC-021: test_explicit_lock
ASYNC_TEST(Condition, HasALockOfItsOwnOrOneThatItIsGiven) {
  Lock lock;
  Condition with_lock(lock);
  Condition own;
  co_await lock.acquire();
  EXPECT_TRUE(with_lock.locked());
  EXPECT_FALSE(own.locked());
  with_lock.release();
  EXPECT_FALSE(lock.locked());
  EXPECT_FALSE(co_await support::yields(with_lock.acquire()));
  EXPECT_TRUE(lock.locked());
  lock.release();
}

// SYNC-021
ASYNC_TEST(Condition, MayShareItsLockWithOthersWhoseTasksItDoesNotWake) {
  Lock lock;
  Condition a(lock);
  Condition b(lock);
  Order order;
  const auto at_a = waiters(waits, a, order, 1);
  const auto at_b = asyncio::create_task(waits(b, order, 2));
  co_await passes(1);
  EXPECT_EQ(a.repr() + b.repr(),
            "<Condition [unlocked, waiters:1]><Condition [unlocked, waiters:1]>");
  co_await notify_all(b);
  co_await passes(3);
  EXPECT_EQ(order, (Order{2}));
  co_await notify_all(a);
  co_await at_a[0];
  co_await at_b;
}

// SYNC-006: test_repr
ASYNC_TEST(Condition, TellsItsStateAndHowManyWait) {
  Condition condition;
  Order order;
  EXPECT_EQ(condition.repr(), "<Condition [unlocked]>");
  const auto tasks = waiters(waits, condition, order, 2);
  co_await passes(1);
  EXPECT_EQ(condition.repr(), "<Condition [unlocked, waiters:2]>");
  co_await condition.acquire();
  condition.notify_all();
  EXPECT_EQ(condition.repr(), "<Condition [locked, waiters:2]>");
  co_await passes(1);
  EXPECT_EQ(condition.repr(), "<Condition [locked]>");  // they wait for the lock now
  condition.release();
  co_await tasks[1];
}

// SYNC-022: held by anybody counts
ASYNC_TEST(Condition, IsNotifiedByATaskThatDoesNotHoldTheLockItself) {
  Condition condition;
  Order order;
  const auto tasks = waiters(waits, condition, order, 1);
  co_await passes(1);
  co_await condition.acquire();
  co_await asyncio::create_task([&]() -> asyncio::Coro<> {
    condition.notify();
    co_return;
  });
  condition.release();
  co_await tasks[0];
}

// SYNC-022, SYNC-023: the lock that it releases is another task's
ASYNC_TEST(Condition, IsWaitedForByATaskThatDoesNotHoldTheLockItself) {
  Condition condition;
  co_await condition.acquire();
  const auto waiter = asyncio::create_task(condition.wait());
  co_await passes(1);
  EXPECT_FALSE(condition.locked());
  co_await notify(condition, 1);
  EXPECT_TRUE(co_await waiter);
  EXPECT_TRUE(condition.locked());
}

// --- wait() and notify() ------------------------------------------------------------------------

// SYNC-023, SYNC-024: test_wait
ASYNC_TEST(Condition, GivesTheLockBackToEachTaskThatItWakes) {
  Condition condition;
  Order order;
  const auto tasks = waiters(waits_and_keeps, condition, order, 3);
  co_await passes(1);
  EXPECT_EQ(order, Order());
  EXPECT_FALSE(condition.locked());

  co_await condition.acquire();
  condition.notify();
  co_await passes(1);
  EXPECT_EQ(order, Order());
  EXPECT_TRUE(condition.locked()) << "notify() does not release it";

  condition.release();
  co_await passes(1);
  EXPECT_EQ(order, (Order{1}));
  EXPECT_TRUE(condition.locked());

  condition.notify(2);
  co_await passes(1);
  EXPECT_EQ(order, (Order{1}));

  condition.release();
  co_await passes(1);
  EXPECT_EQ(order, (Order{1, 2}));
  EXPECT_TRUE(condition.locked());

  condition.release();
  co_await passes(1);
  EXPECT_EQ(order, (Order{1, 2, 3}));
  EXPECT_TRUE(condition.locked());
}

// SYNC-005, SYNC-024: test_notify
ASYNC_TEST(Condition, NotifiesAsManyAsItIsToldTheLongestWaitingFirst) {
  Condition condition;
  Order order;
  const auto tasks = waiters(waits, condition, order, 4);
  co_await passes(1);
  co_await notify(condition, 0);
  co_await passes(2);
  EXPECT_EQ(order, Order());
  co_await notify(condition, 1);
  co_await passes(1);
  EXPECT_EQ(order, (Order{1}));
  co_await condition.acquire();
  condition.notify(1);
  condition.notify(2048);
  condition.release();
  co_await passes(3);
  EXPECT_EQ(order, (Order{1, 2, 3, 4}));
  co_await tasks[3];
}

// SYNC-024: those that were notified before do not count
ASYNC_TEST(Condition, NotifiesAnotherOneEachTime) {
  Condition condition;
  Order order;
  const auto tasks = waiters(waits, condition, order, 3);
  co_await passes(1);
  co_await condition.acquire();
  condition.notify();
  condition.notify();
  condition.release();
  co_await passes(3);
  EXPECT_EQ(order, (Order{1, 2}));
  co_await notify(condition, 1);
  co_await tasks[2];
}

// SYNC-024
ASYNC_TEST(Condition, DoesNotRememberANotificationThatNobodyWaitsFor) {
  Condition condition;
  Order order;
  co_await notify(condition, 5);
  const auto tasks = waiters(waits, condition, order, 1);
  co_await passes(3);
  EXPECT_EQ(order, Order());
  co_await notify(condition, 1);
  co_await tasks[0];
}

// SYNC-025: test_notify_all
ASYNC_TEST(Condition, GivesTheLockToAllThatItNotifiesOneAfterTheOther) {
  Condition condition;
  Order order;
  int inside = 0;
  Tasks tasks;
  for (int i = 1; i <= 3; ++i) {
    tasks.push_back(asyncio::create_task([&, i]() -> asyncio::Coro<> {
      const auto held = co_await condition.hold();
      co_await condition.wait();
      EXPECT_EQ(inside++, 0);
      order.push_back(i);
      co_await asyncio::sleep(1s);
      --inside;
    }));
  }
  co_await passes(1);
  co_await notify_all(condition);
  co_await tasks[2];
  EXPECT_EQ(order, (Order{1, 2, 3}));
}

// SYNC-025: whoever came before waits for the lock, too
ASYNC_TEST(Condition, LetsATaskThatWaitsForTheLockGoBeforeThoseThatItNotifies) {
  Condition condition;
  Order order;
  const auto tasks = waiters(waits, condition, order, 1);
  co_await passes(1);
  co_await condition.acquire();
  const auto other = asyncio::create_task(support::acquires(condition, order, 2));
  co_await passes(1);
  condition.notify();
  co_await passes(1);
  condition.release();
  co_await other;
  EXPECT_EQ(order, (Order{2}));
  condition.release();
  co_await tasks[0];
}

// --- wait_for() ---------------------------------------------------------------------------------

// SYNC-026, SYNC-030: test_wait_for
ASYNC_TEST(Condition, WaitsUntilItsPredicateIsTrue) {
  Condition condition;
  Order order;
  bool ready = false;
  const auto task = asyncio::create_task([&]() -> asyncio::Coro<> {
    const auto held = co_await condition.hold();
    if (co_await condition.wait_for([&] { return ready; })) order.push_back(1);
  });
  co_await passes(1);
  co_await notify(condition, 1);
  co_await passes(2);
  EXPECT_EQ(order, Order());
  ready = true;
  co_await passes(2);
  EXPECT_EQ(order, Order()) << "nobody has notified it of that";
  co_await notify(condition, 1);
  co_await task;
  EXPECT_EQ(order, (Order{1}));
}

// SYNC-004, SYNC-026: test_wait_for_unacquired
ASYNC_TEST(Condition, GivesWhatThePredicateGaveAndDoesNotWaitIfThatIsTrue) {
  Condition condition;
  auto with_text = [] { return std::make_unique<std::string>("text"); };
  const auto text = co_await condition.wait_for(with_text);
  EXPECT_EQ(*text, "text");
  EXPECT_FALSE(co_await support::yields(condition.wait_for([] { return 3; })));
  EXPECT_EQ(co_await support::thrown_by_await(condition.wait_for([] { return false; })),
            "RuntimeError: Condition.wait(): cannot wait on un-acquired lock; acquire() or hold() "
            "the condition around it");
}

// SYNC-026: the lock is held when it throws
ASYNC_TEST(Condition, LetsAnErrorOfItsPredicateThrough) {
  Condition condition;
  const auto held = co_await condition.hold();
  const auto end = co_await asyncio::as_result(
      condition.wait_for([]() -> bool { throw std::domain_error("no"); }));
  EXPECT_EQ(support::text_of(end.error()), "no");
  EXPECT_TRUE(condition.locked());
}

// SYNC-030: two for one item
ASYNC_TEST(Condition, IsWaitedForInALoopBecauseAnotherMayHaveComeFirst) {
  Condition condition;
  int items = 0;
  int taken = 0;
  auto consume = [&]() -> asyncio::Coro<> {
    const auto held = co_await condition.hold();
    co_await condition.wait_for([&] { return items > 0; });
    EXPECT_GT(items--, 0);
    ++taken;
  };
  const auto a = asyncio::create_task(consume());
  const auto b = asyncio::create_task(consume());
  co_await passes(1);
  ++items;
  co_await notify_all(condition);
  co_await passes(4);
  EXPECT_EQ(taken, 1);
  ++items;
  co_await notify_all(condition);
  co_await asyncio::gather(a, b);
  EXPECT_EQ(items, 0);
}

// --- what wait() gives --------------------------------------------------------------------------

// SYNC-023: nothing is released before it is awaited
ASYNC_TEST(Condition, IsNotWaitedForBeforeWhatWaitGaveIsAwaited) {
  Condition condition;
  co_await condition.acquire();
  auto stored = condition.wait();
  auto moved = std::move(stored);
  co_await passes(1);
  EXPECT_EQ(condition.repr(), "<Condition [locked]>");
  const auto notifier = asyncio::create_task(notify(condition, 1));
  EXPECT_TRUE(co_await std::move(moved));
  EXPECT_TRUE(condition.locked());
  co_await notifier;
}

// SYNC-023, SYNC-031
ASYNC_TEST(Condition, IsWaitedForThroughWhateverTakesAnAwaitable) {
  Condition condition;
  co_await condition.acquire();
  auto result = asyncio::as_result(condition.wait());
  auto limited = asyncio::wait_for(condition.wait(), 1h);
  const auto every_second = asyncio::create_task([&]() -> asyncio::Coro<> {
    for (int i = 0; i < 4; ++i) {
      co_await asyncio::sleep(1s);
      const auto held = co_await condition.hold();
      condition.notify();
    }
  });
  const auto end = co_await std::move(result);
  EXPECT_TRUE(end.value());
  EXPECT_TRUE(co_await std::move(limited));
  const auto task = asyncio::create_task(condition.wait());
  EXPECT_TRUE(co_await task);
  auto gathered = asyncio::gather(condition.wait());
  const auto [one] = co_await gathered;
  EXPECT_TRUE(one);
  condition.release();
  co_await every_second;
}
