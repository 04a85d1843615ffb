#pragma once

#include <cstddef>
#include <new>

namespace limit {

/// Blocks for frames and nodes: a free list for every 16 bytes of size, and new blocks from chunks
/// that are never given back.
class FramePool {
 public:
  void* allocate(std::size_t bytes) {
    const std::size_t list = list_of(bytes);
    if (list >= lists) [[unlikely]]
      return ::operator new(bytes);
    Block* block = free_[list];
    if (block == nullptr) [[unlikely]]
      return cut((list + 1) * granule);
    free_[list] = block->next;
    return block;
  }

  void release(void* block, std::size_t bytes) noexcept {
    const std::size_t list = list_of(bytes);
    if (list >= lists) [[unlikely]]
      return ::operator delete(block);
    free_[list] = new (block) Block{free_[list]};
  }

 private:
  struct Block {
    Block* next;
  };
  static constexpr std::size_t granule = 16;
  static constexpr std::size_t lists = 128;
  static constexpr std::size_t chunk = std::size_t{1} << 20;

  static std::size_t list_of(std::size_t bytes) { return (bytes - 1) / granule; }

  [[gnu::noinline]] void* cut(std::size_t bytes) {
    if (left_ < bytes) {
      rest_ = static_cast<std::byte*>(::operator new(chunk));
      left_ = chunk;
    }
    void* block = rest_;
    rest_ += bytes;
    left_ -= bytes;
    return block;
  }

  Block* free_[lists] = {};
  std::byte* rest_ = nullptr;
  std::size_t left_ = 0;
};

inline constinit thread_local FramePool frame_pool;

/// A base for what lives in the pool.
struct Pooled {
  static void* operator new(std::size_t bytes) { return frame_pool.allocate(bytes); }
  static void operator delete(void* block, std::size_t bytes) { frame_pool.release(block, bytes); }
};

}  // namespace limit
