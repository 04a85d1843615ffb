// What is awaited, as data: the routes lead to the right futures, lines and owners.

#include <asyncio/as_completed.hpp>
#include <asyncio/barrier.hpp>
#include <asyncio/condition.hpp>
#include <asyncio/event.hpp>
#include <asyncio/finally.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/lock.hpp>
#include <asyncio/queue.hpp>
#include <asyncio/semaphore.hpp>
#include <asyncio/shield.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/threads.hpp>
#include <asyncio/wait.hpp>
#include <asyncio/wait_for.hpp>

#include "core/awaited.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using asyncio::detail::Awaited;
using asyncio::detail::FutureState;

FutureState* state_of(const asyncio::FutureBase& future) {
  return &asyncio::detail::FutureAccess::state(future);
}

Awaited awaited_by(const asyncio::FutureBase& task) {
  Awaited awaited;
  asyncio::detail::read_awaited(static_cast<asyncio::detail::TaskState&>(*state_of(task)), awaited);
  return awaited;
}

std::vector<FutureState*> futures_of(const asyncio::FutureBase& task) {
  return awaited_by(task).futures;
}

bool is_owner(const asyncio::FutureBase& task, const asyncio::FutureBase& owner) {
  const std::uint64_t number = awaited_by(task).owner;
  return asyncio::detail::find_owner(asyncio::detail::FutureAccess::state(task).scheduler(),
                                     number) == state_of(owner);
}

using States = std::vector<FutureState*>;

asyncio::Coro<> forever() {
  const asyncio::Future<> never;
  co_await never;
}

// Runs until everybody waits who can.
asyncio::Coro<> settle() { co_await asyncio::sleep(1s); }

struct Children {
  asyncio::Task<> a = asyncio::create_task(forever());
  asyncio::Task<> b = asyncio::create_task(forever());
  [[nodiscard]] States states() const { return {state_of(a), state_of(b)}; }
  asyncio::Coro<> end() {
    a.cancel();
    b.cancel();
    co_await settle();
  }
};

}  // namespace

// DBG-034
ASYNC_TEST(Awaited, AFutureIsWhatItsAwaiterWaitsForUntilItIsDone) {
  const asyncio::Future<> future;
  const auto task = asyncio::create_task([&]() -> asyncio::Coro<> { co_await future; });
  EXPECT_EQ(futures_of(task), States());  // it has not begun
  co_await settle();
  EXPECT_EQ(futures_of(task), States{state_of(future)});
  future.set_result();
  EXPECT_EQ(futures_of(task), States());
  co_await task;
  EXPECT_EQ(futures_of(task), States());
}

// DBG-034
ASYNC_TEST(Awaited, ATaskThatWasCancelledWaitsForNothingAnyMore) {
  const asyncio::Future<> future;
  const auto task = asyncio::create_task([&]() -> asyncio::Coro<> { co_await future; });
  asyncio::Lock lock;
  co_await lock.acquire();
  const auto locked = asyncio::create_task([&]() -> asyncio::Coro<> { co_await lock.acquire(); });
  co_await settle();
  EXPECT_NE(awaited_by(locked).line, nullptr);
  task.cancel();
  locked.cancel();
  EXPECT_EQ(futures_of(task), States());
  EXPECT_EQ(awaited_by(locked).line, nullptr);
  EXPECT_EQ(awaited_by(locked).owner, 0U);
  co_await settle();
}

// DBG-034
ASYNC_TEST(Awaited, AGatherStandsForItsPartsAlsoInsideAnother) {
  Children children;
  const asyncio::Future<> third;
  const auto inner = asyncio::gather(children.a, children.b);
  const auto task = asyncio::create_task(
      [&]() -> asyncio::Coro<> { (void)co_await asyncio::gather(inner, third, children.a); });
  co_await settle();
  const Awaited awaited = awaited_by(task);
  EXPECT_EQ(awaited.futures, (States{state_of(children.a), state_of(children.b), state_of(third),
                                     state_of(children.a)}));
  EXPECT_EQ(awaited.composites.size(), 2U);
  EXPECT_TRUE(awaited.needs_all);
  task.cancel();
  co_await settle();
}

