#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace asyncio::detail {

/// Items that come in at the back and go out at either end; grows by doubling. What <deque> would
/// do for twice the lines and a block of 512 bytes for each queue.
template <class T>
class Ring {
  static_assert(std::is_nothrow_destructible_v<T>);

 public:
  Ring() noexcept = default;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() {
    while (size_ > 0) pop_front();
    deallocate(items_);
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] T& front() noexcept { return at(0); }
  [[nodiscard]] T& back() noexcept { return at(size_ - 1); }
  /// Throws: std::bad_alloc, or what T's move throws; nothing has changed then.
  void push_back(T&& item) {
    if (size_ == capacity_) grow();
    ::new (static_cast<void*>(&at(size_))) T(std::move(item));
    ++size_;
  }
  void pop_front() noexcept {
    front().~T();
    first_ = (first_ + 1) & (capacity_ - 1);
    --size_;
  }
  void pop_back() noexcept {
    back().~T();
    --size_;
  }
  /// Destructors of items find it empty already.
  void clear() noexcept {
    Ring old;
    std::swap(items_, old.items_);
    std::swap(capacity_, old.capacity_);
    std::swap(first_, old.first_);
    std::swap(size_, old.size_);
  }
  /// The `n`-th from the front.
  [[nodiscard]] T& at(std::size_t n) noexcept { return items_[(first_ + n) & (capacity_ - 1)]; }

 private:
  static constexpr std::size_t smallest = 8;

  static constexpr bool over_aligned = alignof(T) > __STDCPP_DEFAULT_NEW_ALIGNMENT__;

  static T* allocate(std::size_t items) {
    if constexpr (over_aligned) {
      return static_cast<T*>(::operator new(items * sizeof(T), std::align_val_t{alignof(T)}));
    } else {
      return static_cast<T*>(::operator new(items * sizeof(T)));
    }
  }
  static void deallocate(T* items) noexcept {
    if constexpr (over_aligned) {
      ::operator delete(static_cast<void*>(items), std::align_val_t{alignof(T)});
    } else {
      ::operator delete(static_cast<void*>(items));
    }
  }

  void grow() {
    const std::size_t capacity = capacity_ == 0 ? smallest : 2 * capacity_;
    T* items = allocate(capacity);
    std::size_t moved = 0;
    try {
      for (; moved < size_; ++moved) {
        ::new (static_cast<void*>(items + moved)) T(std::move_if_noexcept(at(moved)));
      }
    } catch (...) {
      while (moved > 0) items[--moved].~T();
      deallocate(items);
      throw;
    }
    for (std::size_t n = 0; n < size_; ++n) at(n).~T();
    deallocate(items_);
    items_ = items;
    capacity_ = capacity;
    first_ = 0;
  }

  T* items_ = nullptr;
  std::size_t capacity_ = 0;  // a power of two, or 0
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace asyncio::detail
