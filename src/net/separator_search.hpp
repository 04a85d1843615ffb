#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// Where a separator is; or, not found, where one may begin at the earliest.
struct SeparatorMatch {
  std::size_t begin;
  std::size_t end;
  [[nodiscard]] bool found() const noexcept { return end > begin; }
};

/// The match that ends first, of those that begin at `from` or later; of two, the shorter one.
[[nodiscard]] inline SeparatorMatch find_first_end(std::string_view bytes,
                                                   std::span<const std::string> separators,
                                                   std::size_t from) {
  std::size_t longest = 0;
  for (const std::string& s : separators) longest = std::max(longest, s.size());
  // Nothing that begins before this can be completed by what follows.
  const std::size_t next_from =
      std::max(from, bytes.size() + 1 > longest ? bytes.size() + 1 - longest : 0);
  SeparatorMatch best{next_from, next_from};
  for (const std::string& s : separators) {
    const std::size_t at = bytes.find(s, from);
    if (at == std::string_view::npos) continue;
    const std::size_t end = at + s.size();
    if (!best.found() || end < best.end || (end == best.end && at > best.begin)) best = {at, end};
  }
  return best;
}

}  // namespace asyncio::detail
