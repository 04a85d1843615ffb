#include "io/loop_metrics.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <bit>

namespace asyncio::detail {
namespace {

constexpr double nanoseconds_in_second = 1e9;

// As the format wants label values.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

}  // namespace

void DurationHistogram::add(std::int64_t nanoseconds) noexcept {
  const auto value = static_cast<std::uint64_t>(nanoseconds < 0 ? 0 : nanoseconds);
  const std::uint64_t microseconds = (value + 999) / 1000;
  const auto bucket =
      static_cast<std::size_t>(microseconds <= 1 ? 0 : std::bit_width(microseconds - 1));
  counts_[bucket < buckets ? bucket : buckets].add();
  sum_.add(value);
}

void DurationHistogram::append(std::string& to, const char* name, const std::string& labels) const {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < buckets; ++i) {
    count += counts_[i].get();
    const double most = static_cast<double>(std::uint64_t{1} << i) / 1e6;
    to += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, most, count);
  }
  count += counts_[buckets].get();
  to += fmt::format("{0}_bucket{{{1},le=\"+Inf\"}} {2}\n{0}_sum{{{1}}} {3}\n{0}_count{{{1}}} {2}\n",
                    name, labels, count, static_cast<double>(sum_.get()) / nanoseconds_in_second);
}

LoopMetrics::LoopMetrics(LoopState& loop)
    : loop_(&loop), labels_(fmt::format("loop=\"{}\"", escaped(loop.name))) {
  loop.add_watch(*this);
}

LoopMetrics::~LoopMetrics() { leave_loop(); }

void LoopMetrics::leave_loop() noexcept {
  if (loop_ != nullptr) loop_->remove_watch(*this);
  loop_ = nullptr;
  for (Figure& gauge : gauges_) gauge.set(0);
}

std::size_t LoopMetrics::tasks_ready_from(std::size_t index) const noexcept {
  std::size_t count = 0;
  const std::size_t size = loop_->ready.size();
  for (; index < size; ++index) count += loop_->ready.at(index).is_task() ? 1 : 0;
  return count;
}

void LoopMetrics::begins(const ReadyEntry& entry, std::int64_t now) noexcept {
  ready_before_ = loop_->ready.size();
  if (batch_left_ == 0) {
    // A batch is what is queued at its beginning, this one included.
    batch_left_ = ready_before_ + 1;
    batch_began_ = now;
    tasks_ready_ = tasks_ready_from(0) + (entry.is_task() ? 1 : 0);
  }
  if (entry.is_task() && tasks_ready_ > 0) --tasks_ready_;
  step_began_ = now;
}

void LoopMetrics::ended(TaskState* task, std::int64_t now) noexcept {
  if (step_began_ < 0) return;  // it was made in this step
  durations_.add(now - step_began_);
  step_began_ = -1;
  if (task == nullptr) {
    counters_[callbacks].add();
  } else {
    counters_[steps].add();
    if (task->done()) count_end(*task);
  }
  if (--batch_left_ == 0) lags_.add(now - batch_began_);
  tasks_ready_ += tasks_ready_from(ready_before_);
  const std::size_t tasks = loop_->registry.size();
  gauges_[ready_tasks].set(tasks_ready_);
  gauges_[waiting].set(tasks > tasks_ready_ ? tasks - tasks_ready_ : 0);
  gauges_[ready].set(loop_->ready.size());
  gauges_[timers].set(loop_->armed_timers());
  gauges_[descriptors].set(loop_->backend().watched);
}

void LoopMetrics::count_end(const TaskState& task) noexcept {
  counters_[done].add();
  if (task.failed()) counters_[failed].add();
  if (task.cancelled()) counters_[cancelled].add();
}

void LoopMetrics::happened(TaskState& task, TaskEvent event) noexcept {
  switch (event) {
    case TaskEvent::created: counters_[created].add(); break;
    case TaskEvent::enters_eagerly: break;
    case TaskEvent::left_eagerly:
      counters_[steps].add();
      if (task.done()) count_end(task);
      break;
    case TaskEvent::cancel_asked: counters_[requests].add(); break;
    case TaskEvent::torn_down: break;  // it is not done
  }
}

}  // namespace asyncio::detail
