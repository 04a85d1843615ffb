// TaskGroup, disturbed at each of its points.

#include <asyncio/task_group.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/with.hpp>

#include "support/group_children.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::TaskGroup;
using support::clean_up_slowly;
using support::fail_in;
using support::in_group;
using support::Item;
using support::item_in;
using support::require;
using support::torture;

namespace {

/// The same, where domain_errors are expected: a group with one is as good as none.
template <class Body>
asyncio::Coro<bool> fails_in_group(Body& body) {
  const auto end = co_await asyncio::as_result(in_group(body));
  try {
    end.value();
  } catch (const asyncio::BaseExceptionGroup& group) {
    if (!group.subgroup<std::domain_error>()) throw;
    co_return true;
  }
  co_return false;
}

asyncio::Coro<> values() {
  std::vector<asyncio::Task<Item>> tasks;
  const auto body = [&](TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 1; i <= 4; ++i) tasks.push_back(group.create_task(item_in(i % 3 * 1s, i)));
    co_await asyncio::sleep(1s);
  };
  co_await in_group(body);
  for (int i = 1; i <= 4; ++i) {
    require(tasks[i - 1].done(), "a group ends after its children");
    if (!tasks[i - 1].cancelled()) require(tasks[i - 1].result().number() == i, "results are kept");
  }
}

asyncio::Coro<> many() {
  const auto body = [](TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 1; i <= 70; ++i) group.create_task(item_in(1s, i));
    co_return;
  };
  co_await in_group(body);
}

asyncio::Coro<> nested() {
  const auto inner = [](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(item_in(2s, 1));
    group.create_task(item_in(1s, 2));
    co_return;
  };
  const auto outer = [&](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(item_in(3s, 3));
    co_await asyncio::with(TaskGroup(), inner);
    group.create_task(item_in(1s, 4));
  };
  co_await in_group(outer);
}

asyncio::Coro<> failing_child() {
  const auto body = [](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(clean_up_slowly());
    group.create_task(fail_in(1s));
    group.create_task(item_in(2s, 1));
    co_await asyncio::sleep(1h);
  };
  (void)co_await fails_in_group(body);
}

asyncio::Coro<> children_that_fail_together() {
  const auto body = [](TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 0; i < 3; ++i) group.create_task(fail_in(1s));
    co_return;
  };
  (void)co_await fails_in_group(body);
}

asyncio::Coro<> failing_body() {
  const auto body = [](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(clean_up_slowly());
    group.create_task(item_in(1s, 1));
    co_await asyncio::sleep(500ms);
    throw std::domain_error("from the body");
  };
  (void)co_await fails_in_group(body);
}

asyncio::Coro<> failure_in_the_inner_of_two() {
  const auto inner = [](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(fail_in(1s));
    group.create_task(clean_up_slowly());
    co_return;
  };
  const auto outer = [&](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(clean_up_slowly());
    co_await asyncio::with(TaskGroup(), inner);
  };
  (void)co_await fails_in_group(outer);
}

asyncio::Coro<> cancelled_while_it_waits() {
  const auto body = [](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(clean_up_slowly());
    group.create_task(item_in(1s, 1));
    co_return;
  };
  const auto owner = asyncio::create_task([&]() { return in_group(body); });
  co_await asyncio::sleep(2s);
  owner.cancel();
  const auto end = co_await asyncio::as_result(owner);
  if (!end.cancelled()) end.value();
}

asyncio::Coro<> in_a_timeout() {
  const auto group_body = [](TaskGroup& group) { group.create_task(asyncio::sleep(1h)); };
  const auto body = [&](asyncio::Timeout&) -> asyncio::Coro<> { co_await in_group(group_body); };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::timeout(1s), body));
  if (!end && !asyncio::detail::holds<asyncio::TimeoutError>(end.error())) end.value();
}

}  // namespace

// failure 91
TEST(TaskGroupDisturbed, WaitsForItsChildren) { EXPECT_EQ(torture(&values), ""); }

// failure 91
TEST(TaskGroupDisturbed, OfMoreThanTheQueueHadRoomFor) {
  EXPECT_EQ(torture(&many, {.seeds = 5}), "");
}

// failure 91
TEST(TaskGroupDisturbed, InATaskGroup) { EXPECT_EQ(torture(&nested), ""); }

// failure 91
TEST(TaskGroupDisturbed, WithAChildThatFails) { EXPECT_EQ(torture(&failing_child), ""); }

// failure 91
TEST(TaskGroupDisturbed, WithChildrenThatFailTogether) {
  EXPECT_EQ(torture(&children_that_fail_together), "");
}

// failure 91
TEST(TaskGroupDisturbed, WithABodyThatFails) { EXPECT_EQ(torture(&failing_body), ""); }

// failure 91
TEST(TaskGroupDisturbed, AroundOneThatFails) {
  EXPECT_EQ(torture(&failure_in_the_inner_of_two), "");
}

// failure 91, failure 19
TEST(TaskGroupDisturbed, CancelledWhileItWaits) {
  EXPECT_EQ(torture(&cancelled_while_it_waits), "");
}

// failure 91
TEST(TaskGroupDisturbed, InATimeout) { EXPECT_EQ(torture(&in_a_timeout), ""); }
