#include <asyncio/task.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

void cancel_self(std::string_view message = {}) { asyncio::current_task()->cancel(message); }

/// How an await has ended.
template <class T>
std::string end_of(const asyncio::Result<T>& r) {
  if (r.has_value()) return "value";
  try {
    std::rethrow_exception(r.error());
  } catch (const asyncio::CancelledError& e) {
    return e.message().empty() ? "cancelled" : "cancelled: " + std::string(e.message());
  } catch (const std::exception& e) {
    return e.what();
  }
}

/// Awaits `f` and logs how that has ended.
asyncio::Coro<> log_end(Log& log, asyncio::Future<int> f) {
  log.push_back(end_of(co_await asyncio::as_result(f)));
}

asyncio::Coro<int> pass_on(asyncio::Future<int> f) { co_return co_await f; }

}  // namespace

// TASK-060, TASK-081
ASYNC_TEST(TaskCancel, OfADoneTaskDoesNothing) {
  auto task = asyncio::create_task(asyncio::sleep(0s, 5));
  co_await task;
  EXPECT_FALSE(task.cancel());
  EXPECT_EQ(task.cancelling(), 0U);
  EXPECT_FALSE(task.cancelled());
  EXPECT_EQ(task.result(), 5);
}

// TASK-060
ASYNC_TEST(TaskCancel, OfACancelledTaskDoesNothing) {
  auto task = asyncio::create_task(asyncio::sleep(1h));
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(task.cancel("first"));
  EXPECT_EQ(end_of(co_await asyncio::as_result(task)), "cancelled: first");
  EXPECT_FALSE(task.cancel("second"));
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(task.cancelling(), 1U);
}

// TASK-062
ASYNC_TEST(TaskCancel, CancelsTheAwaitedFutureAtOnceAndThrowsOnePassLater) {
  asyncio::Future<int> f;
  Log log;
  auto task = asyncio::create_task(log_end(log, f));
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(task.cancel("stop"));
  EXPECT_TRUE(f.cancelled());
  EXPECT_FALSE(task.done());
  EXPECT_TRUE(log.empty());
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"cancelled: stop"}));
  co_await task;
}

// TASK-062
ASYNC_TEST(TaskCancel, BothTheFutureAndTheTaskMayBeCancelled) {
  asyncio::Future<int> f;
  auto task = asyncio::create_task(pass_on(f));
  co_await asyncio::sleep(0s);
  f.cancel();
  EXPECT_TRUE(task.cancel());
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_TRUE(task.cancelled());
}

// TASK-030, TASK-074
ASYNC_TEST(TaskCancel, OfTheAwaitedFutureAloneEndsTheTaskCancelled) {
  asyncio::Future<int> f;
  auto task = asyncio::create_task(pass_on(f));
  co_await asyncio::sleep(0s);
  f.cancel("from below");
  EXPECT_EQ(end_of(co_await asyncio::as_result(task)), "cancelled: from below");
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(task.cancelling(), 0U);
}

// TASK-063
ASYNC_TEST(TaskCancel, GoesDownAChainOfTasksToTheInnermostFuture) {
  asyncio::Future<int> f;
  auto inner = asyncio::create_task(pass_on(f));
  auto outer = asyncio::create_task(pass_on(inner));
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(outer.cancel());
  EXPECT_TRUE(f.cancelled());
  EXPECT_EQ(inner.cancelling(), 1U);
  EXPECT_TRUE((co_await asyncio::as_result(outer)).cancelled());
  EXPECT_TRUE(inner.cancelled());
}

// TASK-063, TASK-075
ASYNC_TEST(TaskCancel, WhatTheInnerTaskSwallowsTheOuterOneNeverSees) {
  const auto swallow = []() -> asyncio::Coro<int> {
    const auto r = co_await asyncio::as_result(asyncio::sleep(1h));
    co_return r.cancelled() ? 7 : 0;
  };
  auto inner = asyncio::create_task(swallow);
  auto outer = asyncio::create_task(pass_on(inner));
  co_await asyncio::sleep(0s);
  outer.cancel();
  EXPECT_EQ(co_await outer, 7);
  EXPECT_EQ(inner.cancelling(), 1U);
  EXPECT_EQ(outer.cancelling(), 1U);
}

