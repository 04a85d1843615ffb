#include <asyncio/wait.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Tasks = std::vector<asyncio::Task<int>>;

asyncio::Coro<int> wait_gives(asyncio::Duration after, int value) {
  co_await asyncio::sleep(after);
  co_return value;
}

asyncio::Coro<int> wait_fails(asyncio::Duration after) {
  co_await asyncio::sleep(after);
  throw std::runtime_error("failed");
}

asyncio::Task<int> wait_task(asyncio::Duration after, int value = 0) {
  return asyncio::create_task(wait_gives(after, value));
}

asyncio::Coro<int> wait_yields(int turns) {
  for (int i = 0; i < turns; ++i) co_await asyncio::sleep(0s);
  co_return turns;
}

template <class R>
concept Waited = requires(R r) { asyncio::wait(r); };

asyncio::Coro<> wait_cancel_all(const Tasks& tasks) {
  for (const auto& t : tasks) t.cancel();
  for (const auto& t : tasks) (void)co_await asyncio::as_result(t);
}

}  // namespace

// COMB-027
ASYNC_TEST(Wait, AnEmptySetIsRefused) {
  const Tasks none;
  EXPECT_THROW((void)asyncio::wait(none), std::invalid_argument);
  co_return;
}

// COMB-026
TEST(Wait, FuturesOfDifferentLoopsAreRefused) {
  auto one = asyncio::new_event_loop();
  auto two = asyncio::new_event_loop();
  {
    const std::vector<asyncio::Future<int>> both{one->create_future<int>(),
                                                 two->create_future<int>()};
    EXPECT_THROW((void)asyncio::wait(both), std::invalid_argument);
  }
  one->close();
  two->close();
}

// COMB-026
TEST(Wait, DoesNotCompileForAnythingButARangeOfHandles) {
  static_assert(Waited<Tasks>);
  static_assert(Waited<std::vector<asyncio::FutureBase>>);
  static_assert(!Waited<asyncio::Future<int>>);
  static_assert(!Waited<asyncio::Task<int>>);
  static_assert(!Waited<asyncio::Coro<int>>);
  static_assert(!Waited<std::vector<int>>);
}

// COMB-030, COMB-031
ASYNC_TEST(Wait, AllCompletedGivesEveryHandleInTheOrderGiven) {
  const Tasks tasks{wait_task(3s), wait_task(1s), wait_task(2s)};
  auto& loop = asyncio::get_running_loop();
  const auto began = loop.time();
  auto [done, pending] = co_await asyncio::wait(tasks);
  EXPECT_EQ(done, tasks);
  EXPECT_TRUE(pending.empty());
  EXPECT_EQ(loop.time() - began, asyncio::Duration(3s));
}

// COMB-030
ASYNC_TEST(Wait, TheSameHandleGivenTwiceComesOnce) {
  auto a = wait_task(1s);
  auto b = wait_task(2s);
  const Tasks tasks{b, a, b, a};
  auto [done, pending] = co_await asyncio::wait(tasks);
  EXPECT_EQ(done, (Tasks{b, a}));
}

// COMB-030
ASYNC_TEST(Wait, DividesTheHandlesIntoDoneAndPending) {
  const Tasks tasks{wait_task(3s), wait_task(1s), wait_task(4s)};
  auto [done, pending] = co_await asyncio::wait(tasks, {.timeout = 2s});
  EXPECT_EQ(done, Tasks{tasks[1]});
  EXPECT_EQ(pending, (Tasks{tasks[0], tasks[2]}));
  co_await wait_cancel_all(pending);
}

// COMB-031
ASYNC_TEST(Wait, CancelledOnesCountAsDone) {
  const Tasks tasks{wait_task(1h), wait_task(1s)};
  co_await asyncio::sleep(0s);
  tasks[0].cancel();
  auto [done, pending] = co_await asyncio::wait(tasks);
  EXPECT_EQ(done, tasks);
  EXPECT_TRUE(tasks[0].cancelled());
}

// COMB-032
ASYNC_TEST(Wait, FirstCompletedReturnsWhenOneIsDone) {
  const Tasks tasks{wait_task(3s), wait_task(1s)};
  auto& loop = asyncio::get_running_loop();
  const auto began = loop.time();
  auto [done, pending] = co_await asyncio::wait(tasks, {.return_when = asyncio::FIRST_COMPLETED});
  EXPECT_EQ(done, Tasks{tasks[1]});
  EXPECT_EQ(loop.time() - began, asyncio::Duration(1s));
  co_await wait_cancel_all(pending);
}

// COMB-032
ASYNC_TEST(Wait, FirstCompletedReturnsWhenOneIsCancelled) {
  const Tasks tasks{wait_task(1h), wait_task(1h)};
  co_await asyncio::sleep(0s);
  tasks[1].cancel();
  auto [done, pending] = co_await asyncio::wait(tasks, {.return_when = asyncio::FIRST_COMPLETED});
  EXPECT_EQ(done, Tasks{tasks[1]});
  co_await wait_cancel_all(pending);
}

