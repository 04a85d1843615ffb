#pragma once

#include <string>
#include <string_view>

namespace asyncio::detail {

/// A line of a source file without the blanks around it; empty if the file is not there, as on a
/// machine that has the program only.
[[nodiscard]] std::string source_line(std::string_view path, unsigned line);

/// "\n  File "PATH", line N, in NAME" and the line itself, as Python prints a frame.
[[nodiscard]] std::string frame_text(std::string_view path, unsigned line, std::string_view name);

}  // namespace asyncio::detail
