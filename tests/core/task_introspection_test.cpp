#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace introspection {  // named: a compiler's name for an unnamed one must not matter

struct First {
  void operator()() const {}
};
struct Second {
  void operator()() const {}
};
struct Third {
  void operator()() const {}
};

constexpr unsigned innermost_line = __LINE__ + 1;
asyncio::Coro<> innermost(asyncio::Future<> f) { co_await f; }
constexpr unsigned middle_line = __LINE__ + 1;
asyncio::Coro<> middle(asyncio::Future<> f) { co_await innermost(f); }
constexpr unsigned outermost_line = __LINE__ + 1;
asyncio::Coro<> outermost(asyncio::Future<> f) { co_await middle(f); }

asyncio::Coro<> failing() {
  throw std::runtime_error("boom");
  co_return;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<std::string> functions(const std::vector<asyncio::StackFrame>& frames) {
  std::vector<std::string> names;
  for (const auto& frame : frames) names.push_back(frame.function);
  return names;
}

std::string head(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace introspection

using namespace introspection;  // NOLINT(google-build-using-namespace): of this file
using Names = std::vector<std::string>;

// --- Future.repr()
// --------------------------------------------------------------------------------

// TASK-010
ASYNC_TEST(FutureRepr, TellsTheState) {
  const asyncio::Future<int> pending;
  const asyncio::Future<int> value;
  const asyncio::Future<int> error;
  const asyncio::Future<int> cancelled;
  value.set_result(1);
  error.set_exception(std::runtime_error("boom"));
  cancelled.cancel();
  EXPECT_EQ(pending.repr(), "<Future pending>");
  EXPECT_EQ(value.repr().find("<Future finished"), 0U);
  EXPECT_EQ(error.repr(), "<Future finished exception=runtime_error: boom>");
  EXPECT_EQ(cancelled.repr(), "<Future cancelled>");
  EXPECT_NE(error.exception(), nullptr);
  co_return;
}

// TASK-010
ASYNC_TEST(FutureRepr, NamesTheFirstAndTheLastCallbackAndCountsThoseBetween) {
  const asyncio::Future<> f;
  f.add_done_callback(First());
  EXPECT_EQ(f.repr(), "<Future pending cb=[introspection::First]>");
  const auto second = f.add_done_callback(Second());
  EXPECT_EQ(f.repr(), "<Future pending cb=[introspection::First, introspection::Second]>");
  f.add_done_callback(Second());
  f.add_done_callback(Third());
  EXPECT_EQ(f.repr(), "<Future pending cb=[introspection::First, <2 more>, introspection::Third]>");
  f.remove_done_callback(second);
  EXPECT_TRUE(contains(f.repr(), "<1 more>"));
  f.cancel();
  EXPECT_EQ(f.repr(), "<Future cancelled>");
  co_await asyncio::sleep(0s);
}

// TASK-010, TASK-022
ASYNC_TEST(FutureRepr, NamesTheTaskThatWaits) {
  const asyncio::Future<> f;
  auto task = asyncio::create_task(outermost(f), {.name = "waiter"});
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(contains(f.repr(), "waiter"));
  f.set_result();
  co_await task;
}

// --- Task.repr()
// ----------------------------------------------------------------------------------

// TASK-049
ASYNC_TEST(TaskRepr, TellsTheStateAndTheName) {
  const asyncio::Future<> f;
  auto task = asyncio::create_task(outermost(f), {.name = "mine"});
  co_await asyncio::sleep(0s);
  EXPECT_EQ(task.repr().find("<Task pending name='mine' coro=<"), 0U);
  task.cancel();
  EXPECT_EQ(task.repr().find("<Task cancelling name='mine' coro=<"), 0U);
  (void)co_await asyncio::as_result(task);
  EXPECT_EQ(task.repr().find("<Task cancelled name='mine'"), 0U);
}

// TASK-049
ASYNC_TEST(TaskRepr, TellsWhereTheCoroutineIsRunning) {
  const asyncio::Future<> f;
  auto task = asyncio::create_task(outermost(f));
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(contains(task.repr(),
                       "coro=<introspection::outermost() running at "
                       "task_introspection_test.cpp:" +
                           std::to_string(outermost_line) + ">"))
      << task.repr();
  f.set_result();
  co_await task;
}

// TASK-049
ASYNC_TEST(TaskRepr, TellsWhatIsWaitedFor) {
  const asyncio::Future<> f;
  auto task = asyncio::create_task(outermost(f), {.name = "waiter"});
  auto second = asyncio::create_task(innermost(task), {.name = "second"});
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(contains(task.repr(), " wait_for=<Future pending cb=["));
  EXPECT_TRUE(contains(second.repr(), " wait_for=<Task pending name='waiter'"));
  f.set_result();
  co_await second;
}

// TASK-049
ASYNC_TEST(TaskRepr, NamesItsCallbacks) {
  const asyncio::Future<> f;
  auto task = asyncio::create_task(outermost(f));
  task.add_done_callback(First());
  task.add_done_callback(Second());
  EXPECT_TRUE(contains(task.repr(), " cb=[introspection::First, introspection::Second]>"))
      << task.repr();
  f.set_result();
  co_await task;
}

// TASK-049
ASYNC_TEST(TaskRepr, OfAFinishedOneTellsItsCoroutineAndItsError) {
  auto task = asyncio::create_task(failing(), {.name = "mine"});
  (void)co_await asyncio::as_result(task);
  EXPECT_EQ(task.repr().find(
                "<Task finished name='mine' coro=<introspection::failing() done, defined at "),
            0U)
      << task.repr();
  EXPECT_TRUE(contains(task.repr(), " exception=runtime_error: boom>"));
}

// TASK-049
ASYNC_TEST(TaskRepr, OfTasksThatAwaitEachOtherEnds) {
  std::optional<asyncio::Task<>> a;
  std::optional<asyncio::Task<>> b;
  // Through gather(): a plain await would be refused.
  const auto await_a = [&]() -> asyncio::Coro<> { co_await asyncio::gather(*a); };
  const auto await_b = [&]() -> asyncio::Coro<> { co_await asyncio::gather(*b); };
  a = asyncio::create_task(await_b, {.name = "a"});
  b = asyncio::create_task(await_a, {.name = "b"});
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(contains(a->repr(), "name='a'"));
  EXPECT_TRUE(contains(b->repr(), " wait_for=<Future pending"));
  a->cancel();
  (void)co_await asyncio::as_result(*a);
  (void)co_await asyncio::as_result(*b);
}

// --- stacks
// ---------------------------------------------------------------------------------------

// TASK-107
ASYNC_TEST(TaskStack, HasEveryCoroutineThatASuspendedTaskIsInTheOutermostFirst) {
  const asyncio::Future<> f;
  auto task = asyncio::create_task(outermost(f));
  co_await asyncio::sleep(0s);
  const auto frames = task.get_stack();
  EXPECT_EQ(functions(frames), (Names{"introspection::outermost", "introspection::middle",
                                      "introspection::innermost"}));
  EXPECT_EQ(frames.at(0).line, outermost_line);
  EXPECT_EQ(frames.at(1).line, middle_line);
  EXPECT_EQ(frames.at(2).line, innermost_line);
  EXPECT_TRUE(frames.at(2).file.ends_with("task_introspection_test.cpp"));
  f.set_result();
  co_await task;
}

// TASK-107
ASYNC_TEST(TaskStack, OfATaskThatHasNotBegunIsItsCoroutine) {
  const asyncio::Future<> f;
  f.set_result();
  auto task = asyncio::create_task(outermost(f));
  EXPECT_EQ(functions(task.get_stack()), (Names{"introspection::outermost"}));
  co_await task;
}

// TASK-107
ASYNC_TEST(TaskStack, OfADoneTaskIsEmpty) {
  const asyncio::Future<> f;
  auto task = asyncio::create_task(outermost(f));
  auto cancelled = asyncio::create_task(outermost(f));
  cancelled.cancel();
  f.set_result();
  co_await task;
  (void)co_await asyncio::as_result(cancelled);
  EXPECT_TRUE(task.get_stack().empty());
  EXPECT_TRUE(cancelled.get_stack().empty());
}

// TASK-107
ASYNC_TEST(TaskStack, OfTheRunningTaskEndsWithTheCoroutineThatAsks) {
  std::vector<asyncio::StackFrame> frames;
  const auto ask = [&]() -> asyncio::Coro<> {
    frames = asyncio::current_task()->get_stack();
    co_return;
  };
  const auto body = [&]() -> asyncio::Coro<> { co_await ask(); };
  co_await asyncio::create_task(body);
  EXPECT_EQ(frames.size(), 2U);
}

// TASK-108
ASYNC_TEST(TaskStack, ALimitKeepsTheInnermostFrames) {
  const asyncio::Future<> f;
  auto task = asyncio::create_task(outermost(f));
  co_await asyncio::sleep(0s);
  EXPECT_EQ(functions(task.get_stack(2)),
            (Names{"introspection::middle", "introspection::innermost"}));
  EXPECT_EQ(functions(task.get_stack(1)), (Names{"introspection::innermost"}));
  EXPECT_TRUE(task.get_stack(0).empty());
  EXPECT_EQ(task.get_stack(9).size(), 3U);
  f.set_result();
  co_await task;
}

// TASK-109
ASYNC_TEST(TaskStack, IsFormattedWithAHeadAndALinePerFrame) {
  const asyncio::Future<> f;
  auto task = asyncio::create_task(outermost(f));
  co_await asyncio::sleep(0s);
  const std::string text = task.format_stack();
  EXPECT_EQ(head(text), "Stack for " + task.repr() + " (most recent call last):");
  const auto middle_at =
      text.find(", line " + std::to_string(middle_line) + ", in introspection::middle");
  EXPECT_NE(middle_at, std::string::npos);
  EXPECT_GT(text.find("in introspection::innermost"), middle_at);
  EXPECT_FALSE(contains(task.format_stack(1), "in introspection::middle"));
  f.set_result();
  co_await task;
}

// TASK-109
ASYNC_TEST(TaskStack, OfAFailedTaskIsFormattedAsItsError) {
  auto task = asyncio::create_task(failing());
  (void)co_await asyncio::as_result(task);
  const std::string text = task.format_stack();
  EXPECT_EQ(text.find("Traceback for <Task finished "), 0U);
  EXPECT_TRUE(contains(text, "\nruntime_error: boom"));
}

// TASK-109
ASYNC_TEST(TaskStack, OfATaskDoneOtherwiseIsFormattedAsNone) {
  auto task = asyncio::create_task(asyncio::sleep(0s));
  co_await task;
  EXPECT_EQ(task.format_stack(), "No stack for " + task.repr());
}

// TASK-109
ASYNC_TEST(TaskStack, IsPrintedToStandardError) {
  auto task = asyncio::create_task(asyncio::sleep(0s));
  co_await task;
  ::testing::internal::CaptureStderr();
  task.print_stack();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), task.format_stack() + "\n");
}
