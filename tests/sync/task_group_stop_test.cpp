// TaskGroup::cancel(): a group that is ended early, without an error.

#include <asyncio/task_group.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include "support/endings.hpp"
#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using asyncio::TaskGroup;
using support::fail_after;
using support::fail_when_cancelled;
using support::Log;
using support::log_end;

namespace {

asyncio::Coro<> cancel_after(TaskGroup& group, asyncio::Duration delay) {
  co_await asyncio::sleep(delay);
  group.cancel();
}

/// The task is as if it had never been asked to stop.
asyncio::Coro<> expect_no_cancellation() {
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0U);
  co_await asyncio::sleep(0s);
}

constexpr const char* unhandled = "unhandled errors in a TaskGroup: ";

}  // namespace

// --- where it is called -----------------------------------------------------------------------

// COMB-131
ASYNC_TEST(TaskGroupStop, CancelsTheBodyAndTheChildrenAndIsNoError) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  Log log;
  co_await asyncio::with(TaskGroup(), [&](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(log_end(log, "a", 2s));
    group.create_task(log_end(log, "b", 1s));
    loop.call_later(1s, [&] { group.cancel(); });
    co_await log_end(log, "the body");
  });
  EXPECT_EQ(log, (Log{"the body cancelled", "b cancelled", "a cancelled"}));
  EXPECT_EQ(loop.time() - start, asyncio::Duration(3s));
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, InTheBodyEndsItAtItsNextAwait) {
  Log log;
  co_await asyncio::with(TaskGroup(), [&](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(log_end(log, "the child"));
    co_await asyncio::sleep(0s);
    group.cancel();
    log.push_back("goes on");
    co_await asyncio::sleep(0s);
    log.push_back("never");
  });
  EXPECT_EQ(log, (Log{"goes on", "the child cancelled"}));
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, InABodyThatAwaitsNothingMoreCancelsTheChildren) {
  Log log;
  co_await asyncio::with(TaskGroup(), [&](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(log_end(log, "the child", 1s));
    co_await asyncio::sleep(0s);
    group.cancel();
    log.push_back("the end");
  });
  EXPECT_EQ(log, (Log{"the end", "the child cancelled"}));
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, InAPlainFunctionAsBodyLetsNoChildBegin) {
  Log log;
  co_await asyncio::with(TaskGroup(), [&](TaskGroup& group) {
    group.create_task(log_end(log, "the child"));
    group.cancel();
  });
  EXPECT_EQ(log, Log());
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, WithoutChildrenEndsTheBodyOnly) {
  co_await asyncio::with(TaskGroup(), [](TaskGroup& group) { group.cancel(); });
  co_await asyncio::with(TaskGroup(), [](TaskGroup& group) -> asyncio::Coro<> {
    group.cancel();
    co_await asyncio::sleep(1h);
  });
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, WhileTheGroupWaitsAtItsEndCancelsTheChildren) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  Log log;
  TaskGroup group;
  loop.call_later(1s, [&] { group.cancel(); });
  co_await asyncio::with(group, [&] { group.create_task(log_end(log, "the child", 1s)); });
  EXPECT_EQ(log, (Log{"the child cancelled"}));
  EXPECT_EQ(loop.time() - start, asyncio::Duration(2s));
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, ByAChildCancelsThatOneToo) {
  Log log;
  co_await asyncio::with(TaskGroup(), [&](TaskGroup& group) -> asyncio::Coro<> {
    const auto child = [&]() -> asyncio::Coro<> {
      co_await cancel_after(group, 1s);
      log.push_back("goes on");
      co_await log_end(log, "the child");
    };
    group.create_task(child);
    group.create_task(log_end(log, "its brother"));
    co_await log_end(log, "the body");
  });
  EXPECT_EQ(log,
            (Log{"goes on", "its brother cancelled", "the body cancelled", "the child cancelled"}));
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, ByTheLastStepOfAChildThatTheGroupWaitsFor) {
  Log log;
  TaskGroup group;
  co_await asyncio::with(group, [&] {
    group.create_task(log_end(log, "the other one"));
    group.create_task(cancel_after(group, 1s));
  });
  EXPECT_EQ(log, (Log{"the other one cancelled"}));
  co_await expect_no_cancellation();
}

// --- before and after -------------------------------------------------------------------------

// COMB-131: before entry it takes effect at entry
ASYNC_TEST(TaskGroupStop, BeforeTheGroupIsEnteredEndsTheBodyAtItsFirstAwait) {
  Log log;
  TaskGroup group;
  group.cancel();
  co_await asyncio::with(group, [&]() -> asyncio::Coro<> {
    log.push_back("begins");
    co_await asyncio::sleep(1h);
    log.push_back("never");
  });
  EXPECT_EQ(log, (Log{"begins"}));
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, BeforeTheGroupIsMovedAndEnteredHoldsForTheNewOne) {
  Log log;
  TaskGroup group;
  group.cancel();
  co_await asyncio::with(std::move(group), [&]() -> asyncio::Coro<> {
    co_await asyncio::sleep(1h);
    log.push_back("never");
  });
  EXPECT_EQ(log, Log());
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, AfterTheEndDoesNothing) {
  TaskGroup group;
  co_await asyncio::with(group, [] {});
  group.cancel();
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, WhenTheLastChildHasEndedDoesNothing) {
  TaskGroup group;
  std::optional<asyncio::Task<>> child;
  const auto end = [&] {
    child = group.create_task(asyncio::sleep(1s));
    child->add_done_callback([&](const asyncio::Task<>&) { group.cancel(); });
  };
  co_await asyncio::with(group, end);
  EXPECT_FALSE(child->cancelled());
  co_await expect_no_cancellation();
}

