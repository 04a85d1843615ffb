#include <asyncio/barrier.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/errors.hpp"
#include "support/line.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Barrier;
using support::Order;
using support::passes;

namespace {

using Positions = std::vector<asyncio::Task<int>>;

/// `n` tasks that come to the barrier, one after the other.
Positions arrivals(Barrier& barrier, int n) {
  Positions tasks;
  for (int i = 0; i < n; ++i) tasks.push_back(asyncio::create_task(barrier.wait()));
  return tasks;
}

asyncio::Coro<> comes(Barrier& barrier, Order& order, int number) {
  co_await barrier.wait();
  order.push_back(number);
}

}  // namespace

// --- state --------------------------------------------------------------------------------------

// SYNC-043, SYNC-051: test_barrier
TEST(Barrier, TellsItsPartiesHowManyWaitAndWhetherItIsBroken) {
  static_assert(!asyncio::Awaitable<Barrier&>);
  static_assert(!std::is_assignable_v<decltype(std::declval<Barrier&>().parties()), int>);
  const Barrier barrier(5);
  EXPECT_EQ(barrier.parties(), 5);
  EXPECT_EQ(barrier.n_waiting(), 0);
  EXPECT_FALSE(barrier.broken());
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/5]>");
}

// SYNC-042: test_barrier_parties
TEST(Barrier, NeedsAtLeastOneParty) {
  EXPECT_THROW(Barrier(0), std::invalid_argument);
  EXPECT_THROW(Barrier(-4), std::invalid_argument);
  EXPECT_EQ(Barrier(1).parties(), 1);
}

// SYNC-006, SYNC-043, SYNC-050: test_repr
ASYNC_TEST(Barrier, TellsItsState) {
  Barrier barrier(5);
  const auto first = arrivals(barrier, 2);
  co_await passes(1);
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:2/5]>");
  EXPECT_EQ(barrier.n_waiting(), 2);
  const auto others = arrivals(barrier, 3);
  co_await passes(1);
  EXPECT_EQ(barrier.repr(), "<Barrier [draining, waiters:0/5]>");
  EXPECT_EQ(barrier.n_waiting(), 0);
  const auto more = arrivals(barrier, 2);
  co_await passes(1);
  co_await barrier.reset();
  EXPECT_EQ(barrier.repr(), "<Barrier [resetting, waiters:0/5]>");
  const auto even_more = arrivals(barrier, 2);
  co_await passes(1);
  co_await barrier.abort();
  EXPECT_EQ(barrier.repr(), "<Barrier [broken]>");
  EXPECT_TRUE(barrier.broken());
  (void)co_await asyncio::gather(asyncio::return_exceptions, first);
  (void)co_await asyncio::gather(asyncio::return_exceptions, others);
  (void)co_await asyncio::gather(asyncio::return_exceptions, more);
  (void)co_await asyncio::gather(asyncio::return_exceptions, even_more);
}

// --- a round ------------------------------------------------------------------------------------

// SYNC-004, SYNC-053: test_filling_one_task
ASYNC_TEST(Barrier, OfOneLetsEverybodyThroughAtOnce) {
  Barrier barrier(1);
  EXPECT_FALSE(co_await support::yields(barrier.wait()));
  EXPECT_EQ(co_await barrier.wait(), 0);
  EXPECT_EQ(barrier.n_waiting(), 0);
  EXPECT_FALSE(barrier.broken());
}

// SYNC-045, SYNC-053: test_filling_one_task_twice
ASYNC_TEST(Barrier, OfOneLetsOneTaskAfterTheOtherThrough) {
  Barrier barrier(1);
  const auto first = asyncio::create_task(barrier.wait());
  co_await passes(1);
  EXPECT_EQ(barrier.n_waiting(), 0);
  const auto second = asyncio::create_task(barrier.wait());
  co_await passes(1);
  EXPECT_EQ(first.result(), 0);
  EXPECT_EQ(second.result(), 0);
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/1]>");
}

// SYNC-043, SYNC-044: test_filling_task_by_task
ASYNC_TEST(Barrier, IsFilledTaskByTask) {
  Barrier barrier(3);
  const auto t1 = asyncio::create_task(barrier.wait());
  co_await passes(1);
  EXPECT_EQ(barrier.n_waiting(), 1);
  const auto t2 = asyncio::create_task(barrier.wait());
  co_await passes(1);
  EXPECT_EQ(barrier.n_waiting(), 2);
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:2/3]>");
  const auto t3 = asyncio::create_task(barrier.wait());
  co_await asyncio::gather(t1, t2, t3);
  EXPECT_EQ(barrier.n_waiting(), 0);
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/3]>");
}

