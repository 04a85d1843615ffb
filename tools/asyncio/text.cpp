#include "text.hpp"

#include "base/printable.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace asyncio::command {
namespace {

constexpr std::size_t longest = 200;  // bytes of a name or a path

}  // namespace

std::string shown(std::string_view text) { return detail::printable(text, longest); }

std::string hex(std::uint64_t id) { return fmt::format("{:#x}", id); }

std::string name_of(const Tasks& tasks, std::uint64_t id) {
  const Tasks::Entry* entry = tasks.find(id);
  return entry == nullptr ? "Unknown" : shown(entry->task->name);
}

std::string frame_text(const snapshot::FrameView& frame, Path path) {
  if (frame.file.empty()) return shown(frame.function);
  const std::string_view file = path == Path::last ? detail::file_name(frame.file) : frame.file;
  return fmt::format("{} {}:{}", shown(frame.function), shown(file), frame.line);
}

std::string chain(const snapshot::TaskView& task, Path path) {
  std::string text;
  for (const snapshot::FrameView& frame : task.frames) {
    if (!text.empty()) text += " -> ";
    text += frame_text(frame, path);
  }
  return text;
}

std::string cycle_text(const Tasks& tasks, const std::vector<std::uint64_t>& cycle) {
  std::string text = "cycle: ";
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    if (i > 0) text += " → ";
    text += name_of(tasks, cycle[i]);
  }
  return text;
}

void pad(std::string& line, std::string_view text, std::size_t width) {
  line += text;
  const auto size = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80;
  }));
  if (size < width) line.append(width - size, ' ');
}

void write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
    throw std::system_error(errno, std::generic_category(), "writing to standard output");
  }
}

}  // namespace asyncio::command
