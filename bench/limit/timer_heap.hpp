#pragma once

#include "frame_pool.hpp"
#include "ready_queue.hpp"

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace limit {

/// A callback for later; without a function: a cancelled one, which its heap deletes some day.
struct Timer : Callback, Pooled {};

/// A 4-ary heap by deadline. What is added stays behind the heap until somebody asks for the next
/// deadline, so that most timers that are cancelled in time never get into it.
class TimerHeap {
 public:
  TimerHeap() : entries_(root) { entries_.reserve(1024); }

  [[nodiscard]] bool empty() const { return entries_.size() == root; }

  Timer* add(std::int64_t deadline, Callback callback) {
    auto* const timer = new Timer{{callback}, {}};
    entries_.push_back({deadline, timer});
    return timer;
  }

  void cancel(Timer* timer) {
    timer->function = nullptr;
    ++cancelled_;
    if (cancelled_ > few && cancelled_ > size() / 2) [[unlikely]]
      sweep();
  }

  /// If not empty().
  [[nodiscard]] std::int64_t next_deadline() {
    order();
    return entries_[root].deadline;
  }

  [[gnu::noinline]] void run_due(std::int64_t now) {
    if (cancelled_ == size()) return sweep();
    while (!empty() && next_deadline() <= now) {
      const Callback callback = pop();
      if (callback.function != nullptr) callback.function(callback.context);
    }
  }

 private:
  struct Entry {
    std::int64_t deadline;
    Timer* timer;
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

  void order() {
    const std::size_t end = entries_.size();
    if (ordered_ < end / 2) {
      for (std::size_t i = parent(end - 1); i >= root; --i) sift_down(i, entries_[i]);
      ordered_ = end;
    }
    for (; ordered_ < end; ++ordered_) sift_up(root, ordered_, entries_[ordered_]);
  }

  Callback pop() {
    Timer* const timer = entries_[root].timer;
    const Entry last = entries_.back();
    entries_.pop_back();
    ordered_ = entries_.size();
    if (!empty()) {
      sift_down(root, last);
      __builtin_prefetch(entries_[root].timer);
    }
    const Callback callback = *timer;
    delete timer;
    if (callback.function == nullptr) --cancelled_;
    return callback;
  }

  void sift_up(std::size_t top, std::size_t hole, Entry entry) {
    while (hole > top && entry.deadline < entries_[parent(hole)].deadline) {
      entries_[hole] = entries_[parent(hole)];
      hole = parent(hole);
    }
    entries_[hole] = entry;
  }

  // An entry from the end mostly belongs near the end: the hole goes down without a look at it.
  void sift_down(std::size_t top, Entry entry) {
    const std::size_t end = entries_.size();
    std::size_t hole = top;
    std::size_t child = first_child(hole);
    for (; child + arity <= end; child = first_child(hole)) {
      prefetch_children(child);
      const std::size_t least = least_of_four(child);
      entries_[hole] = entries_[least];
      hole = least;
    }
    if (child < end) {
      std::size_t least = child;
      while (++child < end) {
        if (entries_[child].deadline < entries_[least].deadline) least = child;
      }
      entries_[hole] = entries_[least];
      hole = least;
    }
    sift_up(top, hole, entry);
  }

  // Without branches, which nobody could predict.
  [[nodiscard]] std::size_t least_of_four(std::size_t first) const {
    const Entry* const e = &entries_[first];
    const std::size_t a = e[1].deadline < e[0].deadline ? 1 : 0;
    const std::size_t b = e[3].deadline < e[2].deadline ? 3 : 2;
    const std::size_t take_b = e[b].deadline < e[a].deadline ? ~std::size_t{0} : 0;
    return first + (a ^ ((a ^ b) & take_b));
  }

  void prefetch_children(std::size_t first) const {
    for (std::size_t i = 0; i < arity; ++i) {
      __builtin_prefetch(entries_.data() + first_child(first + i));
    }
  }

  [[gnu::noinline]] void sweep() {
    std::erase_if(entries_, [](const Entry& entry) {
      if (entry.timer == nullptr || entry.timer->function != nullptr) return false;
      delete entry.timer;
      return true;
    });
    ordered_ = root;
    cancelled_ = 0;
  }

  std::vector<Entry, CacheAligned<Entry>> entries_;
  std::size_t ordered_ = root;
  std::size_t cancelled_ = 0;
};

}  // namespace limit
