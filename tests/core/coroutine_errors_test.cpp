// What exceptions do on their way through coroutines, tasks, futures and callbacks.

#include <asyncio/as_result.hpp>
#include <asyncio/coroutine.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/finally.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/log_capture.hpp"

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

asyncio::Coro<int> fail_after_a_step(const char* text) {
  co_await asyncio::sleep(0s);
  throw std::range_error(text);
}

asyncio::Coro<int> fail_three_deep(const char* text) {
  const auto middle = [](const char* t) -> asyncio::Coro<int> {
    co_return co_await fail_after_a_step(t);
  };
  co_return co_await middle(text);
}

asyncio::Coro<> swallow_std_exceptions(Log& log) {
  try {
    co_await asyncio::sleep(1h);
  } catch (const std::exception&) {
    log.push_back("swallowed");
  }
  log.push_back("went on");
}

asyncio::Coro<> interrupt() {
  co_await asyncio::sleep(0s);
  throw asyncio::KeyboardInterrupt();
}

/// What a handler sees of a shared error, and what it leaves in it.
struct Counting : std::exception {
  mutable int seen = 0;
};

asyncio::Coro<int> seen_by_now(asyncio::Future<> future) {
  try {
    co_await future;
  } catch (const Counting& e) {
    co_return ++e.seen;
  }
  co_return 0;
}

}  // namespace

// EXC-001
ASYNC_TEST(Errors, ACancellationPassesHandlersOfStdException) {
  Log log;
  auto task = asyncio::create_task(swallow_std_exceptions(log));
  co_await asyncio::sleep(0s);
  task.cancel("why");
  auto end = co_await asyncio::as_result(task);
  EXPECT_TRUE(end.cancelled());
  EXPECT_TRUE(log.empty());
}

// EXC-001
ASYNC_TEST(Errors, ACancellationCarriesItsMessage) {
  auto task = asyncio::create_task(asyncio::sleep(1h));
  co_await asyncio::sleep(0s);
  task.cancel("why");
  std::string message;
  try {
    co_await task;
  } catch (const asyncio::CancelledError& e) {
    message = e.message();
  }
  EXPECT_EQ(message, "why");
}

// EXC-002
ASYNC_TEST(Errors, TheWrongStateOfAFutureIsAnInvalidStateError) {
  asyncio::Future<int> future;
  EXPECT_THROW((void)future.result(), asyncio::InvalidStateError);
  EXPECT_THROW((void)future.exception(), asyncio::InvalidStateError);
  future.set_result(1);
  EXPECT_THROW(future.set_result(2), asyncio::InvalidStateError);
  EXPECT_THROW(future.set_exception(std::range_error("late")), asyncio::InvalidStateError);
  EXPECT_EQ(future.result(), 1);
  co_return;
}

// EXC-003
ASYNC_TEST(Errors, ATimeOutIsTheOneTimeoutError) {
  EXPECT_THROW(co_await asyncio::wait_for(asyncio::sleep(1h), 1ms), asyncio::TimeoutError);
}

// EXC-010
ASYNC_TEST(Errors, MisuseOfARunningLoopIsARuntimeError) {
  auto& loop = asyncio::get_running_loop();
  EXPECT_THROW(loop.run_forever(), asyncio::RuntimeError);
  EXPECT_THROW(loop.close(), asyncio::RuntimeError);
  const auto other = asyncio::new_event_loop();
  EXPECT_THROW(other->run_forever(), asyncio::RuntimeError);
  other->close();
  co_return;
}

// EXC-010
TEST(Errors, MisuseWithoutALoopIsARuntimeError) {
  EXPECT_THROW((void)asyncio::get_running_loop(), asyncio::RuntimeError);
  EXPECT_THROW(asyncio::Future<>(), asyncio::RuntimeError);
  EXPECT_THROW((void)asyncio::all_tasks(), asyncio::RuntimeError);
  EXPECT_THROW((void)asyncio::current_task(), asyncio::RuntimeError);
}

// EXC-010
TEST(Errors, UseOfAClosedLoopIsARuntimeError) {
  const auto loop = asyncio::new_event_loop();
  loop->close();
  EXPECT_THROW(loop->run_forever(), asyncio::RuntimeError);
  EXPECT_THROW(loop->call_soon([] {}), asyncio::RuntimeError);
  EXPECT_THROW(loop->call_soon_threadsafe([] {}), asyncio::RuntimeError);
  EXPECT_THROW(loop->run_until_complete(asyncio::sleep(0s)), asyncio::RuntimeError);
  EXPECT_THROW((void)loop->create_task(interrupt()), asyncio::RuntimeError);
}

