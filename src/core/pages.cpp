#include "core/pages.hpp"

#include <asyncio/detail/frame_allocator.hpp>

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace asyncio::detail {
namespace {

char* map(std::size_t bytes) {
  void* pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  return static_cast<char*>(pages);
}

}  // namespace

void* grow_pages(void* old, std::size_t old_bytes, std::size_t bytes) {
  AllocationWatch::allocating();
  if (old == nullptr) return map(bytes);
  void* pages = ::mremap(old, old_bytes, bytes, MREMAP_MAYMOVE);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  return pages;
}

void free_pages(void* pages, std::size_t bytes) noexcept {
  if (pages != nullptr) ::munmap(pages, bytes);
}

void* map_aligned(std::size_t bytes) {
  const auto excess = [bytes](const char* p) {
    return reinterpret_cast<std::uintptr_t>(p) % bytes;
  };
  char* pages = map(bytes);
  if (excess(pages) == 0) return pages;  // as it is mostly: the kernel puts them side by side
  ::munmap(pages, bytes);
  pages = map(2 * bytes);
  const std::size_t before = (bytes - excess(pages)) % bytes;
  if (before > 0) ::munmap(pages, before);
  ::munmap(pages + before + bytes, bytes - before);
  return pages + before;
}

}  // namespace asyncio::detail
