#pragma once

#include <asyncio/context.hpp>
#include <asyncio/detail/task_state.hpp>
#include <asyncio/detail/thread_state.hpp>

#include <utility>

namespace asyncio::detail {

/// False only if capture_context() would give nothing: mostly no variable was ever set.
[[nodiscard]] inline bool context_is_set() noexcept {
  const ContextCell* cell = nullptr;
  if (const TaskState* task = running_task()) {
    const TaskExtra* extra = task->extra_or_null();
    if (extra != nullptr) cell = extra->context;
  } else if (thread_state.callback_context != nullptr) {
    cell = *thread_state.callback_context;
  } else {
    cell = thread_state.own_context;
  }
  return cell != nullptr && cell->map();
}

/// While a callback runs: its context is the current one and no task is.
class CallbackScope {
 public:
  explicit CallbackScope(ContextCell** context) noexcept
      : context_(std::exchange(thread_state.callback_context, context)),
        task_(std::exchange(thread_state.task, nullptr)) {}
  CallbackScope(const CallbackScope&) = delete;
  CallbackScope& operator=(const CallbackScope&) = delete;
  ~CallbackScope() {
    thread_state.callback_context = context_;
    thread_state.task = task_;
  }

 private:
  ContextCell** context_;
  TaskState* task_;
};

}  // namespace asyncio::detail
