#pragma once

#include "loop/loop_state.hpp"
#include "loop/step_watch.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace asyncio::detail {

/// A figure that the loop's thread changes and others read.
class Figure {
 public:
  void add(std::uint64_t more = 1) noexcept { set(get() + more); }
  void set(std::uint64_t value) noexcept { __atomic_store_n(&value_, value, __ATOMIC_RELAXED); }
  [[nodiscard]] std::uint64_t get() const noexcept {
    return __atomic_load_n(&value_, __ATOMIC_RELAXED);
  }

 private:
  std::uint64_t value_ = 0;
};

/// How often something took at most 1, 2, 4 ... microseconds, to 34 seconds.
class DurationHistogram {
 public:
  static constexpr std::size_t buckets = 26;

  void add(std::int64_t nanoseconds) noexcept;
  /// As lines of Prometheus; `labels` without braces.
  void append(std::string& to, const char* name, const std::string& labels) const;

 private:
  std::array<Figure, buckets + 1> counts_;  // the last one: more
  Figure sum_;                              // nanoseconds
};

/// What a Metrics counts.
class LoopMetrics final : private StepWatch {
 public:
  explicit LoopMetrics(LoopState& loop);
  LoopMetrics(const LoopMetrics&) = delete;
  LoopMetrics& operator=(const LoopMetrics&) = delete;
  ~LoopMetrics();

  [[nodiscard]] bool is_of(const LoopState& loop) const noexcept { return loop_ == &loop; }
  /// The loop is closed; its thread.
  void leave_loop() noexcept;

  [[nodiscard]] const DurationHistogram& step_durations() const noexcept { return durations_; }
  [[nodiscard]] const DurationHistogram& lags() const noexcept { return lags_; }
  [[nodiscard]] const std::string& labels() const noexcept { return labels_; }

  enum Counter : std::uint8_t { created, done, failed, cancelled, requests, steps, callbacks };
  static constexpr std::size_t counters = 7;
  enum Gauge : std::uint8_t { waiting, ready_tasks, ready, timers, descriptors };
  static constexpr std::size_t gauges = 5;
  [[nodiscard]] std::uint64_t counter(std::size_t which) const noexcept {
    return counters_[which].get();
  }
  [[nodiscard]] std::uint64_t gauge(std::size_t which) const noexcept {
    return gauges_[which].get();
  }

 private:
  void begins(const ReadyEntry& entry, std::int64_t now) noexcept override;
  void ended(TaskState* task, std::int64_t now) noexcept override;
  void happened(TaskState& task, TaskEvent event) noexcept override;
  void count_end(const TaskState& task) noexcept;
  [[nodiscard]] std::size_t tasks_ready_from(std::size_t index) const noexcept;

  LoopState* loop_;  // null: closed
  std::string labels_;
  std::array<Figure, counters> counters_;
  std::array<Figure, gauges> gauges_;
  DurationHistogram durations_;
  DurationHistogram lags_;
  std::int64_t step_began_ = -1;
  std::int64_t batch_began_ = 0;
  std::size_t batch_left_ = 0;
  std::size_t ready_before_ = 0;
  std::size_t tasks_ready_ = 0;
};

}  // namespace asyncio::detail
