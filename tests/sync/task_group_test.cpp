#include <asyncio/task_group.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/context.hpp>
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
#include <functional>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using support::fail_after;
using support::Log;
using support::log_end;

namespace {

std::string runtime_error_of(const std::function<void()>& fn) {
  try {
    fn();
  } catch (const asyncio::RuntimeError& e) {
    return e.what();
  }
  return "no error";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

asyncio::Coro<int> value_after(asyncio::Duration delay, int value) {
  co_await asyncio::sleep(delay);
  co_return value;
}

constexpr const char* unhandled = "unhandled errors in a TaskGroup: ";

}  // namespace

// COMB-099
ASYNC_TEST(TaskGroup, CannotBeEnteredOutsideATask) {
  asyncio::TaskGroup group;
  std::string error;
  asyncio::get_running_loop().call_soon(
      [&] { error = runtime_error_of([&] { (void)group.aenter(); }); });
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(has(error, "cannot determine the parent task")) << error;
}

// COMB-100
ASYNC_TEST(TaskGroup, CannotBeEnteredTwice) {
  asyncio::TaskGroup group;
  Log errors;
  co_await asyncio::with(group, [&]() -> asyncio::Coro<> {
    auto within = co_await asyncio::as_result(asyncio::with(group, [] {}));
    errors.push_back(support::text_of(within.error()));
  });
  auto after = co_await asyncio::as_result(asyncio::with(group, [] {}));
  errors.push_back(support::text_of(after.error()));
  for (const std::string& error : errors) {
    EXPECT_TRUE(has(error, "has already been entered")) << error;
  }
}

// COMB-101
ASYNC_TEST(TaskGroup, RefusesTasksBeforeItIsEnteredAndAfterItsEndAndClosesTheCoroutine) {
  asyncio::TaskGroup group;
  const auto create = [&] { group.create_task(value_after(1s, 1)); };
  const std::string before = runtime_error_of(create);
  co_await asyncio::with(group, [] {});
  const std::string after = runtime_error_of(create);
  EXPECT_TRUE(has(before, "has not been entered")) << before;
  EXPECT_TRUE(has(after, "is finished")) << after;
}

// COMB-101
ASYNC_TEST(TaskGroup, RefusesTasksWhileItShutsDown) {
  std::string error;
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
        group.create_task(fail_after(1s, "no"));
        (void)co_await asyncio::as_result(asyncio::sleep(1h));
        error = runtime_error_of([&] { group.create_task(value_after(1s, 1)); });
      }));
  EXPECT_TRUE(has(error, "is shutting down")) << error;
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "no");
}

// COMB-102, COMB-106, COMB-133
ASYNC_TEST(TaskGroup, LeavingWaitsForAllChildrenWhoseResultsAreReadAfterwards) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  std::vector<asyncio::Task<int>> tasks;
  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
    tasks.push_back(group.create_task(value_after(3s, 40)));
    tasks.push_back(group.create_task(value_after(2s, 2)));
  });
  EXPECT_EQ(loop.time() - start, asyncio::Duration(3s));
  EXPECT_EQ(tasks[0].result(), 40);
  EXPECT_EQ(tasks[1].result(), 2);
}

// COMB-102
ASYNC_TEST(TaskGroup, TakesTasksAllThroughItsBody) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  std::vector<asyncio::Task<int>> tasks;
  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    tasks.push_back(group.create_task(value_after(1s, 42)));
    co_await asyncio::sleep(1500ms);
    EXPECT_TRUE(tasks[0].done());
    tasks.push_back(group.create_task(value_after(2s, 11)));
  });
  EXPECT_EQ(loop.time() - start, asyncio::Duration(3500ms));
  EXPECT_EQ(tasks[0].result(), 42);
  EXPECT_EQ(tasks[1].result(), 11);
}

// COMB-102
ASYNC_TEST(TaskGroup, LeavingWaitsForChildrenThatChildrenAddWhileItWaits) {
  Log log;
  asyncio::TaskGroup group;
  auto grandchild = [&]() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    log.push_back("grandchild");
  };
  auto child = [&]() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    group.create_task(grandchild());
    log.push_back("child");
  };
  co_await asyncio::with(group, [&] { group.create_task(child()); });
  log.push_back("left");
  EXPECT_EQ(log, (Log{"child", "grandchild", "left"}));
}