// DBG-034: gathers of gathers that share their parts are not unfolded again and again
ASYNC_TEST(Awaited, APartThatComesAgainInGathersIsFollowedOnce) {
  asyncio::Future<> leaf;
  asyncio::FutureBase top = leaf;
  std::vector<asyncio::Future<std::tuple<asyncio::None, asyncio::None>>> levels;
  for (int i = 0; i < 100; ++i) {
    levels.push_back(asyncio::gather(top, top));
    top = levels.back();
  }
  const auto task = asyncio::create_task([&]() -> asyncio::Coro<> { co_await top; });
  co_await settle();
  EXPECT_EQ(futures_of(task).size(), 2U);
  leaf.set_result();
  co_await task;
}

// DBG-034, COMB-025
ASYNC_TEST(Awaited, AShieldStandsForWhatItProtects) {
  Children children;
  const auto task =
      asyncio::create_task([&]() -> asyncio::Coro<> { co_await asyncio::shield(children.a); });
  co_await settle();
  EXPECT_EQ(futures_of(task), States{state_of(children.a)});
  task.cancel();
  co_await settle();
  EXPECT_FALSE(children.a.done());
  co_await children.end();
}

// DBG-034
ASYNC_TEST(Awaited, WaitWaitsForThoseThatAreNotDone) {
  Children children;
  const std::vector<asyncio::Task<>> both = {children.a, children.b};
  const auto all = asyncio::create_task([&]() -> asyncio::Coro<> { co_await asyncio::wait(both); });
  const auto any = asyncio::create_task([&]() -> asyncio::Coro<> {
    co_await asyncio::wait(both, {.timeout = 1h, .return_when = asyncio::FIRST_COMPLETED});
  });
  co_await settle();
  EXPECT_EQ(futures_of(all), children.states());
  EXPECT_TRUE(awaited_by(all).needs_all);
  EXPECT_FALSE(awaited_by(all).ends_by_itself);
  EXPECT_EQ(futures_of(any), children.states());
  EXPECT_FALSE(awaited_by(any).needs_all);
  EXPECT_TRUE(awaited_by(any).ends_by_itself);
  children.a.cancel();
  co_await settle();
  EXPECT_EQ(futures_of(all), States{state_of(children.b)});
  EXPECT_TRUE(any.done());
  co_await children.end();
}

// DBG-034
ASYNC_TEST(Awaited, AsCompletedWaitsForOneOfThoseThatAreLeft) {
  Children children;
  const std::vector<asyncio::Task<>> both = {children.a, children.b};
  const auto task = asyncio::create_task([&]() -> asyncio::Coro<> {
    auto completed = asyncio::as_completed(both, 1h);
    while (auto next = co_await completed.next()) (void)co_await asyncio::as_result(*next);
  });
  co_await settle();
  EXPECT_EQ(futures_of(task), children.states());
  EXPECT_FALSE(awaited_by(task).needs_all);
  EXPECT_TRUE(awaited_by(task).ends_by_itself);
  children.a.cancel();
  co_await settle();
  EXPECT_EQ(futures_of(task), States{state_of(children.b)});
  co_await children.end();
  EXPECT_TRUE(task.done());
}

// DBG-034, DBG-037
ASYNC_TEST(Awaited, LeavingAGroupWaitsForItsTasks) {
  std::vector<asyncio::Task<>> children;
  const auto task = asyncio::create_task([&]() -> asyncio::Coro<> {
    co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
      children.push_back(group.create_task(forever()));
      children.push_back(group.create_task(forever()));
      co_return;
    });
  });
  co_await settle();
  EXPECT_EQ(futures_of(task), (States{state_of(children[0]), state_of(children[1])}));
  children[0].cancel();
  co_await settle();
  EXPECT_EQ(futures_of(task), States{state_of(children[1])});
  children[1].cancel();
  co_await task;
}

