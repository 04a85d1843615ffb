// Primitives that are destroyed while tasks wait for them, and tasks that are destroyed while they
// wait.

#include <asyncio/as_result.hpp>
#include <asyncio/barrier.hpp>
#include <asyncio/condition.hpp>
#include <asyncio/event.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/lock.hpp>
#include <asyncio/semaphore.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/line.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Barrier;
using asyncio::Condition;
using asyncio::Event;
using asyncio::Lock;
using asyncio::Semaphore;
using support::Order;
using support::passes;

namespace {

asyncio::Coro<> waits(Condition& condition) {
  const auto held = co_await condition.hold();
  co_await condition.wait();
}

/// The end of a task as text, without its name.
asyncio::Coro<std::string> end_of(asyncio::AnyTask task) {
  const auto end = co_await asyncio::as_result(task);
  std::string text = support::text_of(end.error());
  const std::string name = "'" + task.get_name() + "'";
  if (const auto at = text.find(name); at != std::string::npos) text.replace(at, name.size(), "T");
  co_return text;
}

std::string destroyed(const std::string& what) {
  return what +
         ": what the task T waited for was destroyed; keep it alive as long as tasks use it, or "
         "cancel them first";
}

/// A condition that shares its lock, the way a class has them.
struct Shared {
  Lock lock;
  Condition condition{lock};
  Condition other{lock};
};

}  // namespace

// --- locks, events, semaphores ------------------------------------------------------------------

// failure 37
ASYNC_TEST(PrimitiveGone, WhileTasksWaitForItEndsThemWithAnError) {
  auto lock = std::make_unique<Lock>();
  auto event = std::make_unique<Event>();
  auto semaphore = std::make_unique<Semaphore>(0);
  co_await lock->acquire();
  const auto at_lock = asyncio::create_task(lock->acquire());
  const auto at_lock_too = asyncio::create_task(lock->hold());
  const auto at_event = asyncio::create_task(event->wait());
  const auto at_semaphore = asyncio::create_task(semaphore->acquire());
  co_await passes(1);
  lock.reset();
  event.reset();
  semaphore.reset();
  EXPECT_EQ(co_await end_of(at_lock), destroyed("Lock.acquire()"));
  EXPECT_EQ(co_await end_of(at_lock_too), destroyed("Lock.acquire()"));
  EXPECT_EQ(co_await end_of(at_event), destroyed("Event.wait()"));
  EXPECT_EQ(co_await end_of(at_semaphore), destroyed("Semaphore.acquire()"));
}

// failure 37: of what is gone nobody can have anything
ASYNC_TEST(PrimitiveGone, AfterItHasChosenATaskEndsThatWithAnErrorToo) {
  auto lock = std::make_unique<Lock>();
  auto semaphore = std::make_unique<Semaphore>(0);
  co_await lock->acquire();
  const auto at_lock = asyncio::create_task(lock->acquire());
  const auto at_semaphore = asyncio::create_task(semaphore->acquire());
  co_await passes(1);
  lock->release();
  semaphore->release();
  lock.reset();
  semaphore.reset();
  EXPECT_EQ(co_await end_of(at_lock), destroyed("Lock.acquire()"));
  EXPECT_EQ(co_await end_of(at_semaphore), destroyed("Semaphore.acquire()"));
}

// failure 37: what was waited for has happened
ASYNC_TEST(PrimitiveGone, AfterItWasSetIsNoErrorForThoseWhoWaitedForThat) {
  auto event = std::make_unique<Event>();
  const auto waiter = asyncio::create_task(event->wait());
  const auto cancelled = asyncio::create_task(event->wait());
  co_await passes(1);
  event->set();
  cancelled.cancel("enough");
  event.reset();
  EXPECT_TRUE(co_await waiter);
  EXPECT_EQ(co_await end_of(cancelled), "cancelled:enough");
}

