// reset() and abort() in every state of a barrier.

#include <asyncio/barrier.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include "support/errors.hpp"
#include "support/line.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Barrier;
using asyncio::BrokenBarrierError;
using support::passes;

namespace {

constexpr int parties = 5;

/// Runs `body` in `n` tasks at once. What leaves one leaves this.
template <class Body>
asyncio::Coro<> in_tasks(int n, Body& body) {
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < n; ++i) tasks.push_back(asyncio::create_task(body()));
  co_await asyncio::gather(tasks);
}

/// True if the round is broken.
asyncio::Coro<bool> wait_is_broken(Barrier& barrier) {
  const auto end = co_await asyncio::as_result(barrier.wait());
  if (support::is_a<BrokenBarrierError>(end.error())) co_return true;
  (void)end.value();
  co_return false;
}

std::vector<asyncio::Task<bool>> arrivals(Barrier& barrier, int n) {
  std::vector<asyncio::Task<bool>> tasks;
  for (int i = 0; i < n; ++i) tasks.push_back(asyncio::create_task(wait_is_broken(barrier)));
  return tasks;
}

const std::string filling = "<Barrier [filling, waiters:0/5]>";

}  // namespace

// --- reset() ------------------------------------------------------------------------------------

// SYNC-048: test_reset_barrier
ASYNC_TEST(BarrierReset, OfABarrierThatNobodyWaitsForChangesNothing) {
  Barrier barrier(parties);
  co_await barrier.reset();
  EXPECT_EQ(barrier.repr(), filling);
}

// SYNC-048: test_reset_barrier_while_tasks_waiting
ASYNC_TEST(BarrierReset, BreaksTheWaitOfThoseWhoWait) {
  Barrier barrier(parties);
  const auto tasks = arrivals(barrier, parties - 1);
  co_await passes(1);
  const auto reset = asyncio::create_task(barrier.reset());
  const auto broken = co_await asyncio::gather(tasks);
  EXPECT_EQ(broken, std::vector<bool>(parties - 1, true));
  EXPECT_EQ(barrier.repr(), filling);
  co_await reset;
}

// SYNC-048: test_reset_barrier_while_tasks_waiting_and_waiting_again
ASYNC_TEST(BarrierReset, LetsThoseWhoWaitedComeAgainAtOnce) {
  Barrier barrier(parties);
  int broken = 0;
  int passed = 0;
  auto twice = [&]() -> asyncio::Coro<> {
    if (co_await wait_is_broken(barrier)) ++broken;
    co_await barrier.wait();
    ++passed;
  };
  std::vector<asyncio::Task<>> tasks;
  for (int i = 1; i < parties; ++i) tasks.push_back(asyncio::create_task(twice()));
  tasks.push_back(asyncio::create_task(barrier.reset()));
  co_await passes(1);
  tasks.push_back(asyncio::create_task(asyncio::with(barrier, [&] { ++passed; })));
  co_await asyncio::gather(tasks);
  EXPECT_EQ(broken, parties - 1);
  EXPECT_EQ(passed, parties);
  EXPECT_EQ(barrier.repr(), filling);
}

// SYNC-048: who comes meanwhile waits until they have left, and is in the next round
ASYNC_TEST(BarrierReset, KeepsNewTasksOutUntilThoseWhoWaitedHaveLeft) {
  Barrier barrier(2);
  const auto old = arrivals(barrier, 1);
  co_await passes(1);
  co_await barrier.reset();
  EXPECT_EQ(barrier.repr(), "<Barrier [resetting, waiters:0/2]>");
  const auto fresh = arrivals(barrier, 2);
  const auto ends = co_await asyncio::gather(fresh);
  EXPECT_EQ(ends, std::vector<bool>(2, false));
  EXPECT_TRUE(co_await old[0]);
}

// SYNC-049: test_reset_barrier_when_tasks_half_draining
ASYNC_TEST(BarrierReset, OfARoundThatDrainsBreaksItForThoseWhoHaveNotLeft) {
  Barrier barrier(parties);
  int left = 0;
  int broken = 0;
  auto body = [&]() -> asyncio::Coro<> {
    if (co_await wait_is_broken(barrier)) {
      ++broken;
    } else if (++left == 3) {
      co_await barrier.reset();
    }
  };
  co_await in_tasks(parties, body);
  EXPECT_EQ(broken, 2);
  EXPECT_EQ(barrier.repr(), filling);
}

