#include <asyncio/exception_context.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/context.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "support/line.hpp"
#include "support/log_capture.hpp"
#include "support/shuffled.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <concepts>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;
using support::shuffled;

namespace {

template <class H>
concept HandlerAccepted =
    requires(asyncio::EventLoop& loop, H h) { loop.set_exception_handler(h); };

// What a handler was told, without what would keep things alive.
struct Told {
  std::string message;
  std::string error;
  bool handle;
  bool task;
  bool future;
};

Told told(const asyncio::ExceptionContext& context) {
  Told t{context.message, "", context.handle.has_value(), context.task.has_value(),
         context.future.has_value()};
  try {
    if (context.exception) std::rethrow_exception(context.exception);
  } catch (const std::exception& e) {
    t.error = e.what();
  } catch (...) {
    t.error = "not a std::exception";
  }
  return t;
}

asyncio::Coro<> fails() {
  co_await asyncio::sleep(0s);
  throw std::runtime_error("task failed");
}

asyncio::ContextVar<int> shade("shade", 0);

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> lines(1);
  for (const char c : text) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  return lines;
}

}  // namespace

// LOOP-051
TEST(ExceptionHandler, OnlyWhatCanBeCalledWithTheLoopAndAContextIsAccepted) {
  using asyncio::EventLoop;
  using asyncio::ExceptionContext;
  EXPECT_TRUE((HandlerAccepted<void (*)(EventLoop&, const ExceptionContext&)>));
  EXPECT_TRUE(HandlerAccepted<std::nullptr_t>);
  EXPECT_FALSE(HandlerAccepted<int>);
  EXPECT_FALSE(HandlerAccepted<void (*)()>);
}

// LOOP-052, LOOP-051
TEST(ExceptionHandler, GetGivesTheOneThatIsSetOrNone) {
  auto loop = asyncio::new_event_loop();
  EXPECT_EQ(loop->get_exception_handler(), nullptr);
  int calls = 0;
  loop->set_exception_handler(
      [&](asyncio::EventLoop&, const asyncio::ExceptionContext&) { ++calls; });
  ASSERT_NE(loop->get_exception_handler(), nullptr);
  (*loop->get_exception_handler())(*loop, asyncio::ExceptionContext{.message = "m"});
  EXPECT_EQ(calls, 1);
  loop->set_exception_handler(nullptr);
  EXPECT_EQ(loop->get_exception_handler(), nullptr);
  loop->close();
}

// LOOP-053
TEST(ExceptionHandler, IsCalledWithTheLoopAndTheContextInsteadOfTheDefaultOne) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  std::vector<std::string> messages;
  loop->set_exception_handler([&](asyncio::EventLoop& l, const asyncio::ExceptionContext& c) {
    EXPECT_EQ(&l, loop.get());
    messages.push_back(c.message);
  });
  loop->call_exception_handler({.message = "one"});
  EXPECT_TRUE(logged.empty());
  loop->set_exception_handler(nullptr);
  loop->call_exception_handler({.message = "two"});
  EXPECT_EQ(messages, std::vector<std::string>{"one"});
  EXPECT_EQ(logged.lines(), std::vector<std::string>{"two"});
  loop->close();
}

// LOOP-031, LOOP-054, failure 16
ASYNC_TEST(ExceptionHandler, IsToldOnceOfACallbackThatThrowsAndTheLoopGoesOn) {
  if (shuffled()) co_return;
  auto& loop = asyncio::get_running_loop();
  std::vector<Told> reports;
  loop.set_exception_handler(
      [&](asyncio::EventLoop&, const asyncio::ExceptionContext& c) { reports.push_back(told(c)); });
  bool next_ran = false;
  bool timer_ran = false;
  loop.call_soon([] { throw std::runtime_error("callback failed"); });
  loop.call_soon([&] { next_ran = true; });
  loop.call_later(0s, [] { throw std::runtime_error("timer failed"); });
  loop.call_later(0s, [&] { timer_ran = true; });
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(next_ran);
  EXPECT_TRUE(timer_ran);
  EXPECT_EQ(reports.size(), 2U);
  for (const Told& report : reports) {
    EXPECT_TRUE(report.message.starts_with("Exception in callback ")) << report.message;
    EXPECT_TRUE(report.handle);
    EXPECT_FALSE(report.task);
    EXPECT_FALSE(report.future);
  }
  if (reports.size() == 2) {
    EXPECT_EQ(reports[0].error, "callback failed");
    EXPECT_EQ(reports[1].error, "timer failed");
  }
}

