// The native stack stays bounded, whatever awaits whatever: this suite also runs at -O0, -O1, -O2
// and under the sanitizers, on both compilers.

#include <asyncio/coroutine.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"
#include "support/sanitizers.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <vector>

using namespace std::chrono_literals;

namespace {

#ifdef NDEBUG
constexpr int deep = 1'000'000;
#else
constexpr int deep = 100'000;
#endif
constexpr int chain_length = 100'000;
// A frame of a loop that grew would overflow the stack long before either.
constexpr int awaits = support::under_asan || support::under_tsan ? 1'000'000 : 10'000'000;

asyncio::Coro<int> one() { co_return 1; }

asyncio::Coro<std::int64_t> descend(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await descend(depth - 1);
}

asyncio::Coro<std::int64_t> descend_and_sleep(int depth) {
  if (depth == 0) {
    co_await asyncio::sleep(1h);
    co_return 0;
  }
  co_return 1 + co_await descend_and_sleep(depth - 1);
}

asyncio::Coro<> throw_from(int depth) {
  if (depth == 0) throw std::runtime_error("from the bottom");
  co_await throw_from(depth - 1);
}

asyncio::Coro<> await_task(asyncio::Task<> next) { co_await next; }

}  // namespace

// failure 28, RUN-002, TASK-023
ASYNC_TEST(Deep, TenMillionReadyAwaitsInALoop) {
  std::int64_t sum = 0;
  for (int i = 0; i < awaits; ++i) sum += co_await one();
  EXPECT_EQ(sum, awaits);
}

// failure 28
ASYNC_TEST(Deep, ARecursionOfAwaits) { EXPECT_EQ(co_await descend(deep), deep); }

// failure 28
ASYNC_TEST(Deep, ARecursionThatIsSuspendedAtItsLeafGoesOn) {
  EXPECT_EQ(co_await descend_and_sleep(deep), deep);
}

// failure 28, TASK-066, COMB-004
ASYNC_TEST(Deep, ASuspendedRecursionIsCancelledAtItsLeaf) {
  auto task = asyncio::create_task(descend_and_sleep(1000));
  co_await asyncio::sleep(0s);
  task.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
}

// failure 28: nobody resumes it any more, so its million frames are destroyed with the loop
TEST(Deep, ASuspendedRecursionIsDestroyedWithTheLoop) {
  const support::LogCapture log;
  auto loop = asyncio::new_event_loop();
  auto task = loop->create_task(descend_and_sleep(deep));
  loop->poll_once();
  loop->close();
  EXPECT_FALSE(task.done());
  EXPECT_EQ(log.count("Task was destroyed but it is pending!"), 1);
}

ASYNC_TEST(Deep, AnExceptionRisesThroughManyAwaits) {
  auto result = co_await asyncio::as_result(throw_from(1000));
  EXPECT_FALSE(result.has_value());
}

// failure 27, TASK-063
ASYNC_TEST(Deep, AChainOfTasksIsCancelledFromItsHead) {
  asyncio::Future<> never;
  auto wait_for_ever = [&]() -> asyncio::Coro<> { co_await never; };
  std::vector<asyncio::Task<>> chain;
  chain.reserve(chain_length);
  chain.push_back(asyncio::create_task(wait_for_ever));
  for (int i = 1; i < chain_length; ++i) {
    chain.push_back(asyncio::create_task(await_task(chain.back())));
  }
  co_await asyncio::sleep(0s);  // all of them wait now

  EXPECT_TRUE(chain.back().cancel());
  EXPECT_TRUE(never.cancelled());
  EXPECT_TRUE((co_await asyncio::as_result(chain.back())).cancelled());
  int cancelled = 0;
  for (const auto& task : chain) cancelled += task.cancelled() ? 1 : 0;
  EXPECT_EQ(cancelled, chain_length);
}

// failure 27: gathers of gathers are followed in a loop, too
ASYNC_TEST(Deep, ANestOfGathersIsCancelledFromItsHead) {
  auto leaf = asyncio::create_task(asyncio::sleep(1h));
  asyncio::Future<std::tuple<asyncio::None>> outer = asyncio::gather(leaf);
  std::vector<asyncio::FutureBase> nest(1, outer);
  for (int i = 0; i < chain_length; ++i) {
    std::vector<asyncio::FutureBase> inner(1, nest.back());
    nest.push_back(asyncio::gather(inner));
  }
  EXPECT_TRUE(nest.back().cancel());
  EXPECT_TRUE((co_await asyncio::as_result(leaf)).cancelled());
  EXPECT_TRUE((co_await asyncio::as_result(nest.back())).cancelled());
  nest.erase(nest.begin(), nest.end() - 1);  // the outermost holds all the others now
}

// failure 26: tasks that await each other cannot hang the end of run()
ASYNC_TEST(Deep, ACycleOfTasksIsBrokenByACancel) {
  asyncio::Future<> start;
  std::vector<asyncio::Task<>> tasks;
  auto await_other = [&](std::size_t other) -> asyncio::Coro<> {
    co_await start;
    co_await asyncio::gather(tasks[other]);  // a plain await of the other would be refused
  };
  tasks.push_back(asyncio::create_task(await_other, std::size_t{1}));
  tasks.push_back(asyncio::create_task(await_other, std::size_t{0}));
  co_await asyncio::sleep(0s);
  start.set_result();
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);

  tasks[0].cancel();
  EXPECT_TRUE((co_await asyncio::as_result(tasks[0])).cancelled());
  EXPECT_TRUE((co_await asyncio::as_result(tasks[1])).cancelled());
}

// failure 94
ASYNC_TEST(Deep, AHundredThousandSleepersAreCancelledAtOnce) {
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < chain_length; ++i) {
    tasks.push_back(asyncio::create_task(asyncio::sleep(1h)));
  }
  co_await asyncio::sleep(0s);
  for (const auto& task : tasks) task.cancel();
  auto results = co_await asyncio::gather(asyncio::return_exceptions, tasks);
  int cancelled = 0;
  for (const auto& result : results) cancelled += result.cancelled() ? 1 : 0;
  EXPECT_EQ(cancelled, chain_length);
}
