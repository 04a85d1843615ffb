#include <asyncio/executor.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

// run_in_executor() and ThreadPoolExecutor. How they end with their loop: executor_end_test.cpp

namespace {

// A job that says when it has begun and waits until it may go on.
class Gate {
 public:
  void pass() {
    begun_.release();
    may_go_.acquire();
  }
  void await_job() { begun_.acquire(); }
  void open() { may_go_.release(); }

 private:
  std::binary_semaphore begun_{0};
  std::binary_semaphore may_go_{0};
};

std::string thread_name() {
  char name[32] = {};
  ::pthread_getname_np(::pthread_self(), name, sizeof name);
  return name;
}

template <class E>
concept DefaultExecutorAccepted =
    requires(asyncio::EventLoop& loop, E& executor) { loop.set_default_executor(executor); };

class FullExecutor final : public asyncio::Executor {
 public:
  void submit(asyncio::detail::Job&) override { throw std::runtime_error("no room"); }
};

}  // namespace

// LOOP-060
ASYNC_TEST(RunInExecutor, CallsTheFunctionOnAnotherThreadAndGivesAFutureOfThisLoop) {
  auto& loop = asyncio::get_running_loop();
  const auto here = std::this_thread::get_id();
  auto future = loop.run_in_executor(
      nullptr,
      [](int a, const std::string& b) {
        return std::make_pair(std::to_string(a) + b, std::this_thread::get_id());
      },
      4, "2");
  EXPECT_EQ(&future.get_loop(), &loop);
  EXPECT_FALSE(future.done());
  const auto [text, thread] = co_await future;
  EXPECT_EQ(text, "42");
  EXPECT_NE(thread, here);
}

// LOOP-060
ASYNC_TEST(RunInExecutor, PassesTheErrorOfTheFunctionOn) {
  auto& loop = asyncio::get_running_loop();
  auto outcome = co_await asyncio::as_result(
      loop.run_in_executor(nullptr, [] { throw std::out_of_range("on the thread"); }));
  EXPECT_FALSE(outcome.has_value());
  EXPECT_THROW(outcome.value(), std::out_of_range);
}

// LOOP-060
ASYNC_TEST(RunInExecutor, TakesMoveOnlyArgumentsAndResults) {
  auto& loop = asyncio::get_running_loop();
  auto argument = std::make_unique<int>(5);
  auto future = loop.run_in_executor(
      nullptr,
      [](std::unique_ptr<int> p) {
        ++*p;
        return p;
      },
      std::move(argument));
  const std::unique_ptr<int> result = co_await std::move(future);
  EXPECT_EQ(*result, 6);
}

// LOOP-060
ASYNC_TEST(RunInExecutor, LeavesTheLoopFreeWhileTheJobRuns) {
  auto& loop = asyncio::get_running_loop();
  Gate gate;
  auto job = loop.run_in_executor(nullptr, [&] { gate.pass(); });
  gate.await_job();
  for (int i = 0; i < 3; ++i) co_await asyncio::sleep(0s);
  EXPECT_FALSE(job.done());
  gate.open();
  co_await job;
}

// LOOP-021
TEST(RunInExecutor, OnAClosedLoopThrowsAndTheFunctionIsDestroyed) {
  auto loop = asyncio::new_event_loop();
  loop->close();
  const auto captured = std::make_shared<int>(0);
  EXPECT_THROW(loop->run_in_executor(nullptr, [captured] {}), asyncio::RuntimeError);
  EXPECT_EQ(captured.use_count(), 1);
}

// LOOP-060
ASYNC_TEST(RunInExecutor, ThrowsWhatTheExecutorRefusesWithAndForgetsTheJob) {
  auto& loop = asyncio::get_running_loop();
  FullExecutor full;
  const auto captured = std::make_shared<int>(0);
  EXPECT_THROW(loop.run_in_executor(&full, [captured] {}), std::runtime_error);
  EXPECT_EQ(captured.use_count(), 1);
  co_await asyncio::sleep(1s);  // the clock does not wait for a job that is not there
}