// LOOP-031
ASYNC_TEST(ExceptionHandler, IsToldOfWhatIsNoStdExceptionAndOfACancelledErrorToo) {
  auto& loop = asyncio::get_running_loop();
  std::vector<Told> reports;
  loop.set_exception_handler(
      [&](asyncio::EventLoop&, const asyncio::ExceptionContext& c) { reports.push_back(told(c)); });
  loop.call_soon([] { throw 7; });
  loop.call_soon([] { throw asyncio::CancelledError(); });
  co_await support::passes(2);
  EXPECT_EQ(reports.size(), 2U);
}

// LOOP-054
ASYNC_TEST(ExceptionHandler, IsToldOfATaskWhoseErrorNobodyAskedFor) {
  auto& loop = asyncio::get_running_loop();
  std::vector<Told> reports;
  loop.set_exception_handler(
      [&](asyncio::EventLoop&, const asyncio::ExceptionContext& c) { reports.push_back(told(c)); });
  asyncio::create_task(fails());
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(reports.size(), 1U);
  if (!reports.empty()) {
    EXPECT_EQ(reports[0].error, "task failed");
    EXPECT_TRUE(reports[0].task || reports[0].future);
  }
}

// LOOP-055
ASYNC_TEST(ExceptionHandler, RunsInTheContextOfTheHandleThatFailed) {
  auto& loop = asyncio::get_running_loop();
  std::vector<int> seen;
  loop.set_exception_handler(
      [&](asyncio::EventLoop&, const asyncio::ExceptionContext&) { seen.push_back(shade.get()); });
  asyncio::Context context;
  context.run([] { shade.set(4); });
  loop.call_soon(
      [] {
        shade.set(5);
        throw std::runtime_error("x");
      },
      &context);
  co_await support::passes(2);
  EXPECT_EQ(seen, std::vector<int>{5});
}

// LOOP-055
ASYNC_TEST(ExceptionHandler, RunsInTheContextOfTheTaskItIsToldOf) {
  auto& loop = asyncio::get_running_loop();
  std::vector<int> seen;
  loop.set_exception_handler(
      [&](asyncio::EventLoop&, const asyncio::ExceptionContext&) { seen.push_back(shade.get()); });
  shade.set(1);
  asyncio::Context context;
  context.run([] { shade.set(6); });
  auto task = asyncio::create_task(fails(), {.context = &context});
  (void)co_await asyncio::as_result(task);
  asyncio::ExceptionContext report;
  report.message = "about a task";
  report.task = task;
  loop.call_exception_handler(report);
  EXPECT_EQ(seen, std::vector<int>{6});
  EXPECT_EQ(shade.get(), 1);
}

// LOOP-055, TASK-031
ASYNC_TEST(ExceptionHandler, ToldOfATaskThatFailedRunsInTheContextAsThatTaskHasLeftIt) {
  auto& loop = asyncio::get_running_loop();
  std::vector<int> seen;
  loop.set_exception_handler(
      [&](asyncio::EventLoop&, const asyncio::ExceptionContext&) { seen.push_back(shade.get()); });
  const auto body = []() -> asyncio::Coro<> {
    shade.set(7);
    throw std::runtime_error("nobody asks");
    co_return;
  };
  asyncio::create_task(body);
  co_await asyncio::sleep(1s);
  EXPECT_EQ(seen, std::vector<int>{7});
  EXPECT_EQ(shade.get(), 0);
}

