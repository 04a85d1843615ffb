#include <asyncio/gather.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

asyncio::Coro<int> gather_gives(asyncio::Duration after, int value) {
  co_await asyncio::sleep(after);
  co_return value;
}

asyncio::Coro<int> gather_fails(asyncio::Duration after, const char* text) {
  co_await asyncio::sleep(after);
  throw std::runtime_error(text);
}

template <class... As>
concept Gathered = requires(As... as) { asyncio::gather(std::move(as)...); };

asyncio::Coro<int> gather_notes(Log& log, const char* name, int value) {
  log.push_back(name);
  co_return value;
}

}  // namespace

// COMB-006
ASYNC_TEST(Gather, CoroutinesBecomeTasksAtTheCall) {
  Log log;
  const auto before = asyncio::all_tasks().size();
  auto outer = asyncio::gather(gather_notes(log, "a", 1), gather_notes(log, "b", 2));
  EXPECT_EQ(asyncio::all_tasks().size(), before + 2);
  EXPECT_EQ(log, Log{});
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"a", "b"}));
  co_await outer;
}

// COMB-006
ASYNC_TEST(Gather, TasksAndFuturesAreUsedAsTheyAre) {
  auto task = asyncio::create_task(gather_gives(1s, 1));
  asyncio::Future<int> future;
  const auto before = asyncio::all_tasks().size();
  auto outer = asyncio::gather(task, future);
  EXPECT_EQ(asyncio::all_tasks().size(), before);
  future.set_result(2);
  EXPECT_EQ(co_await outer, (std::tuple{1, 2}));
  EXPECT_EQ(task.result(), 1);
}

// COMB-007
ASYNC_TEST(Gather, TheChildrenRunAlsoIfNobodyAwaitsTheResult) {
  Log log;
  {
    auto dropped = asyncio::gather(gather_notes(log, "a", 1), gather_notes(log, "b", 2));
  }
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"a", "b"}));
  co_await asyncio::sleep(0s);
}

// COMB-008
ASYNC_TEST(Gather, ValuesStandInTheOrderOfTheArguments) {
  auto [a, b, c] =
      co_await asyncio::gather(gather_gives(3s, 1), gather_gives(1s, 2), gather_gives(2s, 3));
  EXPECT_EQ((std::vector{a, b, c}), (std::vector{1, 2, 3}));
}

// COMB-008, COMB-024
ASYNC_TEST(Gather, ARangeGivesAVectorInItsOrder) {
  std::vector<asyncio::Coro<int>> coros;
  for (int i = 0; i < 4; ++i) coros.push_back(gather_gives(asyncio::Duration(1s) * (4 - i), i));
  const std::vector<int> values = co_await asyncio::gather(std::move(coros));
  EXPECT_EQ(values, (std::vector{0, 1, 2, 3}));
}

// COMB-008: and concurrently
ASYNC_TEST(Gather, LastsAsLongAsItsLongestChild) {
  auto& loop = asyncio::get_running_loop();
  const auto began = loop.time();
  co_await asyncio::gather(gather_gives(3s, 1), gather_gives(1s, 2), gather_gives(2s, 3));
  EXPECT_EQ(loop.time() - began, asyncio::Duration(3s));
}

// COMB-009
ASYNC_TEST(Gather, NothingIsDoneAtOnceAndAwaitingItDoesNotYield) {
  bool yielded = false;
  (void)asyncio::get_running_loop().call_soon([&] { yielded = true; });
  auto outer = asyncio::gather();
  EXPECT_TRUE(outer.done());
  EXPECT_EQ(co_await outer, std::tuple<>());
  EXPECT_FALSE(yielded);
  co_await asyncio::sleep(0s);
}

// COMB-009
ASYNC_TEST(Gather, AnEmptyRangeIsDoneAtOnce) {
  std::vector<asyncio::Coro<int>> none;
  auto outer = asyncio::gather(std::move(none));
  EXPECT_TRUE(outer.done());
  EXPECT_TRUE((co_await outer).empty());
}

// COMB-009
TEST(Gather, NothingNeedsARunningLoop) {
  EXPECT_THROW((void)asyncio::gather(), asyncio::RuntimeError);
}

// COMB-006: and are closed, without a report that they were never awaited
TEST(Gather, CoroutinesNeedARunningLoop) {
  EXPECT_THROW((void)asyncio::gather(gather_gives(0s, 1)), asyncio::RuntimeError);
}

// COMB-010
ASYNC_TEST(Gather, TheSameTaskTwiceRunsOnceAndItsValueStandsAtEachPlace) {
  Log log;
  auto task = asyncio::create_task(gather_notes(log, "run", 7));
  auto [a, b, c] = co_await asyncio::gather(task, gather_gives(0s, 1), task);
  EXPECT_EQ((std::vector{a, b, c}), (std::vector{7, 1, 7}));
  EXPECT_EQ(log, Log{"run"});
}

