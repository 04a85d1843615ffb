// What tracebacks say of errors that cross threads and loops, and of those that leave run().

#include <asyncio/traceback.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/concurrent_future.hpp>
#include <asyncio/detail/failure.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/executor.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/threads.hpp>

#include "support/log_capture.hpp"
#include "support/outline.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using support::after;
using support::at;
using support::at_start;
using support::caught;
using support::lines;
using support::Outline;
using support::outline;

namespace {

// One coroutine per line and one co_await per line: g++ gives the last line of a longer one.

asyncio::Coro<int> parse() {
  co_await asyncio::sleep(0s);
  throw std::runtime_error("no such tag");
}
constexpr unsigned parse_line = __LINE__ - 3;

constexpr unsigned fetch_line = __LINE__ + 1;
asyncio::Coro<int> fetch() { co_return co_await parse(); }

/// Of an error of fetch(), below the frames that it was seen from.
template <class... Frames>
Outline fetched(const Frames&... above) {
  return lines(above..., at("fetch", fetch_line), after("parse", parse_line),
               "runtime_error: no such tag");
}

constexpr unsigned job_main_line = __LINE__ + 1;
asyncio::Coro<> job_main() { co_await fetch(); }

/// What a handler around `call()` sees.
template <class F>
Outline caught_of(F call) {
  try {
    call();
  } catch (...) {
    return outline(std::current_exception());
  }
  return Outline(1, "nothing was thrown");
}

/// An error that says how many of it are alive.
struct Counted : std::runtime_error {
  Counted() : std::runtime_error("counted") { ++alive; }
  Counted(const Counted& other) : std::runtime_error(other) { ++alive; }
  Counted& operator=(const Counted&) = delete;
  ~Counted() override { --alive; }
  static inline std::atomic<int> alive = 0;
};

asyncio::Coro<> fail_counted() {
  co_await asyncio::sleep(0s);
  throw Counted();
}

}  // namespace

// --- run ---

// RUN-014
TEST(TracebackOfRun, IsKnownToTheHandlerAroundIt) {
  EXPECT_EQ(caught_of([] { asyncio::run(fetch()); }), fetched());
  EXPECT_EQ(caught_of([] { asyncio::testing::run(fetch); }), fetched());
}

// RUN-014
TEST(TracebackOfRun, OfARunnersSecondMainHasTheSecondsFramesOnly) {
  asyncio::Runner runner;
  EXPECT_EQ(caught_of([&] { runner.run(fetch()); }), fetched());
  EXPECT_EQ(caught_of([&] { runner.run(job_main()); }), fetched(at("job_main", job_main_line)));
  EXPECT_EQ(caught_of([&] { runner.run(fetch()); }), fetched());
}

// RUN-014
TEST(TracebackOfRun, IsKnownAlsoWhenTheErrorIsHandledLater) {
  std::exception_ptr error;
  try {
    asyncio::run(fetch());
  } catch (...) {
    error = std::current_exception();
  }
  asyncio::run(asyncio::sleep(0s));
  EXPECT_EQ(outline(error), fetched());
}

namespace {

asyncio::Coro<> throw_again(std::exception_ptr error) {
  std::rethrow_exception(error);
  co_return;
}

}  // namespace

TEST(TracebackOfRun, GoesOnWhereAnotherMainThrowsTheErrorAgain) {
  std::exception_ptr error;
  try {
    asyncio::run(fetch());
  } catch (...) {
    error = std::current_exception();
  }
  EXPECT_EQ(caught_of([&] { asyncio::run(throw_again(error)); }), fetched(at_start("throw_again")));
}

namespace {

asyncio::Coro<> fail_when_cancelled() {
  try {
    co_await asyncio::sleep(1h);
  } catch (const asyncio::CancelledError&) {
    throw std::domain_error("cleanup");
  }
}
constexpr unsigned when_cancelled_line = __LINE__ - 5;

asyncio::Coro<> leave_tasks_behind(int n) {
  for (int i = 0; i < n; ++i) (void)asyncio::create_task(fail_when_cancelled());
  co_await asyncio::sleep(0s);
  co_await fetch();
}
constexpr unsigned leave_tasks_line = __LINE__ - 2;

}  // namespace

