// How futures, tasks and callbacks are printed.

#include <asyncio/future.hpp>
#include <asyncio/task.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct on_done {
  int secret = 0;
  void operator()() const {}
};
struct on_first {
  void operator()() const {}
};
struct on_last {
  void operator()() const {}
};

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

asyncio::Coro<> awaits(const asyncio::Future<>& future) { co_await future; }

}  // namespace

// DBG-024: a type's name, since C++ callables have none of their own
TEST(Repr, OfAHandleNamesTheTypeOfItsCallback) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(false);
  const auto soon = loop->call_soon(on_done());
  EXPECT_TRUE(soon.repr().starts_with("<Handle ")) << soon.repr();
  EXPECT_TRUE(soon.repr().ends_with("on_done>")) << soon.repr();
  loop->close();
}

// DBG-024
TEST(Repr, OfAHandleTellsWhereALambdaIs) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(false);
  const auto soon = loop->call_soon([] {});
  EXPECT_TRUE(contains(soon.repr(), "<lambda>")) << soon.repr();
  loop->close();
}

// DBG-010: what a callable has captured may be secret, and is not printed in either mode
TEST(Repr, OfAHandleShowsNothingThatItsCallbackHolds) {
  auto loop = asyncio::new_event_loop();
  for (const bool debug : {false, true}) {
    loop->set_debug(debug);
    const auto soon = loop->call_soon(on_done{.secret = 271828});
    EXPECT_FALSE(contains(soon.repr(), "271828")) << soon.repr();
  }
  loop->close();
}

// DBG-024, TASK-010
ASYNC_TEST(Repr, OfAFutureNamesItsCallbacksAndTheTasksThatWait) {
  const asyncio::Future<> future;
  auto task = asyncio::create_task(awaits(future), {.name = "the waiting one"});
  co_await asyncio::sleep(1s);
  EXPECT_TRUE(future.repr().starts_with("<Future pending cb=[wakeup of the waiting one]"))
      << future.repr();
  future.add_done_callback(on_done());
  EXPECT_TRUE(contains(future.repr(), "on_done]")) << future.repr();
  future.set_result();
  EXPECT_FALSE(contains(future.repr(), "cb=[")) << future.repr();
  co_await task;
}

// DBG-024, TASK-010
ASYNC_TEST(Repr, OfAFutureWithManyCallbacksNamesTheFirstAndTheLast) {
  constexpr int between = 5;
  const asyncio::Future<> future;
  future.add_done_callback(on_first());
  for (int i = 0; i < between; ++i) future.add_done_callback(on_done());
  future.add_done_callback(on_last());
  const std::string repr = future.repr();
  EXPECT_TRUE(contains(repr, "on_first, <5 more>, ")) << repr;
  EXPECT_TRUE(contains(repr, "on_last]")) << repr;
  EXPECT_FALSE(contains(repr, "on_done")) << repr;
  future.set_result();
  co_await asyncio::sleep(1s);
}

// DBG-026: the task waits for the future, and the future calls the task back
ASYNC_TEST(Repr, OfATaskAndTheFutureThatItWaitsForEnds) {
  const asyncio::Future<> future;
  auto task = asyncio::create_task(awaits(future), {.name = "the waiting one"});
  co_await asyncio::sleep(1s);
  EXPECT_EQ(count(task.repr(), "the waiting one"), 2U) << task.repr();
  EXPECT_EQ(count(future.repr(), "the waiting one"), 1U) << future.repr();
  future.set_result();
  co_await task;
}

// DBG-026
ASYNC_TEST(Repr, OfATaskThatAwaitsAGatherOfTasksThatWaitForItEnds) {
  const asyncio::Future<> future;
  std::vector<asyncio::Task<>> tasks;
  const auto gathers = [&]() -> asyncio::Coro<> {
    auto all = asyncio::gather(asyncio::return_exceptions, tasks);
    co_await all;
  };
  tasks.push_back(asyncio::create_task(awaits(future)));
  auto task = asyncio::create_task(gathers);
  tasks.push_back(asyncio::create_task(awaits(future)));
  co_await asyncio::sleep(1s);
  EXPECT_FALSE(task.repr().empty());
  EXPECT_LT(task.repr().size(), 1000U) << task.repr();
  future.set_result();
  co_await task;
}

// DBG-026: a chain of tasks is cut after the first one
ASYNC_TEST(Repr, OfAChainOfTasksTellsTheNextOneOnly) {
  constexpr int length = 1000;
  const asyncio::Future<> future;
  const auto awaits_task = [](asyncio::Task<> next) -> asyncio::Coro<> { co_await next; };
  auto task = asyncio::create_task(awaits(future), {.name = "link 0"});
  for (int i = 1; i < length; ++i) {
    const std::string name = "link " + std::to_string(i);
    task = asyncio::create_task(asyncio::TaskOptions{.name = name}, awaits_task, task);
  }
  co_await asyncio::sleep(1s);
  const std::string repr = task.repr();
  EXPECT_EQ(count(repr, "name='link "), 2U) << repr;
  EXPECT_TRUE(contains(repr, "wait_for=<Task pending name='link 998'>")) << repr;
  future.set_result();
  co_await task;
}
