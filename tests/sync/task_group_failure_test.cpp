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
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using support::fail_after;
using support::fail_when_cancelled;
using support::Log;
using support::log_end;

namespace {

/// Fails with what is no ordinary error.
asyncio::Coro<> fail_oddly() {
  const std::vector errors{std::make_exception_ptr(asyncio::CancelledError())};
  throw asyncio::BaseExceptionGroup("not ordinary", errors);
  co_return;
}

/// How many members a BaseExceptionGroup has that is no ExceptionGroup; 0 for anything else.
std::size_t odd_members(const std::exception_ptr& error) {
  try {
    if (error != nullptr) std::rethrow_exception(error);
  } catch (const std::exception&) {
  } catch (const asyncio::BaseExceptionGroup& group) {
    return group.exceptions().size();
  } catch (...) {
  }
  return 0;
}

/// Two more of these in the group every ten milliseconds.
asyncio::Coro<> grow(asyncio::TaskGroup& group, int& heads) {
  if (++heads > 100) co_return;
  co_await asyncio::sleep(10ms);
  group.create_task(grow(group, heads));
  group.create_task(grow(group, heads));
}

constexpr const char* unhandled = "unhandled errors in a TaskGroup: ";

}  // namespace

// COMB-109, COMB-111, COMB-112, COMB-113
ASYNC_TEST(TaskGroupChildFailure, CancelsTheOthersAndTheBodyAndThrowsAGroupOfOne) {
  Log log;
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
        group.create_task(log_end(log, "child"));
        group.create_task(fail_after(1s, "no"));
        auto body = co_await asyncio::as_result(asyncio::sleep(1h));
        log.push_back(body.cancelled() ? "body cancelled" : "body ended");
        body.value();
      }));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "no");
  EXPECT_EQ(log, (Log{"child cancelled", "body cancelled"}));
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0u);
}

// COMB-109
ASYNC_TEST(TaskGroupChildFailure, WhileTheGroupWaitsCancelsTheOthers) {
  Log log;
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
        group.create_task(log_end(log, "child"));
        group.create_task(fail_after(1s, "no"));
      }));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "no");
  EXPECT_EQ(log, (Log{"child cancelled"}));
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0u);
  co_await asyncio::sleep(0s);
}

// COMB-110
ASYNC_TEST(TaskGroupChildFailure, ABodyThatSwallowsTheCancelGoesOnAndTheGroupIsThrownAllTheSame) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
        group.create_task(fail_after(1s, "no"));
        (void)co_await asyncio::as_result(asyncio::sleep(1h));
        co_await asyncio::sleep(2s);
      }));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "no");
  EXPECT_EQ(loop.time() - start, asyncio::Duration(3s));
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0u);
}

// COMB-111
ASYNC_TEST(TaskGroupChildFailure, WaitsForTheCleanupOfCancelledChildren) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  Log log;
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
        group.create_task(log_end(log, "child", 5s));
        group.create_task(fail_after(1s, "no"));
      }));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "no");
  EXPECT_EQ(log, (Log{"child cancelled"}));
  EXPECT_EQ(loop.time() - start, asyncio::Duration(6s));
}

// COMB-112, COMB-116
ASYNC_TEST(TaskGroupChildFailure, GroupsErrorsInOrderOfCompletionAndTheBodysLast) {
  auto late = []() -> asyncio::Coro<> {
    (void)co_await asyncio::as_result(asyncio::sleep(1h));
    co_await asyncio::sleep(1s);
    throw std::domain_error("third");
  };
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
        group.create_task(late());
        group.create_task(fail_when_cancelled("second"));
        group.create_task(fail_after(1s, "first"));
        (void)co_await asyncio::as_result(asyncio::sleep(1h));
        throw std::domain_error("body");
      }));
  EXPECT_EQ(support::members_of(end.error()),
            std::string(unhandled) + "first, second, third, body");
}

