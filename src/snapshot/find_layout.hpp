#pragma once

#include "base/layout.hpp"
#include "snapshot/memory.hpp"

#include <cstdint>
#include <vector>

namespace asyncio::snapshot {

/// The library as it is in one file of a program; there may be several of them.
struct Library {
  std::uint64_t note = 0;   ///< where its LayoutNote is
  std::uint64_t loops = 0;  ///< where the pointer to its first open loop is
  detail::Layout layout{};
};

/// Looks through the notes of all files that are mapped.
/// Throws: Unreadable if there is none, or only libraries of other versions.
[[nodiscard]] std::vector<Library> find_layout(Memory& memory);

/// True if it still is there: the program may have become another one by exec().
[[nodiscard]] bool is_there(Memory& memory, const Library& library);

}  // namespace asyncio::snapshot