// LOOP-056, failure 16
ASYNC_TEST(ExceptionHandler, ThatThrowsIsReportedByTheDefaultOneAndTheLoopGoesOn) {
  const support::LogCapture logged;
  auto& loop = asyncio::get_running_loop();
  int calls = 0;
  loop.set_exception_handler([&](asyncio::EventLoop&, const asyncio::ExceptionContext&) {
    ++calls;
    throw std::runtime_error("handler is broken");
  });
  bool next_ran = false;
  loop.call_soon([] { throw std::runtime_error("callback failed"); });
  loop.call_soon([&] { next_ran = true; });
  co_await support::passes(2);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(next_ran);
  EXPECT_EQ(logged.lines().size(), 1U);
  EXPECT_EQ(logged.count("Unhandled error in exception handler"), 1);
  EXPECT_EQ(logged.count("handler is broken"), 1);
  EXPECT_EQ(logged.count("Exception in callback"), 1);  // the old context is not lost
}

// LOOP-051
ASYNC_TEST(ExceptionHandler, MayReplaceItselfWhileItRuns) {
  const support::LogCapture logged;
  auto& loop = asyncio::get_running_loop();
  const auto captured = std::make_shared<std::string>("still here");
  std::string seen;
  loop.set_exception_handler(
      [&loop, &seen, captured](asyncio::EventLoop&, const asyncio::ExceptionContext&) {
        loop.set_exception_handler(nullptr);
        seen = *captured;
      });
  loop.call_exception_handler({.message = "first"});
  loop.call_exception_handler({.message = "second"});
  EXPECT_EQ(seen, "still here");
  EXPECT_EQ(captured.use_count(), 1);
  EXPECT_EQ(logged.lines(), std::vector<std::string>{"second"});
  co_return;
}

// --- the default handler ---

// LOOP-058
TEST(DefaultExceptionHandler, HasADefaultMessage) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  loop->default_exception_handler({.message = ""});
  EXPECT_EQ(logged.lines(), std::vector<std::string>{"Unhandled exception in event loop"});
  loop->close();
}

// LOOP-058
TEST(DefaultExceptionHandler, WritesOneReportOfMessageKeysAndException) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  loop->set_debug(false);
  loop->call_soon([] { throw std::runtime_error("broken on purpose"); });
  loop->stop();
  loop->run_forever();
  loop->close();
  ASSERT_EQ(logged.lines().size(), 1U);
  const auto lines = split(logged.lines()[0]);
  ASSERT_EQ(lines.size(), 4U) << logged.lines()[0];
  EXPECT_TRUE(lines[0].starts_with("Exception in callback ")) << lines[0];
  EXPECT_TRUE(lines[1].starts_with("handle: <Handle ")) << lines[1];
  EXPECT_TRUE(lines[2].starts_with("created at ")) << lines[2];
  EXPECT_TRUE(lines[3].ends_with("runtime_error: broken on purpose")) << lines[3];
}

// LOOP-058
TEST(DefaultExceptionHandler, WritesTheKeysSorted) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  asyncio::ExceptionContext context;
  context.message = "several keys";
  context.future = loop->create_future<>();
  context.handle = loop->call_soon([] {});
  auto task = loop->create_task(fails());
  context.task = task;
  loop->default_exception_handler(context);
  task.cancel();
  EXPECT_THROW(loop->run_until_complete(task), asyncio::CancelledError);
  loop->close();
  ASSERT_EQ(logged.lines().size(), 1U);
  const auto lines = split(logged.lines()[0]);
  ASSERT_EQ(lines.size(), 4U) << logged.lines()[0];
  EXPECT_EQ(lines[0], "several keys");
  EXPECT_TRUE(lines[1].starts_with("future: <Future pending")) << lines[1];
  EXPECT_TRUE(lines[2].starts_with("handle: <Handle ")) << lines[2];
  EXPECT_TRUE(lines[3].starts_with("task: <Task pending")) << lines[3];
}

// LOOP-059
TEST(DefaultExceptionHandler, InDebugModeTellsWhereTheHandleWasCreated) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  const auto line = std::to_string(__LINE__ + 1);
  loop->call_soon([] { throw std::runtime_error("x"); });
  loop->stop();
  loop->run_forever();
  loop->close();
  EXPECT_EQ(logged.count("exception_handler_test.cpp:" + line + "\n"), 1) << logged.lines()[0];
  EXPECT_EQ(logged.count("created at "), 1);
}
