#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

using namespace std::chrono_literals;

namespace {

asyncio::Coro<int> times(int a, int b) {
  co_await asyncio::sleep(0s);
  co_return a* b;
}

asyncio::Coro<std::string> echo(const std::string& text) {
  co_await asyncio::sleep(0s);
  co_return text;
}

struct Counter {
  int n = 0;
  asyncio::Coro<int> add(int by) {
    co_await asyncio::sleep(0s);
    n += by;
    co_return n;
  }
};

/// What create_task() and ensure_future() take.
template <class A>
concept MadeATask = requires(A a) { asyncio::create_task(std::move(a)); };
template <class A>
concept Ensured = requires(A a) { asyncio::ensure_future(std::move(a)); };

unsigned long auto_number(const std::string& name) {
  return name.starts_with("Task-") ? std::stoul(name.substr(5)) : 0;
}

}  // namespace

// --- the forms of create_task
// ---------------------------------------------------------------------

// TASK-038; api.md: create_task(coro, {...})
ASYNC_TEST(CreateTask, TakesACoroutine) {
  auto plain = asyncio::create_task(times(2, 3));
  auto named = asyncio::create_task(times(2, 4), {.name = "named"});
  EXPECT_EQ(named.get_name(), "named");
  EXPECT_EQ(co_await plain, 6);
  EXPECT_EQ(co_await named, 8);
}

// TASK-052; api.md: everything that is a coroutine in Python
ASYNC_TEST(CreateTask, TakesAnotherAwaitableOfOurs) {
  auto plain = asyncio::create_task(asyncio::sleep(1s, 5));
  auto named = asyncio::create_task(asyncio::sleep(1s), {.name = "sleeper"});
  EXPECT_EQ(named.get_name(), "sleeper");
  EXPECT_EQ(co_await plain, 5);
  co_await named;
}

// api.md: create_task(fn, {opts}) keeps the callable while its coroutine runs
ASYNC_TEST(CreateTask, KeepsALambdaWithCapturesWhileItsCoroutineRuns) {
  auto token = std::make_shared<int>(7);
  const std::weak_ptr<int> watch = token;
  auto task = asyncio::create_task(
      [token = std::move(token)]() -> asyncio::Coro<int> {
        co_await asyncio::sleep(1s);
        co_return *token;
      },
      {.name = "lambda"});
  EXPECT_EQ(task.get_name(), "lambda");
  EXPECT_FALSE(watch.expired());
  EXPECT_EQ(co_await task, 7);
  EXPECT_TRUE(watch.expired());
}

// api.md: create_task(fn, args...), decay-copied
ASYNC_TEST(CreateTask, CopiesArgumentsThatLiveAsLongAsTheCoroutine) {
  auto task = asyncio::create_task(times, 2, 3);
  auto text = asyncio::create_task(echo, std::string("a temporary of more than fifteen bytes"));
  EXPECT_EQ(co_await task, 6);
  EXPECT_EQ(co_await text, "a temporary of more than fifteen bytes");
}

// api.md: create_task(TaskOptions{...}, fn, args...)
ASYNC_TEST(CreateTask, TakesOptionsBeforeACallableAndItsArguments) {
  auto task = asyncio::create_task(asyncio::TaskOptions{.name = "six"}, times, 2, 3);
  auto none = asyncio::create_task(asyncio::TaskOptions{.name = "none"},
                                   []() -> asyncio::Coro<int> { co_return 1; });
  EXPECT_EQ(task.get_name(), "six");
  EXPECT_EQ(none.get_name(), "none");
  EXPECT_EQ(co_await task, 6);
  EXPECT_EQ(co_await none, 1);
}

// api.md: decay-copied
ASYNC_TEST(CreateTask, MovesMoveOnlyArgumentsIn) {
  const auto body = [](std::unique_ptr<int> p) -> asyncio::Coro<int> {
    co_await asyncio::sleep(0s);
    co_return *p;
  };
  EXPECT_EQ(co_await asyncio::create_task(body, std::make_unique<int>(9)), 9);
}

// api.md: decay-copied; std::ref passes a reference
ASYNC_TEST(CreateTask, CallsMembersOfACopyOrOfWhatAReferenceOrPointerNames) {
  Counter counter;
  auto on_copy = asyncio::create_task(&Counter::add, counter, 1);
  auto on_pointer = asyncio::create_task(&Counter::add, &counter, 10);
  auto on_reference = asyncio::create_task(&Counter::add, std::ref(counter), 100);
  EXPECT_EQ(co_await on_copy, 1);
  EXPECT_EQ(co_await on_pointer, 10);
  EXPECT_EQ(co_await on_reference, 110);
  EXPECT_EQ(counter.n, 110);
}