// SYNC-044: test_filling_tasks_check_return_value
ASYNC_TEST(Barrier, GivesEachTaskItsPosition) {
  Barrier barrier(5);
  const auto tasks = arrivals(barrier, 5);
  const auto positions = co_await asyncio::gather(tasks);
  EXPECT_EQ(positions, (std::vector<int>{0, 1, 2, 3, 4}));
}

// SYNC-004, SYNC-044
ASYNC_TEST(Barrier, LetsTheLastOneGoOnAtOnceAndThenTheOthers) {
  Barrier barrier(3);
  Order order;
  const auto t1 = asyncio::create_task(comes(barrier, order, 1));
  const auto t2 = asyncio::create_task(comes(barrier, order, 2));
  co_await passes(1);
  EXPECT_FALSE(co_await support::yields(barrier.wait()));
  order.push_back(3);
  co_await asyncio::gather(t1, t2);
  EXPECT_EQ(order, (Order{3, 1, 2}));
}

// SYNC-045: test_filling_tasks_wait_twice
ASYNC_TEST(Barrier, IsUsedForOneRoundAfterTheOther) {
  Barrier barrier(5);
  std::vector<bool> seconds;
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < 5; ++i) {
    tasks.push_back(asyncio::create_task([&]() -> asyncio::Coro<> {
      co_await barrier.wait();
      seconds.push_back(false);
      co_await barrier.wait();
      seconds.push_back(true);
    }));
  }
  co_await asyncio::gather(tasks);
  EXPECT_EQ(seconds.size(), 10U);
  EXPECT_TRUE(std::is_sorted(seconds.begin(), seconds.end()));
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/5]>");
}

// SYNC-045: test_draining_state
ASYNC_TEST(Barrier, IsDrainingUntilTheLastHasLeft) {
  Barrier barrier(5);
  std::vector<bool> draining;
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < 5; ++i) {
    tasks.push_back(asyncio::create_task([&]() -> asyncio::Coro<> {
      co_await barrier.wait();
      draining.push_back(barrier.repr() == "<Barrier [draining, waiters:0/5]>");
    }));
  }
  co_await asyncio::gather(tasks);
  EXPECT_EQ(draining, (std::vector<bool>{true, true, true, true, false}));
}

// SYNC-046: test_blocking_tasks_while_draining
ASYNC_TEST(Barrier, LetsNobodyIntoARoundThatDrains) {
  Barrier barrier(5);
  Barrier others(3);
  int again = 2;
  Positions tasks;
  for (int i = 0; i < 5; ++i) {
    tasks.push_back(asyncio::create_task([&]() -> asyncio::Coro<int> {
      co_await barrier.wait();
      // Two come again while the others leave.
      if (again-- <= 0) co_await others.wait();
      co_return co_await barrier.wait();
    }));
  }
  auto positions = co_await asyncio::gather(tasks);
  std::sort(positions.begin(), positions.end());
  EXPECT_EQ(positions, (std::vector<int>{0, 1, 2, 3, 4}));
}

// SYNC-046: more than a round's number come at once
ASYNC_TEST(Barrier, DividesThoseWhoComeIntoRounds) {
  Barrier barrier(3);
  const auto tasks = arrivals(barrier, 8);
  co_await asyncio::sleep(1s);
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:2/3]>");
  const auto last = asyncio::create_task(barrier.wait());
  const auto positions = co_await asyncio::gather(tasks);
  EXPECT_EQ(co_await last, 2);
  EXPECT_EQ(std::count(positions.begin(), positions.end(), 0), 3);
  EXPECT_EQ(std::count(positions.begin(), positions.end(), 1), 3);
  EXPECT_EQ(std::count(positions.begin(), positions.end(), 2), 2);
}

// --- with() -------------------------------------------------------------------------------------

// SYNC-052: test_context_manager
ASYNC_TEST(Barrier, GivesTheBodyOfWithItsPosition) {
  Barrier barrier(3);
  Order positions;
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < 3; ++i) {
    tasks.push_back(asyncio::create_task(
        asyncio::with(barrier, [&](int position) { positions.push_back(position); })));
  }
  co_await asyncio::gather(tasks);
  std::sort(positions.begin(), positions.end());
  EXPECT_EQ(positions, (Order{0, 1, 2}));
  EXPECT_EQ(barrier.n_waiting(), 0);
  EXPECT_FALSE(barrier.broken());
}

