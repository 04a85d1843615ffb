#include <asyncio/semaphore.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/errors.hpp"
#include "support/line.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::BoundedSemaphore;
using asyncio::Semaphore;
using support::acquires;
using support::Order;
using support::passes;

namespace {

using Tasks = std::vector<asyncio::Task<>>;

Tasks acquirers(Semaphore& semaphore, Order& order, int n) {
  Tasks tasks;
  for (int i = 1; i <= n; ++i) {
    tasks.push_back(asyncio::create_task(acquires(semaphore, order, i)));
  }
  return tasks;
}

}  // namespace

// --- the value ----------------------------------------------------------------------------------

// SYNC-033: test_initial_value_zero, test_semaphore_value
TEST(Semaphore, BeginsWithAnyNumberOfPermitsThatIsNotNegative) {
  EXPECT_TRUE(Semaphore(0).locked());
  EXPECT_EQ(Semaphore().value(), 1);
  EXPECT_THROW(Semaphore(-1), std::invalid_argument);
  EXPECT_THROW(BoundedSemaphore(-1), std::invalid_argument);
}

// SYNC-006: test_repr
ASYNC_TEST(Semaphore, TellsItsStateAndHowManyWait) {
  Semaphore semaphore;
  Order order;
  EXPECT_EQ(semaphore.repr(), "<Semaphore [unlocked, value:1]>");
  co_await semaphore.acquire();
  EXPECT_EQ(semaphore.repr(), "<Semaphore [locked]>");
  const auto tasks = acquirers(semaphore, order, 2);
  co_await passes(1);
  EXPECT_EQ(semaphore.repr(), "<Semaphore [locked, waiters:2]>");
  semaphore.release();
  semaphore.release();
  co_await tasks[1];
  EXPECT_EQ(BoundedSemaphore(3).repr(), "<BoundedSemaphore [unlocked, value:3]>");
}

// SYNC-004, SYNC-034: test_semaphore, test_acquire
ASYNC_TEST(Semaphore, GivesAPermitAtOnceWhileThereIsOne) {
  Semaphore semaphore(3);
  EXPECT_FALSE(co_await support::yields(semaphore.acquire()));
  EXPECT_TRUE(co_await semaphore.acquire());
  EXPECT_FALSE(semaphore.locked());
  EXPECT_EQ(semaphore.value(), 1);
}

// SYNC-005, SYNC-034, SYNC-036: test_acquire
ASYNC_TEST(Semaphore, LetsTasksInAsPermitsComeBack) {
  Semaphore semaphore(3);
  Order order;
  co_await semaphore.acquire();
  co_await semaphore.acquire();
  const auto tasks = acquirers(semaphore, order, 3);
  co_await passes(1);
  EXPECT_EQ(order, (Order{1}));
  EXPECT_EQ(semaphore.repr(), "<Semaphore [locked, waiters:2]>");
  const auto fourth = asyncio::create_task(acquires(semaphore, order, 4));
  semaphore.release();
  semaphore.release();
  EXPECT_EQ(semaphore.value(), 0) << "those that wait have them already";
  co_await passes(1);
  EXPECT_EQ(order, (Order{1, 2, 3}));
  EXPECT_EQ(semaphore.repr(), "<Semaphore [locked, waiters:1]>");
  semaphore.release();
  co_await fourth;
}

// SYNC-035: nobody can take what is left for those that wait
ASYNC_TEST(Semaphore, IsLockedWhileItHasPermitsThatOthersWaitFor) {
  Semaphore semaphore(0);
  Order order;
  const auto tasks = acquirers(semaphore, order, 2);
  co_await passes(1);
  semaphore.release();
  semaphore.release();
  semaphore.release();
  EXPECT_EQ(semaphore.value(), 1);
  EXPECT_TRUE(semaphore.locked());
  EXPECT_TRUE(co_await support::yields(semaphore.acquire()));
  EXPECT_EQ(order, (Order{1, 2}));
  EXPECT_EQ(semaphore.value(), 0);
}

// SYNC-035
ASYNC_TEST(Semaphore, IsNotLockedByTasksThatAreCancelledAndHaveNotLeft) {
  Semaphore semaphore(0);
  Order order;
  const auto tasks = acquirers(semaphore, order, 2);
  co_await passes(1);
  tasks[0].cancel();
  tasks[1].cancel();
  semaphore.release();
  EXPECT_FALSE(semaphore.locked());
  EXPECT_EQ(semaphore.repr(), "<Semaphore [unlocked, value:1, waiters:2]>");
  EXPECT_FALSE(co_await support::yields(semaphore.acquire()));
  co_await passes(1);
  EXPECT_EQ(semaphore.value(), 0);
}

// SYNC-037: test_release_no_waiters
ASYNC_TEST(Semaphore, MayBeReleasedMoreOftenThanItWasAcquired) {
  Semaphore semaphore;
  co_await semaphore.acquire();
  EXPECT_TRUE(semaphore.locked());
  semaphore.release();
  EXPECT_FALSE(semaphore.locked());
  semaphore.release();
  EXPECT_EQ(semaphore.value(), 2);
}