// COMB-103
ASYNC_TEST(TaskGroup, ForgetsAChildOneIterationAfterItsEnd) {
  co_await asyncio::with(asyncio::TaskGroup(), [](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    auto brief = group.create_task(value_after(1s, 1));
    group.create_task(value_after(5s, 1));
    EXPECT_EQ(group.repr(), "<TaskGroup tasks=2 entered>");
    co_await brief;
    co_await asyncio::sleep(0s);
    EXPECT_EQ(group.repr(), "<TaskGroup tasks=1 entered>");
  });
}

// COMB-104
ASYNC_TEST(TaskGroup, LeavingWithoutChildrenDoesNotYield) {
  bool others_ran = false;
  asyncio::get_running_loop().call_soon([&] { others_ran = true; });
  co_await asyncio::with(asyncio::TaskGroup(), [] {});
  EXPECT_FALSE(others_ran);
  co_await asyncio::sleep(0s);
}

// COMB-105
ASYNC_TEST(TaskGroup, PassesNameAndContextOn) {
  asyncio::ContextVar<int> variable("variable", 0);
  const asyncio::Context context = asyncio::copy_context();
  context.run([&] { variable.set(7); });
  int seen = 0;
  std::string name;
  auto child = [&]() -> asyncio::Coro<> {
    seen = variable.get();
    name = asyncio::current_task()->get_name();
    co_return;
  };
  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
    group.create_task(child(), {.name = "yolo", .context = &context});
  });
  EXPECT_EQ(seen, 7);
  EXPECT_EQ(name, "yolo");
}

// COMB-105: create_task in every form
ASYNC_TEST(TaskGroup, TakesACallableWithArgumentsThatItKeeps) {
  std::string text;
  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
    group.create_task(
        [&text](std::string part) -> asyncio::Coro<> {
          co_await asyncio::sleep(1s);
          text += part;
        },
        std::string(40, 'x'));
    group.create_task(asyncio::TaskOptions{.name = "second"}, [&text]() -> asyncio::Coro<> {
      co_await asyncio::sleep(2s);
      text += asyncio::current_task()->get_name();
    });
  });
  EXPECT_EQ(text, std::string(40, 'x') + "second");
}

// COMB-107
ASYNC_TEST(TaskGroup, AChildThatIsCancelledFromOutsideAbortsNothing) {
  int value = 0;
  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    auto doomed = group.create_task(value_after(1h, 1));
    auto other = group.create_task(value_after(2s, 5));
    co_await asyncio::sleep(1s);
    doomed.cancel();
    value = co_await other;
  });
  EXPECT_EQ(value, 5);
}

// COMB-107
ASYNC_TEST(TaskGroup, AChildThatThrowsCancelledErrorItselfAbortsNothing) {
  auto child = []() -> asyncio::Coro<> {
    throw asyncio::CancelledError("mine");
    co_return;
  };
  int value = 0;
  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(child());
    value = co_await asyncio::sleep(1s, 5);
  });
  EXPECT_EQ(value, 5);
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0u);
}

// COMB-108
ASYNC_TEST(TaskGroup, ReprTellsTasksErrorsAndState) {
  asyncio::TaskGroup group;
  EXPECT_EQ(group.repr(), "<TaskGroup>");
  Log log;
  (void)co_await asyncio::as_result(asyncio::with(group, [&]() -> asyncio::Coro<> {
    EXPECT_EQ(group.repr(), "<TaskGroup entered>");
    group.create_task(fail_after(1s, "no"));
    group.create_task(log_end(log, "child", 1s));
    EXPECT_EQ(group.repr(), "<TaskGroup tasks=2 entered>");
    (void)co_await asyncio::as_result(asyncio::sleep(1h));
    EXPECT_EQ(group.repr(), "<TaskGroup tasks=1 errors=1 cancelling>");
  }));
}
