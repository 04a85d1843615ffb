// The children of a TaskGroup in their forms, disturbed at each of their points.

#include <asyncio/task_group.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/with.hpp>

#include "support/group_children.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>

using namespace std::chrono_literals;
using asyncio::TaskGroup;
using support::clean_up_slowly;
using support::in_group;
using support::Item;
using support::item_in;
using support::require;
using support::torture;
using support::Witness;

namespace {

asyncio::Coro<> have_children(TaskGroup& group, int generations) {
  const Witness witness;
  if (generations == 0) co_return;
  co_await asyncio::sleep(1s);
  group.create_task(have_children(group, generations - 1));
  group.create_task(have_children(group, generations - 1));
}

asyncio::Coro<> children_with_children() {
  const auto body = [](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(have_children(group, 3));
    co_return;
  };
  co_await in_group(body);
}

asyncio::Coro<> eager_children() {
  const auto done_at_once = []() -> asyncio::Coro<int> { co_return 3; };
  const auto body = [&](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(item_in(1s, 1), {.eager_start = true});
    auto number = group.create_task(done_at_once(), {.eager_start = true});
    require(number.done() && number.result() == 3, "an eager child may be done at once");
    co_await asyncio::sleep(0s);
  };
  co_await in_group(body);
}

/// Has a child before it first waits; then takes a second to clean up.
asyncio::Coro<> have_an_eager_child(TaskGroup& group) {
  const Witness witness;
  group.create_task(item_in(1s, 1), {.eager_start = true});
  co_await clean_up_slowly();
}

// A child that has begun is the group's, though there may be no memory to say so.
asyncio::Coro<> eager_children_of_eager_children() {
  const auto body = [](TaskGroup& group) -> asyncio::Coro<> {
    auto child = group.create_task(have_an_eager_child(group), {.eager_start = true});
    co_await asyncio::sleep(0s);
    child.cancel();
  };
  co_await in_group(body);
}

asyncio::Coro<> callable_children() {
  int sum = 0;
  const auto body = [&](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(
        [&sum, item = Item(5)]() -> asyncio::Coro<> {
          const Witness witness;
          co_await asyncio::sleep(1s);
          sum += item.number();
        },
        {.name = "with a name"});
    group.create_task(item_in, asyncio::Duration(1s), 6);
    co_return;
  };
  co_await in_group(body);
  require(sum == 5 || sum == 0, "a callable child runs once");
}

// The children refer to what is in the frame around the group.
asyncio::Coro<> references() {
  int begun = 0;
  int ended = 0;
  struct Ending {
    int& ended;
    ~Ending() { ++ended; }
  };
  const auto child = [&]() -> asyncio::Coro<> {
    ++begun;
    const Ending ending{ended};
    co_await asyncio::sleep(1s);
  };
  const auto body = [&](TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 0; i < 3; ++i) group.create_task(child());
    co_await asyncio::sleep(500ms);
  };
  const auto end = co_await asyncio::as_result(asyncio::with(TaskGroup(), body));
  require(begun == ended, "each child that has begun has ended");
  end.value();
}

}  // namespace

// failure 91
TEST(TaskGroupDisturbed, WhoseChildrenMakeMore) { EXPECT_EQ(torture(&children_with_children), ""); }

// failure 91
TEST(TaskGroupDisturbed, WithEagerChildren) { EXPECT_EQ(torture(&eager_children), ""); }

// failure 91
TEST(TaskGroupDisturbed, WhoseEagerChildrenMakeMore) {
  EXPECT_EQ(torture(&eager_children_of_eager_children), "");
}

// failure 91
TEST(TaskGroupDisturbed, WithCallables) { EXPECT_EQ(torture(&callable_children), ""); }

// failure 91
TEST(TaskGroupDisturbed, OutlivesItsChildren) { EXPECT_EQ(torture(&references), ""); }
