#include "core/live_blocks.hpp"

#include <asyncio/detail/handle_state.hpp>
#include <asyncio/detail/promise.hpp>

#include "core/repr.hpp"

#include <fmt/format.h>

namespace asyncio::detail {
namespace {

// More is not worth its memory: whoever leaks a million frames sees from a few what they are.
constexpr std::size_t most_noted = 100'000;
constexpr std::size_t most_shown = 10;

constinit thread_local LiveBlocks* watcher = nullptr;

}  // namespace

LiveBlocks::LiveBlocks() noexcept { watcher = this; }
LiveBlocks::~LiveBlocks() { watcher = nullptr; }

void LiveBlocks::allocated(const void* block, std::size_t bytes, BlockKind kind) noexcept {
  if (watcher == nullptr || watcher->notes_.size() >= most_noted) return;
  try {
    watcher->notes_.insert_or_assign(block, Note{bytes, kind});
  } catch (...) {
    // Not noted, then.
  }
}

void LiveBlocks::freed(const void* block) noexcept {
  if (watcher != nullptr) watcher->notes_.erase(block);
}

std::string LiveBlocks::describe(const void* block, const Note& note) {
  switch (note.kind) {
    case BlockKind::coroutine: {
      auto frame = std::coroutine_handle<PromiseBase>::from_address(const_cast<void*>(block));
      return fmt::format("coroutine {}", describe_coroutine(frame.promise()));
    }
    case BlockKind::future: {
      const auto& future = *static_cast<const FutureState*>(block);
      const std::source_location at = future.created_at();
      if (at.line() == 0) return future.repr();
      return fmt::format("{} made at {}:{}", future.repr(), at.file_name(), at.line());
    }
    case BlockKind::handle: return static_cast<const HandleState*>(block)->repr();
    case BlockKind::other: break;
  }
  return fmt::format("{} bytes of something else", note.bytes);
}

std::string LiveBlocks::describe() const {
  std::string text;
  std::size_t shown = 0;
  for (const auto& [block, note] : notes_) {
    if (shown++ == most_shown)
      return text + fmt::format("  and {} more\n", notes_.size() - most_shown);
    text += "  " + describe(block, note) + "\n";
  }
  return text;
}

}  // namespace asyncio::detail