// COMB-131: idempotent
ASYNC_TEST(TaskGroupStop, CalledAgainDoesNothing) {
  Log log;
  co_await asyncio::with(TaskGroup(), [&](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(log_end(log, "the child", 2s));
    co_await asyncio::sleep(0s);
    group.cancel();
    group.cancel();
    auto end = co_await asyncio::as_result(asyncio::sleep(1h));
    log.push_back(end.cancelled() ? "cancelled" : "ended");
    group.cancel();
    co_await asyncio::sleep(1s);
    log.push_back("in peace");
    asyncio::get_running_loop().call_soon([&] { group.cancel(); });
  });
  EXPECT_EQ(log, (Log{"cancelled", "in peace", "the child cancelled"}));
  co_await expect_no_cancellation();
}

// COMB-131: create_task after it: "is shutting down"
ASYNC_TEST(TaskGroupStop, RefusesNewTasksAfterwards) {
  std::string error;
  co_await asyncio::with(TaskGroup(), [&](TaskGroup& group) {
    group.cancel();
    error = support::thrown_by([&] { group.create_task(asyncio::sleep(1s)); });
  });
  EXPECT_NE(error.find("is shutting down after an error or a cancellation"), std::string::npos)
      << error;
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, BeforeTheGroupIsEnteredRefusesAllTasks) {
  std::string error;
  TaskGroup group;
  group.cancel();
  co_await asyncio::with(
      group, [&] { error = support::thrown_by([&] { group.create_task(asyncio::sleep(1s)); }); });
  EXPECT_NE(error.find("is shutting down"), std::string::npos) << error;
}

// --- what the body gives ----------------------------------------------------------------------

// COMB-131
ASYNC_TEST(TaskGroupStop, LeavesTheValueOfABodyThatEnds) {
  const int value = co_await asyncio::with(TaskGroup(), [](TaskGroup& group) {
    group.cancel();
    return 4;
  });
  EXPECT_EQ(value, 4);
  const int later = co_await asyncio::with(TaskGroup(), [](TaskGroup& group) -> asyncio::Coro<int> {
    group.cancel();
    (void)co_await asyncio::as_result(asyncio::sleep(1h));
    co_return 5;
  });
  EXPECT_EQ(later, 5);
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, OfABodyThatShouldGiveAnOptionalGivesNothing) {
  const auto body = [](TaskGroup& group) -> asyncio::Coro<std::optional<int>> {
    group.cancel();
    co_await asyncio::sleep(1h);
    co_return 4;
  };
  EXPECT_EQ(co_await asyncio::with(TaskGroup(), body), std::nullopt);
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, OfABodyThatShouldGiveAValueIsARuntimeError) {
  const auto body = [](TaskGroup& group) -> asyncio::Coro<int> {
    group.cancel();
    co_await asyncio::sleep(1h);
    co_return 4;
  };
  auto end = co_await asyncio::as_result(asyncio::with(TaskGroup(), body));
  EXPECT_TRUE(support::is_a<asyncio::RuntimeError>(end.error()));
  co_await expect_no_cancellation();
}

// --- with errors ------------------------------------------------------------------------------

// COMB-131
ASYNC_TEST(TaskGroupStop, StillThrowsTheErrorsOfTheChildren) {
  auto end = co_await asyncio::as_result(
      asyncio::with(TaskGroup(), [](TaskGroup& group) -> asyncio::Coro<> {
        group.create_task(fail_when_cancelled("a"));
        group.create_task(fail_when_cancelled("b"));
        co_await asyncio::sleep(0s);
        group.cancel();
        co_await asyncio::sleep(1h);
      }));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "a, b");
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, StillThrowsTheErrorOfTheBody) {
  auto end = co_await asyncio::as_result(
      asyncio::with(TaskGroup(), [](TaskGroup& group) -> asyncio::Coro<> {
        group.cancel();
        co_await fail_when_cancelled("the body");
      }));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "the body");
  co_await expect_no_cancellation();
}

// COMB-131
ASYNC_TEST(TaskGroupStop, OfAGroupThatFailsAlreadyChangesNothing) {
  Log log;
  auto end = co_await asyncio::as_result(
      asyncio::with(TaskGroup(), [&](TaskGroup& group) -> asyncio::Coro<> {
        group.create_task(fail_after(1s, "no"));
        group.create_task(log_end(log, "the child", 1s));
        asyncio::get_running_loop().call_later(1500ms, [&] { group.cancel(); });
        co_await asyncio::sleep(1h);
      }));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "no");
  EXPECT_EQ(log, (Log{"the child cancelled"}));
  co_await expect_no_cancellation();
}