// RUN-024
TEST(TracebackOfRun, OfTasksThatFailWhileItEndsIsInTheLog) {
  const support::LogCapture log;
  EXPECT_EQ(caught_of([] { asyncio::run(leave_tasks_behind(3)); }),
            fetched(at("leave_tasks_behind", leave_tasks_line)));
  EXPECT_EQ(log.lines().size(), 3U);
  for (const std::string& text : log.lines()) {
    EXPECT_NE(text.find("\nTraceback (most recent call last):\n"), text.npos) << text;
    const Outline seen = outline(text);
    EXPECT_EQ(Outline(seen.end() - 2, seen.end()),
              lines(after("fail_when_cancelled", when_cancelled_line), "domain_error: cleanup"));
  }
}

// RUN-014, RUN-029: main's error is the last one that left a coroutine for the caller
TEST(TracebackOfRun, IsKnownThoughManyTasksFailWhileItEnds) {
  const support::LogCapture log;
  EXPECT_EQ(caught_of([] { asyncio::run(leave_tasks_behind(30)); }),
            fetched(at("leave_tasks_behind", leave_tasks_line)));
}

TEST(TracebackOfRun, IsPrintedByRunMain) {
  std::string name = "prog";
  char* argv[] = {name.data(), nullptr};
  testing::internal::CaptureStderr();
  const int code = asyncio::run_main(1, argv, job_main);
  const std::string printed = testing::internal::GetCapturedStderr();
  EXPECT_EQ(code, 1);
  EXPECT_EQ(printed.find("Traceback (most recent call last):\n  File "), 0U) << printed;
  EXPECT_EQ(outline(printed), fetched(at("job_main", job_main_line)));
}

TEST(TracebackOfRun, KeepsNoErrorAliveThatTheThreadHasForgotten) {
  EXPECT_THROW(asyncio::run(fail_counted()), Counted);
  EXPECT_GE(Counted::alive, 1);
  asyncio::detail::forget_failures();
  EXPECT_EQ(Counted::alive, 0);
}

// --- threads of an executor ---

namespace {

asyncio::Coro<> run_on_thread() {
  co_await asyncio::to_thread([] { asyncio::run(job_main()); });
}
constexpr unsigned thread_run_line = __LINE__ - 2;

asyncio::Coro<> throw_on_thread() {
  co_await asyncio::to_thread([] { throw std::domain_error("on a thread"); });
}
constexpr unsigned throw_on_thread_line = __LINE__ - 2;

asyncio::Coro<> run_in_executor(asyncio::Executor* executor) {
  auto& loop = asyncio::get_running_loop();
  auto future = loop.run_in_executor(executor, [] { asyncio::run(job_main()); });
  co_await future;
}
constexpr unsigned in_executor_line = __LINE__ - 2;

}  // namespace

// COMB-141
ASYNC_TEST(TracebackOfToThread, IsTheFramesOfWhoAwaitsIt) {
  EXPECT_EQ(co_await caught(throw_on_thread()),
            lines(at("throw_on_thread", throw_on_thread_line), "domain_error: on a thread"));
}

// COMB-141
ASYNC_TEST(TracebackOfToThread, HasTheFramesOfARunOnTheThread) {
  EXPECT_EQ(co_await caught(run_on_thread()),
            fetched(at("run_on_thread", thread_run_line), at("job_main", job_main_line)));
}

ASYNC_TEST(TracebackOfRunInExecutor, HasTheFramesOfARunOnTheThread) {
  const Outline expected =
      fetched(at("run_in_executor", in_executor_line), at("job_main", job_main_line));
  EXPECT_EQ(co_await caught(run_in_executor(nullptr)), expected);
  asyncio::ThreadPoolExecutor pool(1);
  EXPECT_EQ(co_await caught(run_in_executor(&pool)), expected);
  // The thread remembers the first error; the second is another one.
  EXPECT_EQ(co_await caught(run_in_executor(&pool)), expected);
}

