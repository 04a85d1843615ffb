// Producers and consumers, disturbed at each of their points.

#include <asyncio/queue.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/wait.hpp>
#include <asyncio/wait_for.hpp>

#include "support/group_children.hpp"
#include "support/queues.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;
using support::has;
using support::Item;
using support::pass;
using support::require;
using support::torture;

namespace {

struct ByNumber {
  bool operator()(const Item& a, const Item& b) const { return a.number() < b.number(); }
};
using Fifo = asyncio::Queue<Item>;
using Lifo = asyncio::LifoQueue<Item>;
using Priority = asyncio::PriorityQueue<Item, ByNumber>;

/// What went through a queue.
struct Account {
  int put = 0;
  int got = 0;
  int done = 0;
  std::array<bool, 100> seen{};
};

/// A queue and its account.
template <class Q>
struct Market {
  explicit Market(std::ptrdiff_t maxsize) : queue(maxsize) {}
  Q queue;
  Account account;

  void take(const Item& item) {
    bool& seen = account.seen.at(static_cast<std::size_t>(item.number()));
    require(item.number() != 0 && !seen, "an item comes out once, and whole");
    seen = true;
    ++account.got;
  }
  void finish() {
    queue.task_done();
    ++account.done;
  }
  int count_unfinished() {
    int n = 0;
    try {
      for (;; ++n) queue.task_done();
    } catch (const std::invalid_argument&) {
      return n;
    }
  }
  /// Nobody uses it any more. `thrown_away`: by a shutdown.
  void check(int thrown_away = 0) {
    const int left = static_cast<int>(queue.qsize());
    require(account.put == account.got + left + thrown_away, "items put = got + left");
    require(Item::alive == left, "what has left the queue is gone");
    require(!has(queue.repr(), "etters[") && !has(queue.repr(), "_putters["), "nobody waits");
    require(count_unfinished() == account.put - account.done - thrown_away,
            "what was put and not dealt with is unfinished");
  }
};

template <class Q>
asyncio::Coro<> produce(Market<Q>& market, int first, int count, asyncio::Duration pause = 0s) {
  const support::Witness witness;
  for (int i = first; i < first + count; ++i) {
    try {
      co_await market.queue.put(Item(i));
    } catch (const asyncio::QueueShutDown&) {
      co_return;
    }
    ++market.account.put;
    if (pause > asyncio::Duration()) co_await asyncio::sleep(pause);
  }
}

/// Until the queue is shut down.
template <class Q>
asyncio::Coro<> consume(Market<Q>& market, asyncio::Duration pause = 0s) {
  const support::Witness witness;
  struct Finish {
    Market<Q>& market;
    ~Finish() { market.finish(); }
  };
  while (true) {
    std::optional<Item> item;
    try {
      item.emplace(co_await market.queue.get());
    } catch (const asyncio::QueueShutDown&) {
      co_return;
    }
    market.take(*item);
    const Finish finish{market};
    if (pause > asyncio::Duration()) co_await asyncio::sleep(pause);
  }
}

/// The body in a group, and then the books, whatever came of it.
template <class Q, class Body>
asyncio::Coro<> audited(Market<Q>& market, Body& body, const int& thrown_away) {
  const auto end = co_await asyncio::as_result(support::in_group(body));
  market.check(thrown_away);
  end.value();
}

template <class Q, class Body>
asyncio::Coro<> audited(Market<Q>& market, Body& body) {
  const int none = 0;
  co_await audited(market, body, none);
}

// --- scenarios ----------------------------------------------------------------------------------

using Tasks = std::vector<asyncio::Task<>>;

/// All that was put is dealt with, join() tells so, and the shutdown ends the consumers.
template <class Q>
asyncio::Coro<> all_dealt_with() {
  Market<Q> market(2);
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(consume(market, 1s));
    group.create_task(consume(market));
    Tasks producers;
    producers.push_back(group.create_task(produce(market, 1, 5)));
    producers.push_back(group.create_task(produce(market, 11, 4, 1s)));
    (void)co_await asyncio::wait(producers);
    co_await market.queue.join();
    require(market.account.put == market.account.done, "join() waits for what was put");
    require(market.queue.empty(), "what is dealt with was taken");
    market.queue.shutdown();
  };
  co_await audited(market, body);
}

/// Shut down while putters and getters wait and items are there: what is there is still taken.
template <class Q>
asyncio::Coro<> shut_down() {
  Market<Q> market(1);
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    for (const int first : {1, 11, 21}) group.create_task(produce(market, first, 3));
    co_await pass();
    auto joiner = group.create_task(market.queue.join());
    group.create_task(consume(market, 1s));
    group.create_task(consume(market, 1s));
    co_await asyncio::sleep(1s);
    market.queue.shutdown();
    Tasks waited;
    waited.push_back(joiner);
    (void)co_await asyncio::wait(waited);
    require(joiner.cancelled() || market.account.put == market.account.done,
            "join() ends when the last one that was put is dealt with");
  };
  co_await audited(market, body);
}

/// Shut down at once while consumers work and putters wait: what is there goes.
template <class Q>
asyncio::Coro<> shut_down_at_once() {
  Market<Q> market(2);
  int thrown_away = 0;
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(consume(market, 2s));
    for (const int first : {1, 11, 21}) group.create_task(produce(market, first, 3));
    co_await asyncio::sleep(1s);
    thrown_away = static_cast<int>(market.queue.qsize());
    market.queue.shutdown(true);
    require(market.queue.empty(), "a shutdown at once leaves nothing");
    co_await market.queue.join();
    require(market.account.put == market.account.done + thrown_away,
            "join() waits for what was taken");
  };
  co_await audited(market, body, thrown_away);
}

