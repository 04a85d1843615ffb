#pragma once

#include <asyncio/detail/ready_queue.hpp>

#include <cstdint>

namespace asyncio::testing::detail {

/// Numbers that a seed determines, on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}
  /// Below `limit`, which is not 0.
  [[nodiscard]] std::size_t below(std::size_t limit) noexcept;

 private:
  std::uint64_t state_;
};

/// Another order in which the ready entries might run. Steps, callbacks and done-callbacks go
/// anywhere; the library's own entries keep their order, and nothing that stood behind one of them
/// comes before it, since a frame's node may rely on being called before the frame goes on.
void shuffle(asyncio::detail::ReadyQueue& ready, Random& random) noexcept;

}  // namespace asyncio::testing::detail
