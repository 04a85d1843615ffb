#include <asyncio/queue.hpp>

#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include "support/errors.hpp"
#include "support/queues.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Queue;
using support::get_into;
using support::Numbers;
using support::OthersRan;
using support::pass;
using support::thrown_by;
using support::with_each_queue;

namespace {

constexpr const char* too_often =
    "invalid_argument: Queue.task_done(): task_done() called too many times: call it once for each "
    "item that get() gave";

}  // namespace

// --- join and task_done -------------------------------------------------------------------------

// SYNC-067
ASYNC_TEST(Queue, TaskDoneMoreOftenThanItemsWerePutIsRefused) {
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    const auto task_done = [&] { queue.task_done(); };
    EXPECT_EQ(thrown_by(task_done), too_often);
    queue.put_nowait(1);
    co_await queue.put(2);
    co_await queue.emplace(3);
    for (int i = 0; i < 3; ++i) task_done();  // before they are taken: as in Python
    EXPECT_EQ(thrown_by(task_done), too_often);
  };
  co_await with_each_queue(0, check);
}

// SYNC-068
ASYNC_TEST(Queue, AJoinWithNothingUnfinishedDoesNotYield) {
  const OthersRan others_ran;
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    co_await queue.join();
    co_await queue.join();
    queue.put_nowait(1);
    queue.task_done();
    co_await queue.join();
  };
  co_await with_each_queue(0, check);
  EXPECT_FALSE(others_ran);
  co_await pass();
}

// SYNC-067, SYNC-068
ASYNC_TEST(Queue, AJoinWaitsUntilEveryItemIsDealtWith) {
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    for (int i = 0; i < 100; ++i) queue.put_nowait(i);
    int sum = 0;
    bool running = true;
    const auto work = [&]() -> asyncio::Coro<> {
      while (running) {
        sum += co_await queue.get();
        co_await asyncio::sleep(1s);
        queue.task_done();
      }
    };
    co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
      for (int i = 0; i < 2; ++i) group.create_task(work());
      co_await queue.join();
      EXPECT_EQ(sum, 4950);
      running = false;
      for (int i = 0; i < 2; ++i) queue.put_nowait(0);
    });
  };
  co_await with_each_queue(0, check);
}

// SYNC-067, SYNC-068
ASYNC_TEST(Queue, ATakenItemIsUnfinishedUntilTaskDone) {
  Queue<int> queue;
  queue.put_nowait(1);
  auto first = asyncio::create_task(queue.join());
  auto second = asyncio::create_task(queue.join());
  co_await pass();
  EXPECT_EQ(co_await queue.get(), 1);
  co_await pass(2);
  EXPECT_FALSE(first.done() || second.done());
  queue.task_done();
  co_await pass();
  EXPECT_TRUE(first.done() && second.done());
}

// SYNC-069
ASYNC_TEST(Queue, AJoinReturnsThoughANewItemComesBeforeItRuns) {
  Queue<int> queue;
  queue.put_nowait(1);
  auto join = asyncio::create_task(queue.join());
  co_await pass();
  queue.task_done();
  queue.put_nowait(2);
  co_await join;
  auto next = asyncio::create_task(queue.join());
  co_await pass(2);
  EXPECT_FALSE(next.done());
  queue.task_done();
  co_await next;
}

// SYNC-067, SYNC-068
ASYNC_TEST(Queue, AJoinThatIsCancelledLeavesTheOthersAndTheItems) {
  Queue<int> queue;
  queue.put_nowait(1);
  auto doomed = asyncio::create_task(queue.join());
  auto other = asyncio::create_task(queue.join());
  co_await pass();
  doomed.cancel();
  co_await pass();
  EXPECT_TRUE(doomed.cancelled());
  EXPECT_FALSE(other.done());
  queue.task_done();
  co_await other;
  EXPECT_EQ(queue.qsize(), 1U);
}

// SYNC-068
ASYNC_TEST(Queue, AJoinThatIsCancelledWhenItWasWokenIsCancelled) {
  Queue<int> queue;
  queue.put_nowait(1);
  auto doomed = asyncio::create_task(queue.join());
  co_await pass();
  queue.task_done();
  doomed.cancel();
  co_await pass();
  EXPECT_TRUE(doomed.cancelled());
  co_await queue.join();
}

// --- repr ---------------------------------------------------------------------------------------

// SYNC-065
ASYNC_TEST(Queue, ReprTellsKindAndLimit) {
  EXPECT_EQ(Queue<int>(2).repr(), "<Queue maxsize=2>");
  EXPECT_EQ(Queue<int>(-1).repr(), "<Queue maxsize=-1>");
  EXPECT_EQ(asyncio::LifoQueue<int>().repr(), "<LifoQueue maxsize=0>");
  EXPECT_EQ(asyncio::PriorityQueue<int>().repr(), "<PriorityQueue maxsize=0>");
  co_return;
}

// SYNC-065
ASYNC_TEST(Queue, ReprTellsItemsAndUnfinishedTasks) {
  Queue<int> queue;
  queue.put_nowait(1);
  queue.put_nowait(1);
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0 _queue[2] tasks=2>");
  (void)queue.get_nowait();
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0 _queue[1] tasks=2>");
  (void)queue.get_nowait();
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0 tasks=2>");
  queue.task_done();
  queue.task_done();
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0>");
  co_return;
}

// SYNC-065
ASYNC_TEST(Queue, ReprTellsWhoWaitsToGet) {
  Queue<int> queue;
  Numbers got;
  auto a = asyncio::create_task(get_into(queue, got));
  auto b = asyncio::create_task(get_into(queue, got));
  co_await pass();
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0 _getters[2]>");
  queue.put_nowait(0);
  queue.put_nowait(0);
  co_await a;
  co_await b;
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0 tasks=2>");
}

// SYNC-065
ASYNC_TEST(Queue, ReprTellsWhoWaitsToPut) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  auto putter = asyncio::create_task(queue.put(2));
  co_await pass();
  EXPECT_EQ(queue.repr(), "<Queue maxsize=1 _queue[1] _putters[1] tasks=1>");
  (void)queue.get_nowait();
  co_await putter;
  EXPECT_EQ(queue.repr(), "<Queue maxsize=1 _queue[1] tasks=2>");
}

// SYNC-065: told of are those behind the last that was woken
ASYNC_TEST(Queue, ReprTellsOfThoseThatStillWait) {
  Queue<int> queue;
  Numbers got;
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < 3; ++i) tasks.push_back(asyncio::create_task(get_into(queue, got)));
  co_await pass();
  tasks[0].cancel();
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0 _getters[2]>");
  queue.put_nowait(1);
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0 _queue[1] _getters[1] tasks=1>");
  co_await pass();
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0 _getters[1] tasks=1>");
  queue.put_nowait(2);
  co_await tasks[2];
}
