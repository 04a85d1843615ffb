#include <asyncio/task.hpp>

#include "base/log.hpp"
#include "base/text.hpp"
#include "base/traceback.hpp"
#include "core/repr.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace asyncio {
namespace {

std::optional<AnyTask> running_task_of(const detail::Scheduler& scheduler) {
  detail::TaskState* task = detail::running_task();
  if (task == nullptr || &task->scheduler() != &scheduler) return std::nullopt;
  return AnyTask(detail::Ref<detail::FutureState>(task));
}

std::vector<AnyTask> tasks_of(const detail::Scheduler& scheduler) {
  std::vector<AnyTask> handles;
  handles.reserve(scheduler.registry.size());
  for (detail::TaskState* task : scheduler.registry.all()) {
    handles.emplace_back(detail::Ref<detail::FutureState>(task));
  }
  return handles;
}

}  // namespace

std::optional<AnyTask> current_task() {
  return running_task_of(detail::running_scheduler("current_task()"));
}
std::optional<AnyTask> current_task(EventLoop& loop) {
  return running_task_of(detail::scheduler_of(loop));
}
std::vector<AnyTask> all_tasks() { return tasks_of(detail::running_scheduler("all_tasks()")); }
std::vector<AnyTask> all_tasks(EventLoop& loop) { return tasks_of(detail::scheduler_of(loop)); }

namespace detail {

namespace {

// The coroutines that a failed task's error has come through.
std::vector<StackFrame> failed_stack(const TaskState& task, std::optional<std::size_t> limit) {
  std::vector<StackFrame> frames;
  for (const Traceback* t = task.failure().traceback.get(); t != nullptr && frames.size() != limit;
       t = t->inner.get()) {
    if (t->is_link()) continue;
    const std::source_location at = t->location.line() != 0 ? t->location : t->function;
    for (unsigned n = 0; n <= t->repeats && frames.size() != limit; ++n) {
      frames.push_back({function_name(t->function), at.file_name(), at.line()});
    }
  }
  return frames;
}

}  // namespace

std::vector<StackFrame> task_stack(TaskState& task, std::optional<std::size_t> limit) {
  if (task.failed()) return failed_stack(task, limit);
  std::vector<StackFrame> frames;
  for (const PromiseBase* p = task.top(); p != nullptr;
       p = p->owner == nullptr ? nullptr : p->owner->parent) {
    if (limit && frames.size() == *limit) break;  // the innermost ones are kept
    const std::source_location at = p->location.line() != 0 ? p->location : p->function;
    frames.push_back({function_name(p->function), at.file_name(), at.line()});
  }
  std::reverse(frames.begin(), frames.end());
  return frames;
}

std::string format_task_stack(TaskState& task, std::optional<std::size_t> limit) {
  const std::string name = task.repr_task();
  if (task.failed()) {
    return fmt::format("Traceback for {} (most recent call last):{}\n{}", name,
                       format_frames(task.failure().traceback.get(), limit),
                       describe(task.error()));
  }
  const std::vector<StackFrame> frames = task_stack(task, limit);
  if (frames.empty()) return fmt::format("No stack for {}", name);
  std::string text = fmt::format("Stack for {} (most recent call last):", name);
  for (const StackFrame& f : frames) text += frame_text(f.file, f.line, f.function);
  return text;
}

void print_task_stack(TaskState& task, std::optional<std::size_t> limit) {
  std::fprintf(stderr, "%s\n", format_task_stack(task, limit).c_str());
}

Context task_context(TaskState& task) {
  ContextCell*& place = *task.context_place();
  if (place == nullptr) place = new ContextCell;
  return Context(Ref<ContextCell>(place));
}

}  // namespace detail
}  // namespace asyncio
