// Compiled as C++23, for std::string::resize_and_overwrite(): what is read need not be zeroed
// first.
#include "base/fill_in_place.hpp"

#include <algorithm>

namespace asyncio::detail {

std::int64_t fill_in_place(std::string& text, std::size_t most, void* place,
                           std::int64_t (*fill)(void* place, char* data,
                                                std::size_t size) noexcept) {
  const std::size_t before = text.size();
  std::int64_t got = 0;
  text.resize_and_overwrite(before + most, [&](char* data, std::size_t) noexcept {
    got = fill(place, data + before, most);
    return before + static_cast<std::size_t>(std::max(got, std::int64_t{0}));
  });
  return got;
}

}  // namespace asyncio::detail
