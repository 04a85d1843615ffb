#pragma once

#include <asyncio/detail/failure.hpp>
#include <asyncio/error.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace asyncio::detail {

/// A line of a source file without the blanks around it; empty if the file is not there, as on a
/// machine that has the program only.
[[nodiscard]] std::string source_line(std::string_view path, unsigned line);

/// "\n  File "PATH", line N, in NAME" and the line itself, as Python prints a frame.
[[nodiscard]] std::string frame_text(std::string_view path, unsigned line, std::string_view name);

/// The coroutines of a track, outermost first, each after a line break; this library's own are left
/// out. A limit keeps the outermost ones.
[[nodiscard]] std::string format_frames(const Traceback* track,
                                        std::optional<std::size_t> limit = std::nullopt);

/// What format_exception() gives.
[[nodiscard]] std::string format_failure(const Failure& failure);

/// The group inside; null if it is none. Lives as long as the error does.
[[nodiscard]] const BaseExceptionGroup* as_group(const std::exception_ptr& error);

}  // namespace asyncio::detail
