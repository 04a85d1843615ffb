#pragma once

#include <asyncio/observer.hpp>

#include "loop/loop_state.hpp"

#include <vector>

namespace asyncio::detail {

/// The observers of a loop: watches it while there are any.
class Observers final : public LoopService, private StepWatch {
 public:
  explicit Observers(LoopState& loop) noexcept : StepWatch(false), loop_(loop) {}

  /// Throws: std::invalid_argument if it is there already.
  void add(Observer& observer);
  /// Returns: false if it was not there.
  bool remove(Observer& observer) noexcept;
  void loop_closing() noexcept override;

 private:
  void begins(const ReadyEntry& entry, std::int64_t now) noexcept override;
  void ended(TaskState* task, std::int64_t now) noexcept override;
  void happened(TaskState& task, TaskEvent event) noexcept override;

  void step_begins(TaskState& task) noexcept;
  void step_ended(TaskState& task) noexcept;
  template <class F>
  void tell(const char* hook, TaskState& task, F f) noexcept;
  template <class F>
  void tell_in_its_context(const char* hook, TaskState& task, F f) noexcept;
  void report(const char* hook, const AnyTask& task) noexcept;

  LoopState& loop_;
  std::vector<Observer*> observers_;  // null: removed while they are told
  int telling_ = 0;
};

}  // namespace asyncio::detail
