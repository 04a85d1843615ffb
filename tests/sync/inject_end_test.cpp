// A task that is suspended on each kind of awaitable: cancelled, at the end of run(), and when its
// loop is closed.

#include <asyncio/as_completed.hpp>
#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/finally.hpp>
#include <asyncio/future.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/shield.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/threads.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/wait.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using support::Witness;

namespace {

Coro<int> leaf() {
  const Witness witness;
  co_return co_await asyncio::sleep(1h, 1);
}
Coro<> void_leaf() {
  const Witness witness;
  co_await asyncio::sleep(1h);
}

std::vector<asyncio::Task<int>> leaves() {
  std::vector<asyncio::Task<int>> tasks;
  for (int i = 0; i < 2; ++i) tasks.push_back(asyncio::create_task(leaf()));
  return tasks;
}

/// Awaits what `make` gives; whatever that takes lives in this frame.
template <auto make>
Coro<> on() {
  const Witness witness;
  auto awaitable = make();
  (void)co_await std::move(awaitable);
}

Coro<> on_future() {
  const Witness witness;
  const asyncio::Future<int> future;
  (void)co_await future;
}

Coro<> on_task() {
  const Witness witness;
  const auto task = asyncio::create_task(leaf());
  (void)co_await task;
}

Coro<> on_deep_chain(int depth = 20) {
  const Witness witness;
  if (depth == 0) {
    co_await asyncio::sleep(1h);
  } else {
    co_await on_deep_chain(depth - 1);
  }
}

Coro<> on_nested_gather() {
  const Witness witness;
  const asyncio::Future<int> future;
  co_await asyncio::gather(asyncio::gather(leaf(), future), asyncio::gather(leaf()), void_leaf());
}

Coro<> on_wait(asyncio::WaitOptions how) {
  const Witness witness;
  const auto tasks = leaves();
  (void)co_await asyncio::wait(tasks, how);
}
Coro<> on_wait_for_all() { return on_wait({}); }
Coro<> on_wait_with_timeout() {
  return on_wait({.timeout = 1h, .return_when = asyncio::FIRST_COMPLETED});
}

Coro<> on_group_body() {
  const Witness witness;
  co_await asyncio::with(asyncio::TaskGroup(), [](asyncio::TaskGroup& group) -> Coro<> {
    const Witness inner;
    group.create_task(leaf());
    co_await asyncio::sleep(1h);
  });
}

Coro<> on_group_children() {
  const Witness witness;
  co_await asyncio::with(asyncio::TaskGroup(), [](asyncio::TaskGroup& group) {
    group.create_task(leaf());
    group.create_task(void_leaf());
  });
}

Coro<> on_timeouts() {
  const Witness witness;
  co_await asyncio::with(asyncio::timeout(2h), []() -> Coro<> {
    co_await asyncio::with(asyncio::timeout_at(std::nullopt), []() -> Coro<> { co_await leaf(); });
  });
}

Coro<> on_completion() {
  const Witness witness;
  for (auto& next : asyncio::as_completed(leaves())) (void)co_await next;
}

Coro<> on_next_completed() {
  const Witness witness;
  auto completed = asyncio::as_completed(leaves(), 1h);
  while (co_await completed.next()) {
  }
}

Coro<> on_shielded_task() {
  const Witness witness;
  const auto task = asyncio::create_task(leaf());
  (void)co_await asyncio::shield(task);
}

struct SlowDoor {
  Coro<> aenter() { return void_leaf(); }
  Coro<> aexit(std::exception_ptr) { return void_leaf(); }
};
struct SlowExit {
  Coro<> aenter() { co_return; }
  Coro<> aexit(std::exception_ptr) { return void_leaf(); }
};

Coro<> on_enter() {
  const Witness witness;
  co_await asyncio::with(SlowDoor(), [] {});
}
Coro<> on_exit() {
  const Witness witness;
  co_await asyncio::with(SlowExit(), [] {});
}

Coro<> on_cleanup() {
  const Witness witness;
  co_await asyncio::finally(asyncio::sleep(0s), void_leaf);
}

Coro<> on_shielded_cleanup() {
  const Witness witness;
  const auto cleanup = []() -> Coro<> {
    const Witness inner;
    co_await asyncio::sleep(2s);
  };
  co_await asyncio::finally(asyncio::sleep(0s), asyncio::shielded, cleanup);
}

struct Kind {
  const char* name;
  Coro<> (*make)();
};

constexpr Kind kinds[] = {
    {"sleep", &void_leaf},
    {"sleep with a value", &on<&leaf>},
    {"a future", &on_future},
    {"a future that nobody else holds", &on<[] { return asyncio::Future<std::string>(); }>},
    {"a task", &on_task},
    {"a task that nobody else holds", &on<[] { return asyncio::create_task(leaf()); }>},
    {"an eager task",
     &on<[] { return asyncio::create_task(leaf, {.name = "eager", .eager_start = true}); }>},
    {"a chain of coroutines", [] { return on_deep_chain(); }},
    {"gather", &on<[] { return asyncio::gather(leaf(), void_leaf()); }>},
    {"gather of a range",
     &on<[] { return asyncio::gather(asyncio::return_exceptions, leaves()); }>},
    {"gather of gathers", &on_nested_gather},
    {"wait", &on_wait_for_all},
    {"wait with a timeout", &on_wait_with_timeout},
    {"wait_for", &on<[] { return asyncio::wait_for(leaf(), 2h); }>},
    {"wait_for of a task", &on<[] { return asyncio::wait_for(asyncio::create_task(leaf()), 2h); }>},
    {"wait_for without a limit", &on<[] { return asyncio::wait_for(leaf(), std::nullopt); }>},
    {"the body of a group", &on_group_body},
    {"the children of a group", &on_group_children},
    {"timeouts", &on_timeouts},
    {"as_completed", &on_completion},
    {"as_completed's tasks", &on_next_completed},
    {"shield", &on<[] { return asyncio::shield(leaf()); }>},
    {"shield of a task", &on_shielded_task},
    {"as_result", &on<[] { return asyncio::as_result(leaf()); }>},
    {"with: entering", &on_enter},
    {"with: leaving", &on_exit},
    {"finally", &on<[] { return asyncio::finally(leaf(), [] {}); }>},
    {"finally: the cleanup", &on_cleanup},
    {"finally: a shielded cleanup", &on_shielded_cleanup},
};

constexpr int passes = 5;  // until each of them is suspended where it is meant to be

/// A main that ends while a task waits.
Coro<> leave(Coro<> (*make)()) {
  asyncio::create_task(make());
  for (int i = 0; i < passes; ++i) co_await asyncio::sleep(0s);
}

/// A main that cancels a task that waits.
Coro<> cancel(Coro<> (*make)()) {
  const auto task = asyncio::create_task(make());
  co_await asyncio::sleep(1s);
  task.cancel();
  const auto end = co_await asyncio::as_result(task);
  if (!end.cancelled()) end.value();
}

}  // namespace