// SYNC-049: test_reset_barrier_when_tasks_half_draining_half_blocking
ASYNC_TEST(BarrierReset, OfARoundThatDrainsDoesNotTouchThoseWhoWaitForTheNext) {
  Barrier barrier(parties);
  int left = 0;
  int broken = 0;
  int blocked_broken = 0;
  auto body = [&]() -> asyncio::Coro<> {
    if (co_await wait_is_broken(barrier)) {
      ++broken;
      co_await barrier.wait();
    } else if (++left > 2) {
      co_await barrier.reset();
      co_await barrier.wait();
    } else if (co_await wait_is_broken(barrier)) {
      ++blocked_broken;
    }
  };
  co_await in_tasks(parties, body);
  EXPECT_EQ(broken, 2);
  EXPECT_EQ(blocked_broken, 0);
  EXPECT_EQ(barrier.repr(), filling);
}

// SYNC-049: test_reset_barrier_while_tasks_draining
ASYNC_TEST(BarrierReset, ByTheLastOneOutDoesNotTouchThoseWhoWaitForTheNextRound) {
  Barrier barrier(parties);
  int left = 0;
  int again = 0;
  int third = 0;
  auto body = [&]() -> asyncio::Coro<> {
    co_await barrier.wait();
    if (++left == parties) {
      co_await barrier.reset();
      co_await barrier.wait();
    } else {
      co_await barrier.wait();
      ++again;
    }
    co_await barrier.wait();
    ++third;
  };
  co_await in_tasks(parties, body);
  EXPECT_EQ(again, parties - 1);
  EXPECT_EQ(third, parties);
  EXPECT_EQ(barrier.repr(), filling);
}

// SYNC-048: also twice
ASYNC_TEST(BarrierReset, OfARoundThatIsResetAlreadyChangesNothing) {
  Barrier barrier(2);
  const auto tasks = arrivals(barrier, 1);
  co_await passes(1);
  co_await barrier.reset();
  co_await barrier.reset();
  EXPECT_EQ(barrier.repr(), "<Barrier [resetting, waiters:0/2]>");
  EXPECT_TRUE(co_await tasks[0]);
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/2]>");
}

// SYNC-048, failure 36
ASYNC_TEST(BarrierReset, IsCompleteAlthoughOneThatItBreaksIsCancelled) {
  Barrier barrier(3);
  const auto tasks = arrivals(barrier, 2);
  co_await passes(1);
  co_await barrier.reset();
  tasks[0].cancel();
  EXPECT_TRUE(co_await tasks[1]);
  EXPECT_TRUE(tasks[0].cancelled());
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/3]>");
  const auto next = arrivals(barrier, 3);
  const auto broken = co_await asyncio::gather(next);
  EXPECT_EQ(broken, std::vector<bool>(3, false));
}

// --- abort() ------------------------------------------------------------------------------------

// SYNC-050: test_abort_barrier
ASYNC_TEST(BarrierAbort, BreaksTheBarrier) {
  Barrier barrier(1);
  co_await barrier.abort();
  EXPECT_EQ(barrier.n_waiting(), 0);
  EXPECT_TRUE(barrier.broken());
  EXPECT_TRUE(co_await wait_is_broken(barrier));
}

// SYNC-050
ASYNC_TEST(BarrierAbort, BreaksTheWaitOfThoseWhoWaitAndOfThoseWhoComeLater) {
  Barrier barrier(3);
  const auto tasks = arrivals(barrier, 2);
  co_await passes(1);
  co_await barrier.abort();
  const auto broken = co_await asyncio::gather(tasks);
  EXPECT_EQ(broken, std::vector<bool>(2, true));
  EXPECT_TRUE(co_await wait_is_broken(barrier));
  EXPECT_TRUE(barrier.broken());
}