/// Getters that wait when it is shut down, of either kind.
template <class Q, bool immediate>
asyncio::Coro<> shut_down_while_getters_wait() {
  Market<Q> market(0);
  int thrown_away = 0;
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 0; i < 3; ++i) group.create_task(consume(market));
    co_await asyncio::sleep(1s);
    for (const int i : {1, 2}) {
      market.queue.put_nowait(Item(i));
      ++market.account.put;
    }
    if (immediate) thrown_away = static_cast<int>(market.queue.qsize());
    market.queue.shutdown(immediate);
    co_await market.queue.join();
  };
  co_await audited(market, body, thrown_away);
}

/// Limits that end about when an item or room comes.
template <class Q>
asyncio::Coro<> limited() {
  Market<Q> market(1);
  const auto consume_hastily = [&]() -> asyncio::Coro<> {
    const support::Witness witness;
    for (int i = 0; i < 8; ++i) {
      try {
        const Item item = co_await asyncio::wait_for(market.queue.get(), 1s);
        market.take(item);
        market.finish();
      } catch (const asyncio::TimeoutError&) {
        continue;
      }
    }
  };
  const auto produce_hastily = [&](int first) -> asyncio::Coro<> {
    const support::Witness witness;
    for (int i = first; i < first + 4; ++i) {
      try {
        co_await asyncio::wait_for(market.queue.put(Item(i)), 1500ms);
        ++market.account.put;
      } catch (const asyncio::TimeoutError&) {
        continue;
      }
      co_await asyncio::sleep(1s);
    }
  };
  auto body = [&](asyncio::TaskGroup& group) {
    group.create_task(produce_hastily(1));
    group.create_task(produce_hastily(11));
    group.create_task(consume_hastily());
  };
  co_await audited(market, body);
}

/// Somebody takes items and room without waiting.
template <class Q>
asyncio::Coro<> with_a_thief() {
  Market<Q> market(1);
  const auto steal = [&]() -> asyncio::Coro<> {
    const support::Witness witness;
    for (int i = 81; i < 87; ++i) {
      co_await pass();
      if (!market.queue.empty()) {
        market.take(market.queue.get_nowait());
        market.finish();
      }
      if (i % 2 == 0 && !market.queue.full()) {
        market.queue.put_nowait(Item(i));
        ++market.account.put;
      }
    }
  };
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(consume(market));
    group.create_task(consume(market));
    Tasks producers;
    for (const int first : {1, 11})
      producers.push_back(group.create_task(produce(market, first, 3)));
    producers.push_back(group.create_task(steal()));
    (void)co_await asyncio::wait(producers);
    co_await market.queue.join();
    market.queue.shutdown();
  };
  co_await audited(market, body);
}

/// Through a queue with room for one the order stays, too.
asyncio::Coro<> in_order() {
  Market<Fifo> market(1);
  int last = 0;
  const auto consume_in_order = [&]() -> asyncio::Coro<> {
    const support::Witness witness;
    for (int i = 0; i < 12; ++i) {
      const Item item = co_await market.queue.get();
      market.take(item);
      require(item.number() > last, "items stay in order");
      last = item.number();
      market.finish();
    }
  };
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    auto producer = group.create_task(produce(market, 1, 12));
    auto consumer = group.create_task(consume_in_order());
    Tasks both;
    both.push_back(producer);
    both.push_back(consumer);
    (void)co_await asyncio::wait(both, {.return_when = asyncio::FIRST_COMPLETED});
    if (producer.cancelled()) consumer.cancel();
    if (consumer.cancelled()) producer.cancel();
  };
  co_await audited(market, body);
}

/// More items than a ring has room for at first.
template <class Q>
asyncio::Coro<> many() {
  Market<Q> market(0);
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    co_await group.create_task(produce(market, 1, 40));
    group.create_task(consume(market));
    group.create_task(consume(market));
    co_await market.queue.join();
    market.queue.shutdown();
  };
  co_await audited(market, body);
}

/// What went wrong with each kind of queue.
#define EXPECT_CALM(scenario)                    \
  do {                                           \
    EXPECT_EQ(torture(&scenario<Fifo>), "");     \
    EXPECT_EQ(torture(&scenario<Lifo>), "");     \
    EXPECT_EQ(torture(&scenario<Priority>), ""); \
  } while (false)

}  // namespace

// failure 91, SYNC-060, SYNC-061, SYNC-068
TEST(QueueDisturbed, DealsWithAllThatIsPut) { EXPECT_CALM(all_dealt_with); }

// failure 35, failure 91, SYNC-071, SYNC-072
TEST(QueueDisturbed, CanBeShutDown) { EXPECT_CALM(shut_down); }

// failure 35, failure 91, SYNC-073, SYNC-074
TEST(QueueDisturbed, CanBeShutDownAtOnce) { EXPECT_CALM(shut_down_at_once); }

// failure 35, failure 91, SYNC-072
TEST(QueueDisturbed, CanBeShutDownWhileGettersWait) {
  EXPECT_EQ(torture(&shut_down_while_getters_wait<Fifo, false>), "");
  EXPECT_EQ(torture(&shut_down_while_getters_wait<Fifo, true>), "");
}

// failure 91, SYNC-063
TEST(QueueDisturbed, LosesNothingToLimits) { EXPECT_CALM(limited); }

// failure 91, SYNC-059
TEST(QueueDisturbed, ServesAllInSpiteOfAThief) { EXPECT_CALM(with_a_thief); }

// failure 91, SYNC-057
TEST(QueueDisturbed, KeepsTheOrder) { EXPECT_EQ(torture(&in_order), ""); }

// failure 91, SYNC-067
TEST(QueueDisturbed, Grows) { EXPECT_CALM(many); }
