#pragma once

#include "io/stall_report.hpp"
#include "loop/stall_watch.hpp"

#include <cstdint>
#include <optional>
#include <source_location>

namespace asyncio::detail {

/// Says what a loop runs at this moment, to the watchdog's thread.
///
/// `turn_` is odd while something runs. The rest is written while it is even, and is that of the
/// turn in which it is read if the turn is the same before and after.
class LoopWatch final : public StallWatch {
 public:
  /// Throws: what starting a thread does.
  explicit LoopWatch(LoopState& loop);
  ~LoopWatch() override;

  void begins(const ReadyEntry& entry, std::int64_t now) noexcept override;
  void ended(TaskState* task, std::int64_t now) noexcept override;

  struct Running {
    Stall stall;  // its `blocked` is since when
    SampleRequest request;
    std::int64_t threshold;
  };
  /// The watchdog's.
  [[nodiscard]] std::optional<Running> running() const noexcept;
  [[nodiscard]] std::int64_t threshold() const noexcept {
    return __atomic_load_n(&threshold_, __ATOMIC_RELAXED);
  }
  void set_reported(std::uint64_t turn) noexcept {
    __atomic_store_n(&reported_, turn, __ATOMIC_RELAXED);
  }
  std::uint64_t due_turn = 0;  // of which `due` is
  std::int64_t due = 0;        // after how long it is reported next

 private:
  void tell_end(std::int64_t blocked) const noexcept;
  void note_callback(const ReadyEntry& entry) noexcept;

  LoopState& loop_;
  const std::int64_t tick_;
  std::uint64_t turn_ = 0;
  std::int64_t began_ = 0;
  std::int64_t threshold_ = 0;
  ReadyEntry entry_;
  int thread_ = 0;
  const char* callback_ = nullptr;
  std::source_location function_;
  std::source_location location_;
  std::uint64_t reported_ = 0;
};

}  // namespace asyncio::detail
