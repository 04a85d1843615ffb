#pragma once

#include "loop/backend.hpp"

#include <memory>

namespace asyncio::detail {

/// Throws: std::system_error if the kernel refuses a descriptor.
[[nodiscard]] std::unique_ptr<Backend> make_epoll_backend();

}  // namespace asyncio::detail
