#include <asyncio/executor.hpp>

#include <asyncio/detail/frame_allocator.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

// How jobs end when the loop or its default executor ends first.

namespace {

// Shared with a job, which may outlive the test's body.
struct Job {
  std::binary_semaphore begun{0};
  std::binary_semaphore may_go{0};
  std::atomic<bool> ended = false;

  void operator()() {
    begun.release();
    may_go.acquire();
    ended = true;
  }
};

// Until what runs on threads of nobody has let go; false if it does not.
bool comes_true(const auto& condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(500us);
  }
  return false;
}

asyncio::Coro<> shuts_down(std::shared_ptr<Job> job, asyncio::Duration timeout) {
  auto& loop = asyncio::get_running_loop();
  (void)loop.run_in_executor(nullptr, [job] { (*job)(); });
  job->begun.acquire();
  co_await loop.shutdown_default_executor(timeout);
}

asyncio::Coro<> forgets_a_job(std::shared_ptr<Job> job) {
  (void)asyncio::get_running_loop().run_in_executor(nullptr, [job] { (*job)(); });
  job->begun.acquire();
  job->may_go.release();
  co_return;
}

}  // namespace

// --- the loop closes first ---

// LOOP-065
TEST(ExecutorAtClose, AJobThatEndsAfterThatIsDroppedSilently) {
  const support::LogCapture logged;
  auto job = std::make_shared<Job>();
  asyncio::ThreadPoolExecutor pool(1);
  auto loop = asyncio::new_event_loop();
  auto future = loop->run_in_executor(&pool, [job] { (*job)(); });
  job->begun.acquire();
  loop->close();
  job->may_go.release();
  pool.shutdown();
  EXPECT_TRUE(job->ended);
  EXPECT_FALSE(future.done());
  EXPECT_TRUE(logged.empty());
}

// LOOP-065
TEST(ExecutorAtClose, AJobMayEndWhenTheLoopAndItsFutureAreLongGone) {
  const support::LogCapture logged;
  const auto blocks = asyncio::detail::live_blocks();
  auto job = std::make_shared<Job>();
  asyncio::ThreadPoolExecutor pool(1);
  {
    auto loop = asyncio::new_event_loop();
    auto future = loop->run_in_executor(&pool, [job] { (*job)(); });
    job->begun.acquire();
    loop->close();
  }
  job->may_go.release();
  pool.shutdown();
  EXPECT_TRUE(job->ended);
  EXPECT_EQ(job.use_count(), 1);
  EXPECT_EQ(asyncio::detail::live_blocks(), blocks);
  EXPECT_TRUE(logged.empty());
}

// LOOP-047, LOOP-065
TEST(ExecutorAtClose, TheDefaultOneIsNotWaitedForAndItsQueuedJobsStillRun) {
  const support::LogCapture logged;
  auto jobs = std::make_shared<std::vector<Job>>(64);
  {
    auto loop = asyncio::new_event_loop();
    for (std::size_t i = 0; i < jobs->size(); ++i) {
      (void)loop->run_in_executor(nullptr, [jobs, i] { (*jobs)[i](); });
    }
    (*jobs)[0].begun.acquire();
    loop->close();
  }
  EXPECT_FALSE((*jobs)[0].ended);
  for (Job& job : *jobs) job.may_go.release();
  EXPECT_TRUE(comes_true([&] { return jobs.use_count() == 1; }));
  for (const Job& job : *jobs) EXPECT_TRUE(job.ended);
  EXPECT_TRUE(logged.empty());
}

// LOOP-065
TEST(ExecutorAtClose, AQueuedJobOfAClosedLoopLeavesItsFuturePendingAndTheLoopMayGo) {
  asyncio::ThreadPoolExecutor pool(1);
  auto job = std::make_shared<Job>();
  std::atomic<bool> ran = false;
  auto loop = asyncio::new_event_loop();
  auto running = loop->run_in_executor(&pool, [job] { (*job)(); });
  job->begun.acquire();
  auto queued = loop->run_in_executor(&pool, [&] { ran = true; });
  loop->close();
  loop.reset();
  job->may_go.release();
  pool.shutdown();
  EXPECT_TRUE(ran);
  EXPECT_FALSE(queued.done());
  EXPECT_FALSE(running.done());
}

// --- shutdown_default_executor() ---

