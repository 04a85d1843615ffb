#pragma once

#include <asyncio/detail/thread_state.hpp>

#include <utility>

namespace asyncio::detail {

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
