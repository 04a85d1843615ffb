#pragma once

#include <asyncio/detail/handle_state.hpp>
#include <asyncio/detail/ready_queue.hpp>
#include <asyncio/detail/ref.hpp>
#include <asyncio/detail/task_state.hpp>

#include <cstdint>
#include <source_location>
#include <string>

namespace asyncio::detail {

/// An entry of the ready queue while it runs in debug mode: tells if it blocks the loop too long.
class TimedEntry {
 public:
  TimedEntry(const ReadyEntry& entry, std::int64_t now);
  TimedEntry(const TimedEntry&) = delete;
  TimedEntry& operator=(const TimedEntry&) = delete;

  /// Whose step it is; null if it is something else.
  [[nodiscard]] TaskState* task() const noexcept { return task_.get(); }
  /// Once it has run. Both in nanoseconds.
  void ended(std::int64_t now, std::int64_t limit) const noexcept;

 private:
  [[nodiscard]] std::string what() const;
  [[nodiscard]] std::string began_in() const;

  std::int64_t began_;
  Hold<TaskState> task_;            // of a step; it may be its last one
  Ref<HandleState> handle_;         // of a callback
  const char* callback_ = nullptr;  // of a done-callback
  std::source_location function_;   // of the innermost coroutine of the task, when it was resumed
  std::source_location location_;
};

}  // namespace asyncio::detail
