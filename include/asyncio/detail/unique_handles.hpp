#pragma once

#include <asyncio/future.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace asyncio::detail {

/// Which of the handles stand in the vector for the first time.
[[nodiscard]] std::vector<bool> first_ones(const std::vector<const FutureBase*>& handles);

/// The handles without those that stand in the vector before, in their order.
template <class H>
std::vector<H> without_repeated(std::vector<H> handles) {
  std::vector<const FutureBase*> all;
  all.reserve(handles.size());
  for (const H& h : handles) all.push_back(&h);
  const std::vector<bool> first = first_ones(all);
  std::vector<H> unique;
  for (std::size_t i = 0; i < handles.size(); ++i) {
    if (first[i]) unique.push_back(std::move(handles[i]));
  }
  return unique;
}

}  // namespace asyncio::detail
