#include "io/stall_report.hpp"

#include "base/native_backtrace.hpp"
#include "base/printable.hpp"
#include "base/text.hpp"
#include "base/traceback.hpp"
#include "core/repr.hpp"

#include <fmt/format.h>

#include <string_view>

namespace asyncio::detail {
namespace {

std::string text_of(const SampledText& text) {
  constexpr std::size_t longest = 4 * sizeof text.bytes;  // all of it escaped
  return printable(std::string_view(text.bytes.data(), text.size), longest) +
         (text.cut ? "..." : "");
}

std::string place(std::source_location where) {
  return fmt::format("{}:{}", file_name(where.file_name()), where.line());
}

std::string name_of_task(const StallSample& sample) {
  if (sample.task_number != 0) return fmt::format("task 'Task-{}'", sample.task_number);
  return fmt::format("task '{}'", text_of(sample.task_name));
}

std::string name_of_step(const Stall& stall) {
  if (stall.function.line() == 0) return "a task";
  const std::string function = function_name(stall.function);
  if (stall.location.line() == 0)
    return fmt::format("a task whose step began at the start of {}()", function);
  return fmt::format("a task whose step began at {}, in {}(),", place(stall.location), function);
}

std::string name_of_callback(const Stall& stall) {
  if (stall.callback == nullptr) return "a callback of the library's own";
  std::string text = fmt::format("callback {}", callable_name(stall.callback));
  if (stall.location.line() != 0) text += fmt::format(", made at {},", place(stall.location));
  return text;
}

std::string what_blocks(const Stall& stall, const StallSample* sample) {
  if (sample != nullptr && sample->in_task) return name_of_task(*sample);
  return stall.is_task ? name_of_step(stall) : name_of_callback(stall);
}

// The innermost coroutine runs: only its last co_await is known.
std::string text_of_running(const StallSample::Coroutine& coroutine) {
  const std::string function = function_name(coroutine.function);
  const std::string_view path = coroutine.function.file_name();
  const unsigned line = coroutine.location.line();
  if (line == 0) {
    return fmt::format("\n  File \"{}\", after line {}, in {}, before its first co_await", path,
                       coroutine.function.line(), function);
  }
  return fmt::format("\n  File \"{}\", after line {}, in {}", path, line, function);
}

std::string text_of_coroutines(const StallSample& sample) {
  std::string text;
  for (std::size_t i = 0; i < sample.coroutine_count; ++i) {
    const StallSample::Coroutine& coroutine = sample.coroutines[i];
    const std::string function = function_name(coroutine.function);
    if (function.starts_with("asyncio::")) continue;  // as tracebacks do
    text += i == 0
                ? text_of_running(coroutine)
                : frame_text(coroutine.location.file_name(), coroutine.location.line(), function);
  }
  if (sample.more_coroutines) text += "\n  ... and more of them";
  if (text.empty()) return text;
  return "\nCoroutines (most recent call first):" + text;
}

std::string text_of_frames(const StallSample& sample) {
  std::string text = "\nNative stack (most recent call first):";
  Symbols symbols;
  for (std::size_t i = 0; i < sample.frame_count; ++i) {
    const bool is_return_address = i > 0 || !sample.exact;
    text += native_frame_text(
        static_cast<const char*>(sample.frames[i]) - (is_return_address ? 1 : 0), &symbols);
  }
  return text;
}

}  // namespace

std::string format_stall(const Stall& stall, const StallSample* sample,
                         const std::string& why_not) {
  const std::string loop =
      sample != nullptr ? text_of(sample->loop) : fmt::format("loop-{}", stall.loop);
  std::string text = fmt::format(
      "event loop \"{}\" is blocked: {} has run for {:.3f} seconds and goes on, on thread {}", loop,
      what_blocks(stall, sample), static_cast<double>(stall.blocked) / 1e9, stall.thread);
  if (sample == nullptr) return text + "\nNo stacks: " + why_not;
  return text + text_of_coroutines(*sample) + text_of_frames(*sample);
}

}  // namespace asyncio::detail
