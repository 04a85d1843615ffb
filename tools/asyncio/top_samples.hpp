#pragma once

#include "snapshot/view.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace asyncio::command {

/// What changes in a loop from one look to the next. Negative: not known.
struct LoopRates {
  double steps_per_second = -1;
  double seconds_per_step = -1;  ///< of the processor, with the loop's own work
  double processor = -1;         ///< its thread's part of one
  double lag = 0;  ///< seconds for which, at least, what runs has kept the rest waiting
};

/// A program as it was seen last, and since when each task has been seen at its place.
class Samples {
 public:
  /// `processor_time`: of a thread by its kernel's number, in nanoseconds; negative: not known.
  using ProcessorTime = std::int64_t (*)(std::int64_t pid, std::uint64_t thread);
  explicit Samples(ProcessorTime processor_time) noexcept : processor_time_(processor_time) {}

  void add(snapshot::ProcessView process);

  [[nodiscard]] const snapshot::ProcessView& process() const noexcept { return process_; }
  [[nodiscard]] const LoopRates& rates(const snapshot::LoopView& loop) const;
  /// Seconds since the task was first seen where it waits now.
  [[nodiscard]] double waited(const snapshot::TaskView& task) const noexcept;

 private:
  struct Look {
    std::int64_t at = 0;
    std::uint64_t steps = 0;
    std::int64_t processor_time = -1;
    std::uint64_t batch = 0;      // number of the one that runs
    std::int64_t batch_from = 0;  // since when it has run, at least; 0: none runs
  };
  Look look_at(const snapshot::LoopView& loop) const;
  struct Stay {
    std::uint64_t place = 0;  // a hash
    std::int64_t since = 0;
  };
  void note_stays();
  static LoopRates rates_of(const Look& before, const Look& now);

  ProcessorTime processor_time_;
  snapshot::ProcessView process_;
  std::unordered_map<std::uint64_t, LoopRates> rates_;
  std::unordered_map<std::uint64_t, Look> looks_;
  std::unordered_map<std::uint64_t, Stay> stays_;
};

/// By /proc. For Samples.
[[nodiscard]] std::int64_t processor_time_of(std::int64_t pid, std::uint64_t thread);

}  // namespace asyncio::command
