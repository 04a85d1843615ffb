#pragma once

#include "loop/backend.hpp"

#include <memory>

namespace asyncio::detail {

/// A clock that jumps to the next deadline when nothing else can happen before it: an hour of
/// sleep() takes no time. While descriptors are watched or work is going on outside, it waits in
/// real time. poll() returns false in a deadlock. Stands on what ASYNCIO_BACKEND names.
[[nodiscard]] std::unique_ptr<Backend> make_virtual_backend();

}  // namespace asyncio::detail