// EXC-012, RUN-049
TEST(Errors, KeyboardInterruptOfATaskIsStoredInItAndLeavesTheLoop) {
  const support::LogCapture capture;
  const auto loop = asyncio::new_event_loop();
  auto task = loop->create_task(interrupt());
  EXPECT_THROW(loop->run_forever(), asyncio::KeyboardInterrupt);
  EXPECT_TRUE(task.done());
  EXPECT_FALSE(task.cancelled());
  EXPECT_TRUE(asyncio::detail::is_keyboard_interrupt(task.exception()));
  EXPECT_FALSE(loop->is_running());
  loop->close();
}

// EXC-012, LOOP-032
TEST(Errors, KeyboardInterruptOfACallbackLeavesTheRestOfTheIterationQueued) {
  const auto loop = asyncio::new_event_loop();
  Log log;
  loop->call_soon([] { throw asyncio::KeyboardInterrupt(); });
  loop->call_soon([&] { log.push_back("after"); });
  EXPECT_THROW(loop->run_forever(), asyncio::KeyboardInterrupt);
  EXPECT_TRUE(log.empty());
  loop->run_until_complete(asyncio::sleep(0s));
  EXPECT_EQ(log, Log{"after"});
  loop->close();
}

// EXC-012
TEST(Errors, KeyboardInterruptOfADoneCallbackLeavesTheLoop) {
  const auto loop = asyncio::new_event_loop();
  auto future = loop->create_future<int>();
  future.add_done_callback([](asyncio::Future<int>) { throw asyncio::KeyboardInterrupt(); });
  future.set_result(1);
  EXPECT_THROW(loop->run_forever(), asyncio::KeyboardInterrupt);
  loop->close();
}

// EXC-012
TEST(Errors, KeyboardInterruptOfAChildLeavesATaskGroupBare) {
  const support::LogCapture capture;
  Log log;
  EXPECT_THROW(asyncio::testing::run([&]() -> asyncio::Coro<> {
                 const auto add = [](asyncio::TaskGroup& group) { group.create_task(interrupt); };
                 auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), add));
                 log.push_back(asyncio::detail::describe(end.error()));
                 end.value();
               }),
               asyncio::KeyboardInterrupt);
  EXPECT_EQ(log, Log{"KeyboardInterrupt"});
}

// EXC-012: an ordinary error never leaves the loop
ASYNC_TEST(Errors, AnOrdinaryErrorOfACallbackGoesToTheHandlerAndTheLoopGoesOn) {
  const support::LogCapture capture;
  Log log;
  auto& loop = asyncio::get_running_loop();
  loop.call_soon([] { throw std::range_error("of a callback"); });
  loop.call_soon([&] { log.push_back("next"); });
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, Log{"next"});
  EXPECT_EQ(capture.count("Exception in callback"), 1);
  EXPECT_EQ(capture.count("range_error: of a callback"), 1);
}

// EXC-013
ASYNC_TEST(Errors, ATaskThatThrowsCancelledErrorIsCancelledAndStoresNoException) {
  const auto body = []() -> asyncio::Coro<> {
    co_await asyncio::sleep(0s);
    throw asyncio::CancelledError("own");
  };
  auto task = asyncio::create_task(body);
  auto end = co_await asyncio::as_result(task);
  EXPECT_TRUE(task.cancelled());
  EXPECT_THROW((void)task.exception(), asyncio::CancelledError);
  EXPECT_TRUE(end.cancelled());
}

// EXC-013
ASYNC_TEST(Errors, ATaskStoresAThrownObjectOfAnyType) {
  const auto body = []() -> asyncio::Coro<> {
    co_await asyncio::sleep(0s);
    throw 42;
  };
  auto task = asyncio::create_task(body);
  EXPECT_THROW(co_await task, int);
  EXPECT_FALSE(task.cancelled());
}

// EXC-014
ASYNC_TEST(Errors, CancelledErrorSetOnAPlainFutureIsStoredAsAnException) {
  asyncio::Future<> future;
  future.set_exception(asyncio::CancelledError("stored"));
  EXPECT_FALSE(future.cancelled());
  EXPECT_TRUE(asyncio::detail::is_cancelled_error(future.exception()));
  EXPECT_THROW(co_await future, asyncio::CancelledError);
}

