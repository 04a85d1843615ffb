#include <asyncio/event.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/workers.hpp>

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

using namespace std::chrono_literals;
using asyncio::Coro;

// run_workers(): one loop a thread, ended together.

namespace {

Coro<> for_ever() { co_await asyncio::sleep(asyncio::Duration::max()); }

}  // namespace

TEST(Workers, EachRunsOnAThreadOfItsOwn) {
  std::atomic<int> arrived = 0;
  std::atomic<int> sum = 0;
  auto main = [&](std::size_t index) -> Coro<> {
    sum += static_cast<int>(index);
    ++arrived;
    while (arrived < 3) co_await asyncio::sleep(1ms);
  };
  EXPECT_EQ(asyncio::run_workers(3, main), 0);
  EXPECT_EQ(sum, 3);
}

TEST(Workers, WhenOneEndsTheOthersAreCancelled) {
  std::atomic<int> cleaned = 0;
  auto main = [&](std::size_t index) -> Coro<> {
    struct Cleanup {
      std::atomic<int>& count;
      ~Cleanup() { ++count; }
    };
    const Cleanup cleanup{cleaned};
    if (index == 1) co_return;
    co_await for_ever();
  };
  EXPECT_EQ(asyncio::run_workers(3, main), 0);
  EXPECT_GE(cleaned, 1);
}

TEST(Workers, TheFirstErrorWins) {
  auto main = [](std::size_t index) -> Coro<> {
    if (index == 1) throw std::runtime_error("worker 1 has had enough");
    co_await for_ever();
  };
  try {
    asyncio::run_workers(2, main);
    ADD_FAILURE() << "no error";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "worker 1 has had enough");
  }
}

TEST(Workers, ErrorOfTheFirstWorkerEndsTheOthers) {
  auto main = [](std::size_t index) -> Coro<> {
    if (index == 0) throw std::runtime_error("first");
    co_await for_ever();
  };
  EXPECT_THROW(asyncio::run_workers(2, main), std::runtime_error);
}

TEST(Workers, SigtermEndsAll) {
  std::atomic<int> running = 0;
  auto main = [&]() -> Coro<> {
    ++running;
    co_await for_ever();
  };
  std::thread killer([&] {
    while (running < 2) std::this_thread::sleep_for(1ms);
    ::kill(::getpid(), SIGTERM);
  });
  EXPECT_EQ(asyncio::run_workers(2, main), 128 + SIGTERM);
  killer.join();
}

TEST(Workers, NoneIsRefused) {
  EXPECT_THROW(asyncio::run_workers(0, [] { return for_ever(); }), std::invalid_argument);
}
