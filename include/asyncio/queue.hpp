#pragma once

#include <asyncio/detail/queue_core.hpp>
#include <asyncio/detail/queue_items.hpp>

#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

namespace asyncio {

namespace detail {

/// What put() and emplace() return: await it once. Holds the item until then.
template <class T, class Items>
class [[nodiscard]] QueuePut : public QueueCore::PutWait,
                               public ConvertsToCoro<QueuePut<T, Items>, void> {
 public:
  template <class... Args>
  QueuePut(QueueCore& core, Items& items, std::in_place_t, Args&&... args)
      : PutWait(core), items_(&items), item_(std::forward<Args>(args)...) {}
  void await_resume() {
    this->finish();
    try {
      items_->add(std::move(item_));
    } catch (...) {
      this->pass_on();
      throw;
    }
    this->core().added();
  }

 private:
  Items* items_;
  T item_;
};

/// What get() returns: await it once.
template <class T, class Items>
class [[nodiscard]] QueueGet : public QueueCore::GetWait,
                               public ConvertsToCoro<QueueGet<T, Items>, T> {
 public:
  QueueGet(QueueCore& core, Items& items) noexcept : GetWait(core), items_(&items) {}
  T await_resume() {
    this->finish();
    try {
      T item = items_->take();
      this->core().taken();
      return item;
    } catch (...) {
      this->pass_on();
      throw;
    }
  }

 private:
  Items* items_;
};

}  // namespace detail

/// What Queue, LifoQueue and PriorityQueue have in common: all but the order.
template <class T, class Items>
class BasicQueue {
 public:
  using value_type = T;
  using Put = detail::QueuePut<T, Items>;
  using Get = detail::QueueGet<T, Items>;

  BasicQueue(const BasicQueue&) = delete;
  BasicQueue& operator=(const BasicQueue&) = delete;

  /// 0 or below: no limit.
  [[nodiscard]] std::ptrdiff_t maxsize() const noexcept { return core_.maxsize(); }
  [[nodiscard]] std::size_t qsize() const noexcept { return core_.size(); }
  [[nodiscard]] bool empty() const noexcept { return core_.size() == 0; }
  /// Never without a limit.
  [[nodiscard]] bool full() const noexcept { return core_.full(); }

  /// Adds an item; waits while the queue is full.
  ///
  /// Throws: QueueShutDown; RuntimeError if it belongs to another loop, or dies; std::bad_alloc.
  /// Cancellation: the item is not in the queue, and goes; another task that waits for room is
  /// woken instead.
  [[nodiscard]] Put put(T item) { return Put(core_, items_, std::in_place, std::move(item)); }
  /// The same, made in place of `args`. Also the way to put an aggregate with g++ before 15.
  template <class... Args>
  [[nodiscard]] Put emplace(Args&&... args) {
    return Put(core_, items_, std::in_place, std::forward<Args>(args)...);
  }
  /// Takes an item; waits while the queue is empty.
  ///
  /// Throws: QueueShutDown once it is shut down and empty; RuntimeError if it belongs to another
  /// loop, or dies.
  /// Cancellation: nothing is taken; another task that waits for an item is woken instead.
  [[nodiscard]] Get get() noexcept { return Get(core_, items_); }

  /// Throws: QueueFull, QueueShutDown.
  void put_nowait(T item) {
    core_.check_put();
    items_.add(std::move(item));
    core_.added();
  }
  /// Throws: QueueEmpty, QueueShutDown.
  T get_nowait() {
    core_.check_get();
    T item = items_.take();
    core_.taken();
    return item;
  }

  /// Says that an item that was taken is dealt with, for join().
  ///
  /// Throws: std::invalid_argument if called more often than items were put.
  void task_done() { core_.task_done(); }
  /// Waits until every item that was put is dealt with.
  ///
  /// Throws: RuntimeError if it belongs to another loop, or dies.
  /// Cancellation: leaves no trace.
  [[nodiscard]] detail::QueueJoin join() noexcept { return detail::QueueJoin(core_.finished()); }

  /// No more items are put. What is there can still be taken, unless `immediate`: then it is thrown
  /// away and counts as dealt with. Everybody who waits is woken; put() and, when it is empty,
  /// get() throw QueueShutDown from now on.
  void shutdown(bool immediate = false) {
    core_.refuse();
    if (immediate) {
      core_.discarded();
      items_.clear();
    }
    core_.wake_everybody();
  }

  /// "<Queue maxsize=2 _queue[1] _getters[1] tasks=1 shutdown>"
  [[nodiscard]] std::string repr() const { return core_.repr(Items::name); }

 protected:
  template <class... Args>
  explicit BasicQueue(std::ptrdiff_t maxsize, Args&&... items)
      : items_(std::forward<Args>(items)...), core_(maxsize) {}
  ~BasicQueue() = default;

  Items items_;
  detail::QueueCore core_;  // dies first: its waits then know better than to look at the items
};

/// Passes items from tasks to tasks, first in, first out.
///
///     co_await queue.put(3);
///     int item = co_await queue.get();
///
/// Python: asyncio.Queue
/// Lifetime: may die while tasks wait: each ends with CancelledError if it is cancelled, else with
/// RuntimeError.
/// Threads: the loop's that it is first waited for in.
template <class T>
class Queue final : public BasicQueue<T, detail::FifoItems<T>> {
 public:
  explicit Queue(std::ptrdiff_t maxsize = 0) noexcept
      : BasicQueue<T, detail::FifoItems<T>>(maxsize) {}
};

/// A Queue that gives the item that was put last.
///
/// Python: asyncio.LifoQueue
template <class T>
class LifoQueue final : public BasicQueue<T, detail::LifoItems<T>> {
 public:
  explicit LifoQueue(std::ptrdiff_t maxsize = 0) noexcept
      : BasicQueue<T, detail::LifoItems<T>>(maxsize) {}
};

/// A Queue that gives the smallest item, as `compare(a, b)` has it; of equal ones the one that was
/// put first.
///
/// Python: asyncio.PriorityQueue, where the order of equal items is open.
/// Cost: O(log size) for each item.
template <class T, class Compare = detail::Ascending>
class PriorityQueue final : public BasicQueue<T, detail::PriorityItems<T, Compare>> {
 public:
  explicit PriorityQueue(std::ptrdiff_t maxsize = 0)
      : BasicQueue<T, detail::PriorityItems<T, Compare>>(maxsize) {}
  PriorityQueue(std::ptrdiff_t maxsize, Compare compare)
      : BasicQueue<T, detail::PriorityItems<T, Compare>>(maxsize, std::move(compare)) {}
};

}  // namespace asyncio
