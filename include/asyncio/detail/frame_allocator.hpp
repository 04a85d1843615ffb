#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace asyncio::detail {

/// Memory for coroutine frames and for the states of tasks, futures and handles: free lists per
/// thread and 16-byte size class, up to 1 KiB; malloc above. What a thread has too much of goes in
/// batches to those that need it, and back to the system when a loop is idle
/// (src/core/block_depot). Off under AddressSanitizer and with ASYNCIO_MALLOC=1, so that use after
/// free shows.
///
/// Throws: std::bad_alloc. The kind is for those who watch (debug mode, tests).
enum class BlockKind : unsigned char { other, coroutine, future, handle };

struct FreeBlock {
  FreeBlock* next;
};

/// The free blocks of one size, of one thread.
struct BlockList {
  FreeBlock* first = nullptr;
  std::uint32_t count = 0;  // written by its thread, read by live_blocks(): atomic
  std::uint32_t limit = 0;  // 0: the lists are not in use (yet, any more, or ever)

  void set_count(std::uint32_t n) noexcept { __atomic_store_n(&count, n, __ATOMIC_RELAXED); }
};

/// Coarser classes would scatter small nodes and cost cache misses.
inline constexpr std::size_t block_granule = 16;
inline constexpr std::size_t largest_block = 1024;
inline constexpr std::size_t block_classes = largest_block / block_granule;
[[nodiscard]] constexpr std::size_t block_class(std::size_t bytes) noexcept {
  return (bytes - 1) / block_granule;
}

extern constinit thread_local BlockList block_lists[block_classes];
[[nodiscard]] void* allocate_slowly(std::size_t bytes, BlockKind kind);
void deallocate_slowly(void* block, std::size_t bytes) noexcept;

[[nodiscard]] inline void* allocate(std::size_t bytes, BlockKind kind = BlockKind::other) {
  if (bytes <= largest_block) {
    BlockList& list = block_lists[block_class(bytes)];
    if (FreeBlock* block = list.first) [[likely]] {
      list.first = block->next;
      list.set_count(list.count - 1);
      return block;
    }
  }
  return allocate_slowly(bytes, kind);
}

inline void deallocate(void* block, std::size_t bytes) noexcept {
  if (bytes <= largest_block) {
    BlockList& list = block_lists[block_class(bytes)];
    if (list.count < list.limit) [[likely]] {
      list.first = ::new (block) FreeBlock{list.first};
      list.set_count(list.count + 1);
      return;
    }
  }
  deallocate_slowly(block, bytes);
}

/// What no list needs goes back to the system, if it has become much, a little every 10
/// milliseconds: no pause is long, and bursts that come again and again keep their memory. For a
/// loop that is about to wait.
/// Returns: how many nanoseconds it may wait until this wants to be called again.
std::int64_t return_idle_memory() noexcept;

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
