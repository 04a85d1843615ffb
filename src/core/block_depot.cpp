#include "core/block_depot.hpp"

#include <sched.h>
#include <sys/mman.h>

#include <cstdint>
#include <new>
#include <utility>

namespace asyncio::detail {
namespace {

constexpr std::size_t slab_bytes = std::size_t{256} << 10;
constexpr std::size_t page_bytes = 4096;

// Aligned to its size, so that a block's slab is found from its address.
void* map_slab() {
  const auto map = [](std::size_t bytes) {
    void* memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return static_cast<char*>(memory);
  };
  const auto excess = [](const char* p) {
    return reinterpret_cast<std::uintptr_t>(p) % slab_bytes;
  };
  char* memory = map(slab_bytes);
  if (excess(memory) == 0) return memory;  // as it is mostly: the kernel puts them side by side
  ::munmap(memory, slab_bytes);
  memory = map(2 * slab_bytes);
  const std::size_t before = (slab_bytes - excess(memory)) % slab_bytes;
  if (before > 0) ::munmap(memory, before);
  if (before < slab_bytes) ::munmap(memory + before + slab_bytes, slab_bytes - before);
  return memory + before;
}

}  // namespace

struct BlockDepot::Slab {
  std::size_t cut = header;  // bytes that are header or were given out
  std::uint32_t blocks = 0;  // that were cut from it
  std::uint32_t free = 0;    // of these, while trim() counts
  Slab* next = nullptr;      // likewise

