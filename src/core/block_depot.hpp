#pragma once

#include <asyncio/detail/frame_allocator.hpp>

#include <cstddef>
#include <cstdint>

namespace asyncio::detail {

[[nodiscard]] constexpr std::size_t block_size(std::size_t index) noexcept {
  return (index + 1) * block_granule;
}
/// How many blocks of a class a thread's list holds, and gives away at once.
[[nodiscard]] constexpr std::uint32_t batch_size(std::size_t index) noexcept {
  constexpr std::size_t bytes = std::size_t{32} << 10;
  return static_cast<std::uint32_t>(bytes / block_size(index));
}

/// The blocks of the process that are in no thread's list. They are cut from slabs of one class
/// each. Whole batches, chains of batch_size() blocks, change hands without a look at their blocks;
/// those that are too many are taken apart when a loop is idle: their blocks come back to their
/// slabs, and slabs that have all of theirs go back to the system.
///
/// A block of the smallest class has room for two links: to the next block, and in the first one of
/// a batch to the next batch.
///
/// Threads: any.
class BlockDepot {
 public:
  struct Chain {
    FreeBlock* first;
    std::uint32_t count;
  };

  /// From one block up to a batch. Throws: std::bad_alloc.
  Chain take(std::size_t index);
  FreeBlock* take_one(std::size_t index);
  void put_batch(std::size_t index, FreeBlock* batch) noexcept;
  void put(std::size_t index, FreeBlock* chain) noexcept;

  /// Blocks that were taken and not put back, and those that malloc has given.
  [[nodiscard]] std::int64_t given() const noexcept {
    return __atomic_load_n(&given_, __ATOMIC_RELAXED);
  }
  void count_given(std::int64_t change) noexcept {
    __atomic_fetch_add(&given_, change, __ATOMIC_RELAXED);
  }

  /// True if more is here than is kept for the next burst.
  [[nodiscard]] bool has_excess() const noexcept {
    return __atomic_load_n(&batch_bytes_, __ATOMIC_RELAXED) > kept_bytes ||
           __atomic_load_n(&empty_slabs_, __ATOMIC_RELAXED) > 0;
  }
  /// Gives some of it back to the system: as much as takes half a millisecond.
  void release_some() noexcept;

  /// While a process is forked, so that the child finds it whole.
  void lock() noexcept;
  void unlock() noexcept { __atomic_clear(&locked_, __ATOMIC_RELEASE); }

 private:
  struct Slab;
  struct Lock;
  struct Class {
    FreeBlock* batches = nullptr;
    Slab* available = nullptr;  // slabs that have free blocks
    Slab* current = nullptr;    // the one that new blocks are cut from
  };
  static constexpr std::size_t slab_bytes = std::size_t{256} << 10;
  static constexpr std::int64_t kept_bytes = std::int64_t{16} << 20;

  static Slab& slab_of(FreeBlock* block) noexcept;
  static FreeBlock*& next_batch(FreeBlock* batch) noexcept;
  [[nodiscard]] FreeBlock* pop_batch(std::size_t index) noexcept;
  Chain take_from_slab(std::size_t index, std::uint32_t most);
  void cut(Class& c, std::size_t index);
  void put_to_slabs(Class& c, FreeBlock* chain) noexcept;
  void take_batches_apart() noexcept;
  void release_empty_slabs() noexcept;
  Slab* new_slab();
  Slab* pop_empty() noexcept;

  Class classes_[block_classes];
  Slab* empty_ = nullptr;
  std::size_t empty_slabs_ = 0;   // atomic, changed under the lock
  std::int64_t batch_bytes_ = 0;  // likewise
  std::int64_t given_ = 0;        // atomic
  std::size_t next_class_ = 0;    // to be looked at by take_batches_apart()
  bool locked_ = false;           // atomic
};

}  // namespace asyncio::detail
