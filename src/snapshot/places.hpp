#pragma once

#include "base/layout.hpp"
#include "snapshot/memory.hpp"
#include "snapshot/view.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>

namespace asyncio::snapshot {

/// What a program's constants say, each read once: where its coroutines were written, what waits
/// are called. They are believed only where constants are.
class Places {
 public:
  Places(Memory& memory, const detail::Layout& layout) noexcept
      : memory_(memory), layout_(layout) {}

  /// What a std::source_location with this pointer says; null if it is none.
  [[nodiscard]] const FrameView* find(std::uint64_t place);
  /// A text; empty if there is none.
  [[nodiscard]] const std::string& text(std::uint64_t address);

 private:
  struct Known {
    bool valid = false;
    FrameView frame;
  };
  [[nodiscard]] Known read(std::uint64_t place);

  Memory& memory_;
  const detail::Layout& layout_;
  std::unordered_map<std::uint64_t, Known> places_;
  std::unordered_map<std::uint64_t, std::string> texts_;
};

}  // namespace asyncio::snapshot