// SYNC-041: test_release_not_acquired
ASYNC_TEST(BoundedSemaphore, RefusesToBeReleasedMoreOftenThanItWasAcquired) {
  BoundedSemaphore semaphore(2);
  EXPECT_THROW(semaphore.release(), std::invalid_argument);
  co_await semaphore.acquire();
  semaphore.release();
  EXPECT_THROW(semaphore.release(), std::invalid_argument);
  EXPECT_EQ(semaphore.value(), 2);
}

// SYNC-041: also as what it is derived from
ASYNC_TEST(BoundedSemaphore, RefusesToBeReleasedByWithMoreOftenThanItWasAcquired) {
  BoundedSemaphore bounded;
  Semaphore& semaphore = bounded;
  const auto end =
      co_await asyncio::as_result(asyncio::with(semaphore, [&] { bounded.release(); }));
  EXPECT_TRUE(support::is_a<std::invalid_argument>(end.error()));
  EXPECT_EQ(semaphore.repr(), "<BoundedSemaphore [unlocked, value:1]>");
}

// --- the line -----------------------------------------------------------------------------------

// SYNC-036, failure 33: test_acquire_fifo_order
ASYNC_TEST(Semaphore, TakesTurnsBetweenTasksThatComeAgain) {
  Semaphore semaphore;
  std::vector<std::string> order;
  auto twice = [&](std::string name) -> asyncio::Coro<> {
    for (int turn = 1; turn <= 2; ++turn) {
      co_await semaphore.acquire();
      order.push_back(name + "_" + std::to_string(turn));
      co_await asyncio::sleep(10ms);
      semaphore.release();
    }
  };
  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
    for (const char* name : {"c1", "c2", "c3"}) group.create_task(twice(name));
  });
  const std::vector<std::string> expected = {"c1_1", "c2_1", "c3_1", "c1_2", "c2_2", "c3_2"};
  EXPECT_EQ(order, expected);
}

// SYNC-036, SYNC-040, failure 33: test_acquire_fifo_order_2
ASYNC_TEST(Semaphore, SendsWhoReleasesAndComesAgainToTheEndOfTheLine) {
  Semaphore semaphore;
  Order order;
  auto again = [&]() -> asyncio::Coro<> {
    co_await acquires(semaphore, order, 2);
    semaphore.release();
    co_await acquires(semaphore, order, 4);
  };
  const auto t1 = asyncio::create_task(acquires(semaphore, order, 1));
  const auto t2 = asyncio::create_task(again());
  const auto t3 = asyncio::create_task(acquires(semaphore, order, 3));
  co_await passes(1);
  semaphore.release();
  semaphore.release();
  co_await asyncio::gather(t1, t2, t3);
  EXPECT_EQ(order, (Order{1, 2, 3, 4}));
}

// SYNC-038, SYNC-040: test_acquire_fifo_order_3
ASYNC_TEST(Semaphore, PassesOverAWaiterThatWasCancelledAndHasLeft) {
  Semaphore semaphore(0);
  Order order;
  const auto tasks = acquirers(semaphore, order, 3);
  co_await passes(1);
  tasks[0].cancel();
  co_await passes(1);
  semaphore.release();
  semaphore.release();
  (void)co_await asyncio::gather(asyncio::return_exceptions, tasks);
  EXPECT_EQ(order, (Order{2, 3}));
}

// SYNC-036, SYNC-040: test_acquire_fifo_order_4
ASYNC_TEST(Semaphore, WakesAllThatThereArePermitsForWhenTheFirstOneGoesOn) {
  Semaphore semaphore(0);
  Order order;
  std::optional<asyncio::Task<>> t4;
  auto first = [&]() -> asyncio::Coro<> {
    co_await semaphore.acquire();
    EXPECT_EQ(semaphore.value(), 0) << "the others have been given theirs";
    t4 = asyncio::create_task([&]() -> asyncio::Coro<> {
      order.push_back(4);
      co_return;
    });
    order.push_back(1);
  };
  auto second = [&]() -> asyncio::Coro<> {
    for (int i = 0; i < 3; ++i) semaphore.release();
    EXPECT_EQ(semaphore.value(), 2);
    EXPECT_TRUE(semaphore.locked()) << "the first one has not gone on";
    co_await acquires(semaphore, order, 2);
  };
  auto third = [&]() -> asyncio::Coro<> {
    co_await semaphore.acquire();
    EXPECT_TRUE(semaphore.locked());
    order.push_back(3);
  };
  const auto t1 = asyncio::create_task(first());
  const auto t2 = asyncio::create_task(second());
  const auto t3 = asyncio::create_task(third());
  co_await passes(1);
  EXPECT_EQ(semaphore.value(), 2);
  EXPECT_EQ(semaphore.repr(), "<Semaphore [locked, waiters:3]>");
  co_await passes(1);
  ASYNC_ASSERT_TRUE(t4.has_value());
  co_await asyncio::gather(t1, t2, t3, *t4);
  EXPECT_EQ(order, (Order{1, 2, 3, 4}));
}

// --- cancellation -------------------------------------------------------------------------------

