#pragma once

#include <asyncio/detail/frame_allocator.hpp>

#include <cstddef>
#include <cstdint>

namespace asyncio::detail {

/// How many blocks of a class a thread gives away at once, and what its list holds at most.
[[nodiscard]] constexpr std::uint32_t batch_size(std::size_t index) noexcept {
  constexpr std::size_t batch_bytes = std::size_t{32} << 10;
  return static_cast<std::uint32_t>(batch_bytes / ((index + 1) * block_granule));
}

/// The blocks of the process that are in no thread's list. They are cut from slabs of one class
/// each, which go back to the system when all of their blocks have come together here.
///
/// A batch of a class is a chain of batch_size() blocks; whole batches change hands without a look
/// at their blocks. A block of the smallest class has room for two links: to the next block, and in
/// the first one of a batch to the next batch.
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
  void put(std::size_t index, Chain chain) noexcept;

  /// Blocks that were taken and not put back, and those that malloc has given.
  [[nodiscard]] std::int64_t given() const noexcept {
    return __atomic_load_n(&given_, __ATOMIC_RELAXED);
  }
  void count_given(std::int64_t change) noexcept {
    __atomic_fetch_add(&given_, change, __ATOMIC_RELAXED);
  }

  /// True when so much is here that trim() is worth its time.
  [[nodiscard]] bool grown() const noexcept {
    return __atomic_load_n(&kept_bytes_, __ATOMIC_RELAXED) >
           __atomic_load_n(&trim_above_, __ATOMIC_RELAXED);
  }
  /// Gives slabs back that are not in use.
  void trim() noexcept;

 private:
  struct Slab;
  struct Lock;
  struct Class {
    FreeBlock* batches = nullptr;
    Chain loose{nullptr, 0};
    Slab* current = nullptr;  // the one that blocks are cut from
  };
  static constexpr std::int64_t keep_bytes = std::int64_t{16} << 20;

  static Slab& slab_of(FreeBlock* block) noexcept;
  static FreeBlock*& next_batch(FreeBlock* batch) noexcept;
  Chain pick(std::size_t index);
  Chain cut(std::size_t index);
  void keep(std::size_t index, Chain chain) noexcept;
  static Chain without_free_slabs(FreeBlock* batches, Chain loose, const Slab* current,
                                  Slab*& freed) noexcept;
  void count_kept(std::size_t index, std::int64_t blocks) noexcept;

  Class classes_[block_classes];
  std::int64_t given_ = 0;       // atomic
  std::int64_t kept_bytes_ = 0;  // atomic, changed under the lock
  std::int64_t trim_above_ = keep_bytes;
  bool locked_ = false;  // atomic
  bool trimming_ = false;
};

}  // namespace asyncio::detail