// LOOP-063
ASYNC_TEST(ShutdownDefaultExecutor, AfterItTheDefaultOneTakesNoJob) {
  auto& loop = asyncio::get_running_loop();
  co_await loop.shutdown_default_executor();
  std::string text;
  try {
    (void)loop.run_in_executor(nullptr, [] {});
  } catch (const asyncio::RuntimeError& e) {
    text = e.what();
  }
  EXPECT_NE(text.find("executor shutdown has been called"), std::string::npos) << text;
  co_await loop.shutdown_default_executor();  // again: nothing to do
}

// LOOP-063
ASYNC_TEST(ShutdownDefaultExecutor, LeavesOtherExecutorsAlone) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ThreadPoolExecutor pool(1);
  co_await loop.shutdown_default_executor();
  EXPECT_EQ(co_await loop.run_in_executor(&pool, [] { return 8; }), 8);
}

// LOOP-066
ASYNC_TEST(ShutdownDefaultExecutor, JoinsItsThreadsWithoutBlockingTheLoop) {
  auto& loop = asyncio::get_running_loop();
  Job job;
  auto future = loop.run_in_executor(nullptr, [&] { job(); });
  job.begun.acquire();
  auto shutdown = asyncio::create_task(loop.shutdown_default_executor());
  for (int i = 0; i < 5; ++i) co_await asyncio::sleep(0s);  // the loop goes on
  EXPECT_FALSE(shutdown.done());
  EXPECT_FALSE(job.ended);
  job.may_go.release();
  co_await shutdown;
  EXPECT_TRUE(job.ended);
  co_await future;
}

// LOOP-066, LOOP-062
ASYNC_TEST(ShutdownDefaultExecutor, JoinsTheThreadsOfOneThatWasSetToo) {
  auto& loop = asyncio::get_running_loop();
  asyncio::ThreadPoolExecutor pool(1);
  loop.set_default_executor(pool);
  Job job;
  auto future = loop.run_in_executor(nullptr, [&] { job(); });
  job.begun.acquire();
  auto shutdown = asyncio::create_task(loop.shutdown_default_executor());
  for (int i = 0; i < 5; ++i) co_await asyncio::sleep(0s);
  EXPECT_FALSE(shutdown.done());
  job.may_go.release();
  co_await shutdown;
  EXPECT_TRUE(job.ended);
  co_await future;
}

// LOOP-066
TEST(ShutdownDefaultExecutor, AfterItsTimeoutItWarnsAndLeavesTheThreadsToThemselves) {
  const support::LogCapture logged;
  const auto blocks = asyncio::detail::live_blocks();
  auto job = std::make_shared<Job>();
  {
    auto loop = asyncio::new_event_loop();
    loop->run_until_complete(shuts_down(job, 2ms));
    EXPECT_EQ(logged.lines().size(), 1U);
    EXPECT_EQ(logged.count("did not finish joining its threads within"), 1);
    EXPECT_FALSE(job->ended);
    job->may_go.release();
    EXPECT_TRUE(comes_true([&] { return job->ended.load(); }));
    loop->run_until_complete(asyncio::sleep(10ms));  // the helper's call comes, and is harmless
    loop->close();
  }
  EXPECT_TRUE(comes_true([&] { return job.use_count() == 1; }));
  EXPECT_TRUE(comes_true([&] { return asyncio::detail::live_blocks() == blocks; }));
}

// LOOP-066, LOOP-065
TEST(ShutdownDefaultExecutor, ThreadsThatItGaveUpMayEndAfterTheLoopIsGone) {
  const support::LogCapture logged;
  const auto blocks = asyncio::detail::live_blocks();
  auto job = std::make_shared<Job>();
  asyncio::run(shuts_down(job, 2ms));
  EXPECT_EQ(logged.count("did not finish joining its threads within"), 1);
  EXPECT_FALSE(job->ended);
  job->may_go.release();
  EXPECT_TRUE(comes_true([&] { return job.use_count() == 1; }));
  EXPECT_TRUE(comes_true([&] { return asyncio::detail::live_blocks() == blocks; }));
  EXPECT_EQ(logged.lines().size(), 1U);
}

// LOOP-066
TEST(ShutdownDefaultExecutor, RunDoesItAtTheEnd) {
  auto job = std::make_shared<Job>();
  asyncio::run(forgets_a_job(job));
  EXPECT_TRUE(job->ended);
  EXPECT_EQ(job.use_count(), 1);
}
