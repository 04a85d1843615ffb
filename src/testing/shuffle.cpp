#include "testing/shuffle.hpp"

#include <asyncio/detail/future_state.hpp>
#include <asyncio/detail/handle_state.hpp>

#include <algorithm>

namespace asyncio::testing::detail {

using asyncio::detail::CallbackNode;
using asyncio::detail::HandleState;
using asyncio::detail::ReadyEntry;
using asyncio::detail::ReadyQueue;

std::size_t Random::below(std::size_t limit) noexcept {
  // splitmix64; the remainder's bias does not matter here.
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return (z ^ (z >> 31)) % limit;
}

namespace {

bool may_move(const ReadyEntry& entry) noexcept {
  return entry.task() != nullptr || HandleState::of(entry) != nullptr ||
         CallbackNode::function_of(entry) != nullptr;
}

}  // namespace

void shuffle(ReadyQueue& ready, Random& random) noexcept {
  const std::size_t n = ready.size();
  // [placed, next): those that nothing of the library's stands before. They grow up to the next
  // such entry, which is one of the choices; once chosen, it opens the way to those behind it.
  std::size_t next = 0;
  for (std::size_t placed = 0; placed < n; ++placed) {
    next = std::max(next, placed);
    while (next < n && may_move(ready.at(next))) ++next;
    const std::size_t choices = next - placed + (next < n ? 1 : 0);
    const std::size_t chosen = placed + random.below(choices);
    if (chosen < next) {
      std::swap(ready.at(placed), ready.at(chosen));
      continue;
    }
    // Its place is taken by moving up what it overtakes, in their order.
    const ReadyEntry fixed = ready.at(next);
    for (std::size_t i = next; i > placed; --i) ready.at(i) = ready.at(i - 1);
    ready.at(placed) = fixed;
    ++next;
  }
}

}  // namespace asyncio::testing::detail
