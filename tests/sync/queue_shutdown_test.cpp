#include <asyncio/queue.hpp>

#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/queues.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

using asyncio::Queue;
using support::Item;
using support::pass;
using support::take_all;
using support::thrown_by;
using support::thrown_by_await;
using support::with_each_queue;

namespace {

const std::string refused = "QueueShutDown: queue is shut down";

template <class Q>
asyncio::Coro<> expect_no_put(Q& queue) {
  EXPECT_EQ(co_await thrown_by_await(queue.put(1)), refused);
  EXPECT_EQ(co_await thrown_by_await(queue.emplace(1)), refused);
  EXPECT_EQ(thrown_by([&] { queue.put_nowait(1); }), refused);
}

template <class Q>
asyncio::Coro<> expect_no_get(Q& queue) {
  EXPECT_EQ(co_await thrown_by_await(queue.get()), refused);
  EXPECT_EQ(thrown_by([&] { (void)queue.get_nowait(); }), refused);
}

template <class Task>
std::string error_of(const Task& task) {
  return task.done() ? asyncio::detail::describe(task.exception()) : "not done";
}

template <class Q>
void expect_nothing_unfinished(Q& queue) {
  EXPECT_TRUE(thrown_by([&] { queue.task_done(); }).starts_with("invalid_argument: "));
}

}  // namespace

// --- what is there can be taken -----------------------------------------------------------------

// SYNC-070, SYNC-071, SYNC-072: nothing is there
ASYNC_TEST(QueueShutdown, OfAnEmptyQueueWakesGettersAndRefusesAll) {
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    auto first = asyncio::create_task(queue.get());
    auto second = asyncio::create_task(queue.get());
    co_await pass();
    queue.shutdown();
    EXPECT_EQ(queue.qsize(), 0U);
    EXPECT_FALSE(first.done());
    co_await queue.join();
    co_await pass();
    EXPECT_EQ(error_of(first), refused);
    EXPECT_EQ(error_of(second), refused);
    co_await expect_no_put(queue);
    co_await expect_no_get(queue);
  };
  co_await with_each_queue(0, check);
}

// SYNC-070, SYNC-071, SYNC-072
ASYNC_TEST(QueueShutdown, LeavesItemsToBeTakenAndRefusesPutters) {
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    queue.put_nowait(5);
    auto join = asyncio::create_task(queue.join());
    auto putter = asyncio::create_task(queue.put(6));
    co_await pass();
    EXPECT_FALSE(putter.done());
    queue.shutdown();
    EXPECT_EQ(queue.qsize(), 1U);
    co_await pass();
    EXPECT_EQ(error_of(putter), refused);
    co_await expect_no_put(queue);
    EXPECT_EQ(co_await queue.get(), 5);
    co_await pass();
    EXPECT_FALSE(join.done());
    co_await expect_no_put(queue);
    co_await expect_no_get(queue);
    queue.task_done();
    co_await pass();
    EXPECT_TRUE(join.done());
    co_await join;
    expect_nothing_unfinished(queue);
  };
  co_await with_each_queue(1, check);
}

// SYNC-071
ASYNC_TEST(QueueShutdown, GetNowaitAlsoGoesOnUntilTheQueueIsEmpty) {
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    for (int i = 0; i < 3; ++i) queue.put_nowait(i);
    queue.shutdown();
    EXPECT_EQ(take_all(queue).size(), 3U);
    co_await expect_no_get(queue);
  };
  co_await with_each_queue(0, check);
}

// SYNC-072
ASYNC_TEST(QueueShutdown, AllPuttersOfAFullQueueAreWokenAtOnce) {
  Queue<Item> queue(1);
  queue.put_nowait(Item(1));
  std::vector<asyncio::Task<>> putters;
  for (int i = 0; i < 3; ++i) putters.push_back(asyncio::create_task(queue.put(Item(2))));
  co_await pass();
  queue.shutdown();
  co_await pass();
  for (auto& putter : putters) EXPECT_EQ(error_of(putter), refused);
  EXPECT_EQ(Item::alive, 1);
  EXPECT_EQ(queue.repr(), "<Queue maxsize=1 _queue[1] tasks=1 shutdown>");
}

