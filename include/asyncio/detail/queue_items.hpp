#pragma once

#include <asyncio/detail/ring.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio::detail {

/// First in, first out.
template <class T>
class FifoItems {
 public:
  static constexpr const char* name = "Queue";
  void add(T&& item) { items_.push_back(std::move(item)); }
  T take() {
    T item(std::move(items_.front()));
    items_.pop_front();
    return item;
  }
  void clear() noexcept { items_.clear(); }

 private:
  Ring<T> items_;
};

/// Last in, first out.
template <class T>
class LifoItems {
 public:
  static constexpr const char* name = "LifoQueue";
  void add(T&& item) { items_.push_back(std::move(item)); }
  T take() {
    T item(std::move(items_.back()));
    items_.pop_back();
    return item;
  }
  void clear() noexcept { items_.clear(); }

 private:
  Ring<T> items_;
};

/// By `<`.
struct Ascending {
  template <class T>
  bool operator()(const T& a, const T& b) const {
    return a < b;
  }
};

/// Smallest first, and first in, first out among equals. A binary heap; where an item goes is found
/// before any is moved, since the comparison is a user's and may throw.
template <class T, class Compare>
class PriorityItems {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>,
                "PriorityQueue<T>: items change places, so moving a T must not throw; put a "
                "std::unique_ptr<T>, and compare what it points to");

 public:
  static constexpr const char* name = "PriorityQueue";
  PriorityItems() = default;
  explicit PriorityItems(Compare compare) : compare_(std::move(compare)) {}

  void add(T&& item) {
    heap_.push_back(Entry{std::move(item), next_number_});
    std::size_t at = heap_.size() - 1;
    try {
      std::size_t to = at;
      // The last to come is behind its equals.
      while (to > 0 && compare_(heap_[at].item, heap_[(to - 1) / 2].item)) to = (to - 1) / 2;
      ++next_number_;
      for (; at > to; at = (at - 1) / 2) std::swap(heap_[at], heap_[(at - 1) / 2]);
    } catch (...) {
      heap_.pop_back();
      throw;
    }
  }

  T take() {
    // The way down that the last one takes to its new place.
    std::size_t way[64];
    std::size_t steps = 0;
    const std::size_t size = heap_.size() - 1;
    for (std::size_t at = 0; 2 * at + 1 < size;) {
      std::size_t child = 2 * at + 1;
      if (child + 1 < size && before(heap_[child + 1], heap_[child])) ++child;
      if (!before(heap_[child], heap_[size])) break;
      way[steps++] = at = child;
    }
    T item(std::move(heap_[0].item));
    std::size_t at = 0;
    for (std::size_t n = 0; n < steps; ++n) {
      heap_[at] = std::move(heap_[way[n]]);
      at = way[n];
    }
    if (at != size) heap_[at] = std::move(heap_[size]);
    heap_.pop_back();
    return item;
  }
  void clear() noexcept { heap_.clear(); }

 private:
  struct Entry {
    T item;
    std::uint64_t number;
  };
  bool before(const Entry& a, const Entry& b) {
    if (compare_(a.item, b.item)) return true;
    return !compare_(b.item, a.item) && a.number < b.number;
  }

  std::vector<Entry> heap_;
  std::uint64_t next_number_ = 0;
  [[no_unique_address]] Compare compare_{};
};

}  // namespace asyncio::detail