// SYNC-052
ASYNC_TEST(Barrier, IsLeftByWithWithoutMoreAdo) {
  Barrier barrier(1);
  const auto end = co_await asyncio::as_result(
      asyncio::with(barrier, []() -> int { throw std::domain_error("no"); }));
  EXPECT_EQ(support::text_of(end.error()), "no");
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/1]>");
  EXPECT_EQ(co_await asyncio::with(barrier, [](int position) { return position + 7; }), 7);
}

// --- cancellation -------------------------------------------------------------------------------

// SYNC-047: test_filling_tasks_cancel_one
ASYNC_TEST(Barrier, WaitsForOneMoreWhenOneIsCancelled) {
  Barrier barrier(3);
  Order order;
  const auto t1 = asyncio::create_task(comes(barrier, order, 1));
  co_await passes(1);
  const auto t2 = asyncio::create_task(comes(barrier, order, 2));
  co_await passes(1);
  EXPECT_EQ(barrier.n_waiting(), 2);
  t1.cancel("enough");
  co_await passes(1);
  EXPECT_EQ(barrier.n_waiting(), 1);
  EXPECT_FALSE(barrier.broken());
  const auto end = co_await asyncio::as_result(t1);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:enough");
  const auto t3 = asyncio::create_task(comes(barrier, order, 3));
  co_await passes(1);
  EXPECT_EQ(barrier.n_waiting(), 2);
  const auto t4 = asyncio::create_task(comes(barrier, order, 4));
  co_await asyncio::gather(t2, t3, t4);
  EXPECT_EQ(order, (Order{4, 2, 3}));
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/3]>");
}

// SYNC-047, failure 36: released already
ASYNC_TEST(Barrier, IsDrainedWhenOneIsCancelledOnItsWayOut) {
  Barrier barrier(3);
  Order order;
  const auto t1 = asyncio::create_task(comes(barrier, order, 1));
  const auto t2 = asyncio::create_task(comes(barrier, order, 2));
  co_await passes(1);
  EXPECT_EQ(co_await barrier.wait(), 2);
  t1.cancel();
  co_await t2;
  EXPECT_TRUE(t1.cancelled());
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/3]>");
  const auto again = arrivals(barrier, 3);
  const auto positions = co_await asyncio::gather(again);
  EXPECT_EQ(positions, (std::vector<int>{0, 1, 2}));
}

// SYNC-046, SYNC-047, failure 36: it was not in the round
ASYNC_TEST(Barrier, DoesNotCountATaskThatIsCancelledBeforeTheRoundBeforeHasLeft) {
  Barrier barrier(2);
  const auto first = arrivals(barrier, 2);
  const auto late = arrivals(barrier, 2);
  co_await passes(1);
  EXPECT_EQ(barrier.repr(), "<Barrier [draining, waiters:0/2]>");
  late[0].cancel();
  co_await asyncio::sleep(1s);
  EXPECT_TRUE(late[0].cancelled());
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:1/2]>");
  EXPECT_EQ(co_await barrier.wait(), 1);
  EXPECT_EQ(co_await late[1], 0);
}

// SYNC-047: the limit is a cancellation
ASYNC_TEST(Barrier, IsLeftByATaskWhoseTimeIsUp) {
  Barrier barrier(2);
  const auto end = co_await asyncio::as_result(asyncio::wait_for(barrier.wait(), 1s));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/2]>");
}

// SYNC-047
ASYNC_TEST(Barrier, IsNotWaitedForByATaskThatWasToldToStopBefore) {
  Barrier barrier(2);
  const auto task = asyncio::create_task([&]() -> asyncio::Coro<> {
    asyncio::current_task()->cancel("enough");
    co_await barrier.wait();
  });
  const auto end = co_await asyncio::as_result(task);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:enough");
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/2]>");
}

// SYNC-044: as a coroutine, it comes when it is awaited
ASYNC_TEST(Barrier, IsWaitedForThroughWhateverTakesAnAwaitable) {
  Barrier barrier(2);
  auto limited = asyncio::wait_for(barrier.wait(), 1h);
  auto result = asyncio::as_result(barrier.wait());
  co_await passes(1);
  EXPECT_EQ(barrier.n_waiting(), 0);
  const auto task = asyncio::create_task(barrier.wait());
  co_await passes(1);
  EXPECT_EQ(co_await std::move(limited), 1);
  EXPECT_EQ(co_await task, 0);
  auto other = asyncio::gather(barrier.wait());
  const auto end = co_await std::move(result);
  const auto [position] = co_await other;
  EXPECT_EQ(end.value() + position, 1);
}
