#pragma once

#include "loop/backend.hpp"

#include <memory>

namespace asyncio::detail {

/// Throws: std::system_error if the kernel refuses a ring; see new_backend() for what then.
[[nodiscard]] std::unique_ptr<Backend> make_uring_backend();

}  // namespace asyncio::detail
