#include <asyncio/detail/frame_allocator.hpp>

#include <gtest/gtest.h>

#include "support/sanitizers.hpp"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <limits>
#include <set>
#include <thread>
#include <vector>

using asyncio::detail::allocate;
using asyncio::detail::deallocate;
using asyncio::detail::live_blocks;
using asyncio::detail::NoPooling;
using asyncio::detail::return_idle_memory;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t size = 112;
constexpr int many = 600'000;

double resident_megabytes() {
  double kilobytes = 0;
  if (std::FILE* status = std::fopen("/proc/self/status", "r")) {
    char line[256];
    while (std::fgets(line, sizeof line, status) != nullptr) {
      if (std::sscanf(line, "VmRSS: %lf", &kilobytes) == 1) break;
    }
    std::fclose(status);
  }
  return kilobytes / 1024;
}

std::vector<void*> allocate_many(int count = many) {
  std::vector<void*> blocks;
  for (int i = 0; i < count; ++i) {
    blocks.push_back(allocate(size));
    std::memset(blocks.back(), i, size);
  }
  return blocks;
}

void free_all(const std::vector<void*>& blocks) {
  for (void* block : blocks) deallocate(block, size);
}

// As a loop does that waits; bounded, since each call gives something back.
void give_back_what_is_idle() {
  for (int i = 0; i < 1'000; ++i) {
    const std::int64_t wait = return_idle_memory();
    if (wait == std::numeric_limits<std::int64_t>::max()) return;
    std::this_thread::sleep_for(std::chrono::nanoseconds(wait));
  }
}

// False where every block is malloc's own: under AddressSanitizer.
bool pooled() {
  void* first = allocate(size);
  deallocate(first, size);
  void* second = allocate(size);
  deallocate(second, size);
  return first == second;
}

}  // namespace

TEST(FrameAllocator, EveryBlockIsItsOwnAndKeepsWhatIsInIt) {
  for (const std::size_t bytes : {1U, 16U, 17U, 112U, 1000U, 1024U, 1025U, 5000U}) {
    std::set<void*> seen;
    std::vector<unsigned char*> blocks;
    for (int i = 0; i < 1'000; ++i) {
      auto* block = static_cast<unsigned char*>(allocate(bytes));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 16, 0U);
      std::memset(block, i % 251, bytes);
      EXPECT_TRUE(seen.insert(block).second);
      blocks.push_back(block);
    }
    for (int i = 0; i < 1'000; ++i) {
      EXPECT_EQ(blocks[i][0], i % 251);
      EXPECT_EQ(blocks[i][bytes - 1], i % 251);
      deallocate(blocks[i], bytes);
    }
  }
}

// failure 94
TEST(FrameAllocator, MemoryComesBackAfterABurst) {
  if (!pooled()) GTEST_SKIP() << "malloc's own blocks, which it keeps or not";
  if (support::under_tsan) GTEST_SKIP() << "the shadow of what was freed stays";
  const std::int64_t live = live_blocks();
  give_back_what_is_idle();  // of other tests
  const double before = resident_megabytes();
  std::vector<void*> blocks = allocate_many();
  const double burst = resident_megabytes() - before;
  EXPECT_GT(burst, 20.0);
  free_all(blocks);
  blocks = {};
  EXPECT_EQ(live_blocks(), live);
  give_back_what_is_idle();
  EXPECT_LT(resident_megabytes() - before, 25.0);  // sixteen are kept for the next one
  free_all(allocate_many());                       // and it is of use again
  EXPECT_EQ(live_blocks(), live);
}

TEST(FrameAllocator, WhatOneThreadMakesAndAnotherFreesGoesRound) {
  const std::int64_t live = live_blocks();
  const double before = resident_megabytes();
  for (int round = 0; round < 40; ++round) {
    std::vector<void*> blocks;
    std::thread([&] { blocks = allocate_many(20'000); }).join();
    free_all(blocks);
  }
  EXPECT_EQ(live_blocks(), live);
  // Ninety megabytes went through.
  if (!pooled()) return;
  EXPECT_LT(resident_megabytes() - before, 30.0);
}

TEST(FrameAllocator, ThreadsWorkAtOnce) {
  const std::int64_t live = live_blocks();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int round = 0; round < 20; ++round) {
        const std::vector<void*> blocks = allocate_many(3'000);
        if (t == 0) return_idle_memory();
        free_all(blocks);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(live_blocks(), live);
}

TEST(FrameAllocator, BlocksMayOutliveOrPrecedeTheTimeWithoutLists) {
  const std::int64_t live = live_blocks();
  const std::vector<void*> before = allocate_many(1'000);
  std::vector<void*> between;
  {
    const NoPooling watched;
    between = allocate_many(1'000);
    EXPECT_EQ(live_blocks(), live + 2'000);
    free_all(before);
  }
  free_all(between);
  EXPECT_EQ(live_blocks(), live);
}
