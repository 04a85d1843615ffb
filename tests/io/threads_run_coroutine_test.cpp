#include <asyncio/threads.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/concurrent_future.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/exception_context.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

asyncio::Coro<int> doubled(int n) {
  co_await asyncio::sleep(0s);
  co_return 2 * n;
}

asyncio::Coro<int> failing() {
  co_await asyncio::sleep(0s);
  throw std::domain_error("no");
}

/// What a blocking wait on a thread future throws; null if nothing.
template <class T>
std::exception_ptr error_of(const asyncio::concurrent::Future<T>& future) {
  try {
    future.result(5s);
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

}  // namespace

// COMB-134, COMB-135
ASYNC_TEST(RunCoroutineThreadsafe, RunsOnTheLoopAndGivesTheResultToAnotherThread) {
  auto& loop = asyncio::get_running_loop();
  const auto here = std::this_thread::get_id();
  auto where = []() -> asyncio::Coro<std::thread::id> { co_return std::this_thread::get_id(); };
  int value = 0;
  std::thread::id ran_on;
  co_await asyncio::to_thread([&] {
    value = asyncio::run_coroutine_threadsafe(doubled(21), loop).result();
    ran_on = asyncio::run_coroutine_threadsafe(where(), loop).result();
    asyncio::run_coroutine_threadsafe([]() -> asyncio::Coro<> { co_return; }(), loop).result();
  });
  EXPECT_EQ(value, 42);
  EXPECT_EQ(ran_on, here);
}

// COMB-135
ASYNC_TEST(RunCoroutineThreadsafe, GivesTheExceptionToAnotherThread) {
  auto& loop = asyncio::get_running_loop();
  std::exception_ptr thrown;
  std::exception_ptr asked;
  co_await asyncio::to_thread([&] {
    auto future = asyncio::run_coroutine_threadsafe(failing(), loop);
    asked = future.exception();
    thrown = error_of(future);
  });
  EXPECT_TRUE(support::is_a<std::domain_error>(asked));
  EXPECT_TRUE(support::is_a<std::domain_error>(thrown));
}

// COMB-136
ASYNC_TEST(RunCoroutineThreadsafe, ATimeoutOfItsResultCancelsNothing) {
  auto& loop = asyncio::get_running_loop();
  asyncio::Future<int> gate;
  auto waits = [&]() -> asyncio::Coro<int> { co_return co_await gate; };
  std::exception_ptr timeout;
  bool done_after_it = true;
  int value = 0;
  co_await asyncio::to_thread([&] {
    auto future = asyncio::run_coroutine_threadsafe(waits(), loop);
    try {
      (void)future.result(1ms);
    } catch (...) {
      timeout = std::current_exception();
    }
    done_after_it = future.done();
    loop.call_soon_threadsafe([&] { gate.set_result(6); });
    value = future.result();
  });
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(timeout));
  EXPECT_FALSE(done_after_it);
  EXPECT_EQ(value, 6);
}

// COMB-136
ASYNC_TEST(RunCoroutineThreadsafe, CancellingItsFutureCancelsTheTask) {
  auto& loop = asyncio::get_running_loop();
  asyncio::Future<> gate;
  asyncio::Future<bool> cancelled;
  std::promise<void> began;
  auto waits = [&]() -> asyncio::Coro<> {
    began.set_value();
    auto end = co_await asyncio::as_result(gate);
    cancelled.set_result(end.cancelled());
    end.value();
  };
  bool accepted = false;
  bool again = true;
  std::exception_ptr error;
  co_await asyncio::to_thread([&] {
    auto future = asyncio::run_coroutine_threadsafe(waits(), loop);
    began.get_future().wait();
    accepted = future.cancel();
    again = future.cancel();
    error = error_of(future);
  });
  EXPECT_TRUE(co_await cancelled);
  EXPECT_TRUE(accepted);
  EXPECT_FALSE(again);
  EXPECT_TRUE(support::is_a<asyncio::CancelledError>(error));
  co_await asyncio::sleep(0s);
}

// COMB-136
ASYNC_TEST(RunCoroutineThreadsafe, CancelledBeforeItStartedTheCoroutineIsClosedWithoutAReport) {
  auto& loop = asyncio::get_running_loop();
  bool ran = false;
  auto body = [&]() -> asyncio::Coro<> {
    ran = true;
    co_return;
  };
  auto future = asyncio::run_coroutine_threadsafe(body(), loop);
  EXPECT_TRUE(future.cancel());
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(future.cancelled());
  EXPECT_FALSE(ran);
}

// TASK-037
ASYNC_TEST(RunCoroutineThreadsafe, AResultAfterItsFutureWasCancelledIsDroppedSilently) {
  auto& loop = asyncio::get_running_loop();
  asyncio::Future<> gate;
  bool returned = false;
  auto refuses = [&]() -> asyncio::Coro<int> {
    (void)co_await asyncio::as_result(gate);
    returned = true;
    co_return 1;
  };
  auto future = asyncio::run_coroutine_threadsafe(refuses(), loop);
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  future.cancel();
  while (!returned) co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(future.cancelled());
}

