// A pool that is a loop's default executor belongs to the user and to the loop.

#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

using namespace std::chrono_literals;

// LOOP-062
TEST(SharedExecutor, SettingTheSameOneTwiceOrAnotherOneEndsNone) {
  asyncio::ThreadPoolExecutor first(1);
  asyncio::ThreadPoolExecutor second(1);
  asyncio::run([&]() -> asyncio::Coro<> {
    auto& loop = asyncio::get_running_loop();
    loop.set_default_executor(first);
    loop.set_default_executor(first);
    EXPECT_EQ(co_await asyncio::to_thread([] { return 1; }), 1);
    loop.set_default_executor(second);
    EXPECT_EQ(co_await loop.run_in_executor(&first, [] { return 2; }), 2);
    EXPECT_EQ(co_await asyncio::to_thread([] { return 3; }), 3);
  });
}

// LOOP-047: the loop does not wait for the jobs; the pool's own destructor does
TEST(SharedExecutor, ItsDestructorWaitsForJobsThatTheClosedLoopHasLeft) {
  std::atomic<bool> started = false;
  std::atomic<bool> ended = false;
  {
    asyncio::ThreadPoolExecutor pool(1);
    auto loop = asyncio::new_event_loop();
    loop->set_default_executor(pool);
    auto future = loop->run_in_executor(nullptr, [&] {
      started = true;
      std::this_thread::sleep_for(20ms);
      ended = true;
    });
    while (!started) std::this_thread::yield();
    loop->close();
  }
  EXPECT_TRUE(ended);
}

// COMB-136
TEST(SharedExecutor, AResultMayBeWaitedForWithoutEnd) {
  auto loop = asyncio::new_event_loop();
  auto answer = []() -> asyncio::Coro<int> { co_return co_await asyncio::sleep(20ms, 42); };
  auto future = asyncio::run_coroutine_threadsafe(answer(), *loop);
  std::optional<int> result;
  std::thread waiter([&] {
    result = future.result(asyncio::Duration::max());
    loop->call_soon_threadsafe([&] { loop->stop(); });
  });
  loop->run_forever();
  waiter.join();
  loop->close();
  EXPECT_EQ(result, 42);
}