// SYNC-072: it does not get the room that is there
ASYNC_TEST(QueueShutdown, APutterThatWasWokenBeforeIsRefused) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  auto putter = asyncio::create_task(queue.put(2));
  co_await pass();
  EXPECT_EQ(queue.get_nowait(), 1);
  queue.shutdown();
  co_await pass();
  EXPECT_EQ(error_of(putter), refused);
  EXPECT_TRUE(queue.empty());
}

// SYNC-071, SYNC-072
ASYNC_TEST(QueueShutdown, AGetterThatWasWokenBeforeGetsItsItemAndTheOthersAreRefused) {
  Queue<int> queue;
  auto first = asyncio::create_task(queue.get());
  auto second = asyncio::create_task(queue.get());
  co_await pass();
  queue.put_nowait(5);
  queue.shutdown();
  co_await pass();
  EXPECT_EQ(co_await first, 5);
  EXPECT_EQ(error_of(second), refused);
}

// SYNC-072: a thief
ASYNC_TEST(QueueShutdown, AWokenGetterWhoseItemIsStolenIsRefused) {
  Queue<int> queue;
  auto getter = asyncio::create_task(queue.get());
  co_await pass();
  queue.put_nowait(5);
  EXPECT_EQ(queue.get_nowait(), 5);
  queue.shutdown();
  co_await pass();
  EXPECT_EQ(error_of(getter), refused);
}

// SYNC-072
ASYNC_TEST(QueueShutdown, AWaiterThatIsCancelledToo) {
  Queue<int> queue(1);
  queue.put_nowait(1);
  auto before = asyncio::create_task(queue.put(2));
  auto after = asyncio::create_task(queue.put(3));
  co_await pass();
  before.cancel();
  queue.shutdown();
  after.cancel();
  co_await pass();
  EXPECT_TRUE(before.cancelled());
  EXPECT_TRUE(after.cancelled());
}

// --- what is there is thrown away ---------------------------------------------------------------

// SYNC-073
ASYNC_TEST(QueueShutdown, ImmediatelyItThrowsAwayTheItemsAndEndsJoin) {
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    queue.put_nowait(1);
    queue.put_nowait(2);
    auto join = asyncio::create_task(queue.join());
    co_await pass();
    queue.shutdown(true);
    EXPECT_EQ(queue.qsize(), 0U);
    co_await pass();
    EXPECT_TRUE(join.done());
    co_await join;
    co_await expect_no_put(queue);
    co_await expect_no_get(queue);
    expect_nothing_unfinished(queue);
  };
  co_await with_each_queue(0, check);
}

// SYNC-074
ASYNC_TEST(QueueShutdown, ImmediatelyItLeavesJoinToWaitForWhatWasTaken) {
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    queue.put_nowait(1);
    queue.put_nowait(2);
    auto join = asyncio::create_task(queue.join());
    co_await pass();
    (void)co_await queue.get();
    queue.shutdown(true);
    EXPECT_EQ(queue.qsize(), 0U);
    co_await pass();
    EXPECT_FALSE(join.done());
    co_await expect_no_put(queue);
    co_await expect_no_get(queue);
    queue.task_done();
    expect_nothing_unfinished(queue);
    co_await pass();
    EXPECT_TRUE(join.done());
    co_await join;
  };
  co_await with_each_queue(0, check);
}

// SYNC-073: those whose task_done() came early count once
ASYNC_TEST(QueueShutdown, ImmediatelyItNeverCountsBelowZero) {
  Queue<int> queue;
  for (int i = 0; i < 3; ++i) queue.put_nowait(i);
  queue.task_done();
  queue.task_done();
  queue.shutdown(true);
  expect_nothing_unfinished(queue);
  co_await queue.join();
}