// DBG-034
ASYNC_TEST(Awaited, AShieldedCleanupIsATaskThatIsWaitedFor) {
  const asyncio::Future<> cleaned;
  const auto task = asyncio::create_task([&]() -> asyncio::Coro<> {
    co_await asyncio::finally(asyncio::sleep(0s), asyncio::shielded,
                              [&]() -> asyncio::Coro<> { co_await cleaned; });
  });
  co_await settle();
  const States cleanup = futures_of(task);
  EXPECT_EQ(cleanup.size(), 1U);
  if (cleanup.size() == 1) {
    EXPECT_EQ(static_cast<asyncio::detail::TaskState*>(cleanup[0])->name(), "finally");
  }
  cleaned.set_result();
  co_await task;
}

// DBG-048: a lock knows its owner
ASYNC_TEST(Awaited, WhoWaitsForALockWaitsForItsOwner) {
  asyncio::Lock lock;
  const asyncio::Future<> release;
  const auto owner = asyncio::create_task([&]() -> asyncio::Coro<> {
    const auto held = co_await lock.hold();
    co_await release;
  });
  const auto first = asyncio::create_task([&]() -> asyncio::Coro<> { co_await lock.acquire(); });
  const auto second =
      asyncio::create_task([&]() -> asyncio::Coro<> { (void)co_await lock.hold(); });
  co_await settle();
  EXPECT_TRUE(is_owner(first, owner));
  EXPECT_TRUE(is_owner(second, owner));
  EXPECT_EQ(awaited_by(first).line, awaited_by(second).line);
  release.set_result();
  co_await settle();
  EXPECT_TRUE(first.done());
  EXPECT_EQ(asyncio::detail::find_owner(state_of(second)->scheduler(), awaited_by(second).owner),
            nullptr);  // the first has ended with the lock
  EXPECT_NE(awaited_by(second).owner, 0U);
  lock.release();
  co_await second;
}

// SYNC-021: a condition's waiter waits for nobody, and for the lock's owner once it is notified
ASYNC_TEST(Awaited, AConditionWaitsForTheLockOnceItIsNotified) {
  asyncio::Condition condition;
  const auto waiter = asyncio::create_task([&]() -> asyncio::Coro<> {
    const auto held = co_await condition.hold();
    co_await condition.wait();
  });
  co_await settle();
  EXPECT_NE(awaited_by(waiter).line, nullptr);
  EXPECT_EQ(awaited_by(waiter).owner, 0U);
  const asyncio::Future<> release;
  const auto notifier = asyncio::create_task([&]() -> asyncio::Coro<> {
    const auto held = co_await condition.hold();
    condition.notify();
    co_await release;
  });
  co_await settle();
  EXPECT_TRUE(is_owner(waiter, notifier));
  release.set_result();
  co_await waiter;
}

// DBG-034: what anybody may serve has no owner
ASYNC_TEST(Awaited, OtherPrimitivesAreLinesWithoutAnOwner) {
  asyncio::Event event;
  asyncio::Semaphore semaphore(0);
  asyncio::Queue<int> queue;
  asyncio::Barrier barrier(2);
  const asyncio::Task<> tasks[] = {
      asyncio::create_task([&]() -> asyncio::Coro<> { co_await event.wait(); }),
      asyncio::create_task([&]() -> asyncio::Coro<> { co_await semaphore.acquire(); }),
      asyncio::create_task([&]() -> asyncio::Coro<> { co_await queue.get(); }),
      asyncio::create_task([&]() -> asyncio::Coro<> { co_await barrier.wait(); })};
  co_await settle();
  for (const auto& task : tasks) {
    const Awaited awaited = awaited_by(task);
    EXPECT_NE(awaited.line, nullptr);
    EXPECT_EQ(awaited.owner, 0U);
    EXPECT_EQ(awaited.futures, States());
    task.cancel();
  }
  co_await settle();
}

// DBG-034: timers and threads are nobody's
ASYNC_TEST(Awaited, ASleepIsNothingOfTheProgram) {
  const auto task = asyncio::create_task([]() -> asyncio::Coro<> { co_await asyncio::sleep(1h); });
  const auto limited = asyncio::create_task(asyncio::wait_for(asyncio::sleep(1h), 2h));
  co_await settle();
  EXPECT_EQ(futures_of(task), States());
  EXPECT_EQ(awaited_by(task).line, nullptr);
  EXPECT_EQ(futures_of(limited), States());
  task.cancel();
  limited.cancel();
  co_await settle();
}
