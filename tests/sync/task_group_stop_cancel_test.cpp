// TaskGroup::cancel() and cancellations that come from elsewhere.

#include <asyncio/task_group.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/with.hpp>

#include "support/endings.hpp"
#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using asyncio::TaskGroup;
using support::Log;
using support::log_end;

namespace {

/// A task with a group whose body waits, or which waits for its child.
asyncio::Coro<> own_group(TaskGroup& group, bool in_the_body, Log& log) {
  co_await asyncio::with(group, [&]() -> asyncio::Coro<> {
    group.create_task(log_end(log, "the child", 1s));
    if (in_the_body) co_await asyncio::sleep(1h);
  });
  log.push_back("left");
}

/// How a task ends that `stop(group, task)` disturbs a second after it began.
template <class F>
asyncio::Coro<std::string> end_of_stopped(bool in_the_body, Log& log, F stop) {
  TaskGroup group;
  auto task = asyncio::create_task(own_group(group, in_the_body, log));
  co_await asyncio::sleep(1s);
  stop(group, task);
  const auto end = co_await asyncio::as_result(task);
  co_return support::text_of(end.error()) + ", cancelling " + std::to_string(task.cancelling());
}

const auto group_first = [](TaskGroup& group, const asyncio::Task<>& task) {
  group.cancel();
  task.cancel("from outside");
};
const auto group_last = [](TaskGroup& group, const asyncio::Task<>& task) {
  task.cancel("from outside");
  group.cancel();
};

}  // namespace

// --- together with a cancellation from outside --------------------------------------------------

// COMB-131, COMB-132
ASYNC_TEST(TaskGroupStopAndCancel, AloneLeavesTheGroupInPeace) {
  const auto stop = [](TaskGroup& group, const asyncio::Task<>&) { group.cancel(); };
  Log log;
  EXPECT_EQ(co_await end_of_stopped(true, log, stop), "no error, cancelling 0");
  EXPECT_EQ(co_await end_of_stopped(false, log, stop), "no error, cancelling 0");
  EXPECT_EQ(log, (Log{"the child cancelled", "left", "the child cancelled", "left"}));
}

// COMB-132
ASYNC_TEST(TaskGroupStopAndCancel, InOneIterationIsCancelledInTheBody) {
  Log log;
  const std::string first = co_await end_of_stopped(true, log, group_first);
  const std::string last = co_await end_of_stopped(true, log, group_last);
  EXPECT_TRUE(first.starts_with("cancelled:") && first.ends_with(", cancelling 1")) << first;
  EXPECT_EQ(last, "cancelled:from outside, cancelling 1");
  EXPECT_EQ(log, (Log{"the child cancelled", "the child cancelled"}));
}

// COMB-132
ASYNC_TEST(TaskGroupStopAndCancel, InOneIterationIsCancelledAtTheEndOfTheGroup) {
  Log log;
  EXPECT_EQ(co_await end_of_stopped(false, log, group_first),
            "cancelled:from outside, cancelling 1");
  EXPECT_EQ(co_await end_of_stopped(false, log, group_last),
            "cancelled:from outside, cancelling 1");
  EXPECT_EQ(log, (Log{"the child cancelled", "the child cancelled"}));
}

// COMB-132
ASYNC_TEST(TaskGroupStopAndCancel, WhileTheChildrenCleanUpIsCancelled) {
  const auto later = [](TaskGroup& group, const asyncio::Task<>& task) {
    group.cancel();
    asyncio::get_running_loop().call_later(500ms, [task] { task.cancel("from outside"); });
  };
  Log log;
  // As in CPython the first CancelledError is kept, in the body the group's own one.
  EXPECT_EQ(co_await end_of_stopped(true, log, later), "cancelled:, cancelling 1");
  EXPECT_EQ(co_await end_of_stopped(false, log, later), "cancelled:from outside, cancelling 1");
  EXPECT_EQ(log, (Log{"the child cancelled", "the child cancelled"}));
}

// COMB-132
ASYNC_TEST(TaskGroupStopAndCancel, AfterACancellationFromOutsideTakesNothingBack) {
  const auto later = [](TaskGroup& group, const asyncio::Task<>& task) {
    task.cancel("from outside");
    asyncio::get_running_loop().call_later(500ms, [&group] { group.cancel(); });
  };
  Log log;
  EXPECT_EQ(co_await end_of_stopped(true, log, later), "cancelled:from outside, cancelling 1");
  EXPECT_EQ(co_await end_of_stopped(false, log, later), "cancelled:from outside, cancelling 1");
}

