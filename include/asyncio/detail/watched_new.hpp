#pragma once

// A program that includes testing.hpp gets these operators: so that its allocations can be counted,
// and can fail. They are weak: a replacement of the program's own goes before them, and then only
// what this library allocates for coroutines, futures and handles is seen.

#include <asyncio/detail/frame_allocator.hpp>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace asyncio::detail {

inline void* allocate_watched(std::size_t bytes) {
  AllocationWatch::allocating();
  if (void* block = std::malloc(bytes)) return block;
  throw std::bad_alloc();
}
inline void* allocate_watched_or_null(std::size_t bytes) noexcept {
  try {
    return allocate_watched(bytes);
  } catch (...) {
    return nullptr;
  }
}

}  // namespace asyncio::detail

[[gnu::weak]] void* operator new(std::size_t bytes) {
  return asyncio::detail::allocate_watched(bytes);
}
[[gnu::weak]] void* operator new[](std::size_t bytes) {
  return asyncio::detail::allocate_watched(bytes);
}
[[gnu::weak]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return asyncio::detail::allocate_watched_or_null(bytes);
}
[[gnu::weak]] void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return asyncio::detail::allocate_watched_or_null(bytes);
}
[[gnu::weak]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::weak]] void operator delete[](void* block) noexcept { std::free(block); }
[[gnu::weak]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }
[[gnu::weak]] void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
[[gnu::weak]] void operator delete(void* block, const std::nothrow_t&) noexcept {
  std::free(block);
}
[[gnu::weak]] void operator delete[](void* block, const std::nothrow_t&) noexcept {
  std::free(block);
}
