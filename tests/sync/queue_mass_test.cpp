// Very many waiters: whatever is done for each takes the same time, or these tests do not end.

#include <asyncio/queue.hpp>

#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/queues.hpp"

#include <gtest/gtest.h>

#include <cstddef>

using asyncio::Queue;
using support::cancelled_of;
using support::pass;
using support::waiting_getters;
using support::waiting_putters;

namespace {

constexpr int very_many = 100'000;

}  // namespace

// failure 94, SYNC-062
ASYNC_TEST(QueueMass, AHundredThousandGettersAreCancelledAtOnce) {
  Queue<int> queue;
  auto getters = co_await waiting_getters(queue, very_many);
  for (auto& getter : getters) getter.cancel();
  queue.put_nowait(1);
  co_await pass();
  EXPECT_EQ(cancelled_of(getters), getters.size());
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0 _queue[1] tasks=1>");
}

// SYNC-060: the wake-up goes through all of them
ASYNC_TEST(QueueMass, AWakeUpIsPassedOnByAHundredThousandGetters) {
  Queue<int> queue;
  auto getters = co_await waiting_getters(queue, very_many);
  auto last = asyncio::create_task(queue.get());
  co_await pass();
  for (int i = 0; i < very_many; ++i) queue.put_nowait(i);
  for (auto& getter : getters) getter.cancel();
  EXPECT_EQ(co_await last, 0);
  EXPECT_EQ(cancelled_of(getters), getters.size());
  EXPECT_EQ(queue.qsize(), static_cast<std::size_t>(very_many) - 1);
}

// SYNC-061, SYNC-062
ASYNC_TEST(QueueMass, AHundredThousandPuttersAreCancelledFromTheBack) {
  Queue<int> queue(1);
  queue.put_nowait(0);
  auto putters = co_await waiting_putters(queue, very_many);
  EXPECT_EQ(queue.get_nowait(), 0);
  for (auto putter = putters.rbegin(); putter != putters.rend(); ++putter) putter->cancel();
  co_await pass();
  EXPECT_EQ(cancelled_of(putters), putters.size());
  EXPECT_EQ(queue.repr(), "<Queue maxsize=1 tasks=1>");
}

// SYNC-057, SYNC-059: each waits again, the first behind the last
ASYNC_TEST(QueueMass, AHundredThousandGettersAreAllRobbedAndWaitAgain) {
  Queue<int> queue;
  auto getters = co_await waiting_getters(queue, very_many);
  for (int i = 0; i < very_many; ++i) queue.put_nowait(i);
  for (int i = 0; i < very_many; ++i) (void)queue.get_nowait();
  co_await pass();
  for (int i = 0; i < very_many; ++i) queue.put_nowait(i);
  co_await pass();
  EXPECT_EQ(getters.front().result(), 0);
  EXPECT_EQ(getters.back().result(), very_many - 1);
  EXPECT_TRUE(queue.empty());
}

// failure 94, SYNC-072
ASYNC_TEST(QueueMass, AHundredThousandPuttersAreRefusedAtOnce) {
  Queue<int> queue(1);
  queue.put_nowait(0);
  auto putters = co_await waiting_putters(queue, very_many);
  queue.shutdown();
  co_await pass();
  std::size_t refused = 0;
  for (auto& putter : putters) refused += putter.done() && putter.exception() != nullptr ? 1 : 0;
  EXPECT_EQ(refused, putters.size());
}
