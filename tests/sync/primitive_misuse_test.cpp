// What locks, events, conditions, semaphores and barriers refuse, with the whole texts; and their
// loop.

#include <asyncio/as_result.hpp>
#include <asyncio/barrier.hpp>
#include <asyncio/condition.hpp>
#include <asyncio/event.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/lock.hpp>
#include <asyncio/run.hpp>
#include <asyncio/semaphore.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/line.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <type_traits>

using namespace std::chrono_literals;
using asyncio::Barrier;
using asyncio::BoundedSemaphore;
using asyncio::Condition;
using asyncio::Event;
using asyncio::Lock;
using asyncio::Semaphore;
using support::passes;
using support::thrown_by;
using support::thrown_by_await;

namespace {

/// Makes somebody wait in a loop of its own; that binds what it waits for.
template <class Wait>
void bind_to_another_loop(Wait wait) {
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    const auto waiter = asyncio::create_task(wait());
    co_await passes(2);
    waiter.cancel();
    (void)co_await asyncio::as_result(waiter);
  });
}

std::string bound(const std::string& what) {
  return "RuntimeError: " + what +
         ": it is bound to a different event loop than \"main\", the one of the task 'mine'; make "
         "one for each loop";
}

asyncio::Coro<> holds(Lock& lock) { const auto held = co_await lock.hold(); }

void name_running_task() { asyncio::current_task()->set_name("mine"); }

}  // namespace

// --- misuse -------------------------------------------------------------------------------------

// SYNC-009
ASYNC_TEST(PrimitiveMisuse, ALockThatNobodyHasIsNotReleased) {
  Lock lock;
  const std::string text =
      "RuntimeError: Lock.release(): the lock is not acquired; release it once for each acquire(), "
      "or use hold()";
  EXPECT_EQ(thrown_by([&] { lock.release(); }), text);
  co_await lock.acquire();
  lock.release();
  EXPECT_EQ(thrown_by([&] { lock.release(); }), text);
  Condition condition;
  EXPECT_EQ(thrown_by([&] { condition.release(); }), text);
}

// SYNC-011: in debug mode
TEST(PrimitiveMisuse, ALockAcquiredTwiceByATaskIsReportedInDebugMode) {
  for (const bool debug : {false, true}) {
    const support::LogCapture log;
    asyncio::testing::run(
        [&]() -> asyncio::Coro<> {
          Lock lock;
          const auto held = co_await lock.hold();
          asyncio::get_running_loop().call_later(1s, [&] { lock.release(); });
          name_running_task();
          co_await lock.acquire();
        },
        {.debug = debug});
    EXPECT_EQ(log.count("Lock.acquire(): <Task pending name='mine'"), debug ? 1 : 0);
    EXPECT_EQ(log.count("waits for a lock that it has acquired itself; it waits for ever unless "
                        "another task releases it"),
              debug ? 1 : 0);
  }
}

// SYNC-022: test_wait_unacquired, test_notify_unacquired, test_notify_all_unacquired
ASYNC_TEST(PrimitiveMisuse, AConditionWhoseLockNobodyHasIsNotUsed) {
  Condition condition;
  const std::string way_out = " on un-acquired lock; acquire() or hold() the condition around it";
  const std::string wait = "RuntimeError: Condition.wait(): cannot wait" + way_out;
  const std::string notify = "RuntimeError: Condition.notify(): cannot notify" + way_out;
  EXPECT_EQ(co_await thrown_by_await(condition.wait()), wait);
  EXPECT_EQ(thrown_by([&] { condition.notify(); }), notify);
  EXPECT_EQ(thrown_by([&] { condition.notify_all(); }), notify);
  Lock lock;
  Condition shares(lock);
  EXPECT_EQ(co_await thrown_by_await(shares.wait()), wait);
  EXPECT_EQ(thrown_by([&] { shares.notify(); }), notify);
  EXPECT_EQ(condition.repr() + shares.repr(), "<Condition [unlocked]><Condition [unlocked]>");
}

// SYNC-033
TEST(PrimitiveMisuse, ASemaphoreHasNoNegativeNumberOfPermits) {
  const std::string text =
      "invalid_argument: Semaphore(): the initial value must be >= 0, not -2: it is the number of "
      "tasks let in";
  EXPECT_EQ(thrown_by([] { const Semaphore semaphore(-2); }), text);
  EXPECT_EQ(thrown_by([] { const BoundedSemaphore semaphore(-2); }), text);
}

// SYNC-041
TEST(PrimitiveMisuse, ABoundedSemaphoreIsNotReleasedTooOften) {
  BoundedSemaphore semaphore(3);
  EXPECT_EQ(thrown_by([&] { semaphore.release(); }),
            "invalid_argument: BoundedSemaphore.release(): released too many times, all 3 permits "
            "are there already; release it once for each acquire(), or use hold()");
}

// SYNC-042
TEST(PrimitiveMisuse, ABarrierHasAtLeastOneParty) {
  EXPECT_EQ(thrown_by([] { const Barrier barrier(0); }),
            "invalid_argument: Barrier(): parties must be > 0, not 0: it is the number of tasks "
            "that wait for each other");
}

// SYNC-048, SYNC-050
ASYNC_TEST(PrimitiveMisuse, ABarrierThatIsBrokenSaysHow) {
  const std::string meanwhile =
      "BrokenBarrierError: Barrier.wait(): Abort or reset of barrier while the task waited";
  Barrier barrier(3);
  const auto first = asyncio::create_task(thrown_by_await(barrier.wait()));
  co_await passes(1);
  co_await barrier.reset();
  EXPECT_EQ(co_await first, meanwhile);
  const auto second = asyncio::create_task(thrown_by_await(barrier.wait()));
  co_await passes(1);
  co_await barrier.abort();
  EXPECT_EQ(co_await second, meanwhile);
  EXPECT_EQ(co_await thrown_by_await(barrier.wait()),
            "BrokenBarrierError: Barrier.wait(): Barrier aborted; reset() makes it usable again");
}