// COMB-132: a request that the task has ignored before is one from outside, too
ASYNC_TEST(TaskGroupStopAndCancel, AfterARequestThatTheTaskHasIgnoredIsCancelled) {
  Log log;
  const auto ignore = [&]() -> asyncio::Coro<> {
    (void)co_await asyncio::as_result(asyncio::sleep(1h));
    TaskGroup group;
    asyncio::get_running_loop().call_later(1s, [&] { group.cancel(); });
    co_await own_group(group, true, log);
  };
  auto ignoring = asyncio::create_task(ignore);
  co_await asyncio::sleep(0s);
  ignoring.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(ignoring)).cancelled());
  EXPECT_EQ(ignoring.cancelling(), 1U);
  EXPECT_EQ(log, (Log{"the child cancelled"}));
}

// COMB-131
ASYNC_TEST(TaskGroupStopAndCancel, InATimeoutLetsThatCount) {
  Log log;
  co_await asyncio::with(asyncio::timeout(5s), [&](asyncio::Timeout&) -> asyncio::Coro<> {
    TaskGroup group;
    asyncio::get_running_loop().call_later(1s, [&] { group.cancel(); });
    co_await own_group(group, true, log);
  });
  EXPECT_EQ(log, (Log{"the child cancelled", "left"}));
}

// COMB-132
ASYNC_TEST(TaskGroupStopAndCancel, WhenATimeoutStrikesAtOnceIsATimeout) {
  Log log;
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::timeout(1s), [&](asyncio::Timeout&) -> asyncio::Coro<> {
        TaskGroup group;
        asyncio::get_running_loop().call_later(1s, [&] { group.cancel(); });
        co_await own_group(group, true, log);
      }));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0U);
}

// --- nested -----------------------------------------------------------------------------------

// COMB-131
ASYNC_TEST(TaskGroupStopNested, OfTheInnerGroupLeavesTheOuterOneAlone) {
  Log log;
  co_await asyncio::with(TaskGroup(), [&](TaskGroup& outer) -> asyncio::Coro<> {
    auto other = outer.create_task(asyncio::sleep(3s, 1));
    TaskGroup inner;
    asyncio::get_running_loop().call_later(1s, [&] { inner.cancel(); });
    co_await own_group(inner, true, log);
    EXPECT_EQ(co_await other, 1);
  });
  EXPECT_EQ(log, (Log{"the child cancelled", "left"}));
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0U);
}

// COMB-131
ASYNC_TEST(TaskGroupStopNested, OfTheOuterGroupEndsBoth) {
  Log log;
  co_await asyncio::with(TaskGroup(), [&](TaskGroup& outer) -> asyncio::Coro<> {
    outer.create_task(log_end(log, "a child of the outer one"));
    asyncio::get_running_loop().call_later(1s, [&] { outer.cancel(); });
    TaskGroup inner;
    co_await own_group(inner, true, log);
    log.push_back("never");
  });
  EXPECT_EQ(log, (Log{"a child of the outer one cancelled", "the child cancelled"}));
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0U);
}

// COMB-131
ASYNC_TEST(TaskGroupStopNested, OfBothAtOnceLeavesBoth) {
  for (const bool inner_first : {false, true}) {
    Log log;
    TaskGroup outer;
    TaskGroup inner;
    asyncio::get_running_loop().call_later(1s, [&] {
      (inner_first ? inner : outer).cancel();
      (inner_first ? outer : inner).cancel();
    });
    co_await asyncio::with(outer, [&]() -> asyncio::Coro<> {
      co_await own_group(inner, true, log);
      log.push_back("never");
    });
    EXPECT_EQ(log, (Log{"the child cancelled"}));
    EXPECT_EQ(asyncio::current_task()->cancelling(), 0U);
    co_await asyncio::sleep(0s);
  }
}

// COMB-131: a child that is a group itself
ASYNC_TEST(TaskGroupStopNested, OfTheGroupOfAChildEndsThatChildOnly) {
  Log log;
  TaskGroup inner;
  co_await asyncio::with(TaskGroup(), [&](TaskGroup& outer) -> asyncio::Coro<> {
    auto child = outer.create_task(own_group(inner, false, log));
    co_await asyncio::sleep(1s);
    inner.cancel();
    co_await child;
    log.push_back("the body goes on");
  });
  EXPECT_EQ(log, (Log{"the child cancelled", "left", "the body goes on"}));
}
