#pragma once

#include "core/live_blocks.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace asyncio::testing::detail {

/// What there is more of at the end than when it was made.
class Leftovers {
 public:
  Leftovers();
  /// A line for each kind, with the names of those that are known; empty if there are none.
  [[nodiscard]] std::string describe() const;

 private:
  std::int64_t blocks_;
  std::size_t descriptors_;
  asyncio::detail::LiveBlocks live_;
};

}  // namespace asyncio::testing::detail
