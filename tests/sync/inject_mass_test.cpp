// A hundred thousand of each, cancelled at once: in linear time, and nothing of them is left.

#include <asyncio/as_result.hpp>
#include <asyncio/detail/frame_allocator.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/sanitizers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;
using Tasks = std::vector<asyncio::Task<>>;

// A sanitizer takes a hundred times as long for each; it is there for what is touched, not for
// time.
constexpr int many = support::under_asan || support::under_tsan ? 20'000 : 100'000;

/// Linear: ten times as many take about ten times as long. What is quadratic takes a hundred times.
template <class TimeOf>
void expect_linear_time(TimeOf time_of) {
  (void)time_of(many / 10);  // the allocator and the caches get to know it
  const auto few = std::min(time_of(many / 10), time_of(many / 10));
  constexpr auto noise = 100ms;
  EXPECT_LE(time_of(many), few * 40 + noise)
      << "a tenth of them take " << std::chrono::duration<double>(few).count() << " s";
}

/// The same of a coroutine function that gives the time from the request to the last one's end.
template <class Act>
void expect_linear(Act act) {
  expect_linear_time([act](int n) {
    Clock::duration taken{};
    const std::int64_t before = asyncio::detail::live_blocks();
    asyncio::testing::run([&]() -> asyncio::Coro<> { taken = co_await act(n); });
    EXPECT_EQ(asyncio::detail::live_blocks(), before);
    return taken;
  });
}

Tasks sleepers(int n) {
  Tasks tasks;
  for (int i = 0; i < n; ++i) tasks.push_back(asyncio::create_task(asyncio::sleep(1h)));
  return tasks;
}

asyncio::Coro<> wait_for_all(const Tasks& tasks) {
  for (const auto& task : tasks) {
    const auto end = co_await asyncio::as_result(task);
    EXPECT_TRUE(end.cancelled());
  }
}

asyncio::Coro<> cancel_all(const Tasks& tasks) {
  for (const auto& task : tasks) task.cancel();
  co_await wait_for_all(tasks);
}

asyncio::Coro<Clock::duration> cancel_sleepers(int n) {
  const Tasks tasks = sleepers(n);
  co_await asyncio::sleep(1s);
  const auto begin = Clock::now();
  co_await cancel_all(tasks);
  co_return Clock::now() - begin;
}

// From the last to the first, which is the worst for a list that is searched from its front.
asyncio::Coro<Clock::duration> cancel_waiters_of_one_future(int n) {
  const asyncio::Future<> future;
  const asyncio::Task<> shared =
      asyncio::create_task([&]() -> asyncio::Coro<> { co_await future; });
  auto wait = [](asyncio::Task<> task) -> asyncio::Coro<> {
    std::vector<asyncio::Task<>> one(1, task);
    (void)co_await asyncio::wait(one);
  };
  Tasks tasks;
  for (int i = 0; i < n; ++i) tasks.push_back(asyncio::create_task(wait(shared)));
  co_await asyncio::sleep(1s);
  std::reverse(tasks.begin(), tasks.end());
  const auto begin = Clock::now();
  co_await cancel_all(tasks);
  const auto end = Clock::now();
  future.set_result();
  co_await shared;
  co_return end - begin;
}

asyncio::Coro<Clock::duration> cancel_timers(int n) {
  const auto captured = std::make_shared<int>(0);
  std::vector<asyncio::TimerHandle> timers;
  auto& loop = asyncio::get_running_loop();
  for (int i = 0; i < n; ++i) timers.push_back(loop.call_later(1h, [captured] { ++*captured; }));
  co_await asyncio::sleep(1s);
  const auto begin = Clock::now();
  for (const auto& timer : timers) timer.cancel();
  co_await asyncio::sleep(0s);
  const auto end = Clock::now();
  EXPECT_EQ(captured.use_count(), 1);
  co_await asyncio::sleep(2h);
  EXPECT_EQ(*captured, 0);
  co_return end - begin;
}

asyncio::Coro<Clock::duration> cancel_limits(int n) {
  Tasks tasks;
  for (int i = 0; i < n; ++i) {
    tasks.push_back(asyncio::create_task(asyncio::wait_for(asyncio::sleep(2h), 1h)));
  }
  co_await asyncio::sleep(1s);
  const auto begin = Clock::now();
  co_await cancel_all(tasks);
  co_return Clock::now() - begin;
}

asyncio::Coro<Clock::duration> cancel_gather(int n) {
  const Tasks tasks = sleepers(n);
  const auto all = asyncio::gather(asyncio::return_exceptions, tasks);
  co_await asyncio::sleep(1s);
  const auto begin = Clock::now();
  all.cancel();
  const auto end = co_await asyncio::as_result(asyncio::FutureBase(all));
  EXPECT_TRUE(end.cancelled());
  co_return Clock::now() - begin;
}

asyncio::Coro<Clock::duration> cancel_group(int n) {
  const auto body = [n](asyncio::TaskGroup& group) {
    for (int i = 0; i < n; ++i) group.create_task(asyncio::sleep(1h));
  };
  const auto owner = asyncio::create_task(
      [&]() -> asyncio::Coro<> { co_await asyncio::with(asyncio::TaskGroup(), body); });
  co_await asyncio::sleep(1s);
  const auto begin = Clock::now();
  owner.cancel();
  const auto end = co_await asyncio::as_result(owner);
  EXPECT_TRUE(end.cancelled());
  co_return Clock::now() - begin;
}

}  // namespace

// failure 94
TEST(MassCancel, OfTasksThatSleepIsLinear) { expect_linear(&cancel_sleepers); }

// failure 94
TEST(MassCancel, OfTasksThatWaitForTheSameIsLinear) {
  expect_linear(&cancel_waiters_of_one_future);
}

// failure 94, failure 13
TEST(MassCancel, OfTimersIsLinearAndDropsWhatTheyHold) { expect_linear(&cancel_timers); }

// failure 94
TEST(MassCancel, OfTasksWithATimeLimitIsLinear) { expect_linear(&cancel_limits); }

// failure 94
TEST(MassCancel, OfAGatherIsLinear) { expect_linear(&cancel_gather); }

// failure 94
TEST(MassCancel, OfATaskGroupIsLinear) { expect_linear(&cancel_group); }

// failure 94, failure 95
TEST(MassCancel, AtTheEndOfRunIsLinear) {
  expect_linear_time([](int n) {
    const std::int64_t before = asyncio::detail::live_blocks();
    const auto begin = Clock::now();
    asyncio::testing::run([n]() -> asyncio::Coro<> {
      (void)sleepers(n);
      co_await asyncio::sleep(1s);
    });
    EXPECT_EQ(asyncio::detail::live_blocks(), before);
    return Clock::now() - begin;
  });
}
