#pragma once

#include "loop/loop_state.hpp"
#include "loop/step_watch.hpp"
#include "loop/trace_ring.hpp"

#include <string_view>
#include <vector>

namespace asyncio::detail {

/// Writes down what a loop does, for the timeline: a record of 64 bytes a step, whose every word
/// the loop has at hand. Who was woken is what the ready queue has more after a step than before,
/// so that nothing has to be told where tasks are woken.
///
/// Threads: the loop's, but for what says otherwise.
class TraceTap final : public StepWatch {
 public:
  /// Told that somebody ought to read soon.
  struct Reader {
    virtual void hurry() noexcept = 0;

   protected:
    ~Reader() = default;
  };

  /// Throws: std::bad_alloc.
  TraceTap(LoopState& loop, Reader& reader, std::size_t slots)
      : StepWatch(false), loop_(loop), reader_(reader), ring_(slots), number_(loop.number) {}

  /// From now on; tells of the tasks that there are.
  void attach();
  void detach() noexcept;
  /// Nothing is recorded any more. Any thread.
  void close() noexcept { __atomic_store_n(&open_, false, __ATOMIC_RELAXED); }
  [[nodiscard]] bool open() const noexcept { return __atomic_load_n(&open_, __ATOMIC_RELAXED); }
  [[nodiscard]] bool attached() const noexcept { return attached_; }

  [[nodiscard]] LoopState& loop() const noexcept { return loop_; }
  /// Of the loop, which may be gone.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] TraceRing& records() noexcept { return ring_; }
  /// Records that were lost and that no other one tells of yet. Any thread.
  [[nodiscard]] std::uint32_t lost() const noexcept {
    return __atomic_load_n(&lost_, __ATOMIC_RELAXED);
  }

  void begins(const ReadyEntry& entry, std::int64_t now) noexcept override;
  void ended(TaskState* task, std::int64_t now) noexcept override;
  void happened(TaskState& task, TaskEvent event) noexcept override;

 private:
  // A step or call that runs.
  struct Turn {
    std::uint64_t begin = 0;
    std::uint32_t slot = TraceRecord::nobody;
    std::uint32_t order = TraceRecord::nobody;
    const char* what = nullptr;
  };
  static Turn turn_of(const TaskState& task, std::uint64_t begin) noexcept {
    return {begin, task.slot(), task.order(), nullptr};
  }

  bool make_room(std::size_t count) noexcept;
  void record_step(const Turn& turn, const TaskState& task, std::uint64_t end,
                   std::uint8_t flags) noexcept;
  void record_call(const Turn& turn, std::uint64_t end) noexcept;
  void record_wakes(const Turn& turn, TraceRecord& last) noexcept;
  void record_loop() noexcept;
  void record_task(const TaskState& task) noexcept;
  void record_name(const TraceRecord& head, std::string_view name) noexcept;

  LoopState& loop_;
  Reader& reader_;
  TraceRing ring_;
  const std::uint64_t number_;
  bool open_ = true;
  bool attached_ = false;
  bool in_turn_ = false;
  bool named_ = false;
  Turn turn_;
  std::size_t ready_before_ = 0;
  std::vector<Turn> eager_;  // of tasks whose first step runs inside this turn
  std::uint32_t lost_ = 0;   // written atomically
  std::uint64_t lost_since_ = 0;
};

}  // namespace asyncio::detail