// COMB-137
ASYNC_TEST(RunCoroutineThreadsafe, ATaskThatEndsCancelledCancelsTheFuture) {
  auto& loop = asyncio::get_running_loop();
  auto cancels_itself = []() -> asyncio::Coro<> {
    asyncio::current_task()->cancel();
    co_await asyncio::sleep(0s);
  };
  std::exception_ptr error;
  bool cancelled = false;
  co_await asyncio::to_thread([&] {
    auto future = asyncio::run_coroutine_threadsafe(cancels_itself(), loop);
    error = error_of(future);
    cancelled = future.cancelled();
  });
  EXPECT_TRUE(cancelled);
  EXPECT_TRUE(support::is_a<asyncio::CancelledError>(error));
}

// COMB-138
ASYNC_TEST(RunCoroutineThreadsafe, AFailureToMakeTheTaskIsSetOnTheFutureAndReported) {
  auto& loop = asyncio::get_running_loop();
  int reports = 0;
  loop.set_exception_handler(
      [&](asyncio::EventLoop&, const asyncio::ExceptionContext&) { ++reports; });
  auto used = doubled(1);
  used.close();
  auto future = asyncio::run_coroutine_threadsafe(std::move(used), loop);
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(future.done());
  EXPECT_TRUE(support::is_a<asyncio::RuntimeError>(error_of(future)));
  EXPECT_EQ(reports, 1);
}

// COMB-138, LOOP-093
ASYNC_TEST(RunCoroutineThreadsafe, WhatTheTaskFactoryThrowsIsSetOnTheFutureAndReported) {
  auto& loop = asyncio::get_running_loop();
  std::vector<std::string> reported;
  loop.set_exception_handler([&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
    reported.push_back(support::text_of(context.exception));
  });
  std::exception_ptr error;
  auto job = asyncio::create_task(asyncio::to_thread(
      [&] { error = error_of(asyncio::run_coroutine_threadsafe(doubled(1), loop)); }));
  loop.set_task_factory(
      [](asyncio::EventLoop&, asyncio::TaskOptions&) { throw std::domain_error("no task today"); });
  co_await job;
  loop.set_task_factory(nullptr);
  EXPECT_EQ(support::text_of(error), "no task today");
  EXPECT_EQ(reported, std::vector<std::string>{"no task today"});
}

// COMB-139
ASYNC_TEST(RunCoroutineThreadsafe, WaitingForItOnTheLoopsOwnThreadIsRefused) {
  auto& loop = asyncio::get_running_loop();
  auto future = asyncio::run_coroutine_threadsafe(doubled(2), loop);
  EXPECT_THROW((void)future.result(), asyncio::RuntimeError);
  EXPECT_THROW((void)future.exception(1h), asyncio::RuntimeError);
  while (!future.done()) co_await asyncio::sleep(0s);
  EXPECT_EQ(future.result(), 4);
}

// COMB-140, failure 81
TEST(RunCoroutineThreadsafe, ALoopClosedBeforeItRunsCompletesTheFutureWithAnError) {
  auto loop = asyncio::new_event_loop();
  auto future = asyncio::run_coroutine_threadsafe(doubled(2), *loop);
  std::exception_ptr error;
  std::thread waiter([&] { error = error_of(future); });
  loop->close();
  waiter.join();
  EXPECT_TRUE(support::is_a<asyncio::RuntimeError>(error));
}

// COMB-140, failure 81
TEST(RunCoroutineThreadsafe, ALoopClosedWhileItRunsCompletesTheFutureWithAnError) {
  const support::LogCapture reports;
  auto loop = asyncio::new_event_loop();
  auto future = asyncio::run_coroutine_threadsafe(
      []() -> asyncio::Coro<> { co_await asyncio::sleep(1h); }(), *loop);
  loop->run_until_complete(asyncio::sleep(0s));
  EXPECT_FALSE(future.done());
  loop->close();
  EXPECT_TRUE(support::is_a<asyncio::RuntimeError>(error_of(future)));
  EXPECT_EQ(reports.count("Task was destroyed but it is pending"), 1);
}

// COMB-140, failure 81
TEST(RunCoroutineThreadsafe, RunsEndCancelsWhatItStartedAndTheFutureToo) {
  asyncio::EventLoop* loop = nullptr;
  std::promise<void> running;
  std::promise<void> started;
  std::exception_ptr error;
  std::thread client([&] {
    running.get_future().wait();
    auto future = asyncio::run_coroutine_threadsafe(
        [](std::promise<void>& s) -> asyncio::Coro<> {
          s.set_value();
          co_await asyncio::sleep(1h);
        }(started),
        *loop);
    error = error_of(future);
  });
  asyncio::run([&]() -> asyncio::Coro<> {
    loop = &asyncio::get_running_loop();
    running.set_value();
    co_await asyncio::to_thread([&] { started.get_future().wait(); });
  });
  client.join();
  EXPECT_TRUE(support::is_a<asyncio::CancelledError>(error));
}

// failure 81, COMB-140
TEST(RunCoroutineThreadsafe, OnAClosedLoopThrowsAndClosesTheCoroutine) {
  auto loop = asyncio::new_event_loop();
  loop->close();
  EXPECT_THROW((void)asyncio::run_coroutine_threadsafe(doubled(1), *loop), asyncio::RuntimeError);
}
