#pragma once

#include "loop/backend.hpp"

#include <memory>
#include <string_view>

namespace asyncio::detail {

/// By name: "epoll", "io_uring", which becomes epoll where the kernel refuses it, or "virtual".
/// Empty: as ASYNCIO_BACKEND says.
/// Throws: std::invalid_argument naming the known ones.
[[nodiscard]] std::unique_ptr<Backend> make_backend(std::string_view name);
/// What the virtual clock stands on: as ASYNCIO_BACKEND says, if that is a real one, else epoll.
[[nodiscard]] std::unique_ptr<Backend> make_real_backend();

}  // namespace asyncio::detail
