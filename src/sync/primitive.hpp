#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// "<Lock [unlocked, waiters:2]>"
[[nodiscard]] std::string repr_primitive(std::string_view type, std::string_view state,
                                         std::size_t waiters);

}  // namespace asyncio::detail
