
#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/threads.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// Notes the thread on which it is destroyed.
class DiesOn {
 public:
  explicit DiesOn(std::thread::id& where) noexcept : where_(&where) {}
  DiesOn(DiesOn&& other) noexcept : where_(std::exchange(other.where_, nullptr)) {}
  DiesOn(const DiesOn&) = delete;
  ~DiesOn() {
    if (where_ != nullptr) *where_ = std::this_thread::get_id();
  }

 private:
  std::thread::id* where_;
};

asyncio::Coro<int> seven() {
  co_await asyncio::sleep(0s);
  co_return 7;
}

/// Moves the handle to a thread of its own and drops it there.
template <class Handle>
void drop_elsewhere(Handle handle) {
  std::thread([h = std::optional<Handle>(std::move(handle))]() mutable { h.reset(); }).join();
}

}  // namespace

// api: a last drop on a foreign thread hands the destruction to the loop
ASYNC_TEST(ThreadHandles, ALastDropOnAnotherThreadDestroysTheValueOnTheLoopsThread) {
  std::thread::id died_on;
  {
    asyncio::Future<DiesOn> future;
    future.set_result(DiesOn(died_on));
    drop_elsewhere(std::move(future));
  }
  EXPECT_EQ(died_on, std::thread::id());
  co_await asyncio::sleep(0s);
  EXPECT_EQ(died_on, std::this_thread::get_id());
}

// api: or does it in place when the loop is closed
TEST(ThreadHandles, ALastDropOnAnotherThreadAfterCloseDestroysTheValueThere) {
  std::thread::id died_on;
  std::thread::id dropped_on;
  auto loop = asyncio::new_event_loop();
  asyncio::Future<DiesOn> future(*loop);
  future.set_result(DiesOn(died_on));
  loop->close();
  loop.reset();
  std::thread other([&, f = std::optional(std::move(future))]() mutable {
    dropped_on = std::this_thread::get_id();
    f.reset();
  });
  other.join();
  EXPECT_EQ(died_on, dropped_on);
}

// api: handles may be copied and dropped on any thread
ASYNC_TEST(ThreadHandles, MayBeCopiedAndDroppedOnManyThreadsAtOnce) {
  auto task = asyncio::create_task(seven());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([task] {
      for (int n = 0; n < 1000; ++n) {
        const asyncio::Task<int> copy = task;
        const asyncio::AnyTask any = copy;
      }
    });
  }
  const int value = co_await task;
  EXPECT_EQ(value, 7);
  for (std::thread& t : threads) t.join();
}

// api: the loop keeps a scheduled task, also when its last handle was dropped elsewhere
ASYNC_TEST(ThreadHandles, ARunningTaskGoesOnWhenItsLastHandleIsDroppedElsewhere) {
  bool ended = false;
  auto body = [&]() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    ended = true;
  };
  drop_elsewhere(asyncio::create_task(body()));
  co_await asyncio::sleep(2s);
  EXPECT_TRUE(ended);
}

// api: an error that nobody has taken is reported also when the last handle is dropped elsewhere
ASYNC_TEST(ThreadHandles, AnUntakenErrorIsReportedWhenTheLastHandleIsDroppedElsewhere) {
  const support::LogCapture reports;
  {
    asyncio::Future<> future;
    future.set_exception(std::domain_error("lost"));
    drop_elsewhere(std::move(future));
  }
  co_await asyncio::sleep(0s);
  EXPECT_EQ(reports.count("exception was never retrieved"), 1);
}

// api: handles dropped elsewhere while the loop is being closed
TEST(ThreadHandles, DroppedElsewhereWhileTheLoopClosesNothingIsLost) {
  for (int round = 0; round < 50; ++round) {
    auto alive = std::make_shared<int>(round);
    auto loop = asyncio::new_event_loop();
    asyncio::Future<std::shared_ptr<int>> future(*loop);
    future.set_result(alive);
    std::atomic<bool> go = false;
    std::thread other([&go, f = std::optional(std::move(future))]() mutable {
      while (!go) {
      }
      f.reset();
    });
    go = true;
    loop->close();
    other.join();
    loop.reset();
    EXPECT_EQ(alive.use_count(), 1);
  }
}

// COMB-135: a thread future may be copied and asked on several threads
ASYNC_TEST(ConcurrentFuture, GivesItsResultToSeveralThreads) {
  auto& loop = asyncio::get_running_loop();
  auto future = asyncio::run_coroutine_threadsafe(seven(), loop);
  std::atomic<int> sum = 0;
  const asyncio::testing::OutsideWork threads_will_call(loop);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&sum, future] { sum += future.result(); });
  while (!future.done()) co_await asyncio::sleep(0s);
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(sum, 21);
}

// COMB-135
ASYNC_TEST(ConcurrentFuture, ItsCallbacksRunOnTheThreadThatCompletesIt) {
  auto& loop = asyncio::get_running_loop();
  std::thread::id called_on;
  auto future = asyncio::run_coroutine_threadsafe(seven(), loop);
  future.add_done_callback([&] { called_on = std::this_thread::get_id(); });
  while (!future.done()) co_await asyncio::sleep(0s);
  EXPECT_EQ(called_on, std::this_thread::get_id());
}

// COMB-135
ASYNC_TEST(ConcurrentFuture, ACallbackOfADoneFutureIsCalledAtOnce) {
  auto future = asyncio::run_coroutine_threadsafe(seven(), asyncio::get_running_loop());
  while (!future.done()) co_await asyncio::sleep(0s);
  bool called = false;
  future.add_done_callback([&] { called = true; });
  EXPECT_TRUE(called);
  EXPECT_EQ(future.exception(), nullptr);
}

// COMB-136
ASYNC_TEST(ConcurrentFuture, ACancelCallsItsCallbacksAndLaterAddedOnesAtOnce) {
  auto future = asyncio::run_coroutine_threadsafe(seven(), asyncio::get_running_loop());
  int calls = 0;
  future.add_done_callback([&] { ++calls; });
  EXPECT_TRUE(future.cancel());
  EXPECT_EQ(calls, 1);
  future.add_done_callback([&] { ++calls; });
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(future.done());
  EXPECT_THROW((void)future.exception(), asyncio::CancelledError);
  co_await asyncio::sleep(0s);
}

// COMB-135: as in concurrent.futures, a callback's error is reported and the others run
ASYNC_TEST(ConcurrentFuture, AnErrorOfACallbackIsReportedAndTheOthersRun) {
  const support::LogCapture reports;
  auto future = asyncio::run_coroutine_threadsafe(seven(), asyncio::get_running_loop());
  bool second = false;
  future.add_done_callback([] { throw std::domain_error("callback failed"); });
  future.add_done_callback([&] { second = true; });
  while (!future.done()) co_await asyncio::sleep(0s);
  EXPECT_TRUE(second);
  EXPECT_EQ(reports.count("callback failed"), 1);
}
