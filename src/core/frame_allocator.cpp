#include <asyncio/detail/frame_allocator.hpp>

#include "core/live_blocks.hpp"
#include "core/origin.hpp"

#include <cstdlib>
#include <new>

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

constexpr std::size_t granule = 16;  // coarser classes scatter small nodes and cost cache misses
constexpr std::size_t largest = 1024;
constexpr std::size_t classes = largest / granule;
constexpr std::size_t high_mark = std::size_t{1} << 20;  // bytes kept per class and thread

struct Block {
  Block* next;
};

struct List {
  Block* first = nullptr;
  std::uint32_t count = 0;
  std::uint32_t limit = 0;  // 0: the thread's lists are not in use (yet, any more, or ever)
};

struct Cache {
  List lists[classes];
  std::int64_t live = 0;  // written by its thread, read by live_blocks(): relaxed atomics
  Cache* next = nullptr;  // of all threads
  bool known = false;
  unsigned watchers = 0;  // NoPooling objects of this thread
};

constinit thread_local Cache cache;

// The caches of all threads and what ended threads have left in the balance.
struct AllCaches {
  Cache* first = nullptr;
  std::int64_t ended = 0;
  bool locked = false;
  void lock() noexcept {
    while (__atomic_test_and_set(&locked, __ATOMIC_ACQUIRE)) {
    }
  }
  void unlock() noexcept { __atomic_clear(&locked, __ATOMIC_RELEASE); }
};
constinit AllCaches all_caches;

void count(Cache& c, std::int64_t change) noexcept {
  __atomic_store_n(&c.live, c.live + change, __ATOMIC_RELAXED);
}

void use_lists(Cache& c) noexcept {
  for (std::size_t i = 0; i < classes; ++i) {
    c.lists[i].limit = static_cast<std::uint32_t>(high_mark / ((i + 1) * granule));
  }
}

void release_all(Cache& c) noexcept {
  for (List& list : c.lists) {
    list.limit = 0;
    while (Block* block = list.first) {
      list.first = block->next;
      std::free(block);
    }
    list.count = 0;
  }
}

// Gives the blocks back when the thread ends. What is freed after that goes to malloc directly.
struct Cleaner {
  ~Cleaner() {
    release_all(cache);
    all_caches.lock();
    all_caches.ended += cache.live;
    cache.live = 0;
    for (Cache** c = &all_caches.first; *c != nullptr; c = &(*c)->next) {
      if (*c != &cache) continue;
      *c = cache.next;
      break;
    }
    all_caches.unlock();
  }
};

bool lists_wanted() noexcept {
  static const char* const set = std::getenv("ASYNCIO_MALLOC");  // NOLINT(concurrency-mt-unsafe)
  return ASYNCIO_POOLING != 0 && (set == nullptr || *set == '\0' || *set == '0');
}

constinit thread_local AllocationWatch* watch = nullptr;  // null also while it is paused

// At the first use by a thread.
[[gnu::noinline]] void begin(Cache& c) noexcept {
  c.known = true;
  thread_local Cleaner cleaner;
  (void)cleaner;
  all_caches.lock();
  c.next = all_caches.first;
  all_caches.first = &c;
  all_caches.unlock();
  if (lists_wanted() && c.watchers == 0) use_lists(c);
}

[[gnu::noinline]] void* allocate_slowly(std::size_t bytes, std::size_t index, BlockKind kind) {
  if (!cache.known) begin(cache);
  AllocationWatch::allocating();
  if (index < classes) bytes = (index + 1) * granule;
  void* block = std::malloc(bytes);
  if (block == nullptr) throw std::bad_alloc();
  count(cache, 1);
  LiveBlocks::allocated(block, bytes, kind);
  if (kind == BlockKind::coroutine) note_origin(block);
  return block;
}

}  // namespace

void* allocate(std::size_t bytes, BlockKind kind) {
  const std::size_t index = (bytes - 1) / granule;
  if (index < classes) {
    List& list = cache.lists[index];
    if (Block* block = list.first) {
      list.first = block->next;
      --list.count;
      count(cache, 1);
      return block;
    }
  }
  return allocate_slowly(bytes, index, kind);
}

void deallocate(void* block, std::size_t bytes) noexcept {
  if (!cache.known) begin(cache);
  count(cache, -1);
  const std::size_t index = (bytes - 1) / granule;
  if (index < classes) {
    List& list = cache.lists[index];
    if (list.count < list.limit) {
      auto* b = static_cast<Block*>(block);
      b->next = list.first;
      list.first = b;
      ++list.count;
      return;
    }
  }
  LiveBlocks::freed(block);
  forget_origin(block);
  std::free(block);
}

NoPooling::NoPooling() noexcept {
  if (!cache.known) begin(cache);
  if (cache.watchers++ == 0) release_all(cache);
}
NoPooling::~NoPooling() {
  if (--cache.watchers == 0 && lists_wanted()) use_lists(cache);
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
  std::int64_t live = all_caches.ended;
  for (Cache* c = all_caches.first; c != nullptr; c = c->next) {
    live += __atomic_load_n(&c->live, __ATOMIC_RELAXED);
  }
  all_caches.unlock();
  return live;
}

}  // namespace asyncio::detail
