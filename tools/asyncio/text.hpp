#pragma once

#include "snapshot/view.hpp"
#include "tasks.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::command {

/// A text of the program that is looked into, as nobody is harmed by it; see base/printable.hpp.
[[nodiscard]] std::string shown(std::string_view text);
[[nodiscard]] std::string hex(std::uint64_t id);
/// Of a task that was seen; else "Unknown".
[[nodiscard]] std::string name_of(const Tasks& tasks, std::uint64_t id);

/// "FUNCTION FILE:LINE", the file with its folders or without.
enum class Path : bool { whole, last };
[[nodiscard]] std::string frame_text(const snapshot::FrameView& frame, Path path);
/// All frames of a task, innermost first, joined by " -> ".
[[nodiscard]] std::string chain(const snapshot::TaskView& task, Path path);

/// "cycle: A → B → A"
[[nodiscard]] std::string cycle_text(const Tasks& tasks, const std::vector<std::uint64_t>& cycle);

/// Appends the text and blanks up to `width` code points.
void pad(std::string& line, std::string_view text, std::size_t width);

/// To standard output. Throws: std::system_error.
void write(std::string_view text);

}  // namespace asyncio::command