// --- the default executor ---

// LOOP-061
ASYNC_TEST(DefaultExecutor, ItsThreadsAreCalledAsyncioN) {
  auto& loop = asyncio::get_running_loop();
  Gate gate;
  auto first = loop.run_in_executor(nullptr, [&] {
    gate.pass();
    return thread_name();
  });
  gate.await_job();
  auto second = loop.run_in_executor(nullptr, [] { return thread_name(); });
  EXPECT_EQ(co_await second, "asyncio_1");
  gate.open();
  EXPECT_EQ(co_await first, "asyncio_0");
}

// LOOP-061
TEST(DefaultExecutor, APoolHasProcessorsPlusFourThreadsButAtMostThirtyTwo) {
  const asyncio::ThreadPoolExecutor pool;
  EXPECT_EQ(pool.max_workers(), std::min<std::size_t>(32, std::thread::hardware_concurrency() + 4));
  const asyncio::ThreadPoolExecutor three(3);
  EXPECT_EQ(three.max_workers(), 3U);
}

// LOOP-062
ASYNC_TEST(DefaultExecutor, SetDefaultExecutorReplacesIt) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ThreadPoolExecutor pool({.max_workers = 1, .thread_name_prefix = "mine"});
  loop.set_default_executor(pool);
  EXPECT_EQ(co_await loop.run_in_executor(nullptr, &thread_name), "mine_0");
  pool.shutdown();
}

// LOOP-062
TEST(DefaultExecutor, OnlyAThreadPoolCanBecomeIt) {
  EXPECT_TRUE(DefaultExecutorAccepted<asyncio::ThreadPoolExecutor>);
  EXPECT_FALSE(DefaultExecutorAccepted<asyncio::Executor>);
  EXPECT_FALSE(DefaultExecutorAccepted<FullExecutor>);
}

// --- cancellation ---

// LOOP-064
ASYNC_TEST(ExecutorCancellation, OfAQueuedJobMeansThatItNeverRuns) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ThreadPoolExecutor pool(1);
  Gate gate;
  std::atomic<bool> ran = false;
  const auto captured = std::make_shared<int>(0);
  auto running = loop.run_in_executor(&pool, [&] { gate.pass(); });
  gate.await_job();
  auto queued = loop.run_in_executor(&pool, [&ran, captured] { ran = true; });
  EXPECT_TRUE(queued.cancel());
  EXPECT_TRUE(queued.cancelled());
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  gate.open();
  co_await running;
  pool.shutdown();
  EXPECT_FALSE(ran);
  EXPECT_EQ(captured.use_count(), 1);
}

// LOOP-064
ASYNC_TEST(ExecutorCancellation, OfARunningJobLetsItGoOnAndDropsWhatItGives) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ThreadPoolExecutor pool(1);
  Gate gate;
  std::weak_ptr<int> given;
  auto job = loop.run_in_executor(&pool, [&] {
    gate.pass();
    auto result = std::make_shared<int>(1);
    given = result;
    return result;
  });
  gate.await_job();
  EXPECT_TRUE(job.cancel());
  EXPECT_TRUE((co_await asyncio::as_result(job)).cancelled());
  gate.open();
  pool.shutdown();
  for (int i = 0; i < 3; ++i) co_await asyncio::sleep(0s);
  EXPECT_TRUE(job.cancelled());
  EXPECT_TRUE(given.expired());
}

// LOOP-064
ASYNC_TEST(ExecutorCancellation, OfTheTaskThatWaitsCancelsTheQueuedJob) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ThreadPoolExecutor pool(1);
  Gate gate;
  std::atomic<bool> ran = false;
  auto running = loop.run_in_executor(&pool, [&] { gate.pass(); });
  gate.await_job();
  auto waiter = asyncio::create_task(
      [&]() -> asyncio::Coro<> { co_await loop.run_in_executor(&pool, [&] { ran = true; }); });
  co_await asyncio::sleep(0s);
  waiter.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(waiter)).cancelled());
  gate.open();
  co_await running;
  pool.shutdown();
  EXPECT_FALSE(ran);
}

