#include "testing/leftovers.hpp"

#include <asyncio/detail/failure.hpp>
#include <asyncio/detail/frame_allocator.hpp>

#include "io/system.hpp"

#include <dirent.h>
#include <fmt/format.h>

namespace asyncio::testing::detail {

using asyncio::detail::live_blocks;

namespace {

std::size_t open_descriptors() {
  DIR* dir = ::opendir("/proc/self/fd");
  if (dir == nullptr) return 0;
  std::size_t n = 0;
  while (::readdir(dir) != nullptr) ++n;  // NOLINT(concurrency-mt-unsafe): a stream of our own
  ::closedir(dir);
  return n;
}

/// A thread that is just ending may hold one for a moment: a sanitizer's check of an address opens
/// a pipe. What stays open is left over.
std::size_t open_descriptors_in_the_end(std::size_t expected) {
  constexpr std::int64_t millisecond = 1'000'000;
  std::size_t now = open_descriptors();
  for (int tries = 0; now != expected && tries < 50; ++tries) {
    asyncio::detail::sys::nap(millisecond);
    now = open_descriptors();
  }
  return now;
}

}  // namespace

Leftovers::Leftovers() : blocks_(live_blocks()), descriptors_(open_descriptors()) {}

std::string Leftovers::describe() const {
  asyncio::detail::forget_failures();  // an error that is remembered may hold a handle
  std::string text;
  if (const std::int64_t left = live_blocks() - blocks_; left != 0) {
    text += fmt::format("{} left of coroutine frames, futures and handles:\n{}", left,
                        live_.describe());
  }
  if (const std::size_t now = open_descriptors_in_the_end(descriptors_); now != descriptors_) {
    text += fmt::format("{} descriptors were open before, {} are after\n", descriptors_, now);
  }
  return text;
}

}  // namespace asyncio::testing::detail
