#pragma once

#include "frame_pool.hpp"
#include "ready_queue.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace limit {

/// A callback for later; without a function: a cancelled one, which its heap deletes some day.
struct Timer : Callback, Pooled {
  std::uint64_t sequence;
};

/// A 4-ary heap by deadline, first in, first out among equals. Cancelled timers stay until they are
/// due, or more than the others.
class TimerHeap {
 public:
  [[nodiscard]] bool empty() const { return entries_.size() == root; }

  Timer* add(std::int64_t deadline, Callback callback) {
    auto* const timer = new Timer{{callback}, {}, sequence_++};
    entries_.push_back({deadline, timer});
    sift_up(entries_.size() - 1);
    return timer;
  }

  void cancel(Timer* timer) {
    timer->function = nullptr;
    ++cancelled_;
    if (cancelled_ > few && cancelled_ > size() / 2) [[unlikely]]
      sweep();
  }

  /// If not empty().
  [[nodiscard]] std::int64_t next_deadline() const { return entries_[root].deadline; }

  [[gnu::noinline]] void run_due(std::int64_t now) {
    while (!empty() && next_deadline() <= now) {
      const Callback callback = pop();
      if (callback.function != nullptr) callback.function(callback.context);
    }
  }

 private:
  struct Entry {
    std::int64_t deadline;
    Timer* timer;
    [[nodiscard]] bool before(const Entry& other) const {
      if (deadline != other.deadline) return deadline < other.deadline;
      return timer->sequence < other.timer->sequence;
    }
  };

  template <class T>
  struct CacheAligned {
    using value_type = T;
    static constexpr std::align_val_t line{64};
    T* allocate(std::size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), line)); }
    void deallocate(T* entries, std::size_t) { ::operator delete(entries, line); }
    bool operator==(const CacheAligned&) const = default;
  };

  // With three unused entries in front, the four children of an entry share a cache line.
  static constexpr std::size_t arity = 4;
  static constexpr std::size_t root = arity - 1;
  static constexpr std::size_t few = 100;

  static std::size_t parent(std::size_t i) { return i / arity + 2; }
  static std::size_t first_child(std::size_t i) { return (i - 2) * arity; }

  [[nodiscard]] std::size_t size() const { return entries_.size() - root; }

  Callback pop() {
    Timer* const timer = entries_[root].timer;
    entries_[root] = entries_.back();
    entries_.pop_back();
    if (!empty()) sift_down(root);
    const Callback callback = *timer;
    delete timer;
    if (callback.function == nullptr) --cancelled_;
    return callback;
  }

  void sift_up(std::size_t i) {
    const Entry entry = entries_[i];
    for (; i > root && entry.before(entries_[parent(i)]); i = parent(i)) {
      entries_[i] = entries_[parent(i)];
    }
    entries_[i] = entry;
  }

  void sift_down(std::size_t i) {
    const Entry entry = entries_[i];
    const std::size_t end = entries_.size();
    for (std::size_t child = first_child(i); child < end; child = first_child(i)) {
      std::size_t least = child;
      for (std::size_t c = child + 1; c < std::min(child + arity, end); ++c) {
        if (entries_[c].before(entries_[least])) least = c;
      }
      if (!entries_[least].before(entry)) break;
      entries_[i] = entries_[least];
      i = least;
    }
    entries_[i] = entry;
  }

  [[gnu::noinline]] void sweep() {
    std::size_t kept = root;
    for (std::size_t i = root; i < entries_.size(); ++i) {
      if (entries_[i].timer->function == nullptr) {
        delete entries_[i].timer;
      } else {
        entries_[kept++] = entries_[i];
      }
    }
    entries_.resize(kept);
    cancelled_ = 0;
    if (empty()) return;
    for (std::size_t i = parent(kept - 1); i >= root; --i) sift_down(i);
  }

  std::vector<Entry, CacheAligned<Entry>> entries_ = std::vector<Entry, CacheAligned<Entry>>(root);
  std::uint64_t sequence_ = 0;
  std::size_t cancelled_ = 0;
};

}  // namespace limit