// api.md: a callable returning an awaitable of ours will do
ASYNC_TEST(CreateTask, TakesACallableThatReturnsAnotherAwaitable) {
  auto task = asyncio::create_task([] { return asyncio::sleep(1s, 3); });
  EXPECT_EQ(co_await task, 3);
}

// api.md: the same on EventLoop
ASYNC_TEST(CreateTask, TheLoopHasTheSameForms) {
  auto& loop = asyncio::get_running_loop();
  auto a = loop.create_task(times(1, 2), {.name = "a"});
  auto b = loop.create_task(asyncio::sleep(0s, 3));
  auto c = loop.create_task([]() -> asyncio::Coro<int> { co_return 4; }, {.name = "c"});
  auto d = loop.create_task(times, 1, 5);
  auto e = loop.create_task(asyncio::TaskOptions{.name = "e"}, times, 1, 6);
  EXPECT_EQ(a.get_name() + c.get_name() + e.get_name(), "ace");
  EXPECT_EQ(co_await a, 2);
  EXPECT_EQ(co_await b, 3);
  EXPECT_EQ(co_await c, 4);
  EXPECT_EQ(co_await d, 5);
  EXPECT_EQ(co_await e, 6);
}

// TASK-045
ASYNC_TEST(CreateTask, WhatTheCallableThrowsComesOutOfTheCall) {
  const auto throws = [](int) -> asyncio::Coro<> {
    throw std::runtime_error("boom");
    co_return;
  };
  const auto refuses = [](int n) {
    if (n < 0) throw std::invalid_argument("negative");
    return times(n, n);
  };
  auto stored = asyncio::create_task(throws, 1);
  EXPECT_THROW(co_await stored, std::runtime_error);
  EXPECT_THROW(asyncio::create_task(refuses, -1), std::invalid_argument);
  EXPECT_EQ(asyncio::all_tasks().size(), 1U);
}

// failure 100
ASYNC_TEST(CreateTask, RefusesACoroutineThatWasMovedFrom) {
  auto coro = times(1, 2);
  auto task = asyncio::create_task(std::move(coro));
  // NOLINTNEXTLINE(bugprone-use-after-move): what is tested
  EXPECT_THROW(asyncio::create_task(std::move(coro)), asyncio::RuntimeError);
  EXPECT_EQ(co_await task, 2);
}

// RUN-009, TASK-051
TEST(CreateTask, DoesNotCompileForWhatIsNotAwaitable) {
  static_assert(MadeATask<asyncio::Coro<int>>);
  static_assert(MadeATask<asyncio::Coro<int> (*)()>);
  static_assert(!MadeATask<int>);
  static_assert(!MadeATask<int (*)()>);
  static_assert(!MadeATask<std::string>);
  static_assert(!MadeATask<asyncio::Task<int>>);  // it is one already
  static_assert(Ensured<asyncio::Coro<int>>);
  static_assert(Ensured<asyncio::Task<int>>);
  static_assert(!Ensured<int>);
  static_assert(!Ensured<std::string>);
}

// --- names
// ----------------------------------------------------------------------------------------

// TASK-041
ASYNC_TEST(TaskName, IsANumberThatCountsUpUnlessOneWasGiven) {
  auto a = asyncio::create_task(times(1, 1));
  auto named = asyncio::create_task(times(1, 1), {.name = "mine"});
  auto b = asyncio::create_task(times(1, 1));
  EXPECT_GT(auto_number(a.get_name()), 0U);
  EXPECT_EQ(auto_number(b.get_name()), auto_number(a.get_name()) + 1);
  EXPECT_EQ(named.get_name(), "mine");
  co_await a;
  co_await b;
  co_await named;
}

// TASK-041
TEST(TaskName, CountsOverTheProcessNotTheLoop) {
  const auto number = []() -> asyncio::Coro<unsigned long> {
    co_return auto_number(asyncio::current_task()->get_name());
  };
  const auto first = asyncio::testing::run(number);
  const auto second = asyncio::testing::run(number);
  EXPECT_GT(second, first);
}

// TASK-041
ASYNC_TEST(TaskName, MayBeChangedAndIsCopied) {
  asyncio::Future<> gate;
  const auto body = [&]() -> asyncio::Coro<> { co_await gate; };
  std::string text = "before";
  auto task = asyncio::create_task(body, {.name = text});
  text = "xxxxxx";
  EXPECT_EQ(task.get_name(), "before");
  task.set_name("after");
  EXPECT_EQ(task.get_name(), "after");
  EXPECT_EQ(asyncio::AnyTask(task).get_name(), "after");
  gate.set_result();
  co_await task;
  EXPECT_EQ(task.get_name(), "after");
}