// LOOP-064
ASYNC_TEST(ExecutorCancellation, OfAFinishedJobChangesNothing) {
  auto& loop = asyncio::get_running_loop();
  auto job = loop.run_in_executor(nullptr, [] { return 3; });
  co_await job;
  EXPECT_FALSE(job.cancel());
  EXPECT_EQ(job.result(), 3);
}

// LOOP-060
ASYNC_TEST(RunInExecutor, DroppingTheFutureDropsNoJob) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ThreadPoolExecutor pool(1);
  std::atomic<bool> ran = false;
  {
    (void)loop.run_in_executor(&pool, [&] { ran = true; });
  }
  pool.shutdown();
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(ran);
}

// --- the pool ---

// LOOP-060
ASYNC_TEST(ThreadPoolExecutor, OneWorkerRunsTheJobsInTheOrderOfTheirSubmission) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ThreadPoolExecutor pool(1);
  std::vector<int> order;
  std::vector<asyncio::Future<>> jobs;
  for (int i = 0; i < 20; ++i) {
    jobs.push_back(loop.run_in_executor(&pool, [&order, i] { order.push_back(i); }));
  }
  co_await asyncio::gather(jobs);
  std::vector<int> expected(20);
  for (int i = 0; i < 20; ++i) expected[static_cast<std::size_t>(i)] = i;
  EXPECT_EQ(order, expected);
}

// LOOP-061
ASYNC_TEST(ThreadPoolExecutor, RunsAsManyJobsAtATimeAsItHasWorkersAndNoMore) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ThreadPoolExecutor pool(2);
  std::vector<std::unique_ptr<Gate>> gates;
  std::vector<asyncio::Future<>> jobs;
  std::atomic<int> begun = 0;
  for (int i = 0; i < 3; ++i) gates.push_back(std::make_unique<Gate>());
  for (int i = 0; i < 3; ++i) {
    jobs.push_back(loop.run_in_executor(&pool, [&gates, &begun, i] {
      ++begun;
      gates[static_cast<std::size_t>(i)]->pass();
    }));
  }
  gates[0]->await_job();
  gates[1]->await_job();
  EXPECT_EQ(begun, 2);
  gates[0]->open();
  gates[2]->await_job();
  gates[1]->open();
  gates[2]->open();
  co_await asyncio::gather(jobs);
}

// LOOP-063
ASYNC_TEST(ThreadPoolExecutor, TakesNoJobAfterShutdown) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ThreadPoolExecutor pool(1);
  pool.shutdown();
  EXPECT_THROW(loop.run_in_executor(&pool, [] {}), asyncio::RuntimeError);
  co_await asyncio::sleep(1s);
}

// LOOP-064
ASYNC_TEST(ThreadPoolExecutor, ShutdownWithCancelFuturesCancelsTheQueuedJobs) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ThreadPoolExecutor pool(1);
  Gate gate;
  std::atomic<bool> ran = false;
  auto running = loop.run_in_executor(&pool, [&] { gate.pass(); });
  gate.await_job();
  auto queued = loop.run_in_executor(&pool, [&] { ran = true; });
  pool.shutdown(false, true);
  EXPECT_TRUE((co_await asyncio::as_result(queued)).cancelled());
  gate.open();
  co_await running;
  EXPECT_FALSE(ran);
}

// LOOP-060
ASYNC_TEST(ThreadPoolExecutor, ShutdownWithoutThatLetsTheQueuedJobsRun) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ThreadPoolExecutor pool(1);
  auto one = loop.run_in_executor(&pool, [] { return 1; });
  auto two = loop.run_in_executor(&pool, [] { return 2; });
  pool.shutdown();
  EXPECT_EQ(co_await one, 1);
  EXPECT_EQ(co_await two, 2);
}
