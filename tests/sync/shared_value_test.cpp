// A value goes to everybody who waits for it: it is moved out only if nobody else will ask.

#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

const std::string long_value(100, 'x');

asyncio::Coro<std::string> make_value() {
  co_await asyncio::sleep(1s);
  co_return long_value;
}

asyncio::Coro<std::string> take(asyncio::Task<std::string> task) {
  co_return co_await std::move(task);
}

}  // namespace

// COMB-008, TASK-027
ASYNC_TEST(SharedValue, TwoGathersOfOneTaskBothGetIt) {
  auto task = asyncio::create_task(make_value());
  auto first = asyncio::gather(asyncio::Task<std::string>(task));
  auto second = asyncio::gather(std::move(task));
  EXPECT_EQ(std::get<0>(co_await first), long_value);
  EXPECT_EQ(std::get<0>(co_await second), long_value);
}

// COMB-079, TASK-027
ASYNC_TEST(SharedValue, TwoShieldsOfOneTaskBothGetIt) {
  auto task = asyncio::create_task(make_value());
  auto first = asyncio::shield(asyncio::Task<std::string>(task));
  auto second = asyncio::shield(std::move(task));
  EXPECT_EQ(co_await first, long_value);
  EXPECT_EQ(co_await second, long_value);
}

// TASK-027
ASYNC_TEST(SharedValue, AnAwaiterByMoveAndAGatherBothGetIt) {
  auto task = asyncio::create_task(make_value());
  auto taker = asyncio::create_task(take, task);
  auto gathered = asyncio::gather(std::move(task));
  EXPECT_EQ(co_await taker, long_value);
  EXPECT_EQ(std::get<0>(co_await gathered), long_value);
}

// api: a Wait is awaited once
ASYNC_TEST(SharedValue, AWaitThatWasAwaitedIsRefusedTheSecondTime) {
  std::vector<asyncio::Task<std::string>> tasks;
  tasks.push_back(asyncio::create_task(make_value()));
  auto waiting = asyncio::wait(tasks);
  co_await std::move(waiting);
  auto again = co_await asyncio::as_result(std::move(waiting));
  EXPECT_FALSE(again.has_value());
}
