#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace asyncio::detail {

/// Up to `most` bytes behind what `text` has, which nobody zeroes first.
///
/// `fill(place, data, size)` gives how many there are, or a negative number, which leaves the text
/// as it was. Returns: what it has given.
/// Throws: std::bad_alloc.
std::int64_t fill_in_place(std::string& text, std::size_t most, void* place,
                           std::int64_t (*fill)(void* place, char* data,
                                                std::size_t size) noexcept);

template <class F>
std::int64_t fill_in_place(std::string& text, std::size_t most, F fill) {
  return fill_in_place(text, most, &fill, [](void* place, char* data, std::size_t size) noexcept {
    return static_cast<std::int64_t>((*static_cast<F*>(place))(data, size));
  });
}

}  // namespace asyncio::detail