// TASK-064
ASYNC_TEST(TaskCancel, OfATaskThatIsMerelyScheduledIsThrownAtItsNextStep) {
  Log log;
  const auto body = [&]() -> asyncio::Coro<> {
    log.push_back(end_of(co_await asyncio::as_result(asyncio::sleep(0s))));
  };
  auto task = asyncio::create_task(body);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(task.cancel("stop"));
  co_await task;
  EXPECT_EQ(log, (Log{"cancelled: stop"}));
}

// TASK-064, TASK-065, failure 18
ASYNC_TEST(TaskCancel, AfterTheFutureIsDoneInTheSamePassReplacesItsValue) {
  asyncio::Future<int> f;
  Log log;
  auto task = asyncio::create_task(log_end(log, f));
  co_await asyncio::sleep(0s);
  f.set_result(5);
  EXPECT_TRUE(task.cancel("late"));
  co_await task;
  EXPECT_EQ(log, (Log{"cancelled: late"}));
  EXPECT_EQ(f.result(), 5);
}

// TASK-064, TASK-065
ASYNC_TEST(TaskCancel, AfterTheFutureIsDoneInTheSamePassReplacesItsError) {
  asyncio::Future<int> f;
  Log log;
  auto task = asyncio::create_task(log_end(log, f));
  co_await asyncio::sleep(0s);
  f.set_exception(std::runtime_error("boom"));
  EXPECT_TRUE(task.cancel());
  co_await task;
  EXPECT_EQ(log, (Log{"cancelled"}));
  EXPECT_NE(f.exception(), nullptr);
}

// TASK-065, failure 18
ASYNC_TEST(TaskCancel, BeforeTheFutureWouldBeDoneInTheSamePassWins) {
  asyncio::Future<int> f;
  Log log;
  auto task = asyncio::create_task(log_end(log, f));
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(task.cancel());
  EXPECT_THROW(f.set_result(5), asyncio::InvalidStateError);
  co_await task;
  EXPECT_EQ(log, (Log{"cancelled"}));
}

// TASK-065, failure 18
ASYNC_TEST(TaskCancel, OfTheWaiterOfATaskThatEndedInTheSamePassLeavesItsValueThere) {
  Log log;
  auto inner = asyncio::create_task(asyncio::sleep(0s, 5));
  auto outer = asyncio::create_task(log_end(log, inner));
  inner.add_done_callback([&] { EXPECT_TRUE(outer.cancel()); });
  co_await outer;
  EXPECT_EQ(log, (Log{"cancelled"}));
  EXPECT_EQ(inner.result(), 5);
  EXPECT_EQ(inner.cancelling(), 0U);
}

// TASK-066, failure 21
ASYNC_TEST(TaskCancel, BeforeTheFirstStepTheBodyNeverRunsAndItsArgumentsAreDestroyed) {
  Log log;
  auto token = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = token;
  const auto body = [&](std::shared_ptr<int>) -> asyncio::Coro<> {
    log.emplace_back("ran");
    co_return;
  };
  auto task = asyncio::create_task(body, std::move(token));
  task.add_done_callback([&] { log.emplace_back(watch.expired() ? "destroyed" : "alive"); });
  EXPECT_TRUE(task.cancel("early"));
  EXPECT_FALSE(task.done());
  EXPECT_EQ(end_of(co_await asyncio::as_result(task)), "cancelled: early");
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(log, (Log{"destroyed"}));
}

