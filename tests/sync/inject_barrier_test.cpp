// Barrier, disturbed at each of its points.

#include <asyncio/barrier.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/errors.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

using namespace std::chrono_literals;
using asyncio::Barrier;
using support::require;
using support::torture;

namespace {

constexpr int parties = 3;

/// How the waits ended.
struct Ends {
  int passed = 0;
  int broken = 0;
  int late = 0;
};

/// Comes again and again. Gives up when the others do not come: one of them was disturbed.
asyncio::Coro<> comes(Barrier& barrier, Ends& ends, int rounds) {
  const support::Witness witness;
  for (int i = 0; i < rounds; ++i) {
    const auto end = co_await asyncio::as_result(asyncio::wait_for(barrier.wait(), 10s));
    if (end.has_value()) {
      require(end.value() >= 0 && end.value() < parties, "positions are those of the parties");
      ++ends.passed;
    } else if (support::is_a<asyncio::BrokenBarrierError>(end.error())) {
      ++ends.broken;
    } else if (support::is_a<asyncio::TimeoutError>(end.error())) {
      ++ends.late;
    } else {
      (void)end.value();
    }
  }
}

/// Tasks that use a barrier, in which nobody is left when they have ended.
template <class Body>
asyncio::Coro<Ends> at_barrier(Body body) {
  Barrier barrier(parties);
  Ends ends;
  auto start = [&](asyncio::TaskGroup& group) { return body(group, barrier, ends); };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), start));
  require(support::Witness::alive == 0, "no task is left");
  require(barrier.n_waiting() == 0, "nobody is counted who has left");
  end.value();
  co_await barrier.reset();
  require(barrier.n_waiting() == 0 && !barrier.broken(), "nobody is counted who has left");
  for (int i = 0; i < 2; ++i) {
    auto round = [&](asyncio::TaskGroup& group) {
      for (int n = 0; n < parties; ++n) group.create_task(comes(barrier, ends, 1));
    };
    co_await asyncio::with(asyncio::TaskGroup(), round);
  }
  co_return ends;
}

asyncio::Coro<> rounds() {
  const Ends ends = co_await at_barrier(
      [](asyncio::TaskGroup& group, Barrier& barrier, Ends& all) -> asyncio::Coro<> {
        for (int i = 0; i < parties; ++i) group.create_task(comes(barrier, all, 3));
        co_return;
      });
  require(ends.broken == 0, "who leaves does not break it");
}

// More than one round's number; those who come too early wait for the others to leave.
asyncio::Coro<> crowd() {
  (void)co_await at_barrier(
      [](asyncio::TaskGroup& group, Barrier& barrier, Ends& all) -> asyncio::Coro<> {
        for (int i = 0; i < 2 * parties; ++i) group.create_task(comes(barrier, all, 2));
        co_return;
      });
}

asyncio::Coro<> resets() {
  (void)co_await at_barrier(
      [](asyncio::TaskGroup& group, Barrier& barrier, Ends& all) -> asyncio::Coro<> {
        for (int i = 0; i < parties - 1; ++i) group.create_task(comes(barrier, all, 2));
        co_await asyncio::sleep(1s);
        co_await barrier.reset();
        group.create_task(comes(barrier, all, 1));
        co_await asyncio::sleep(1s);
        // While it drains.
        group.create_task(comes(barrier, all, 1));
        co_await asyncio::sleep(0s);
        co_await barrier.reset();
      });
}

asyncio::Coro<> aborts() {
  (void)co_await at_barrier(
      [](asyncio::TaskGroup& group, Barrier& barrier, Ends& all) -> asyncio::Coro<> {
        for (int i = 0; i < parties - 1; ++i) group.create_task(comes(barrier, all, 2));
        co_await asyncio::sleep(1s);
        co_await barrier.abort();
        co_await barrier.reset();
        group.create_task(comes(barrier, all, 1));
        co_await asyncio::sleep(1s);
        co_await barrier.abort();
      });
}

// One that leaves is cancelled in the same pass.
asyncio::Coro<> released_and_cancelled() {
  (void)co_await at_barrier(
      [](asyncio::TaskGroup& group, Barrier& barrier, Ends& all) -> asyncio::Coro<> {
        const auto first = group.create_task(comes(barrier, all, 1));
        group.create_task(comes(barrier, all, 1));
        co_await asyncio::sleep(1s);
        co_await comes(barrier, all, 1);
        first.cancel();
      });
}

// It dies while tasks wait.
asyncio::Coro<> destroyed() {
  auto barrier = std::make_unique<Barrier>(parties);
  auto wait = [&]() -> asyncio::Coro<> {
    const support::Witness witness;
    const auto end = co_await asyncio::as_result(barrier->wait());
    if (end.cancelled()) (void)end.value();
  };
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 0; i < parties - 1; ++i) group.create_task(wait());
    co_await asyncio::sleep(500ms);
    barrier.reset();
  };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), body));
  require(support::Witness::alive == 0, "no task is left");
  end.value();
}

}  // namespace

// SYNC-045, SYNC-047, failure 36, failure 91
TEST(BarrierDisturbed, RoundAfterRound) { EXPECT_EQ(torture(&rounds), ""); }

// SYNC-046, SYNC-047, failure 36, failure 91
TEST(BarrierDisturbed, WithMoreThanARoundTakes) { EXPECT_EQ(torture(&crowd), ""); }

// SYNC-048, SYNC-049, failure 36, failure 91
TEST(BarrierDisturbed, ResetWhileTasksWaitAndWhileItDrains) { EXPECT_EQ(torture(&resets), ""); }

// SYNC-050, failure 36, failure 91
TEST(BarrierDisturbed, AbortedAndReset) { EXPECT_EQ(torture(&aborts), ""); }

// SYNC-047, failure 36, failure 91
TEST(BarrierDisturbed, LeftByATaskThatIsCancelled) {
  EXPECT_EQ(torture(&released_and_cancelled), "");
}

// failure 37, failure 91
TEST(BarrierDisturbed, DestroyedWhileTasksWait) { EXPECT_EQ(torture(&destroyed), ""); }
