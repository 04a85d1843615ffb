#include <asyncio/detail/frame_allocator.hpp>

#include "core/block_depot.hpp"
#include "core/live_blocks.hpp"
#include "core/origin.hpp"

#include <pthread.h>
#include <sched.h>

#include <cstdlib>
#include <ctime>
#include <limits>
#include <new>
#include <utility>

#if defined(__SANITIZE_ADDRESS__)
#define ASYNCIO_POOLING 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASYNCIO_POOLING 0
#endif
#endif
#ifndef ASYNCIO_POOLING
#define ASYNCIO_POOLING 1
#endif

namespace asyncio::detail {
namespace {

constinit BlockDepot depot;

// What a thread has besides its lists.
struct Cache {
  FreeBlock* spares[block_classes] = {};  // each a whole batch, or null
  const BlockList* lists = nullptr;
  Cache* next = nullptr;  // of all threads
  bool known = false;
  unsigned watchers = 0;  // NoPooling objects of this thread
};

constinit thread_local Cache cache;

// The caches of all threads.
struct AllCaches {
  Cache* first = nullptr;
  bool locked = false;
  void lock() noexcept {
    while (__atomic_test_and_set(&locked, __ATOMIC_ACQUIRE)) ::sched_yield();
  }
  void unlock() noexcept { __atomic_clear(&locked, __ATOMIC_RELEASE); }
};
constinit AllCaches all_caches;

// live_blocks() looks at the spares of other threads.
FreeBlock* exchange_spare(std::size_t index, FreeBlock* batch) noexcept {
  FreeBlock* old = cache.spares[index];
  __atomic_store_n(&cache.spares[index], batch, __ATOMIC_RELAXED);
  return old;
}

// Then the lists and the depot are not in use at all.
bool only_malloc() noexcept {
  static const char* const set = std::getenv("ASYNCIO_MALLOC");  // NOLINT(concurrency-mt-unsafe)
  return ASYNCIO_POOLING == 0 || (set != nullptr && *set != '\0' && *set != '0');
}

void use_lists() noexcept {
  if (only_malloc()) return;
  for (std::size_t i = 0; i < block_classes; ++i) block_lists[i].limit = batch_size(i);
}

void give_up_lists() noexcept {
  for (std::size_t i = 0; i < block_classes; ++i) {
    BlockList& list = block_lists[i];
    list.limit = 0;
    list.set_count(0);
    depot.put(i, std::exchange(list.first, nullptr));
    if (FreeBlock* spare = exchange_spare(i, nullptr)) depot.put_batch(i, spare);
  }
}

// Gives the blocks back when the thread ends. What is freed after that goes to the depot directly.
struct Cleaner {
  ~Cleaner() {
    give_up_lists();
    all_caches.lock();
    for (Cache** c = &all_caches.first; *c != nullptr; c = &(*c)->next) {
      if (*c != &cache) continue;
      *c = cache.next;
      break;
    }
    all_caches.unlock();
  }
};

constinit thread_local AllocationWatch* watch = nullptr;  // null also while it is paused

// A forked child has this thread only. What the lists of the others hold stays there.
void watch_forks() noexcept {
  static const int registered = pthread_atfork(
      [] {
        all_caches.lock();
        depot.lock();
      },
      [] {
        depot.unlock();
        all_caches.unlock();
      },
      [] {
        cache.next = nullptr;
        all_caches.first = cache.known ? &cache : nullptr;
        depot.unlock();
        all_caches.unlock();
      });
  (void)registered;
}

// At the first use by a thread.
[[gnu::noinline]] void begin() noexcept {
  watch_forks();
  cache.known = true;
  cache.lists = block_lists;
  thread_local Cleaner cleaner;
  (void)cleaner;
  all_caches.lock();
  cache.next = all_caches.first;
  all_caches.first = &cache;
  all_caches.unlock();
  if (cache.watchers == 0) use_lists();
}

// The list is empty.
void* take_block(std::size_t index) {
  BlockList& list = block_lists[index];
  if (list.limit == 0) return depot.take_one(index);
  BlockDepot::Chain chain{exchange_spare(index, nullptr), batch_size(index)};
  if (chain.first == nullptr) chain = depot.take(index);
  list.first = chain.first->next;
  list.set_count(chain.count - 1);
  return chain.first;
}

// The list is full: it becomes the spare batch.
void put_block(std::size_t index, void* block) noexcept {
  BlockList& list = block_lists[index];
  if (list.limit == 0) {
    depot.put(index, ::new (block) FreeBlock{nullptr});
    return;
  }
  if (FreeBlock* spare = exchange_spare(index, list.first)) depot.put_batch(index, spare);
  list.first = ::new (block) FreeBlock{nullptr};
  list.set_count(1);
}

bool from_malloc(std::size_t bytes) noexcept { return bytes > largest_block || only_malloc(); }

void* allocate_by_malloc(std::size_t bytes) {
  void* block = std::malloc(bytes);
  if (block == nullptr) throw std::bad_alloc();
  depot.count_given(1);
  return block;
}

}  // namespace

constinit thread_local BlockList block_lists[block_classes];

void* allocate_slowly(std::size_t bytes, BlockKind kind) {
  if (!cache.known) begin();
  AllocationWatch::allocating();
  void* block = from_malloc(bytes) ? allocate_by_malloc(bytes) : take_block(block_class(bytes));
  LiveBlocks::allocated(block, bytes, kind);
  if (kind == BlockKind::coroutine) note_origin(block);
  return block;
}

void deallocate_slowly(void* block, std::size_t bytes) noexcept {
  if (!cache.known) begin();
  LiveBlocks::freed(block);
  forget_origin(block);
  if (from_malloc(bytes)) {
    depot.count_given(-1);
    std::free(block);
  } else {
    put_block(block_class(bytes), block);
  }
}

std::int64_t return_idle_memory() noexcept {
  constexpr std::int64_t interval = 10'000'000;
  constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
  static std::int64_t next = 0;  // accessed atomically
  if (!depot.has_excess()) return never;
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  const std::int64_t now = std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  const std::int64_t due = __atomic_load_n(&next, __ATOMIC_RELAXED);
  if (now < due) return due - now;
  __atomic_store_n(&next, now + interval, __ATOMIC_RELAXED);
  depot.release_some();
  return depot.has_excess() ? interval : never;
}

NoPooling::NoPooling() noexcept {
  if (!cache.known) begin();
  if (cache.watchers++ == 0) give_up_lists();
}
NoPooling::~NoPooling() {
  if (--cache.watchers == 0 && !origins_in_use()) use_lists();
}

AllocationWatch::AllocationWatch(std::uint64_t failing) noexcept : failing_(failing) { resume(); }

AllocationWatch::~AllocationWatch() { pause(); }

void AllocationWatch::pause() noexcept { watch = nullptr; }
void AllocationWatch::resume() noexcept { watch = this; }

void AllocationWatch::allocating() {
  if (watch != nullptr && watch->count_++ == watch->failing_) throw std::bad_alloc();
}

std::int64_t live_blocks() noexcept {
  all_caches.lock();
  std::int64_t live = depot.given();
  for (const Cache* c = all_caches.first; c != nullptr; c = c->next) {
    for (std::size_t i = 0; i < block_classes; ++i) {
      live -= __atomic_load_n(&c->lists[i].count, __ATOMIC_RELAXED);
      if (__atomic_load_n(&c->spares[i], __ATOMIC_RELAXED) != nullptr) live -= batch_size(i);
    }
  }
  all_caches.unlock();
  return live;
}

}  // namespace asyncio::detail
