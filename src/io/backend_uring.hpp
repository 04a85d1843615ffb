#pragma once

#include "loop/backend.hpp"

#include <memory>

namespace asyncio::detail {

/// `few`: turns in which not more completes than that send directly, since a completion of the ring
/// would wake the loop once more. 0, in tests: never.
/// Throws: std::system_error if the kernel refuses a ring; see make_backend() for what then.
[[nodiscard]] std::unique_ptr<Backend> make_uring_backend(unsigned few = 2);

}  // namespace asyncio::detail
