#pragma once

#include <cstddef>
#include <cstdint>

namespace asyncio::detail {

/// Memory for coroutine frames and for the states of tasks, futures and handles: a free list per
/// thread and 16-byte size class, up to 1 KiB; malloc above. A block goes to the list of the thread
/// that frees it; lists beyond a high mark go back to malloc. Off under AddressSanitizer and with
/// ASYNCIO_MALLOC=1, so that use after free shows.
///
/// Throws: std::bad_alloc. The kind is for those who watch (debug mode, tests).
enum class BlockKind : unsigned char { other, coroutine, future, handle };
[[nodiscard]] void* allocate(std::size_t bytes, BlockKind kind = BlockKind::other);
void deallocate(void* block, std::size_t bytes) noexcept;

/// Blocks given out and not taken back, of all threads: what a leak check compares.
[[nodiscard]] std::int64_t live_blocks() noexcept;

/// While one lives, this thread has no free lists, so that whoever watches sees each block made and
/// freed.
class NoPooling {
 public:
  NoPooling() noexcept;
  NoPooling(const NoPooling&) = delete;
  NoPooling& operator=(const NoPooling&) = delete;
  ~NoPooling();
};

/// For tests: watches what this thread allocates, here and (where testing.hpp is included) by
/// operator new.
class AllocationWatch {
 public:
  static constexpr std::uint64_t none = ~std::uint64_t{0};

  /// Counts the allocations of this thread and lets number `failing`, from 0, throw bad_alloc.
  explicit AllocationWatch(std::uint64_t failing = none) noexcept;
  AllocationWatch(const AllocationWatch&) = delete;
  AllocationWatch& operator=(const AllocationWatch&) = delete;
  ~AllocationWatch();

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  /// Counting stops; it goes on with resume(). For what is not to be tested.
  void pause() noexcept;
  void resume() noexcept;

  /// One more, if this thread is watched. Throws: std::bad_alloc when its turn has come.
  static void allocating();

 private:
  NoPooling no_pooling_;
  std::uint64_t failing_;
  std::uint64_t count_ = 0;
};

/// Base of everything that lives in this memory.
template <BlockKind kind = BlockKind::other>
struct PooledAs {
  static void* operator new(std::size_t bytes) { return allocate(bytes, kind); }
  static void operator delete(void* block, std::size_t bytes) noexcept { deallocate(block, bytes); }
};
using Pooled = PooledAs<>;

}  // namespace asyncio::detail