// COMB-032
ASYNC_TEST(Wait, FirstCompletedGivesAllThatAreDoneByThen) {
  const Tasks tasks{wait_task(1s), wait_task(2s), wait_task(1s)};
  auto [done, pending] = co_await asyncio::wait(tasks, {.return_when = asyncio::FIRST_COMPLETED});
  EXPECT_EQ(done, (Tasks{tasks[0], tasks[2]}));
  co_await wait_cancel_all(pending);
}

// COMB-032: it goes on one pass after it was woken
ASYNC_TEST(Wait, FirstCompletedGivesAlsoWhatEndsInThePassInWhichItIsWoken) {
  const Tasks tasks{asyncio::create_task(wait_yields(1)), asyncio::create_task(wait_yields(2))};
  auto [done, pending] = co_await asyncio::wait(tasks, {.return_when = asyncio::FIRST_COMPLETED});
  EXPECT_EQ(done, tasks);
  EXPECT_TRUE(pending.empty());
}

// COMB-033, COMB-037
ASYNC_TEST(Wait, FirstExceptionReturnsWhenOneFails) {
  const Tasks tasks{wait_task(1s), asyncio::create_task(wait_fails(2s)), wait_task(3s)};
  auto [done, pending] = co_await asyncio::wait(tasks, {.return_when = asyncio::FIRST_EXCEPTION});
  EXPECT_EQ(done, (Tasks{tasks[0], tasks[1]}));
  EXPECT_EQ(pending, Tasks{tasks[2]});
  EXPECT_THROW((void)tasks[1].result(), std::runtime_error);
  co_await wait_cancel_all(pending);
}

// COMB-033
ASYNC_TEST(Wait, FirstExceptionDoesNotCountACancellation) {
  const Tasks tasks{wait_task(1h), wait_task(2s)};
  co_await asyncio::sleep(0s);
  tasks[0].cancel();
  auto [done, pending] = co_await asyncio::wait(tasks, {.return_when = asyncio::FIRST_EXCEPTION});
  EXPECT_EQ(done, tasks);
}

// COMB-033
ASYNC_TEST(Wait, FirstExceptionWithoutOneWaitsForAll) {
  const Tasks tasks{wait_task(1s), wait_task(2s)};
  auto [done, pending] = co_await asyncio::wait(tasks, {.return_when = asyncio::FIRST_EXCEPTION});
  EXPECT_EQ(done, tasks);
}

// COMB-033
ASYNC_TEST(Wait, FirstExceptionReturnsAtOnceIfOneHasFailedBefore) {
  const Tasks tasks{asyncio::create_task(wait_fails(0s)), wait_task(1h)};
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  auto [done, pending] = co_await asyncio::wait(tasks, {.return_when = asyncio::FIRST_EXCEPTION});
  EXPECT_EQ(done, Tasks{tasks[0]});
  EXPECT_NE(tasks[0].exception(), nullptr);
  co_await wait_cancel_all(pending);
}

// COMB-034
ASYNC_TEST(Wait, ATimeoutCancelsNothingAndThrowsNothing) {
  const Tasks tasks{wait_task(2s, 7)};
  auto& loop = asyncio::get_running_loop();
  const auto began = loop.time();
  auto [done, pending] = co_await asyncio::wait(tasks, {.timeout = 1s});
  EXPECT_EQ(loop.time() - began, asyncio::Duration(1s));
  EXPECT_TRUE(done.empty());
  EXPECT_EQ(pending, tasks);
  EXPECT_EQ(tasks[0].cancelling(), 0u);
  EXPECT_EQ(co_await tasks[0], 7);
}

// COMB-034: the timer goes when it is not needed any more (ASYNC_TEST looks for timers)
ASYNC_TEST(Wait, ATimeoutThatIsNotReachedLeavesNoTimer) {
  const Tasks tasks{wait_task(1s)};
  auto [done, pending] = co_await asyncio::wait(tasks, {.timeout = 1h});
  EXPECT_EQ(done, tasks);
}

// COMB-035
ASYNC_TEST(Wait, ATimeoutOfZeroGivesWhatIsDoneAfterAYield) {
  const Tasks tasks{wait_task(1h), asyncio::create_task(wait_fails(1h))};
  bool yielded = false;
  (void)asyncio::get_running_loop().call_soon([&] { yielded = true; });
  const auto before = asyncio::get_running_loop().time();
  auto [done, pending] = co_await asyncio::wait(tasks, {.timeout = 0s});
  EXPECT_TRUE(yielded);
  EXPECT_EQ(pending, tasks);
  EXPECT_EQ(asyncio::get_running_loop().time(), before);
  co_await wait_cancel_all(pending);
}