// --- the loop -----------------------------------------------------------------------------------

// SYNC-003: test_lock_doesnt_accept_loop_parameter
TEST(PrimitiveLoop, IsNotGivenToAnyOfThem) {
  using asyncio::EventLoop;
  static_assert(!std::is_constructible_v<Lock, EventLoop&>);
  static_assert(!std::is_constructible_v<Event, EventLoop&>);
  static_assert(!std::is_constructible_v<Condition, EventLoop&>);
  static_assert(!std::is_constructible_v<Condition, Lock&, EventLoop&>);
  static_assert(!std::is_constructible_v<Semaphore, int, EventLoop&>);
  static_assert(!std::is_constructible_v<BoundedSemaphore, int, EventLoop&>);
  static_assert(!std::is_constructible_v<Barrier, int, EventLoop&>);
}

// SYNC-001, failure 38
TEST(PrimitiveLoop, IsThatOfTheFirstTaskThatWaits) {
  Lock lock;
  Event event;
  Semaphore semaphore(0);
  bind_to_another_loop([&]() -> asyncio::Coro<> {
    co_await lock.acquire();
    co_await lock.acquire();
  });
  bind_to_another_loop([&] { return event.wait(); });
  bind_to_another_loop([&] { return semaphore.acquire(); });
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    name_running_task();
    EXPECT_EQ(co_await thrown_by_await(lock.acquire()), bound("Lock.acquire()"));
    EXPECT_EQ(co_await thrown_by_await(holds(lock)), bound("Lock.acquire()"));
    EXPECT_EQ(co_await thrown_by_await(event.wait()), bound("Event.wait()"));
    EXPECT_EQ(co_await thrown_by_await(semaphore.acquire()), bound("Semaphore.acquire()"));
  });
  EXPECT_EQ(lock.repr() + event.repr() + semaphore.repr(),
            "<Lock [locked]><Event [unset]><Semaphore [locked]>");
}

// SYNC-001, failure 38: and where nobody has to wait, no loop matters
TEST(PrimitiveLoop, DoesNotMatterWhereNobodyWaits) {
  Lock lock;
  Event event;
  Semaphore semaphore;
  for (int i = 0; i < 2; ++i) {
    asyncio::run([&]() -> asyncio::Coro<> {
      co_await lock.acquire();
      lock.release();
      event.set();
      co_await event.wait();
      const auto held = co_await semaphore.hold();
    });
  }
  bind_to_another_loop([&]() -> asyncio::Coro<> {
    const auto held = co_await lock.hold();
    co_await lock.acquire();
  });
  asyncio::run(
      [&]() -> asyncio::Coro<> { EXPECT_FALSE(co_await support::yields(lock.acquire())); });
}

// SYNC-001, failure 38: a lock that two runs share, and that is contended in both
TEST(PrimitiveLoop, IsRefusedByALockInTheSecondOfTwoRunsInWhichTasksWaitForIt) {
  Lock lock;
  int passed = 0;
  auto contend = [&]() -> asyncio::Coro<> {
    const auto turn = [&]() -> asyncio::Coro<> {
      const auto held = co_await lock.hold();
      co_await asyncio::sleep(0s);
      ++passed;
    };
    const auto first = asyncio::create_task(turn());
    const auto second = asyncio::create_task(turn());
    co_await first;
    co_await second;
  };
  asyncio::run(contend);
  EXPECT_EQ(passed, 2);
  const std::string error = thrown_by([&] { asyncio::run(contend); });
  EXPECT_TRUE(error.starts_with(
      "RuntimeError: Lock.acquire(): it is bound to a different event loop than \"main\""))
      << error;
  EXPECT_EQ(passed, 3);
  EXPECT_FALSE(lock.locked());
}

// SYNC-001, failure 38: test_ambiguous_loops
TEST(PrimitiveLoop, OfAConditionAndOfItsLockMustBeTheSame) {
  Lock lock;
  bind_to_another_loop([&]() -> asyncio::Coro<> {
    const auto held = co_await lock.hold();
    co_await lock.acquire();
  });
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    name_running_task();
    Condition condition(lock);
    const auto held = co_await lock.hold();
    EXPECT_EQ(co_await thrown_by_await(condition.acquire()), bound("Lock.acquire()"));
    EXPECT_EQ(co_await thrown_by_await(condition.wait()), bound("Condition.wait()"));
    EXPECT_TRUE(lock.locked()) << "nothing was released";
  });
}

// SYNC-001, failure 38: test_ambiguous_loops
TEST(PrimitiveLoop, OfAConditionIsThatOfItsFirstWait) {
  Condition condition;
  bind_to_another_loop([&]() -> asyncio::Coro<> {
    const auto held = co_await condition.hold();
    co_await condition.wait();
  });
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    name_running_task();
    const auto held = co_await condition.hold();
    EXPECT_EQ(co_await thrown_by_await(condition.wait()), bound("Condition.wait()"));
    EXPECT_TRUE(condition.locked());
  });
  EXPECT_EQ(condition.repr(), "<Condition [unlocked]>");
}

// SYNC-001, failure 38
TEST(PrimitiveLoop, OfABarrierIsThatOfItsFirstWait) {
  Barrier barrier(2);
  bind_to_another_loop([&] { return barrier.wait(); });
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    name_running_task();
    EXPECT_EQ(co_await thrown_by_await(barrier.wait()), bound("Barrier.wait()"));
  });
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/2]>");
}