// EXC-016
ASYNC_TEST(Errors, AllAwaitersGetTheSameObject) {
  asyncio::Future<> future;
  auto a = asyncio::create_task(seen_by_now(future));
  auto b = asyncio::create_task(seen_by_now(future));
  co_await asyncio::sleep(0s);
  const auto error = std::make_exception_ptr(Counting());
  future.set_exception(error);
  EXPECT_EQ(co_await a, 1);
  EXPECT_EQ(co_await b, 2);
  EXPECT_EQ(future.exception(), error);
}

// EXC-016
ASYNC_TEST(Errors, AnErrorKeepsItsIdentityThroughCoroutinesTasksAndGather) {
  const auto error = std::make_exception_ptr(std::range_error("one"));
  const auto fail = [&]() -> asyncio::Coro<> {
    co_await asyncio::sleep(0s);
    std::rethrow_exception(error);
  };
  auto task = asyncio::create_task(fail);
  auto group = asyncio::gather(task);
  auto end = co_await asyncio::as_result(group);
  EXPECT_EQ(end.error(), error);
  EXPECT_EQ(task.exception(), error);
}

// EXC-016
ASYNC_TEST(Errors, AnErrorThrownDeepDownIsCaughtByTheOutermostCoroutine) {
  std::string text;
  try {
    (void)co_await fail_three_deep("deep");
  } catch (const std::range_error& e) {
    text = e.what();
  }
  EXPECT_EQ(text, "deep");
}

// EXC-019
ASYNC_TEST(Errors, AsResultTellsValueErrorAndCancellationApart) {
  const auto value = co_await asyncio::as_result(asyncio::sleep(0s, 5));
  EXPECT_TRUE(value.has_value());
  EXPECT_EQ(value.value(), 5);
  EXPECT_EQ(value.error(), nullptr);

  const auto failed = co_await asyncio::as_result(fail_after_a_step("x"));
  EXPECT_FALSE(failed.has_value());
  EXPECT_FALSE(failed.cancelled());
  EXPECT_THROW((void)failed.value(), std::range_error);

  auto task = asyncio::create_task(asyncio::sleep(1h));
  task.cancel();
  const auto cancelled = co_await asyncio::as_result(task);
  EXPECT_TRUE(cancelled.cancelled());
  EXPECT_THROW(cancelled.value(), asyncio::CancelledError);
}

// EXC-019
ASYNC_TEST(Errors, AsResultOfWhatCannotBeAwaitedIsAnErrorAndNotThrown) {
  const auto self = co_await asyncio::as_result(*asyncio::current_task());
  EXPECT_THROW(self.value(), asyncio::RuntimeError);

  asyncio::Future<> moved_from;
  const asyncio::Future<> other = std::move(moved_from);
  const auto uninitialized = co_await asyncio::as_result(moved_from);
  EXPECT_THROW(uninitialized.value(), asyncio::RuntimeError);
}

// EXC-020
ASYNC_TEST(Errors, CleanupInFinallyRunsWhenTheAwaitItselfIsRefused) {
  Log log;
  const auto cleanup = [&]() -> asyncio::Coro<> {
    log.push_back("clean");
    co_return;
  };
  EXPECT_THROW(co_await asyncio::finally(*asyncio::current_task(), cleanup), asyncio::RuntimeError);
  EXPECT_EQ(log, Log{"clean"});
}

// EXC-020
ASYNC_TEST(Errors, CleanupInFinallyMayAwaitWhenCancelled) {
  Log log;
  const auto cleanup = [&]() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    log.push_back("clean");
  };
  const auto body = [&]() -> asyncio::Coro<> {
    co_await asyncio::finally(asyncio::sleep(1h), cleanup);
  };
  auto task = asyncio::create_task(body);
  co_await asyncio::sleep(0s);
  task.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(log, Log{"clean"});
}

// EXC-020
ASYNC_TEST(Errors, CleanupInAShieldedFinallyIsSparedASecondCancel) {
  Log log;
  const auto cleanup = [&]() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    log.push_back("clean");
  };
  const auto body = [&]() -> asyncio::Coro<> {
    co_await asyncio::finally(asyncio::sleep(1h), asyncio::shielded, cleanup);
  };
  auto task = asyncio::create_task(body);
  co_await asyncio::sleep(0s);
  task.cancel();
  co_await asyncio::sleep(500ms);
  task.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(log, Log{"clean"});
}
