#pragma once

#include <cstddef>

namespace asyncio::detail {

/// Memory of whole pages, straight from the system: it grows without a copy, so that growing is
/// never the peak, and what was never touched costs nothing.
///
/// Throws: std::bad_alloc; then the old pages are as they were. A null `old` begins.
[[nodiscard]] void* grow_pages(void* old, std::size_t old_bytes, std::size_t bytes);
void free_pages(void* pages, std::size_t bytes) noexcept;
/// `bytes`, a power of two, at a multiple of it.
[[nodiscard]] void* map_aligned(std::size_t bytes);

/// An array of trivial elements in such memory.
template <class T>
class PageArray {
 public:
  PageArray() noexcept = default;
  PageArray(const PageArray&) = delete;
  PageArray& operator=(const PageArray&) = delete;
  ~PageArray() { free_pages(elements_, capacity_ * sizeof(T)); }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] T& operator[](std::size_t i) const noexcept { return elements_[i]; }
  [[nodiscard]] T* data() const noexcept { return elements_; }

  /// Makes room for one more. Throws: std::bad_alloc.
  void reserve_one() {
    if (size_ == capacity_) [[unlikely]]
      grow();
  }
  /// There is room.
  void push_back(T element) noexcept { elements_[size_++] = element; }
  void resize_down(std::size_t size) noexcept { size_ = size; }
  /// Gives back what is far more than needed.
  void shrink() noexcept {
    constexpr std::size_t worth = std::size_t{64} << 10;
    if (capacity_ * sizeof(T) <= worth || size_ > capacity_ / 4) return;
    try {
      elements_ =
          static_cast<T*>(grow_pages(elements_, capacity_ * sizeof(T), capacity_ / 2 * sizeof(T)));
      capacity_ /= 2;
    } catch (...) {
      // Keeping the memory is no harm.
    }
  }

 private:
  friend struct MemberOffsets;
  [[gnu::noinline]] void grow() {
    constexpr std::size_t page = 4096;
    const std::size_t capacity = capacity_ == 0 ? page / sizeof(T) : capacity_ * 2;
    elements_ = static_cast<T*>(grow_pages(elements_, capacity_ * sizeof(T), capacity * sizeof(T)));
    capacity_ = capacity;
  }

  T* elements_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace asyncio::detail
