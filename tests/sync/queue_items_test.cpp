// What the three kinds of queue do with their items.

#include <asyncio/queue.hpp>

#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/queues.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

using asyncio::LifoQueue;
using asyncio::PriorityQueue;
using asyncio::Queue;
using support::Item;
using support::Numbers;
using support::take_all;

namespace {

struct Job {
  int urgency;
  int number;
};

struct MostUrgentFirst {
  bool operator()(const Job& a, const Job& b) const { return a.urgency > b.urgency; }
};

struct alignas(128) Wide {
  explicit Wide(int n) : number(n) { check(); }
  Wide(Wide&& other) noexcept : number(other.number) { check(); }
  Wide& operator=(Wide&&) noexcept = default;
  ~Wide() { check(); }
  friend bool operator<(const Wide& a, const Wide& b) { return a.number < b.number; }
  void check() const { misplaced += reinterpret_cast<std::uintptr_t>(this) % 128 == 0 ? 0 : 1; }
  inline static int misplaced = 0;
  int number;
};

/// Items in and out at random.
class Traffic {
 public:
  explicit Traffic(unsigned seed) : random_(seed) {}
  /// In, or else out; rather in while it goes up.
  bool in(std::size_t size) {
    if (size == 0) up_ = true;
    if (size > 70) up_ = false;
    return size == 0 || random_() % 3 < (up_ ? 2U : 1U);
  }
  int number(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

 private:
  std::minstd_rand random_;
  bool up_ = true;
};

constexpr std::size_t first_room = 8;  // of a ring

}  // namespace

// --- order --------------------------------------------------------------------------------------

// SYNC-066
ASYNC_TEST(QueueItems, ALifoQueueGivesTheLastItemFirst) {
  LifoQueue<int> queue;
  for (const int i : {1, 3, 2}) co_await queue.put(i);
  Numbers items;
  for (int i = 0; i < 3; ++i) items.push_back(co_await queue.get());
  EXPECT_EQ(items, (Numbers{2, 3, 1}));
}

// SYNC-066
ASYNC_TEST(QueueItems, APriorityQueueGivesTheSmallestItemFirst) {
  PriorityQueue<int> queue;
  for (const int i : {1, 3, 2}) co_await queue.put(i);
  Numbers items;
  for (int i = 0; i < 3; ++i) items.push_back(co_await queue.get());
  EXPECT_EQ(items, (Numbers{1, 2, 3}));
}

// SYNC-066
TEST(QueueItems, APriorityQueueGivesEqualItemsInTheOrderInWhichTheyWerePut) {
  PriorityQueue<Job, MostUrgentFirst> queue;
  for (int i = 0; i < 100; ++i) queue.put_nowait(Job{i % 3, i});
  std::optional<Job> last;
  while (!queue.empty()) {
    const Job job = queue.get_nowait();
    if (last) {
      EXPECT_TRUE(last->urgency > job.urgency ||
                  (last->urgency == job.urgency && last->number < job.number));
    }
    last = job;
  }
}

// SYNC-066
TEST(QueueItems, APriorityQueueComparesAsItIsTold) {
  PriorityQueue<int, std::greater<>> queue;
  for (const int i : {1, 3, 2}) queue.put_nowait(i);
  EXPECT_EQ(take_all(queue), (Numbers{3, 2, 1}));
  EXPECT_EQ(queue.repr(), "<PriorityQueue maxsize=0 tasks=3>");
}

// SYNC-066
TEST(QueueItems, APriorityQueueStaysInOrderWhateverComesAndGoes) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Traffic traffic(seed);
    PriorityQueue<std::pair<int, std::string>,
                  decltype([](const auto& a, const auto& b) { return a.first < b.first; })>
        queue;
    std::multimap<int, std::string> expected;  // keeps the order of equal ones
    for (int i = 0; i < 1000; ++i) {
      if (traffic.in(queue.qsize())) {
        const int key = traffic.number(10);
        queue.put_nowait({key, std::to_string(i)});
        expected.emplace(key, std::to_string(i));
      } else {
        const auto item = queue.get_nowait();
        ASSERT_EQ(item.second, expected.begin()->second) << "seed " << seed;
        expected.erase(expected.begin());
      }
      ASSERT_EQ(queue.qsize(), expected.size());
    }
  }
}