// failure 37: before and after
ASYNC_TEST(PrimitiveGone, WithItsTasksCancelledTellsThemOfThat) {
  auto lock = std::make_unique<Lock>();
  auto event = std::make_unique<Event>();
  auto semaphore = std::make_unique<Semaphore>(0);
  co_await lock->acquire();
  const auto at_lock = asyncio::create_task(lock->acquire());
  const auto at_event = asyncio::create_task(event->wait());
  const auto at_semaphore = asyncio::create_task(semaphore->acquire());
  co_await passes(1);
  at_lock.cancel("before");
  at_event.cancel("before");
  at_semaphore.cancel("before");
  lock.reset();
  event.reset();
  semaphore.reset();
  EXPECT_EQ(co_await end_of(at_lock), "cancelled:before");
  EXPECT_EQ(co_await end_of(at_event), "cancelled:before");
  EXPECT_EQ(co_await end_of(at_semaphore), "cancelled:before");
}

// failure 37
ASYNC_TEST(PrimitiveGone, AndItsTasksCancelledThenTellsThemOfThat) {
  auto lock = std::make_unique<Lock>();
  auto semaphore = std::make_unique<Semaphore>(0);
  co_await lock->acquire();
  const auto waiting = asyncio::create_task(lock->acquire());
  const auto chosen = asyncio::create_task(semaphore->acquire());
  co_await passes(1);
  semaphore->release();
  lock.reset();
  semaphore.reset();
  waiting.cancel("after");
  chosen.cancel("after");
  EXPECT_EQ(co_await end_of(waiting), "cancelled:after");
  EXPECT_EQ(co_await end_of(chosen), "cancelled:after");
}

// failure 37: some that wait, some that are chosen, some that are cancelled
ASYNC_TEST(PrimitiveGone, LeavesNoneOfManyTasksBehind) {
  auto semaphore = std::make_unique<Semaphore>(0);
  std::vector<asyncio::Task<bool>> tasks;
  for (int i = 0; i < 30; ++i) tasks.push_back(asyncio::create_task(semaphore->acquire()));
  co_await passes(1);
  for (int i = 0; i < 30; i += 3) tasks[i].cancel();
  for (int i = 0; i < 10; ++i) semaphore->release();
  semaphore.reset();
  (void)co_await asyncio::gather(asyncio::return_exceptions, tasks);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(tasks[i].cancelled(), i % 3 == 0) << i;
}

// --- conditions ---------------------------------------------------------------------------------

// failure 37
ASYNC_TEST(PrimitiveGone, ACondition) {
  auto condition = std::make_unique<Condition>();
  const auto waiting = asyncio::create_task(waits(*condition));
  const auto notified = asyncio::create_task(waits(*condition));
  const auto cancelled = asyncio::create_task(waits(*condition));
  co_await passes(1);
  cancelled.cancel("enough");
  condition.reset();
  EXPECT_EQ(co_await end_of(waiting), destroyed("Condition.wait()"));
  EXPECT_EQ(co_await end_of(notified), destroyed("Condition.wait()"));
  EXPECT_EQ(co_await end_of(cancelled), "cancelled:enough");
}

// failure 37: notified, not yet in the lock's line
ASYNC_TEST(PrimitiveGone, AConditionThatHasNotified) {
  auto condition = std::make_unique<Condition>();
  const auto notified = asyncio::create_task(waits(*condition));
  const auto cancelled = asyncio::create_task(waits(*condition));
  co_await passes(1);
  co_await condition->acquire();
  condition->notify_all();
  cancelled.cancel("enough");
  condition.reset();
  EXPECT_EQ(co_await end_of(notified), destroyed("Condition.wait()"));
  EXPECT_EQ(co_await end_of(cancelled), "cancelled:enough");
}