// TASK-067
ASYNC_TEST(TaskCancel, OfItselfIsThrownAtTheNextAwaitThatReallySuspends) {
  asyncio::Future<int> done;
  done.set_result(1);
  Log log;
  const auto body = [&]() -> asyncio::Coro<> {
    cancel_self();
    co_await done;
    log.emplace_back("a done future");
    co_await [&]() -> asyncio::Coro<> { co_return; }();
    log.emplace_back("a coroutine in place");
    log.push_back(end_of(co_await asyncio::as_result(asyncio::sleep(1h))));
  };
  co_await asyncio::create_task(body);
  EXPECT_EQ(log, (Log{"a done future", "a coroutine in place", "cancelled"}));
}

// TASK-067
ASYNC_TEST(TaskCancel, OfItselfIsThrownAtAYieldToo) {
  const auto body = []() -> asyncio::Coro<> {
    cancel_self("mine");
    co_await asyncio::sleep(0s);
  };
  auto task = asyncio::create_task(body);
  EXPECT_EQ(end_of(co_await asyncio::as_result(task)), "cancelled: mine");
}

// TASK-068
ASYNC_TEST(TaskCancel, OfItselfBeforeAReturnDropsTheValue) {
  auto token = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = token;
  const auto body = [](std::shared_ptr<int> value) -> asyncio::Coro<std::shared_ptr<int>> {
    cancel_self("mine");
    co_return value;
  };
  auto task = asyncio::create_task(body, std::move(token));
  EXPECT_EQ(end_of(co_await asyncio::as_result(task)), "cancelled: mine");
  EXPECT_TRUE(task.cancelled());
  EXPECT_TRUE(watch.expired());
}

// TASK-069
ASYNC_TEST(TaskCancel, OfItselfBeforeAnErrorGivesTheError) {
  const auto body = []() -> asyncio::Coro<> {
    cancel_self();
    throw std::runtime_error("boom");
    co_return;
  };
  auto task = asyncio::create_task(body);
  EXPECT_EQ(end_of(co_await asyncio::as_result(task)), "boom");
  EXPECT_FALSE(task.cancelled());
}

// TASK-070
ASYNC_TEST(TaskCancel, TwiceBeforeItsDeliveryThrowsOnceWithTheFirstMessage) {
  Log log;
  asyncio::Future<int> f;
  const auto on_future = [&]() -> asyncio::Coro<> {
    log.push_back(end_of(co_await asyncio::as_result(f)));
    log.push_back(end_of(co_await asyncio::as_result(asyncio::sleep(1s))));
  };
  const auto on_sleep = [&]() -> asyncio::Coro<> {
    log.push_back(end_of(co_await asyncio::as_result(asyncio::sleep(1h))));
    log.push_back(end_of(co_await asyncio::as_result(asyncio::sleep(1s))));
  };
  for (auto& task : {asyncio::create_task(on_future), asyncio::create_task(on_sleep)}) {
    co_await asyncio::sleep(0s);
    EXPECT_TRUE(task.cancel("first"));
    EXPECT_TRUE(task.cancel("second"));
    EXPECT_EQ(task.cancelling(), 2U);
    co_await task;
  }
  EXPECT_EQ(log, (Log{"cancelled: first", "value", "cancelled: first", "value"}));
}

// TASK-071, failure 22
ASYNC_TEST(TaskCancel, AfterADeliveryIsDeliveredAgain) {
  Log log;
  const auto stubborn = [&]() -> asyncio::Coro<int> {
    for (int i = 0; i < 2; ++i) {
      log.push_back(end_of(co_await asyncio::as_result(asyncio::sleep(1h))));
    }
    co_return 3;
  };
  auto task = asyncio::create_task(stubborn);
  for (const char* message : {"one", "two"}) {
    co_await asyncio::sleep(0s);
    task.cancel(message);
    co_await asyncio::sleep(0s);
  }
  EXPECT_EQ(co_await task, 3);
  EXPECT_EQ(log, (Log{"cancelled: one", "cancelled: two"}));
}

