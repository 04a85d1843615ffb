#pragma once

#include <asyncio/detail/promise.hpp>

#include <string>

namespace asyncio::detail {

/// A coroutine is being made: keeps the native call stack, if the running loop is in debug mode.
void note_origin(const void* frame) noexcept;

/// The block is given back.
void forget_origin(const void* frame) noexcept;

/// True if this thread has ever kept one: then every block must come by that is given back.
[[nodiscard]] bool origins_in_use() noexcept;

/// "\nCoroutine created at (most recent call last):" and the native call stack, if debug mode was
/// on when that was made; "\nCoroutine dropped at ..." if it is on and that is not known.
[[nodiscard]] std::string origin_text(const PromiseBase& promise);

}  // namespace asyncio::detail