// SYNC-057: a ring that wraps around and grows
TEST(QueueItems, AQueueStaysInOrderWhateverComesAndGoes) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Traffic traffic(seed);
    Queue<Item> queue;
    std::deque<int> expected;
    for (int i = 1; i <= 1000; ++i) {
      if (traffic.in(queue.qsize())) {
        queue.put_nowait(Item(i));
        expected.push_back(i);
      } else {
        ASSERT_EQ(queue.get_nowait().number(), expected.front()) << "seed " << seed;
        expected.pop_front();
      }
      ASSERT_EQ(Item::alive, static_cast<int>(expected.size()));
    }
  }
  EXPECT_EQ(Item::alive, 0);
}

// SYNC-066
TEST(QueueItems, ALifoQueueStaysInOrderWhateverComesAndGoes) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    Traffic traffic(seed);
    LifoQueue<std::string> queue;
    std::vector<std::string> expected;
    for (int i = 0; i < 1000; ++i) {
      if (traffic.in(queue.qsize())) {
        expected.push_back("a text that is not a short one: " + std::to_string(i));
        queue.put_nowait(expected.back());
      } else {
        ASSERT_EQ(queue.get_nowait(), expected.back()) << "seed " << seed;
        expected.pop_back();
      }
    }
  }
}

// SYNC-057: at each place that the first of them may have in the ring
TEST(QueueItems, AQueueGrowsFromWhereverItsFirstItemIs) {
  for (std::size_t gone = 0; gone < first_room; ++gone) {
    Queue<int> queue;
    for (std::size_t i = 0; i < gone; ++i) {
      queue.put_nowait(-1);
      (void)queue.get_nowait();
    }
    Numbers expected;
    for (int i = 0; i < 40; ++i) {
      queue.put_nowait(i);
      expected.push_back(i);
    }
    EXPECT_EQ(take_all(queue), expected) << gone;
  }
}

// --- what can be an item ------------------------------------------------------------------------

// SYNC-057, SYNC-066
ASYNC_TEST(QueueItems, ItemsMayBeMoveOnly) {
  using Pointer = std::unique_ptr<int>;
  const auto check = [](auto& queue) -> asyncio::Coro<> {
    co_await queue.put(std::make_unique<int>(1));
    queue.put_nowait(std::make_unique<int>(2));
    co_await queue.emplace(new int(3));
    int sum = *co_await queue.get() + *queue.get_nowait();
    auto last = asyncio::create_task(queue.get());
    sum += *co_await std::move(last);
    EXPECT_EQ(sum, 6);
  };
  co_await support::with_each_queue<Pointer>(0, check);
}

// SYNC-057, SYNC-066
TEST(QueueItems, ItemsOfAQueueNeedNoAssignment) {
  struct Fixed {
    const int number;
    explicit Fixed(int n) : number(n) {}
  };
  Queue<Fixed> queue;
  LifoQueue<Fixed> lifo;
  for (int i = 0; i < 20; ++i) {
    queue.put_nowait(Fixed(i));
    lifo.put_nowait(Fixed(i));
  }
  EXPECT_EQ(queue.get_nowait().number, 0);
  EXPECT_EQ(lifo.get_nowait().number, 19);
}

// SYNC-057, SYNC-066
TEST(QueueItems, ItemsStandWhereTheirAlignmentAsks) {
  const auto check = [](auto& queue) {
    for (int i = 0; i < 20; ++i) queue.put_nowait(Wide(i));
    for (int i = 0; i < 10; ++i) (void)queue.get_nowait();
    for (int i = 0; i < 20; ++i) queue.put_nowait(Wide(i));
    while (!queue.empty()) (void)queue.get_nowait();
    EXPECT_EQ(Wide::misplaced, 0);
  };
  Queue<Wide> queue;
  check(queue);
  LifoQueue<Wide> lifo;
  check(lifo);
  PriorityQueue<Wide> priority;
  check(priority);
}