// failure 37: the tasks wait for its lock
ASYNC_TEST(PrimitiveGone, AConditionWhoseLockTasksTakeBack) {
  auto condition = std::make_unique<Condition>();
  const auto chosen = asyncio::create_task(waits(*condition));
  const auto waiting = asyncio::create_task(waits(*condition));
  const auto cancelled = asyncio::create_task(waits(*condition));
  co_await passes(1);
  co_await condition->acquire();
  condition->notify_all();
  co_await passes(1);
  EXPECT_EQ(condition->repr(), "<Condition [locked]>");
  cancelled.cancel("enough");
  condition->release();
  condition.reset();
  EXPECT_EQ(co_await end_of(chosen), destroyed("Condition.wait()"));
  EXPECT_EQ(co_await end_of(waiting), destroyed("Condition.wait()"));
  EXPECT_EQ(co_await end_of(cancelled), "cancelled:enough");
}

// failure 37: the lock that lives on is taken back first
ASYNC_TEST(PrimitiveGone, AConditionWhoseSharedLockLivesOn) {
  Lock lock;
  auto condition = std::make_unique<Condition>(lock);
  const auto waiting = asyncio::create_task(waits(*condition));
  const auto cancelled = asyncio::create_task(waits(*condition));
  co_await passes(1);
  cancelled.cancel("enough");
  co_await lock.acquire();
  condition.reset();
  co_await passes(3);
  EXPECT_FALSE(waiting.done() || cancelled.done());
  EXPECT_EQ(lock.repr(), "<Lock [locked, waiters:2]>");
  lock.release();
  EXPECT_EQ(co_await end_of(waiting), destroyed("Condition.wait()"));
  EXPECT_EQ(co_await end_of(cancelled), "cancelled:enough");
  EXPECT_EQ(lock.repr(), "<Lock [unlocked]>");
}

// failure 37: notified, and waiting for the lock
ASYNC_TEST(PrimitiveGone, AConditionWhoseTasksTakeASharedLockBack) {
  Lock lock;
  auto condition = std::make_unique<Condition>(lock);
  const auto first = asyncio::create_task(waits(*condition));
  const auto second = asyncio::create_task(waits(*condition));
  co_await passes(1);
  co_await lock.acquire();
  condition->notify_all();
  co_await passes(1);
  condition.reset();
  second.cancel("enough");
  co_await passes(2);
  lock.release();
  EXPECT_EQ(co_await end_of(first), destroyed("Condition.wait()"));
  EXPECT_EQ(co_await end_of(second), "cancelled:enough");
  EXPECT_FALSE(lock.locked());
}

// failure 37: the lock outlives the conditions, but not their tasks' next turn
ASYNC_TEST(PrimitiveGone, TogetherWithTheLockThatItShares) {
  auto shared = std::make_unique<Shared>();
  const auto waiting = asyncio::create_task(waits(shared->condition));
  const auto cancelled = asyncio::create_task(waits(shared->other));
  co_await passes(1);
  cancelled.cancel("enough");
  shared.reset();
  EXPECT_EQ(co_await end_of(waiting), destroyed("Condition.wait()"));
  EXPECT_EQ(co_await end_of(cancelled), "cancelled:enough");
}

// failure 37: the same with tasks that are notified, and others that take the lock back
ASYNC_TEST(PrimitiveGone, TogetherWithTheLockThatItsTasksTakeBack) {
  auto shared = std::make_unique<Shared>();
  const auto taking = asyncio::create_task(waits(shared->condition));
  const auto taking_and_cancelled = asyncio::create_task(waits(shared->condition));
  const auto notified = asyncio::create_task(waits(shared->other));
  co_await passes(1);
  co_await shared->lock.acquire();
  shared->condition.notify_all();
  co_await passes(1);
  shared->other.notify_all();
  taking_and_cancelled.cancel("enough");
  shared.reset();
  EXPECT_EQ(co_await end_of(taking), destroyed("Condition.wait()"));
  EXPECT_EQ(co_await end_of(taking_and_cancelled), "cancelled:enough");
  EXPECT_EQ(co_await end_of(notified), destroyed("Condition.wait()"));
}

// --- barriers -----------------------------------------------------------------------------------