// SYNC-038: test_acquire_cancel
ASYNC_TEST(Semaphore, IsLeftByAWaiterThatIsCancelled) {
  Semaphore semaphore;
  co_await semaphore.acquire();
  const auto waiter = asyncio::create_task(semaphore.acquire());
  asyncio::get_running_loop().call_soon([waiter] { waiter.cancel("enough"); });
  const auto end = co_await asyncio::as_result(waiter);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:enough");
  EXPECT_EQ(semaphore.repr(), "<Semaphore [locked]>");
}

// SYNC-038, failure 32: test_acquire_cancel_before_awoken
ASYNC_TEST(Semaphore, GivesAPermitToTheFirstThatIsNotCancelled) {
  Semaphore semaphore(0);
  Order order;
  const auto tasks = acquirers(semaphore, order, 4);
  co_await passes(1);
  tasks[0].cancel();
  tasks[1].cancel();
  semaphore.release();
  co_await passes(2);
  EXPECT_EQ(order, (Order{3}));
  EXPECT_FALSE(tasks[3].done());
  tasks[3].cancel();
  co_await passes(1);
}

// SYNC-039, failure 32: test_acquire_hang
ASYNC_TEST(Semaphore, IsNotLostWhenTheFirstIsCancelledAsItIsReleased) {
  Semaphore semaphore(0);
  Order order;
  const auto tasks = acquirers(semaphore, order, 2);
  co_await passes(1);
  tasks[0].cancel();
  semaphore.release();
  co_await passes(2);
  EXPECT_TRUE(semaphore.locked());
  EXPECT_EQ(order, (Order{2}));
}

// SYNC-039, failure 32: test_acquire_no_hang
ASYNC_TEST(Semaphore, IsNotLostWhenTheTaskThatWasGivenAPermitIsCancelled) {
  Semaphore semaphore;
  std::optional<asyncio::Task<>> t2;
  const auto t1 = asyncio::create_task([&]() -> asyncio::Coro<> {
    co_await asyncio::with(semaphore, []() -> asyncio::Coro<> { co_await passes(1); });
    t2->cancel();
  });
  t2 = asyncio::create_task(asyncio::with(semaphore, [] { ADD_FAILURE() << "not let in"; }));
  const auto first = co_await asyncio::as_result(t1);
  const auto second = co_await asyncio::as_result(*t2);
  EXPECT_TRUE(first.has_value());
  EXPECT_TRUE(second.cancelled());
  EXPECT_TRUE(co_await asyncio::wait_for(semaphore.acquire(), 1s));
}

// SYNC-039: as many as possible
ASYNC_TEST(Semaphore, GivesThePermitOfACancelledTaskAndTheOthersThereAreToTheNext) {
  Semaphore semaphore(0);
  Order order;
  const auto tasks = acquirers(semaphore, order, 4);
  co_await passes(1);
  for (int i = 0; i < 3; ++i) semaphore.release();
  tasks[0].cancel();
  tasks[1].cancel();
  EXPECT_EQ(semaphore.value(), 0);
  co_await passes(2);
  EXPECT_EQ(order, (Order{3, 4}));
  EXPECT_EQ(semaphore.repr(), "<Semaphore [unlocked, value:1]>");
  EXPECT_TRUE(tasks[0].cancelled() && tasks[1].cancelled());
}

// SYNC-038
ASYNC_TEST(Semaphore, IsNotWaitedForByATaskThatWasToldToStopBefore) {
  Semaphore semaphore(0);
  const auto task = asyncio::create_task([&]() -> asyncio::Coro<> {
    asyncio::current_task()->cancel("enough");
    co_await semaphore.acquire();
  });
  const auto end = co_await asyncio::as_result(task);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:enough");
  EXPECT_EQ(semaphore.repr(), "<Semaphore [locked]>");
}

// SYNC-038: the limit is a cancellation
ASYNC_TEST(Semaphore, IsLeftByAWaiterWhoseTimeIsUp) {
  Semaphore semaphore(0);
  const auto end = co_await asyncio::as_result(asyncio::wait_for(semaphore.acquire(), 1s));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  semaphore.release();
  EXPECT_EQ(semaphore.repr(), "<Semaphore [unlocked, value:1]>");
}

// SYNC-034: it joins the line when it is awaited, as a coroutine does
ASYNC_TEST(Semaphore, IsAcquiredThroughWhateverTakesAnAwaitable) {
  Semaphore semaphore(0);
  auto stored = semaphore.acquire();
  auto limited = asyncio::wait_for(semaphore.acquire(), 1h);
  auto result = asyncio::as_result(semaphore.acquire());
  auto both = asyncio::gather(semaphore.acquire(), semaphore.acquire());
  co_await passes(1);
  EXPECT_EQ(semaphore.repr(), "<Semaphore [locked, waiters:2]>");
  for (int i = 0; i < 5; ++i) semaphore.release();
  const auto [one, two] = co_await both;
  EXPECT_TRUE(one && two);
  EXPECT_TRUE(co_await std::move(stored));
  EXPECT_TRUE(co_await std::move(limited));
  const auto end = co_await std::move(result);
  EXPECT_TRUE(end.value());
  EXPECT_EQ(semaphore.value(), 0);
}
