#pragma once

#include <cstddef>
#include <cstdint>

namespace asyncio::detail {

/// Memory for coroutine frames and for the states of tasks, futures and handles: a free list per
/// thread and 16-byte size class, up to 1 KiB; malloc above. A block goes to the list of the thread
/// that frees it; lists beyond a high mark go back to malloc. Off under AddressSanitizer and with
/// ASYNCIO_MALLOC=1, so that use after free shows.
///
/// Throws: std::bad_alloc.
[[nodiscard]] void* allocate(std::size_t bytes);
void deallocate(void* block, std::size_t bytes) noexcept;

/// Blocks given out and not taken back, of all threads: what a leak check compares.
[[nodiscard]] std::int64_t live_blocks() noexcept;

/// Base of everything that lives in this memory.
struct Pooled {
  static void* operator new(std::size_t bytes) { return allocate(bytes); }
  static void operator delete(void* block, std::size_t bytes) noexcept { deallocate(block, bytes); }
};

}  // namespace asyncio::detail