// COMB-010
ASYNC_TEST(Gather, TheSameTaskTwiceInARangeRunsOnce) {
  Log log;
  auto task = asyncio::create_task(gather_notes(log, "run", 7));
  const std::vector<asyncio::Task<int>> tasks(3, task);
  const std::vector<int> values = co_await asyncio::gather(tasks);
  EXPECT_EQ(values, (std::vector{7, 7, 7}));
  EXPECT_EQ(log, Log{"run"});
}

// COMB-010, COMB-015
ASYNC_TEST(Gather, TheSameFailedTaskTwiceGivesItsErrorAtEachPlace) {
  auto task = asyncio::create_task(gather_fails(0s, "once"));
  auto [a, b] = co_await asyncio::gather(asyncio::return_exceptions, task, task);
  EXPECT_EQ(support::text_of(a.error()), "once");
  EXPECT_EQ(support::text_of(b.error()), "once");
}

// COMB-011
TEST(Gather, FuturesOfDifferentLoopsAreRefused) {
  auto one = asyncio::new_event_loop();
  auto two = asyncio::new_event_loop();
  {
    auto a = one->create_future<int>();
    auto b = two->create_future<int>();
    EXPECT_THROW((void)asyncio::gather(a, b), std::invalid_argument);
    const std::vector<asyncio::Future<int>> both{a, b};
    EXPECT_THROW((void)asyncio::gather(both), std::invalid_argument);
  }
  one->close();
  two->close();
}

// COMB-006, COMB-012
TEST(Gather, DoesNotCompileForWhatIsNotAwaitable) {
  static_assert(Gathered<asyncio::Coro<int>, asyncio::Task<int>>);
  static_assert(!Gathered<int>);
  static_assert(!Gathered<asyncio::Coro<int>, std::string>);
  static_assert(!Gathered<std::vector<int>>);
}

// COMB-006
TEST(Gather, OfFuturesOfAnIdleLoopBelongsToThatLoopHoweverOftenTheyAreGathered) {
  auto loop = asyncio::new_event_loop();
  {
    const std::vector<asyncio::Future<int>> children{loop->create_future<int>(),
                                                     loop->create_future<int>()};
    auto first = asyncio::gather(children);
    auto second = asyncio::gather(children[0], children[1]);
    EXPECT_EQ(&first.get_loop(), loop.get());
    EXPECT_EQ(&second.get_loop(), loop.get());
    loop->poll_once();
    EXPECT_FALSE(first.done());
    EXPECT_FALSE(second.done());
    children[1].set_result(2);
    children[0].set_result(1);
    EXPECT_EQ(loop->run_until_complete(first), (std::vector{1, 2}));
    EXPECT_EQ(loop->run_until_complete(second), (std::tuple{1, 2}));
  }
  loop->close();
}

// COMB-012
ASYNC_TEST(Gather, OfFuturesThatAreAllDoneIsDoneAtOnce) {
  asyncio::Future<int> a;
  asyncio::Future<int> b;
  a.set_result(1);
  b.set_result(2);
  auto outer = asyncio::gather(a, b);
  EXPECT_TRUE(outer.done());
  EXPECT_EQ(outer.result(), (std::tuple{1, 2}));
  co_return;
}

// COMB-012
ASYNC_TEST(Gather, AChildThatHasFailedAlreadyFailsItAtOnce) {
  asyncio::Future<int> pending;
  asyncio::Future<int> failed;
  failed.set_exception(std::runtime_error("early"));
  auto outer = asyncio::gather(pending, failed);
  EXPECT_TRUE(outer.done());
  EXPECT_EQ(support::text_of(outer.exception()), "early");
  EXPECT_FALSE(pending.done());
  co_return;
}

// COMB-012: a child that is done does not wait for its turn in the queue
ASYNC_TEST(Gather, WaitsForTheOthersIfSomeAreDone) {
  asyncio::Future<int> done;
  done.set_result(1);
  auto outer = asyncio::gather(done, gather_gives(1s, 2));
  EXPECT_FALSE(outer.done());
  EXPECT_EQ(co_await outer, (std::tuple{1, 2}));
}

// COMB-013
ASYNC_TEST(Gather, ThrowsTheFirstErrorAtOnceAndTheOthersGoOn) {
  auto& loop = asyncio::get_running_loop();
  const auto began = loop.time();
  auto slow = asyncio::create_task(gather_gives(3s, 1));
  auto r = co_await asyncio::as_result(asyncio::gather(slow, gather_fails(1s, "first")));
  EXPECT_EQ(support::text_of(r.error()), "first");
  EXPECT_EQ(loop.time() - began, asyncio::Duration(1s));
  EXPECT_FALSE(slow.done());
  EXPECT_EQ(slow.cancelling(), 0u);
  EXPECT_EQ(co_await slow, 1);
}