// SYNC-073
ASYNC_TEST(QueueShutdown, ImmediatelyItDestroysTheItems) {
  const auto fill = [](auto& queue) {
    for (int i = 1; i <= 3; ++i) queue.put_nowait(Item(i));
    EXPECT_EQ(Item::alive, 3);
    queue.shutdown(true);
    EXPECT_EQ(Item::alive, 0);
  };
  Queue<Item> queue;
  fill(queue);
  asyncio::LifoQueue<Item> lifo;
  fill(lifo);
  co_return;
}

// SYNC-072, SYNC-073: failure 35
ASYNC_TEST(QueueShutdown, ImmediatelyItRefusesAGetterThatWasWoken) {
  Queue<Item> queue;
  auto woken = asyncio::create_task(queue.get());
  auto waiting = asyncio::create_task(queue.get());
  auto join = asyncio::create_task(queue.join());
  co_await pass();
  queue.put_nowait(Item(1));
  queue.shutdown(true);
  co_await pass();
  EXPECT_EQ(error_of(woken), refused);
  EXPECT_EQ(error_of(waiting), refused);
  EXPECT_TRUE(join.done());
  EXPECT_EQ(Item::alive, 0);
}

// failure 35, SYNC-072, SYNC-073
ASYNC_TEST(QueueShutdown, ImmediatelyItRefusesPuttersAndEndsJoin) {
  Queue<Item> queue(1);
  queue.put_nowait(Item(1));
  auto woken = asyncio::create_task(queue.put(Item(2)));
  auto waiting = asyncio::create_task(queue.put(Item(3)));
  auto join = asyncio::create_task(queue.join());
  co_await pass();
  EXPECT_EQ(queue.get_nowait().number(), 1);
  queue.task_done();
  queue.shutdown(true);
  co_await pass();
  EXPECT_EQ(error_of(woken), refused);
  EXPECT_EQ(error_of(waiting), refused);
  EXPECT_TRUE(join.done());
  EXPECT_EQ(Item::alive, 0);
}

// SYNC-073: a destructor sees a queue that is shut down already
ASYNC_TEST(QueueShutdown, AnItemThatUsesTheQueueWhileItIsThrownAwayIsRefused) {
  struct Curious {
    Queue<Curious>* queue;
    std::vector<std::string>* log;
    Curious(Queue<Curious>* q, std::vector<std::string>* l) : queue(q), log(l) {}
    Curious(Curious&& other) noexcept
        : queue(std::exchange(other.queue, nullptr)), log(other.log) {}
    ~Curious() {
      if (queue == nullptr) return;
      log->push_back(thrown_by([this] { queue->put_nowait(Curious(nullptr, log)); }));
      log->push_back(thrown_by([this] { (void)queue->get_nowait(); }));
    }
  };
  std::vector<std::string> log;
  Queue<Curious> queue;
  queue.put_nowait(Curious(&queue, &log));
  queue.shutdown(true);
  EXPECT_EQ(log, std::vector<std::string>(2, refused));
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0 shutdown>");
  co_return;
}

// --- for good -----------------------------------------------------------------------------------

// SYNC-075
ASYNC_TEST(QueueShutdown, ItIsShownInRepr) {
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    queue.shutdown();
    EXPECT_TRUE(queue.repr().ends_with(" maxsize=0 shutdown>")) << queue.repr();
    co_return;
  };
  co_await with_each_queue(0, check);
}

// SYNC-075
ASYNC_TEST(QueueShutdown, ItCanBeRepeatedAndMadeImmediate) {
  Queue<int> queue;
  queue.put_nowait(1);
  queue.shutdown();
  queue.shutdown();
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0 _queue[1] tasks=1 shutdown>");
  queue.shutdown(true);
  EXPECT_EQ(queue.repr(), "<Queue maxsize=0 shutdown>");
  queue.shutdown();
  co_await expect_no_put(queue);
  co_await expect_no_get(queue);
}