// COMB-015
ASYNC_TEST(TracebackOfRunInExecutor, OfManyJobsIsEachsOwn) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ThreadPoolExecutor pool(4);
  std::vector<asyncio::Future<>> futures;
  for (int i = 0; i < 40; ++i) {
    futures.push_back(i % 2 == 0 ? loop.run_in_executor(&pool, [] { asyncio::run(job_main()); })
                                 : loop.run_in_executor(&pool, [] { asyncio::run(fetch()); }));
  }
  auto results = co_await asyncio::gather(asyncio::return_exceptions, futures);
  asyncio::detail::forget_failures();
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(outline(results[i].error()),
              i % 2 == 0 ? fetched(at("job_main", job_main_line)) : fetched());
  }
}

ASYNC_TEST(TracebackOfRunInExecutor, KeepsNoErrorAliveWhenItsThreadsHaveEnded) {
  {
    asyncio::ThreadPoolExecutor pool(1);
    auto& loop = asyncio::get_running_loop();
    auto future = loop.run_in_executor(&pool, [] { asyncio::run(fail_counted()); });
    EXPECT_THROW(co_await future, Counted);
  }
  asyncio::detail::forget_failures();
  EXPECT_EQ(Counted::alive, 0);
}

// --- to the loop of another thread ---

// COMB-135
ASYNC_TEST(TracebackOfRunCoroutineThreadsafe, IsKnownOnTheThreadThatAsksForTheResult) {
  auto& loop = asyncio::get_running_loop();
  Outline thrown;
  Outline asked;
  Outline again;
  co_await asyncio::to_thread([&] {
    const auto future = asyncio::run_coroutine_threadsafe(job_main(), loop);
    thrown = caught_of([&] { future.result(); });
    asyncio::detail::forget_failures();
    asked = outline(future.exception());
    asyncio::detail::forget_failures();
    again = caught_of([&] { future.result(); });
  });
  EXPECT_EQ(thrown, fetched(at("job_main", job_main_line)));
  EXPECT_EQ(asked, thrown);
  EXPECT_EQ(again, thrown);
}

namespace {

/// Waits on its thread for what runs on another loop.
asyncio::Coro<> wait_for_other_loop(asyncio::EventLoop& other) {
  co_await asyncio::sleep(0s);
  asyncio::run_coroutine_threadsafe(job_main(), other).result();
}
constexpr unsigned other_loop_line = __LINE__ - 3;

}  // namespace

// COMB-135
ASYNC_TEST(TracebackOfRunCoroutineThreadsafe, GoesOnInACoroutineOfTheOtherLoop) {
  auto& loop = asyncio::get_running_loop();
  Outline seen;
  co_await asyncio::to_thread(
      [&] { seen = caught_of([&] { asyncio::run(wait_for_other_loop(loop)); }); });
  EXPECT_EQ(seen,
            fetched(after("wait_for_other_loop", other_loop_line), at("job_main", job_main_line)));
}

// A thread knows the tracks of its own errors only
TEST(TracebackOfThreads, OfABarePointerIsNotKnownOnAnotherThread) {
  std::exception_ptr error;
  try {
    asyncio::run(fetch());
  } catch (...) {
    error = std::current_exception();
  }
  Outline elsewhere;
  std::thread([&] { elsewhere = outline(error); }).join();
  EXPECT_EQ(elsewhere, lines("runtime_error: no such tag"));
  EXPECT_EQ(outline(error), fetched());
}

TEST(TracebackOfThreads, LoopsOfSeveralThreadsFailAtTheSameTime) {
  std::atomic<int> right = 0;
  constexpr int threads = 4;
  constexpr int rounds = 50;
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i) {
    all.emplace_back([&] {
      for (int n = 0; n < rounds; ++n) {
        if (caught_of([] { asyncio::run(job_main()); }) == fetched(at("job_main", job_main_line))) {
          ++right;
        }
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  EXPECT_EQ(right, threads * rounds);
}