// COMB-035
ASYNC_TEST(Wait, ATimeoutOfZeroSeesWhatWasDoneBefore) {
  const Tasks tasks{wait_task(0s), wait_task(1h)};
  co_await tasks[0];
  auto [done, pending] = co_await asyncio::wait(tasks, {.timeout = 0s});
  EXPECT_EQ(done, Tasks{tasks[0]});
  co_await wait_cancel_all(pending);
}

// COMB-034, COMB-036
ASYNC_TEST(Wait, ATimeoutAtTheMomentWhenOneEndsGivesThatOneAsDone) {
  const Tasks tasks{wait_task(2s), wait_task(1s)};
  auto waiter = asyncio::create_task(asyncio::wait(tasks, {.timeout = 1s}));
  const auto [done, pending] = co_await waiter;
  EXPECT_EQ(done, Tasks{tasks[1]});
  EXPECT_EQ(pending, Tasks{tasks[0]});
  co_await wait_cancel_all(pending);
}

// COMB-036
ASYNC_TEST(Wait, SuspendsAlsoIfAllAreDone) {
  asyncio::Future<int> f;
  f.set_result(1);
  const std::vector<asyncio::Future<int>> futures{f};
  bool yielded = false;
  (void)asyncio::get_running_loop().call_soon([&] { yielded = true; });
  co_await asyncio::wait(futures);
  EXPECT_TRUE(yielded);
}

// COMB-037
ASYNC_TEST(Wait, DoesNotTakeTheErrorOfAChild) {
  const support::LogCapture reports;
  {
    const Tasks tasks{asyncio::create_task(wait_fails(1s))};
    auto [done, pending] = co_await asyncio::wait(tasks);
    EXPECT_EQ(done, tasks);
    EXPECT_TRUE(reports.empty());
  }
  EXPECT_EQ(reports.count("never retrieved"), 1);
}

// COMB-038
ASYNC_TEST(Wait, CancellingItCancelsNoChild) {
  const Tasks tasks{wait_task(2s, 7)};
  auto waiter = asyncio::create_task(asyncio::wait(tasks));
  co_await asyncio::sleep(1s);
  waiter.cancel();
  auto r = co_await asyncio::as_result(waiter);
  EXPECT_TRUE(r.cancelled());
  EXPECT_EQ(tasks[0].cancelling(), 0u);
  EXPECT_EQ(co_await tasks[0], 7);
}

// COMB-038
ASYNC_TEST(Wait, CancellingItTakesItsCallbacksAway) {
  asyncio::Future<int> f;
  const std::vector<asyncio::Future<int>> futures{f};
  const std::string before = f.repr();
  auto waiter = asyncio::create_task(asyncio::wait(futures));
  co_await asyncio::sleep(0s);
  EXPECT_NE(f.repr(), before);
  waiter.cancel();
  (void)co_await asyncio::as_result(waiter);
  EXPECT_EQ(f.repr(), before);
}

// COMB-039
ASYNC_TEST(Wait, SeveralMayWaitForTheSameFutures) {
  const Tasks tasks{wait_task(1s), wait_task(2s)};
  auto all = asyncio::create_task(asyncio::wait(tasks));
  auto first =
      asyncio::create_task(asyncio::wait(tasks, {.return_when = asyncio::FIRST_COMPLETED}));
  auto timed = asyncio::create_task(asyncio::wait(tasks, {.timeout = 500ms}));
  EXPECT_EQ((co_await timed).pending.size(), 2u);
  EXPECT_EQ((co_await first).done.size(), 1u);
  EXPECT_EQ((co_await all).done.size(), 2u);
}

// COMB-040
ASYNC_TEST(Wait, ARangeIsGoneThroughOnce) {
  const Tasks tasks{wait_task(1s), wait_task(2s)};
  int taken = 0;
  auto view = std::views::iota(0, 2) | std::views::transform([&](int i) {
                ++taken;
                return tasks[static_cast<std::size_t>(i)];
              });
  auto [done, pending] = co_await asyncio::wait(view);
  EXPECT_EQ(done, tasks);
  EXPECT_EQ(taken, 2);
}

// COMB-030
ASYNC_TEST(Wait, TakesHandlesOfAnyType) {
  asyncio::Future<std::string> f;
  f.set_result("text");
  auto t = wait_task(1s);
  const std::vector<asyncio::FutureBase> bases{f, t};
  EXPECT_EQ((co_await asyncio::wait(bases)).done, bases);
  const std::vector<asyncio::AnyTask> tasks(1, t);
  EXPECT_EQ((co_await asyncio::wait(tasks)).done, tasks);
}

// COMB-030: the handles are copied at the call
ASYNC_TEST(Wait, MayBeStoredAndAwaitedAfterItsArgumentsAreGone) {
  auto stored = [] { return asyncio::wait(Tasks{wait_task(1s, 5)}, {.timeout = 2s}); }();
  auto [done, pending] = co_await std::move(stored);
  EXPECT_EQ(done.at(0).result(), 5);
}