// TASK-072
ASYNC_TEST(TaskCancel, DuringItsStepCancelsWhatItThenAwaitsInThatStep) {
  asyncio::Future<int> f;
  Log log;
  const auto body = [&]() -> asyncio::Coro<> {
    cancel_self("mine");
    log.push_back(end_of(co_await asyncio::as_result(f)));
  };
  auto task = asyncio::create_task(body);
  asyncio::get_running_loop().call_soon(
      [&] { log.emplace_back(f.cancelled() ? "future is cancelled" : "future is pending"); });
  co_await task;
  EXPECT_EQ(log, (Log{"future is cancelled", "cancelled: mine"}));
}

// TASK-072
ASYNC_TEST(TaskCancel, DuringItsStepCancelsTheTaskThatItThenAwaits) {
  auto sleeper = asyncio::create_task(asyncio::sleep(1h, 1));
  const auto body = [&]() -> asyncio::Coro<> {
    cancel_self();
    co_await sleeper;
  };
  co_await asyncio::sleep(0s);
  auto task = asyncio::create_task(body);
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_TRUE(sleeper.cancelled());
}

// TASK-073, TASK-075, TASK-086
ASYNC_TEST(TaskCancel, OneThatIsSwallowedLeavesANormalResultAndItsCount) {
  const auto swallow = []() -> asyncio::Coro<int> {
    (void)co_await asyncio::as_result(asyncio::sleep(1h));
    co_await asyncio::sleep(1s);
    co_return 3;
  };
  auto task = asyncio::create_task(swallow);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(task.cancel());
  EXPECT_FALSE(task.cancelled());
  EXPECT_EQ(co_await task, 3);
  EXPECT_FALSE(task.cancelled());
  EXPECT_EQ(task.cancelling(), 1U);
}

// TASK-074, TASK-073
ASYNC_TEST(TaskCancel, ACoroutineThatThrowsCancelledErrorByItselfEndsCancelled) {
  const auto body = []() -> asyncio::Coro<> {
    throw asyncio::CancelledError("own");
    co_return;
  };
  auto task = asyncio::create_task(body);
  EXPECT_EQ(end_of(co_await asyncio::as_result(task)), "cancelled: own");
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(task.cancelling(), 0U);
}

// TASK-078
ASYNC_TEST(TaskCancel, CleaningUpMayAwaitUndisturbed) {
  auto& loop = asyncio::get_running_loop();
  const auto body = []() -> asyncio::Coro<> {
    const auto r = co_await asyncio::as_result(asyncio::sleep(1h));
    co_await asyncio::sleep(2s);
    co_await asyncio::create_task(asyncio::sleep(1s));
    std::rethrow_exception(r.error());
  };
  auto task = asyncio::create_task(body);
  co_await asyncio::sleep(0s);
  const auto before = loop.time();
  task.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(loop.time() - before, asyncio::Duration(3s));
}

// TASK-079
ASYNC_TEST(TaskCancel, TheAwaiterOfACancelledTaskGetsTheErrorButNotTheCount) {
  auto task = asyncio::create_task(asyncio::sleep(1h));
  co_await asyncio::sleep(0s);
  task.cancel();
  EXPECT_THROW(co_await task, asyncio::CancelledError);
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0U);
  EXPECT_EQ(task.cancelling(), 1U);
}

// TASK-080
TEST(TaskCancel, KeyboardInterruptWhileHandlingACancelLeavesTheLoop) {
  const support::LogCapture capture;
  const auto interrupt = []() -> asyncio::Coro<> {
    (void)co_await asyncio::as_result(asyncio::sleep(1h));
    throw asyncio::KeyboardInterrupt();
  };
  bool went_on = false;
  const auto body = [&]() -> asyncio::Coro<> {
    auto task = asyncio::create_task(interrupt);
    co_await asyncio::sleep(0s);
    task.cancel();
    co_await asyncio::sleep(1s);
    went_on = true;
  };
  EXPECT_THROW(asyncio::testing::run(body), asyncio::KeyboardInterrupt);
  EXPECT_FALSE(went_on);
}