// SYNC-050: test_abort_barrier_when_tasks_half_draining_half_blocking
ASYNC_TEST(BarrierAbort, OfARoundThatDrainsAlsoBreaksItForThoseWhoWaitForTheNext) {
  Barrier barrier(parties);
  int left = 0;
  int broken = 0;
  int blocked_broken = 0;
  auto body = [&]() -> asyncio::Coro<> {
    if (co_await wait_is_broken(barrier)) {
      ++broken;
    } else if (++left > 2) {
      co_await barrier.abort();
    } else if (co_await wait_is_broken(barrier)) {
      ++blocked_broken;
    }
  };
  co_await in_tasks(parties, body);
  EXPECT_EQ(broken, 2);
  EXPECT_EQ(blocked_broken, 2);
  EXPECT_EQ(barrier.repr(), "<Barrier [broken]>");
  EXPECT_EQ(barrier.n_waiting(), 0);
}

// SYNC-050, SYNC-052: test_abort_barrier_when_exception
ASYNC_TEST(BarrierAbort, ByATaskThatFailsTellsTheOthers) {
  Barrier barrier(parties);
  int passed = 0;
  int broken = 0;
  auto fail_in_the_middle = [](int position) {
    if (position == parties / 2) throw std::domain_error("no");
  };
  auto body = [&]() -> asyncio::Coro<> {
    const auto first = co_await asyncio::as_result(asyncio::with(barrier, fail_in_the_middle));
    if (support::is_a<std::domain_error>(first.error())) {
      co_await barrier.abort();
    } else if (!first) {
      ++broken;
    } else if (co_await wait_is_broken(barrier)) {
      ++broken;
    } else {
      ++passed;
    }
  };
  co_await in_tasks(parties, body);
  EXPECT_TRUE(barrier.broken());
  EXPECT_EQ(passed, 0);
  EXPECT_EQ(broken, parties - 1);
  EXPECT_EQ(barrier.n_waiting(), 0);
}

// SYNC-048, SYNC-050: test_abort_barrier_when_exception_then_resetting
ASYNC_TEST(BarrierAbort, LastsUntilReset) {
  Barrier barrier(parties);
  Barrier meeting(parties);
  int broken = 0;
  int passed = 0;
  auto body = [&]() -> asyncio::Coro<> {
    const auto first = co_await asyncio::as_result(barrier.wait());
    if (!first) {
      ++broken;
    } else if (first.value() == parties / 2) {
      co_await barrier.abort();
    } else if (co_await wait_is_broken(barrier)) {
      ++broken;
    }
    // Everybody has left it before the reset, and nobody comes before that is done.
    if (co_await meeting.wait() == parties / 2) co_await barrier.reset();
    co_await meeting.wait();
    co_await barrier.wait();
    ++passed;
  };
  co_await in_tasks(parties, body);
  EXPECT_EQ(broken, parties - 1);
  EXPECT_EQ(passed, parties);
  EXPECT_EQ(barrier.repr(), filling);
}

// SYNC-048, SYNC-050, failure 36: those that it breaks have not left yet
ASYNC_TEST(BarrierAbort, FollowedByResetBreaksTheWaitOfThoseWhoWaitedAllTheSame) {
  Barrier barrier(3);
  const auto tasks = arrivals(barrier, 2);
  co_await passes(1);
  co_await barrier.abort();
  co_await barrier.reset();
  EXPECT_EQ(barrier.repr(), "<Barrier [resetting, waiters:0/3]>");
  const auto broken = co_await asyncio::gather(tasks);
  EXPECT_EQ(broken, std::vector<bool>(2, true));
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/3]>");
}

// SYNC-050, failure 36
ASYNC_TEST(BarrierAbort, LeavesNobodyInsideAlthoughOneIsCancelled) {
  Barrier barrier(3);
  const auto tasks = arrivals(barrier, 2);
  co_await passes(1);
  co_await barrier.abort();
  tasks[0].cancel();
  EXPECT_TRUE(co_await tasks[1]);
  EXPECT_TRUE(tasks[0].cancelled());
  EXPECT_TRUE(barrier.broken());
  co_await barrier.reset();
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/3]>") << "nobody is counted inside";
}