  static constexpr std::size_t header = 64;
};

struct BlockDepot::Lock {
  explicit Lock(BlockDepot& d) noexcept : depot(d) {
    while (__atomic_test_and_set(&depot.locked_, __ATOMIC_ACQUIRE)) ::sched_yield();
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() { __atomic_clear(&depot.locked_, __ATOMIC_RELEASE); }
  BlockDepot& depot;
};

BlockDepot::Slab& BlockDepot::slab_of(FreeBlock* block) noexcept {
  return *reinterpret_cast<Slab*>(reinterpret_cast<std::uintptr_t>(block) & ~(slab_bytes - 1));
}

FreeBlock*& BlockDepot::next_batch(FreeBlock* batch) noexcept {
  return *reinterpret_cast<FreeBlock**>(batch + 1);
}

void BlockDepot::count_kept(std::size_t index, std::int64_t blocks) noexcept {
  const auto bytes = blocks * static_cast<std::int64_t>((index + 1) * block_granule);
  __atomic_store_n(&kept_bytes_, kept_bytes_ + bytes, __ATOMIC_RELAXED);
}

BlockDepot::Chain BlockDepot::take(std::size_t index) {
  const Lock lock(*this);
  const Chain chain = pick(index);
  count_given(chain.count);
  return chain;
}

FreeBlock* BlockDepot::take_one(std::size_t index) {
  const Lock lock(*this);
  const Chain chain = pick(index);
  count_given(1);
  Chain& loose = classes_[index].loose;
  if (chain.count > 1) {
    FreeBlock* last = chain.first->next;
    while (last->next != nullptr) last = last->next;
    last->next = loose.first;
    loose = {chain.first->next, loose.count + chain.count - 1};
    count_kept(index, chain.count - 1);
  }
  return chain.first;
}

// With the lock. What it gives ends with a null link.
BlockDepot::Chain BlockDepot::pick(std::size_t index) {
  Class& c = classes_[index];
  Chain chain{c.batches, batch_size(index)};
  if (c.batches != nullptr) {
    c.batches = next_batch(c.batches);
  } else if (c.loose.count > chain.count) {
    chain.first = c.loose.first;
    FreeBlock* last = chain.first;
    for (std::uint32_t n = 1; n < chain.count; ++n) last = last->next;
    c.loose = {std::exchange(last->next, nullptr), c.loose.count - chain.count};
  } else if (c.loose.count > 0) {
    chain = std::exchange(c.loose, {nullptr, 0});
  } else {
    return cut(index);
  }
  count_kept(index, -std::int64_t{chain.count});
  return chain;
}

// Up to the end of a page: a program that needs few blocks touches little memory.
BlockDepot::Chain BlockDepot::cut(std::size_t index) {
  const std::size_t size = (index + 1) * block_granule;
  Slab*& slab = classes_[index].current;
  if (slab == nullptr || slab->cut + size > slab_bytes) slab = ::new (map_slab()) Slab;
  const std::size_t in_page = (page_bytes - slab->cut % page_bytes) / size;
  const std::size_t in_slab = (slab_bytes - slab->cut) / size;
  std::size_t count = in_page > 0 ? in_page : 1;
  if (count > in_slab) count = in_slab;

  char* at = reinterpret_cast<char*>(slab) + slab->cut;
  slab->cut += count * size;
  slab->blocks += static_cast<std::uint32_t>(count);
  FreeBlock* first = nullptr;
  for (std::size_t i = count; i-- > 0;) first = ::new (at + i * size) FreeBlock{first};
  return {first, static_cast<std::uint32_t>(count)};
}

void BlockDepot::put_batch(std::size_t index, FreeBlock* batch) noexcept {
  const Lock lock(*this);
  const std::uint32_t count = batch_size(index);
  next_batch(batch) = std::exchange(classes_[index].batches, batch);
  count_kept(index, count);
  count_given(-std::int64_t{count});
}

void BlockDepot::put(std::size_t index, Chain chain) noexcept {
  count_given(-std::int64_t{chain.count});
  keep(index, chain);
}

void BlockDepot::keep(std::size_t index, Chain chain) noexcept {
  if (chain.first == nullptr) return;
  FreeBlock* last = chain.first;
  while (last->next != nullptr) last = last->next;
  const Lock lock(*this);
  Chain& loose = classes_[index].loose;
  last->next = loose.first;
  loose = {chain.first, loose.count + chain.count};
  count_kept(index, chain.count);
}

// Counts the free blocks of each slab; a slab that has all of them here is freed, and the chain of
// the others is given back. Nobody else sees these blocks meanwhile.
BlockDepot::Chain BlockDepot::without_free_slabs(FreeBlock* batches, Chain loose,
                                                 const Slab* current, Slab*& freed) noexcept {
  FreeBlock* all = loose.first;
  while (batches != nullptr) {
    FreeBlock* batch = std::exchange(batches, next_batch(batches));
    FreeBlock* last = batch;
    while (last->next != nullptr) last = last->next;
    last->next = std::exchange(all, batch);
  }
  Slab* slabs = nullptr;
  for (FreeBlock* block = all; block != nullptr; block = block->next) {
    Slab& slab = slab_of(block);
    if (slab.free++ == 0) slab.next = std::exchange(slabs, &slab);
  }
  const auto is_free = [current](const Slab& slab) {
    return slab.free == slab.blocks && &slab != current;
  };
  Chain kept{nullptr, 0};
  while (all != nullptr) {
    FreeBlock* block = std::exchange(all, all->next);
    if (is_free(slab_of(block))) continue;
    block->next = std::exchange(kept.first, block);
    ++kept.count;
  }
  while (slabs != nullptr) {
    Slab& slab = *std::exchange(slabs, slabs->next);
    if (is_free(slab)) {
      slab.next = std::exchange(freed, &slab);
    } else {
      slab.free = 0;
    }
  }
  return kept;
}

void BlockDepot::trim() noexcept {
  {
    const Lock lock(*this);
    if (std::exchange(trimming_, true)) return;
  }
  Slab* freed = nullptr;
  for (std::size_t index = 0; index < block_classes; ++index) {
    Class mine;
    {
      const Lock lock(*this);
      Class& c = classes_[index];
      mine =
          Class{std::exchange(c.batches, nullptr), std::exchange(c.loose, {nullptr, 0}), c.current};
      std::int64_t blocks = mine.loose.count;
      for (FreeBlock* b = mine.batches; b != nullptr; b = next_batch(b))
        blocks += batch_size(index);
      count_kept(index, -blocks);
    }
    keep(index, without_free_slabs(mine.batches, mine.loose, mine.current, freed));
  }
  while (freed != nullptr) {
    Slab* slab = std::exchange(freed, freed->next);
    ::munmap(slab, slab_bytes);
  }
  const Lock lock(*this);
  __atomic_store_n(&trim_above_, kept_bytes_ + keep_bytes, __ATOMIC_RELAXED);
  trimming_ = false;
}

}  // namespace asyncio::detail
