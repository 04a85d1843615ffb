#include <asyncio/threads.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/context.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/executor.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <future>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using namespace std::chrono_literals;

namespace {

int add(int a, int b) { return a + b; }

}  // namespace

// COMB-141, PROC-054, PROC-056
ASYNC_TEST(ToThread, GivesTheFunctionsResultFromAnotherThread) {
  const auto here = std::this_thread::get_id();
  EXPECT_EQ(co_await asyncio::to_thread(add, 40, 2), 42);
  EXPECT_NE(co_await asyncio::to_thread([] { return std::this_thread::get_id(); }), here);
}

// COMB-141
ASYNC_TEST(ToThread, ThrowsWhatTheFunctionThrows) {
  auto end = co_await asyncio::as_result(asyncio::to_thread([] { throw std::domain_error("no"); }));
  EXPECT_TRUE(support::is_a<std::domain_error>(end.error()));
}

// COMB-141
ASYNC_TEST(ToThread, TakesAndGivesMoveOnlyValues) {
  auto argument = std::make_unique<int>(5);
  auto result = co_await asyncio::to_thread(
      [](std::unique_ptr<int> p) { return std::make_unique<int>(*p + 1); }, std::move(argument));
  EXPECT_EQ(*result, 6);
}

// COMB-141: arguments are decay-copied
ASYNC_TEST(ToThread, CopiesItsArgumentsWhenItIsCalled) {
  std::string text = "before";
  auto stored = asyncio::to_thread([](std::string t) { return t; }, text);
  text = "after";
  EXPECT_EQ(co_await std::move(stored), "before");
}

// COMB-142
ASYNC_TEST(ToThread, CallsTheFunctionOncePerAwait) {
  std::atomic<int> calls = 0;
  const auto fn = [&] { ++calls; };
  co_await asyncio::to_thread(fn);
  EXPECT_EQ(calls, 1);
  co_await asyncio::to_thread(fn);
  EXPECT_EQ(calls, 2);
}

// COMB-142
ASYNC_TEST(ToThread, SeveralRunConcurrently) {
  std::latch all_there(3);
  const auto meet = [&] { all_there.arrive_and_wait(); };
  co_await asyncio::gather(asyncio::to_thread(meet), asyncio::to_thread(meet),
                           asyncio::to_thread(meet));
}

// COMB-142
TEST(ToThread, AtMostAsManyRunAsThePoolHasThreads) {
  asyncio::ThreadPoolExecutor pool(2);
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  const auto job = [&] {
    const int now = ++running;
    int seen = most;
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
    std::this_thread::sleep_for(1ms);
    --running;
  };
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    asyncio::get_running_loop().set_default_executor(pool);
    co_await asyncio::gather(asyncio::to_thread(job), asyncio::to_thread(job),
                             asyncio::to_thread(job), asyncio::to_thread(job));
  });
  EXPECT_LE(most, 2);
}

// COMB-143
ASYNC_TEST(ToThread, RunsInACopyOfTheCallersContext) {
  asyncio::ContextVar<int> variable("variable", 0);
  variable.set(3);
  const int seen = co_await asyncio::to_thread([&] {
    const int before = variable.get();
    variable.set(4);
    return before;
  });
  EXPECT_EQ(seen, 3);
  EXPECT_EQ(variable.get(), 3);
}

// COMB-144
ASYNC_TEST(ToThread, StartsNothingBeforeItIsAwaited) {
  std::atomic<bool> ran = false;
  auto stored = asyncio::to_thread([&] { ran = true; });
  std::this_thread::sleep_for(2ms);
  co_await asyncio::sleep(0s);
  EXPECT_FALSE(ran);
  co_await std::move(stored);
  EXPECT_TRUE(ran);
}

// COMB-145, failure 80, TASK-037
ASYNC_TEST(ToThread, CancelledWhileItRunsIsAbandonedAndRunsToItsEnd) {
  std::latch started(1);
  std::promise<void> release;
  std::atomic<bool> ended = false;
  auto& loop = asyncio::get_running_loop();
  auto job = asyncio::create_task(asyncio::to_thread([&] {
    started.count_down();
    release.get_future().wait();
    ended = true;
    return std::make_shared<int>(1);
  }));
  co_await asyncio::sleep(0s);
  started.wait();
  job.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(job)).cancelled());
  EXPECT_FALSE(ended);
  release.set_value();
  co_await loop.shutdown_default_executor();
  EXPECT_TRUE(ended);
}

// failure 80, COMB-145
TEST(ToThread, CancelledWhileItIsQueuedNeverRuns) {
  asyncio::ThreadPoolExecutor pool(1);
  std::atomic<bool> ran = false;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    asyncio::get_running_loop().set_default_executor(pool);
    std::promise<void> release;
    auto blocker = asyncio::create_task(asyncio::to_thread([&] { release.get_future().wait(); }));
    auto queued = asyncio::create_task(asyncio::to_thread([&] { ran = true; }));
    co_await asyncio::sleep(0s);
    queued.cancel();
    EXPECT_TRUE((co_await asyncio::as_result(queued)).cancelled());
    release.set_value();
    co_await blocker;
    co_await asyncio::to_thread([] {});  // whatever was queued before has had its turn
  });
  EXPECT_FALSE(ran);
}

// failure 80, TASK-037
TEST(ToThread, AJobThatOutlivesItsLoopIsDroppedSilently) {
  std::promise<void> release;
  std::latch started(1);
  asyncio::ThreadPoolExecutor pool(1);
  {
    auto loop = asyncio::new_event_loop();
    auto future = loop->run_in_executor(&pool, [&] {
      started.count_down();
      release.get_future().wait();
      return std::make_shared<int>(1);
    });
    started.wait();
    loop->close();
  }
  release.set_value();
  pool.shutdown();
}