// failure 95
TEST(EndOfRun, CancelsATaskThatIsSuspendedOnEachKindOfAwaitable) {
  for (const Kind& kind : kinds) {
    SCOPED_TRACE(kind.name);
    const support::LogCapture reports;
    const std::int64_t before = asyncio::detail::live_blocks();
    asyncio::testing::run(leave(kind.make));
    asyncio::detail::forget_failures();
    EXPECT_EQ(Witness::alive, 0);
    EXPECT_EQ(asyncio::detail::live_blocks(), before);
    EXPECT_EQ(reports.lines(), std::vector<std::string>());
  }
}

// failure 95: all at once, when what they wait for is gone before them
TEST(EndOfRun, CancelsTasksThatAreSuspendedOnAllKindsOfAwaitables) {
  const support::LogCapture reports;
  const std::int64_t before = asyncio::detail::live_blocks();
  asyncio::testing::run([]() -> Coro<> {
    for (int i = 0; i < 10; ++i) {
      for (const Kind& kind : kinds) asyncio::create_task(kind.make());
    }
    for (int i = 0; i < passes; ++i) co_await asyncio::sleep(0s);
  });
  asyncio::detail::forget_failures();
  EXPECT_EQ(Witness::alive, 0);
  EXPECT_EQ(asyncio::detail::live_blocks(), before);
  EXPECT_EQ(reports.lines(), std::vector<std::string>());
}

// failure 95, failure 103: nothing is resumed, everything is destroyed
TEST(EndOfLoop, DestroysATaskThatIsSuspendedOnEachKindOfAwaitable) {
  for (const Kind& kind : kinds) {
    SCOPED_TRACE(kind.name);
    const support::LogCapture reports;
    const std::int64_t before = asyncio::detail::live_blocks();
    {
      auto loop = asyncio::testing::new_virtual_loop();
      loop->create_task(kind.make());
      for (int i = 0; i < passes; ++i) loop->poll_once();
      EXPECT_GT(Witness::alive, 0);
      loop->close();
      EXPECT_EQ(Witness::alive, 0);
    }
    EXPECT_EQ(asyncio::detail::live_blocks(), before);
    EXPECT_GT(reports.count("Task was destroyed but it is pending!"), 0);
    EXPECT_EQ(reports.count("never retrieved"), 0);
  }
}

// failure 91
TEST(CancelDisturbed, OfATaskThatIsSuspendedOnEachKindOfAwaitable) {
  for (const Kind& kind : kinds) {
    SCOPED_TRACE(kind.name);
    EXPECT_EQ(support::torture([&kind] { return cancel(kind.make); }, {.seeds = 10}), "");
  }
}

// failure 91
TEST(EndOfRunDisturbed, WithATaskThatIsSuspendedOnEachKindOfAwaitable) {
  for (const Kind& kind : kinds) {
    SCOPED_TRACE(kind.name);
    EXPECT_EQ(support::torture([&kind] { return leave(kind.make); }, {.seeds = 10}), "");
  }
}
