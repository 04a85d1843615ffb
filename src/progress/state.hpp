#pragma once

#include <asyncio/detail/ref.hpp>
#include <asyncio/detail/scheduler.hpp>
#include <asyncio/progress.hpp>

#include "progress/bar.hpp"
#include "progress/clock.hpp"
#include "progress/lines.hpp"
#include "progress/output.hpp"
#include "progress/screen.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace asyncio::detail {

/// The bars of a Progress and when they are shown: when something has changed and the last time was
/// long enough ago, by who changed it or, while a loop runs, by a timer.
///
/// Life: the Progress's reference, and one of the timer's while that is armed or queued.
class ProgressState : Timer {
 public:
  explicit ProgressState(const ProgressOptions& options);
  ProgressState(const ProgressState&) = delete;
  ProgressState& operator=(const ProgressState&) = delete;

  void add_ref() noexcept { refs_.add(); }
  void drop_ref() noexcept {
    if (refs_.drop()) delete this;
  }

  [[nodiscard]] Ref<ProgressBar> add(std::string_view description,
                                     const ProgressTaskOptions& options);
  void print(std::string_view text);
  /// Idempotent.
  void stop() noexcept;

  [[nodiscard]] std::int64_t now() noexcept { return clock_.now(); }
  /// Something of a bar is to be shown, when it is time for it.
  void changed() noexcept {
    changed_ = true;
    if (clock_.has_come(next_draw_)) {
      draw();
    } else if (next_draw_ < wakes_at_) {
      wait();
    }
  }
  /// A task has.
  void ended(ProgressBar& bar) noexcept;

 private:
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  ~ProgressState() = default;
  void draw() noexcept;
  void draw_screen(std::int64_t now);
  void show_last();
  void write_lines(std::int64_t now);
  void write_line(ProgressBar& bar, std::int64_t now);
  [[nodiscard]] std::vector<BarView> views(std::int64_t now, std::size_t most);
  [[nodiscard]] std::int64_t next_need() const noexcept;

  void wait() noexcept;
  void wait_no_more() noexcept;
  static void wake(ReadyCall& self, ReadyAction action);

  SharedCount refs_{0};
  const bool transient_;
  bool stopped_ = false;
  bool changed_ = false;
  ProgressClock clock_;
  ProgressOutput output_;
  ProgressScreen screen_;
  std::vector<Ref<ProgressBar>> bars_;
  const std::int64_t interval_;
  const std::int64_t began_;
  std::int64_t next_draw_;
  std::int64_t wakes_at_ = never;  // unless the timer is armed or queued
  Scheduler* loop_ = nullptr;      // the timer's
};

}  // namespace asyncio::detail
