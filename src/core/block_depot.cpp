#include "core/block_depot.hpp"

#include "core/pages.hpp"

#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

namespace asyncio::detail {

/// At the start of its memory, which is aligned to its size: so a block's slab is found from its
/// address.
struct BlockDepot::Slab {
  static constexpr std::size_t header = 64;

  Slab* previous = nullptr;  // among the available ones of its class
  Slab* next = nullptr;      // likewise, or among the empty ones
  FreeBlock* first = nullptr;
  std::uint32_t free = 0;    // blocks that are here
  std::uint32_t blocks = 0;  // that were cut
  std::size_t cut = header;  // bytes that are header or were cut

  void link(Slab*& list) noexcept {
    previous = nullptr;
    next = std::exchange(list, this);
    if (next != nullptr) next->previous = this;
  }
  void unlink(Slab*& list) noexcept {
    (previous == nullptr ? list : previous->next) = next;
    if (next != nullptr) next->previous = previous;
  }
};

struct BlockDepot::Lock {
  explicit Lock(BlockDepot& d) noexcept : depot(d) { depot.lock(); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() { depot.unlock(); }
  BlockDepot& depot;
};

void BlockDepot::lock() noexcept {
  while (__atomic_test_and_set(&locked_, __ATOMIC_ACQUIRE)) ::sched_yield();
}

BlockDepot::Slab& BlockDepot::slab_of(FreeBlock* block) noexcept {
  return *reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(block) & ~(slab_bytes - 1));
}

FreeBlock*& BlockDepot::next_batch(FreeBlock* batch) noexcept {
  return *reinterpret_cast<FreeBlock**>(batch + 1);
}

BlockDepot::Chain BlockDepot::take(std::size_t index) {
  const Lock lock(*this);
  Chain chain{pop_batch(index), batch_size(index)};
  if (chain.first == nullptr) chain = take_from_slab(index, chain.count);
  count_given(chain.count);
  return chain;
}

FreeBlock* BlockDepot::take_one(std::size_t index) {
  const Lock lock(*this);
  if (classes_[index].available == nullptr) put_to_slabs(classes_[index], pop_batch(index));
  const Chain chain = take_from_slab(index, 1);
  count_given(1);
  return chain.first;
}

FreeBlock* BlockDepot::pop_batch(std::size_t index) noexcept {
  FreeBlock*& first = classes_[index].batches;
  if (first == nullptr) return nullptr;
  const auto bytes = static_cast<std::int64_t>(batch_size(index) * block_size(index));
  __atomic_store_n(&batch_bytes_, batch_bytes_ - bytes, __ATOMIC_RELAXED);
  return std::exchange(first, next_batch(first));
}

BlockDepot::Chain BlockDepot::take_from_slab(std::size_t index, std::uint32_t most) {
  Class& c = classes_[index];
  if (c.available == nullptr) cut(c, index);
  Slab& slab = *c.available;
  const Chain chain{slab.first, std::min(most, slab.free)};
  if (chain.count == slab.free) {
    slab.first = nullptr;
    slab.unlink(c.available);
  } else {
    FreeBlock* last = chain.first;
    for (std::uint32_t n = 1; n < chain.count; ++n) last = last->next;
    slab.first = std::exchange(last->next, nullptr);
  }
  slab.free -= chain.count;
  return chain;
}

// Up to the end of a page: a program that needs few blocks touches little memory.
void BlockDepot::cut(Class& c, std::size_t index) {
  constexpr std::size_t page = 4096;
  const std::size_t size = block_size(index);
  if (c.current == nullptr || c.current->cut + size > slab_bytes) c.current = new_slab();
  Slab& slab = *c.current;
  const std::size_t in_page = std::max<std::size_t>(1, (page - slab.cut % page) / size);
  const std::size_t count = std::min(in_page, (slab_bytes - slab.cut) / size);

  char* at = reinterpret_cast<char*>(&slab) + slab.cut;
  slab.cut += count * size;
  slab.blocks += static_cast<std::uint32_t>(count);
  slab.free += static_cast<std::uint32_t>(count);
  for (std::size_t i = count; i-- > 0;) slab.first = ::new (at + i * size) FreeBlock{slab.first};
  slab.link(c.available);
}

BlockDepot::Slab* BlockDepot::new_slab() {
  void* memory = empty_ != nullptr ? pop_empty() : map_aligned(slab_bytes);
  return ::new (memory) Slab;
}

BlockDepot::Slab* BlockDepot::pop_empty() noexcept {
  __atomic_store_n(&empty_slabs_, empty_slabs_ - 1, __ATOMIC_RELAXED);
  return std::exchange(empty_, empty_->next);
}

void BlockDepot::put_batch(std::size_t index, FreeBlock* batch) noexcept {
  const Lock lock(*this);
  next_batch(batch) = std::exchange(classes_[index].batches, batch);
  const std::uint32_t count = batch_size(index);
  const auto bytes = static_cast<std::int64_t>(count * block_size(index));
  __atomic_store_n(&batch_bytes_, batch_bytes_ + bytes, __ATOMIC_RELAXED);
  count_given(-std::int64_t{count});
}

void BlockDepot::put(std::size_t index, FreeBlock* chain) noexcept {
  std::int64_t count = 0;
  for (FreeBlock* block = chain; block != nullptr; block = block->next) ++count;
  const Lock lock(*this);
  put_to_slabs(classes_[index], chain);
  count_given(-count);
}

void BlockDepot::put_to_slabs(Class& c, FreeBlock* chain) noexcept {
  while (chain != nullptr) {
    FreeBlock* block = std::exchange(chain, chain->next);
    Slab& slab = slab_of(block);
    block->next = std::exchange(slab.first, block);
    if (slab.free++ == 0) slab.link(c.available);
    if (slab.free < slab.blocks || &slab == c.current) continue;
    slab.unlink(c.available);
    slab.next = std::exchange(empty_, &slab);
    __atomic_store_n(&empty_slabs_, empty_slabs_ + 1, __ATOMIC_RELAXED);
  }
}

void BlockDepot::release_some() noexcept {
  take_batches_apart();
  release_empty_slabs();
}

// The lock is held for a batch at a time: other threads wait for it.
void BlockDepot::take_batches_apart() noexcept {
  constexpr std::size_t most_blocks = 8192;
  std::size_t blocks = 0;
  for (std::size_t none = 0; blocks < most_blocks && none < block_classes;) {
    const Lock lock(*this);
    if (batch_bytes_ <= kept_bytes) return;
    const std::size_t index = next_class_;
    if (FreeBlock* batch = pop_batch(index)) {
      put_to_slabs(classes_[index], batch);
      blocks += batch_size(index);
      none = 0;
    } else {
      next_class_ = (index + 1) % block_classes;
      ++none;
    }
  }
}

void BlockDepot::release_empty_slabs() noexcept {
  constexpr std::size_t most_slabs = 16;
  Slab* released = nullptr;
  {
    const Lock lock(*this);
    for (std::size_t n = 0; n < most_slabs && empty_ != nullptr; ++n) {
      Slab* slab = pop_empty();
      slab->next = std::exchange(released, slab);
    }
  }
  while (released != nullptr) free_pages(std::exchange(released, released->next), slab_bytes);
}

}  // namespace asyncio::detail
