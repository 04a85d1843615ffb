// Items that cannot be moved or compared, and no memory for them.

#include <asyncio/queue.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/detail/frame_allocator.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/queues.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <string>
#include <utility>

using asyncio::LifoQueue;
using asyncio::PriorityQueue;
using asyncio::Queue;
using asyncio::detail::AllocationWatch;
using support::Item;
using support::Numbers;
using support::pass;
using support::take_all;
using support::thrown_by;
using support::thrown_by_await;

namespace {

/// Compares until it is told not to.
struct Fragile {
  bool operator()(int a, int b) const {
    if (left == 0) throw std::domain_error("cannot compare");
    --left;
    return a < b;
  }
  inline static int left = -1;
};
using FragileQueue = PriorityQueue<int, Fragile>;

/// A number whose move throws when `left` has come down to 0; its copy does not.
class Slippery {
 public:
  explicit Slippery(int number) : number_(number) { ++alive; }
  Slippery(const Slippery& other) : number_(other.number_) { ++alive; }
  Slippery(Slippery&& other) : number_(other.number_) {  // NOLINT(bugprone-exception-escape)
    moving();
    ++alive;
  }
  Slippery& operator=(const Slippery&) = default;
  Slippery& operator=(Slippery&& other) {  // NOLINT(bugprone-exception-escape)
    moving();
    number_ = other.number_;
    return *this;
  }
  ~Slippery() { --alive; }

  [[nodiscard]] int number() const { return number_; }

  inline static int left = -1;
  inline static int alive = 0;

 private:
  static void moving() {
    if (left >= 0 && left-- == 0) throw std::domain_error("cannot move");
  }
  int number_;
};

template <class Q>
Numbers numbers_in(Q& queue) {
  Numbers numbers;
  while (!queue.empty()) numbers.push_back(queue.get_nowait().number());
  return numbers;
}

constexpr int first_room = 8;  // of a ring

/// False where operator new is a sanitizer's.
bool can_fail() {
  const AllocationWatch watch;
  ::operator delete(::operator new(1));
  return watch.count() > 0;
}
constexpr const char* cannot_fail = "there is another operator new, a sanitizer's";

/// Lets the next allocation fail while it adds one item more than there is room for. Returns:
/// whether it did.
template <class Q>
bool out_of_memory(Q& queue) {
  const AllocationWatch watch(0);
  try {
    queue.put_nowait(Item(99));
  } catch (const std::bad_alloc&) {
    return true;
  }
  return false;
}

struct ByNumber {
  bool operator()(const Item& a, const Item& b) const { return a.number() < b.number(); }
};

template <class Q>
void expect_unchanged_without_memory(Q& queue) {
  for (int i = 1; i <= first_room; ++i) queue.put_nowait(Item(i));
  const std::string before = queue.repr();
  EXPECT_TRUE(out_of_memory(queue));
  EXPECT_EQ(queue.repr(), before);
  EXPECT_EQ(Item::alive, static_cast<int>(queue.qsize()));
  const auto size = queue.qsize();
  queue.put_nowait(Item(9));
  EXPECT_EQ(numbers_in(queue).size(), size + 1);
}

}  // namespace

// --- no memory ----------------------------------------------------------------------------------

// failure 91: the item goes, the queue is as before
TEST(QueueFailure, WithoutMemoryForAnotherItemAPutChangesNothing) {
  if (!can_fail()) GTEST_SKIP() << cannot_fail;
  Queue<Item> queue;
  expect_unchanged_without_memory(queue);
  LifoQueue<Item> lifo;
  expect_unchanged_without_memory(lifo);
}

// failure 91
TEST(QueueFailure, WithoutMemoryForAnotherItemAPutChangesNoPriorityQueue) {
  if (!can_fail()) GTEST_SKIP() << cannot_fail;
  PriorityQueue<Item, ByNumber> queue;
  expect_unchanged_without_memory(queue);
}

// failure 91
ASYNC_TEST(QueueFailure, AnAwaitedPutWithoutMemoryTakesItsItemAlong) {
  if (!can_fail()) ASYNC_SKIP() << cannot_fail;
  PriorityQueue<Item, ByNumber> queue;
  bool failed = false;
  {
    const AllocationWatch watch(0);
    try {
      co_await queue.put(Item(1));
    } catch (const std::bad_alloc&) {
      failed = true;
    }
  }
  EXPECT_TRUE(failed);
  EXPECT_EQ(Item::alive, 0);
  EXPECT_EQ(queue.repr(), "<PriorityQueue maxsize=0>");
  co_await queue.join();
}

// failure 91: the getter is not woken for nothing
ASYNC_TEST(QueueFailure, APutWithoutMemoryLeavesTheGettersWaiting) {
  if (!can_fail()) ASYNC_SKIP() << cannot_fail;
  PriorityQueue<Item, ByNumber> queue;
  auto getter = asyncio::create_task(queue.get());
  co_await pass();
  EXPECT_TRUE(out_of_memory(queue));
  co_await pass(2);
  EXPECT_FALSE(getter.done());
  queue.put_nowait(Item(1));
  EXPECT_EQ((co_await std::move(getter)).number(), 1);
}