// COMB-114
ASYNC_TEST(TaskGroupChildFailure, AnErrorThatIsNoOrdinaryOneMakesABaseExceptionGroup) {
  auto child = []() -> asyncio::Coro<> {
    const std::vector errors{std::make_exception_ptr(asyncio::CancelledError())};
    throw asyncio::BaseExceptionGroup("not ordinary", errors);
    co_return;
  };
  auto end = co_await asyncio::as_result(asyncio::with(
      asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) { group.create_task(child()); }));
  EXPECT_EQ(support::text_of(end.error()), "something");  // no std::exception, so no ExceptionGroup
  bool is_group = false;
  try {
    std::rethrow_exception(end.error());
  } catch (const asyncio::BaseExceptionGroup& group) {
    is_group = group.exceptions().size() == 1;
  } catch (...) {
  }
  EXPECT_TRUE(is_group);
}

// COMB-114, COMB-112
ASYNC_TEST(TaskGroupChildFailure, OneThatIsNoOrdinaryErrorAmongOthersMakesABaseExceptionGroup) {
  for (const bool of_child : {true, false}) {
    auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
      if (of_child) {
        group.create_task(fail_oddly());
      } else {
        group.create_task(fail_after(1s, "ordinary"));
      }
      (void)co_await asyncio::as_result(asyncio::sleep(1h));
      if (!of_child) co_await fail_oddly();
      throw std::domain_error("ordinary");
    };
    auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), body));
    EXPECT_EQ(odd_members(end.error()), 2U) << of_child;
    EXPECT_EQ(asyncio::current_task()->cancelling(), 0U);
  }
}

// COMB-102, COMB-109, COMB-116
ASYNC_TEST(TaskGroupChildFailure, EndsChildrenThatKeepMakingMore) {
  int heads = 0;
  asyncio::TaskGroup group;
  auto hercules = [&]() -> asyncio::Coro<> {
    while (heads < 10) co_await asyncio::sleep(15ms);
    throw std::domain_error("enough");
  };
  auto body = [&] {
    group.create_task(grow(group, heads));
    group.create_task(hercules());
  };
  auto end = co_await asyncio::as_result(asyncio::with(group, body));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "enough");
  EXPECT_GE(heads, 10);
  EXPECT_EQ(asyncio::all_tasks().size(), 1U);
}

// COMB-113: also for what is thrown in C++ only
ASYNC_TEST(TaskGroupChildFailure, AnErrorThatIsNoStdExceptionIsAnOrdinaryOne) {
  auto child = []() -> asyncio::Coro<> {
    throw 5;
    co_return;
  };
  auto end = co_await asyncio::as_result(asyncio::with(
      asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) { group.create_task(child()); }));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "something");
}

// COMB-115
ASYNC_TEST(TaskGroupChildFailure, LeavesTheParentsCancelCountAsItWas) {
  auto self = *asyncio::current_task();
  self.cancel();
  (void)co_await asyncio::as_result(asyncio::sleep(1s));
  EXPECT_EQ(self.cancelling(), 1u);
  std::uint32_t within = 0;
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
        group.create_task(fail_after(1s, "no"));
        auto body = co_await asyncio::as_result(asyncio::sleep(1h));
        within = self.cancelling();
        body.value();
      }));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "no");
  EXPECT_EQ(within, 2u);
  EXPECT_EQ(self.cancelling(), 1u);
  // The old cancel counts as pending again, as in CPython; take it back.
  self.uncancel();
  co_await asyncio::sleep(0s);
}

// COMB-129, COMB-130
ASYNC_TEST(TaskGroupChildFailure, AnEagerChildThatFailsAtOnceCancelsTheBodyOnlyLater) {
  auto child = []() -> asyncio::Coro<> {
    throw std::domain_error("no");
    co_return;
  };
  Log log;
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
        auto task = group.create_task(child(), {.eager_start = true});
        log.push_back(task.done() ? "done" : "pending");
        log.push_back(std::to_string(asyncio::current_task()->cancelling()));
        group.create_task(log_end(log, "child"));
        auto body = co_await asyncio::as_result(asyncio::sleep(1h));
        log.push_back(body.cancelled() ? "body cancelled" : "body ended");
        body.value();
      }));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "no");
  EXPECT_EQ(log, (Log{"done", "0", "body cancelled"}));  // the other child never began
}
