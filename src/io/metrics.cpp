#include <asyncio/metrics.hpp>

#include <asyncio/event_loop.hpp>

#include "io/fork_safe_mutex.hpp"
#include "io/loop_metrics.hpp"
#include "loop/loop_life.hpp"

#include <fmt/format.h>

#include <memory>
#include <mutex>
#include <vector>

namespace asyncio {
namespace detail {
namespace {

constinit std::mutex mutex;  // of which there are

std::vector<LoopMetrics*>& all_metrics() {
  static auto* const made = [] {
    hold_over_forks<mutex>();
    return new std::vector<LoopMetrics*>;  // never destroyed: loops may end later
  }();
  return *made;
}

struct Shown {
  const char* name;
  const char* labels;  // besides the loop's
  const char* help;    // null: as the one before
  std::size_t figure;
};

constexpr Shown gauges[] = {
    {"asyncio_tasks", ",state=\"waiting\"", "Tasks that are not done.", LoopMetrics::waiting},
    {"asyncio_tasks", ",state=\"ready\"", nullptr, LoopMetrics::ready_tasks},
    {"asyncio_ready", "", "Entries of the ready queue.", LoopMetrics::ready},
    {"asyncio_timers", "", "Timers that are armed.", LoopMetrics::timers},
    {"asyncio_descriptors", "", "Descriptors that are watched.", LoopMetrics::descriptors},
};

constexpr Shown counters[] = {
    {"asyncio_tasks_created_total", "", "Tasks that were made.", LoopMetrics::created},
    {"asyncio_tasks_done_total", "", "Tasks that have ended, in whatever way.", LoopMetrics::done},
    {"asyncio_tasks_failed_total", "", "Tasks that have ended with an error.", LoopMetrics::failed},
    {"asyncio_tasks_cancelled_total", "", "Tasks that have ended cancelled.",
     LoopMetrics::cancelled},
    {"asyncio_cancel_requests_total", "", "How often a task was asked to stop.",
     LoopMetrics::requests},
    {"asyncio_steps_total", "", "Steps of tasks.", LoopMetrics::steps},
    {"asyncio_callbacks_total", "", "What else the loop has run.", LoopMetrics::callbacks},
};

void append_head(std::string& to, const char* name, const char* help, const char* type) {
  to += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

template <std::size_t count, class F>
void append_figures(std::string& to, const Shown (&shown)[count], const char* type, F figure) {
  for (std::size_t i = 0; i < count;) {
    append_head(to, shown[i].name, shown[i].help, type);
    // All lines of a metric stand together.
    const std::size_t first = i;
    do {
      ++i;
    } while (i < count && shown[i].help == nullptr);
    for (const LoopMetrics* loop : all_metrics()) {
      for (std::size_t k = first; k < i; ++k) {
        to += fmt::format("{}{{{}{}}} {}\n", shown[k].name, loop->labels(), shown[k].labels,
                          figure(*loop, shown[k].figure));
      }
    }
  }
}

}  // namespace

void metrics_loop_closed(LoopState& loop) noexcept {
  const std::lock_guard lock(mutex);
  for (LoopMetrics* metrics : all_metrics()) {
    if (metrics->is_of(loop)) metrics->leave_loop();
  }
}

}  // namespace detail

Metrics::Metrics() : Metrics(*detail::running_scheduler("Metrics()").loop) {}

Metrics::Metrics(EventLoop& loop) : loop_(nullptr) {
  auto& state = detail::LoopAccess::state(loop);
  state.check_open("Metrics()");
  auto made = std::make_unique<detail::LoopMetrics>(state);
  const std::lock_guard lock(detail::mutex);
  detail::all_metrics().push_back(made.get());
  loop_ = made.release();
}

Metrics::~Metrics() {
  {
    const std::lock_guard lock(detail::mutex);
    std::erase(detail::all_metrics(), loop_);
  }
  delete loop_;
}

std::string metrics() {
  using detail::LoopMetrics;
  const std::lock_guard lock(detail::mutex);
  std::string text;
  if (detail::all_metrics().empty()) return text;
  append_figures(text, detail::gauges, "gauge",
                 [](const LoopMetrics& loop, std::size_t which) { return loop.gauge(which); });
  append_figures(text, detail::counters, "counter",
                 [](const LoopMetrics& loop, std::size_t which) { return loop.counter(which); });
  const auto histogram = [&](const char* name, const char* help, auto of) {
    detail::append_head(text, name, help, "histogram");
    for (const LoopMetrics* loop : detail::all_metrics()) {
      (loop->*of)().append(text, name, loop->labels());
    }
  };
  histogram("asyncio_step_duration_seconds", "How long a step or callback held the loop.",
            &LoopMetrics::step_durations);
  histogram("asyncio_loop_lag_seconds", "How long a batch of what was ready took.",
            &LoopMetrics::lags);
  return text;
}

}  // namespace asyncio