// --- comparisons that throw ---------------------------------------------------------------------

// SYNC-066
ASYNC_TEST(QueueFailure, AnItemThatCannotBeComparedIsNotPut) {
  for (int left = 0; left < 4; ++left) {
    FragileQueue queue;
    for (const int i : {5, 3, 8, 6, 9, 4}) queue.put_nowait(i);
    const std::string before = queue.repr();
    Fragile::left = left;
    std::string error;
    if (left % 2 == 0) {
      error = thrown_by([&] { queue.put_nowait(1); });
    } else {
      error = co_await thrown_by_await(queue.put(1));
    }
    Fragile::left = -1;
    if (error == support::nothing_thrown) {
      EXPECT_GT(left, 0);
      EXPECT_EQ(queue.get_nowait(), 1);
    } else {
      EXPECT_EQ(error, "domain_error: cannot compare");
      EXPECT_EQ(queue.repr(), before);
    }
    EXPECT_EQ(take_all(queue), (Numbers{3, 4, 5, 6, 8, 9})) << left;
  }
}

// SYNC-066
ASYNC_TEST(QueueFailure, AnItemIsNotTakenIfTheOthersCannotBeCompared) {
  int failures = 0;
  for (int left = 0; left < 12; ++left) {
    FragileQueue queue;
    for (const int i : {5, 3, 8, 6, 9, 4}) queue.put_nowait(i);
    const std::string before = queue.repr();
    Fragile::left = left;
    const std::string error = co_await thrown_by_await(queue.get());
    Fragile::left = -1;
    if (error == support::nothing_thrown) break;
    ++failures;
    EXPECT_EQ(error, "domain_error: cannot compare");
    EXPECT_EQ(queue.repr(), before);
    EXPECT_EQ(take_all(queue), (Numbers{3, 4, 5, 6, 8, 9})) << left;
  }
  EXPECT_GE(failures, 2);
}

// --- moves that throw ---------------------------------------------------------------------------

// SYNC-056
TEST(QueueFailure, AnItemThatCannotBeMovedIsNotPutNowait) {
  const auto check = [](auto& queue) {
    for (int i = 1; i < 20; ++i) {
      const std::string before = queue.repr();
      const Slippery item(i);
      Slippery::left = 0;
      EXPECT_EQ(thrown_by([&] { queue.put_nowait(item); }), "domain_error: cannot move");
      Slippery::left = -1;
      EXPECT_EQ(queue.repr(), before);
      queue.put_nowait(item);
    }
    EXPECT_EQ(numbers_in(queue).size(), 19U);
    EXPECT_EQ(Slippery::alive, 0);
  };
  Queue<Slippery> queue;
  check(queue);
  LifoQueue<Slippery> lifo;
  check(lifo);
}

// SYNC-056
TEST(QueueFailure, AnItemThatCannotBeMovedIsNotTaken) {
  const auto check = [](auto& queue) {
    for (int i = 1; i <= 3; ++i) queue.put_nowait(Slippery(i));
    const std::string before = queue.repr();
    Slippery::left = 0;
    EXPECT_EQ(thrown_by([&] { (void)queue.get_nowait(); }), "domain_error: cannot move");
    Slippery::left = -1;
    EXPECT_EQ(queue.repr(), before);
    EXPECT_EQ(numbers_in(queue).size(), 3U);
    EXPECT_EQ(Slippery::alive, 0);
  };
  Queue<Slippery> queue;
  check(queue);
  LifoQueue<Slippery> lifo;
  check(lifo);
}

// SYNC-060: the item is still there for the next
ASYNC_TEST(QueueFailure, AGetterThatCannotMoveItsItemWakesTheNext) {
  Queue<Slippery> queue;
  auto first = asyncio::create_task(queue.get());
  auto second = asyncio::create_task(queue.get());
  co_await pass();
  queue.put_nowait(Slippery(7));
  Slippery::left = 0;
  co_await pass();
  Slippery::left = -1;
  EXPECT_EQ(support::text_of(first.exception()), "cannot move");
  EXPECT_EQ(queue.qsize(), 1U);
  co_await pass(2);
  EXPECT_TRUE(second.done());
  second.cancel();
  (void)co_await asyncio::as_result(std::move(second));
}

// SYNC-061: the room is still there for the next
ASYNC_TEST(QueueFailure, APutterThatCannotMoveItsItemWakesTheNext) {
  Queue<Slippery> queue(1);
  queue.put_nowait(Slippery(1));
  auto first = asyncio::create_task(queue.put(Slippery(2)));
  auto second = asyncio::create_task(queue.put(Slippery(3)));
  co_await pass();
  (void)queue.get_nowait();
  Slippery::left = 0;
  co_await pass();
  Slippery::left = -1;
  EXPECT_EQ(support::text_of(first.exception()), "cannot move");
  co_await pass(2);
  EXPECT_TRUE(second.done());
  EXPECT_EQ(queue.qsize(), 1U);
  second.cancel();
  (void)co_await asyncio::as_result(second);
}