// COMB-013: first in time, not in the order of the arguments
ASYNC_TEST(Gather, TheErrorIsThatOfTheChildThatFailedFirst) {
  const support::LogCapture reports;
  auto later = asyncio::create_task(gather_fails(2s, "later"));
  auto r = co_await asyncio::as_result(asyncio::gather(later, gather_fails(1s, "sooner")));
  EXPECT_EQ(support::text_of(r.error()), "sooner");
  (void)co_await asyncio::as_result(later);
}

// COMB-014, failure 23: told once, and not as one that nobody has looked at
ASYNC_TEST(Gather, AnErrorAfterTheFirstIsTold) {
  const support::LogCapture reports;
  auto r = co_await asyncio::as_result(
      asyncio::gather(gather_fails(2s, "second"), gather_fails(1s, "first")));
  EXPECT_EQ(support::text_of(r.error()), "first");
  EXPECT_TRUE(reports.empty());
  co_await asyncio::sleep(2s);
  EXPECT_EQ(reports.count("second"), 1);
  EXPECT_EQ(reports.count("first"), 0);
  EXPECT_EQ(reports.count("never retrieved"), 0);
}

// COMB-013: what nobody awaits is reported like any future's error
ASYNC_TEST(Gather, AnErrorThatNobodyTakesIsReported) {
  const support::LogCapture reports;
  {
    auto dropped = asyncio::gather(gather_fails(1s, "lost"));
  }
  co_await asyncio::sleep(2s);
  EXPECT_EQ(reports.count("never retrieved"), 1);
  EXPECT_EQ(reports.count("lost"), 1);
}

// COMB-015
ASYNC_TEST(Gather, ReturnExceptionsGivesErrorsInTheirPlaces) {
  auto [a, b, c] = co_await asyncio::gather(asyncio::return_exceptions, gather_gives(3s, 1),
                                            gather_fails(1s, "middle"), gather_fails(2s, "last"));
  EXPECT_EQ(a.value(), 1);
  EXPECT_EQ(support::text_of(b.error()), "middle");
  EXPECT_EQ(support::text_of(c.error()), "last");
}

// COMB-015, COMB-024
ASYNC_TEST(Gather, ReturnExceptionsOfARangeGivesAVectorOfResults) {
  std::vector<asyncio::Coro<int>> coros;
  coros.push_back(gather_fails(1s, "bad"));
  coros.push_back(gather_gives(0s, 2));
  std::vector<asyncio::Result<int>> r =
      co_await asyncio::gather(asyncio::return_exceptions, std::move(coros));
  EXPECT_EQ(r.size(), 2u);
  EXPECT_EQ(support::text_of(r[0].error()), "bad");
  EXPECT_EQ(r[1].value(), 2);
}

// COMB-015, COMB-009
ASYNC_TEST(Gather, ReturnExceptionsOfNothingIsDoneAtOnce) {
  auto outer = asyncio::gather(asyncio::return_exceptions);
  EXPECT_TRUE(outer.done());
  co_await outer;
}

// COMB-024
ASYNC_TEST(Gather, WhereThereIsNoValueStandsNone) {
  auto [a, b] = co_await asyncio::gather(asyncio::sleep(1s), gather_gives(0s, 2));
  static_assert(std::is_same_v<decltype(a), asyncio::None>);
  EXPECT_EQ(b, 2);
}

// COMB-024
ASYNC_TEST(Gather, TypesMayDiffer) {
  auto outer = asyncio::gather(gather_gives(0s, 1), asyncio::sleep(0s, std::string("text")),
                               asyncio::sleep(0s));
  static_assert(std::is_same_v<decltype(outer),
                               asyncio::Future<std::tuple<int, std::string, asyncio::None>>>);
  EXPECT_EQ(std::get<1>(co_await outer), "text");
}

// COMB-024
ASYNC_TEST(Gather, ReturnExceptionsGivesATupleOfResults) {
  auto outer = asyncio::gather(asyncio::return_exceptions, gather_gives(0s, 1), asyncio::sleep(0s));
  static_assert(std::is_same_v<
                decltype(outer),
                asyncio::Future<std::tuple<asyncio::Result<int>, asyncio::Result<asyncio::None>>>>);
  EXPECT_TRUE(std::get<1>(co_await outer).has_value());
}

// COMB-006: a coroutine beside a future of a loop that does not run becomes a task of that loop
TEST(Gather, ACoroutineBesideAFutureOfAnIdleLoopRunsOnThatLoop) {
  auto loop = asyncio::new_event_loop();
  {
    auto future = loop->create_future<int>();
    future.set_result(1);
    EXPECT_NO_THROW({
      auto outer = asyncio::gather(future, gather_gives(0s, 2));
      EXPECT_EQ(loop->run_until_complete(outer), (std::tuple{1, 2}));
    });
  }
  loop->close();
}
