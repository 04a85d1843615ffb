#pragma once

#include "io/owned_fd.hpp"

namespace asyncio::detail {

/// Of a child that goes on when its loop has gone: reaps it when it ends, by a thread that lives
/// while there are such. Any thread. Without memory or threads it stays a zombie while this process
/// lives, and that is said.
void reap_later(OwnedFd pidfd) noexcept;

}  // namespace asyncio::detail