// failure 37
ASYNC_TEST(PrimitiveGone, ABarrier) {
  auto barrier = std::make_unique<Barrier>(4);
  const auto waiting = asyncio::create_task(barrier->wait());
  const auto cancelled = asyncio::create_task(barrier->wait());
  co_await passes(1);
  cancelled.cancel("enough");
  barrier.reset();
  EXPECT_EQ(co_await end_of(waiting), destroyed("Barrier.wait()"));
  EXPECT_EQ(co_await end_of(cancelled), "cancelled:enough");
}

// failure 37, failure 36: two on their way out, one that waits for them to leave
ASYNC_TEST(PrimitiveGone, ABarrierThatDrains) {
  auto barrier = std::make_unique<Barrier>(3);
  const auto first = asyncio::create_task(barrier->wait());
  const auto second = asyncio::create_task(barrier->wait());
  const auto third = asyncio::create_task(barrier->wait());
  const auto late = asyncio::create_task(barrier->wait());
  co_await passes(1);
  EXPECT_EQ(barrier->repr(), "<Barrier [draining, waiters:0/3]>");
  second.cancel("enough");
  barrier.reset();
  EXPECT_EQ(co_await end_of(first), destroyed("Barrier.wait()"));
  EXPECT_EQ(co_await end_of(second), "cancelled:enough");
  EXPECT_EQ(co_await third, 2);
  EXPECT_EQ(co_await end_of(late), destroyed("Barrier.wait()"));
}

// failure 37, failure 36
ASYNC_TEST(PrimitiveGone, ABarrierThatIsBroken) {
  auto barrier = std::make_unique<Barrier>(3);
  const auto first = asyncio::create_task(barrier->wait());
  const auto second = asyncio::create_task(barrier->wait());
  co_await passes(1);
  co_await barrier->abort();
  second.cancel("enough");
  barrier.reset();
  EXPECT_EQ(co_await end_of(first), destroyed("Barrier.wait()"));
  EXPECT_EQ(co_await end_of(second), "cancelled:enough");
}

// --- tasks --------------------------------------------------------------------------------------

// failure 37: with the loop, while it waits
TEST(PrimitiveKept, OutlivesTheTasksThatWaitForIt) {
  const support::LogCapture log;
  Lock lock;
  Event event;
  Semaphore semaphore(0);
  Condition condition;
  Barrier barrier(2);
  {
    auto loop = asyncio::new_event_loop();
    loop->run_until_complete([&]() -> asyncio::Coro<> {
      co_await lock.acquire();
      asyncio::create_task(lock.acquire());
      asyncio::create_task(lock.acquire());
      asyncio::create_task(event.wait());
      asyncio::create_task(semaphore.acquire());
      asyncio::create_task(semaphore.acquire());
      asyncio::create_task(waits(condition));
      asyncio::create_task(barrier.wait());
      co_await passes(1);
      // Two are chosen in the last pass, and never get their turn.
      asyncio::get_running_loop().call_soon([&] {
        lock.release();
        semaphore.release();
      });
    }());
    loop->close();
  }
  EXPECT_EQ(log.count("Task was destroyed but it is pending"), 7);
  EXPECT_EQ(lock.repr(), "<Lock [unlocked]>");
  EXPECT_EQ(event.repr(), "<Event [unset]>");
  EXPECT_EQ(semaphore.repr(), "<Semaphore [locked]>");
  EXPECT_EQ(condition.repr(), "<Condition [unlocked]>");
  EXPECT_EQ(barrier.repr(), "<Barrier [filling, waiters:0/2]>");
  event.set();
  semaphore.release();
  EXPECT_EQ(semaphore.value(), 1);
}

// failure 37: what acquire() gave and nobody awaited
ASYNC_TEST(PrimitiveKept, KnowsNothingOfWhatWasNeverAwaited) {
  Lock lock;
  Condition condition;
  co_await lock.acquire();
  co_await condition.acquire();
  {
    auto acquire = lock.acquire();
    auto hold = lock.hold();
    auto wait = condition.wait();
    auto moved = std::move(wait);
  }
  EXPECT_EQ(lock.repr() + condition.repr(), "<Lock [locked]><Condition [locked]>");
  lock.release();
}
