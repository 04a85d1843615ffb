#pragma once

#include <asyncio/detail/scheduler.hpp>

#include <cstdint>

namespace asyncio::detail {

/// Is told of each entry that a loop runs: the stall watchdog, the timeline, observers. It is one
/// of a list of the loop's, LoopState::add_watch(), and costs nothing while that is empty.
///
/// Threads: the loop's.
class StepWatch {
 public:
  StepWatch(const StepWatch&) = delete;
  StepWatch& operator=(const StepWatch&) = delete;

  /// Before it runs; the object of the entry lives. `now`: nanoseconds of the loop's clock, or 0
  /// if it wants none.
  virtual void begins(const ReadyEntry& entry, std::int64_t now) noexcept = 0;
  /// It has run, also if it threw; the entry that has added this has no beginning. `task`: whose
  /// step it was, which may be done and is held until this returns; null if it was something else,
  /// which may be gone.
  virtual void ended(TaskState* task, std::int64_t now) noexcept = 0;

  /// Inside an entry, or outside of all, as from another task's code.
  virtual void happened(TaskState& task, TaskEvent event) noexcept {
    (void)task;
    (void)event;
  }

 protected:
  /// `wants_time`: false if it looks at no clock, or at one of its own.
  explicit StepWatch(bool wants_time = true) noexcept : wants_time_(wants_time) {}
  ~StepWatch() = default;

 private:
  friend class LoopState;
  const bool wants_time_;
  StepWatch* next_watch_ = nullptr;
};

}  // namespace asyncio::detail
