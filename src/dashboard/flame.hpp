#pragma once

#include "dashboard/stacks.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace asyncio::dashboard {

/// A box of a flame graph: a place where coroutines are suspended, with all that they have called
/// from there, or, as the last one, what is waited for.
struct FlameNode {
  std::uint32_t depth = 0;
  std::uint32_t place = none;
  std::string what;         ///< if there is no place
  std::uint64_t tasks = 0;  ///< that are there now
  double waited = 0;        ///< task-seconds since somebody began to look

  static constexpr std::uint32_t none = ~std::uint32_t{0};
};

/// All stacks, put together from the outermost place on; each box before those above it, the
/// greatest ones first. What is too small to be seen is left out, and so is what is beyond `most`.
[[nodiscard]] std::vector<FlameNode> list_flame(const Stacks& stacks, std::size_t most);

}  // namespace asyncio::dashboard
