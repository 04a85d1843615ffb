#pragma once

#include "wait_line.hpp"

#include <coroutine>
#include <cstddef>
#include <memory>
#include <utility>

namespace limit {

/// A count of what is there for the taking. Who waits is handed one: it is never counted.
class Supply {
 public:
  explicit Supply(std::size_t count) : count_(count) {}

  bool take() {
    if (count_ == 0) return false;
    --count_;
    return true;
  }
  void wait(Place& place, std::coroutine_handle<> coroutine) { waiters_.join(place, coroutine); }
  void give() {
    if (waiters_.empty()) {
      ++count_;
    } else {
      waiters_.resume_first();
    }
  }

 private:
  std::size_t count_;
  WaitLine waiters_;
};

/// A ring of items, and how many of them and how much room nobody has been promised. As in the
/// library an item is in the queue until the turn of who takes it, so that room is as scarce.
template <class T>
class Queue {
 public:
  explicit Queue(std::size_t capacity)
      : ring_(std::make_unique<T[]>(capacity)), capacity_(capacity), room_(capacity) {}

  class Put {
   public:
    Put(Queue& queue, T item) : queue_(queue), item_(std::move(item)) {}
    bool await_ready() const noexcept { return queue_.room_.take(); }
    void await_suspend(std::coroutine_handle<> coroutine) noexcept {
      queue_.room_.wait(place_, coroutine);
    }
    void await_resume() { queue_.add(std::move(item_)); }

   private:
    Queue& queue_;
    T item_;
    Place place_;
  };

  class Get {
   public:
    explicit Get(Queue& queue) : queue_(queue) {}
    bool await_ready() const noexcept { return queue_.items_.take(); }
    void await_suspend(std::coroutine_handle<> coroutine) noexcept {
      queue_.items_.wait(place_, coroutine);
    }
    T await_resume() { return queue_.remove(); }

   private:
    Queue& queue_;
    Place place_;
  };

  [[nodiscard]] Put put(T item) { return Put(*this, std::move(item)); }
  [[nodiscard]] Get get() { return Get(*this); }

 private:
  void add(T item) {
    ring_[end_] = std::move(item);
    end_ = after(end_);
    items_.give();
  }
  T remove() {
    T item = std::move(ring_[begin_]);
    begin_ = after(begin_);
    room_.give();
    return item;
  }
  [[nodiscard]] std::size_t after(std::size_t i) const { return i + 1 == capacity_ ? 0 : i + 1; }

  std::unique_ptr<T[]> ring_;
  std::size_t capacity_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  Supply items_{0};
  Supply room_;
};

}  // namespace limit
