#pragma once

#include <asyncio/detail/frame_allocator.hpp>

#include <cstddef>
#include <string>
#include <unordered_map>

namespace asyncio::detail {

/// For the leak report of a test: which of the blocks that this thread has allocated since then are
/// still there, and what is in them.
class LiveBlocks {
 public:
  LiveBlocks() noexcept;
  LiveBlocks(const LiveBlocks&) = delete;
  LiveBlocks& operator=(const LiveBlocks&) = delete;
  ~LiveBlocks();

  /// A line for each, indented.
  [[nodiscard]] std::string describe() const;

  /// If one lives on this thread.
  static void allocated(const void* block, std::size_t bytes, BlockKind kind) noexcept;
  static void freed(const void* block) noexcept;

 private:
  struct Note {
    std::size_t bytes;
    BlockKind kind;
  };
  static std::string describe(const void* block, const Note& note);

  NoPooling no_pooling_;
  std::unordered_map<const void*, Note> notes_;
};

}  // namespace asyncio::detail
