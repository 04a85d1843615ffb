#pragma once

#include <asyncio/detail/failure.hpp>
#include <asyncio/error.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace asyncio::detail {

/// The coroutines of a track, outermost first, each after a line break; this library's own are left
/// out. A limit keeps the outermost ones.
[[nodiscard]] std::string format_frames(const Traceback* track,
                                        std::optional<std::size_t> limit = std::nullopt);

/// What format_exception() gives.
[[nodiscard]] std::string format_failure(const Failure& failure);

/// The group inside; null if it is none. Lives as long as the error does.
[[nodiscard]] const BaseExceptionGroup* as_group(const std::exception_ptr& error);

}  // namespace asyncio::detail
