#pragma once

#include <string>

namespace asyncio {

class EventLoop;

namespace detail {
class LoopMetrics;
}

/// Counts what a loop does while it lives, for Prometheus and what reads the same format; durations
/// by the loop's clock.
///
///     asyncio::Metrics metrics;                    // of the running loop
///     server.get("/metrics", [] { return asyncio::metrics(); });
///
/// Threads: made and destroyed on the loop's; a loop may have several.
/// Lifetime: the loop may be closed before; the figures then stay as they were.
/// Cost: some 60 ns a step, most of it for reading the clock; nothing for loops without one.
class Metrics {
 public:
  /// Of the running loop. Throws: RuntimeError if there is none.
  Metrics();
  explicit Metrics(EventLoop& loop);
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

 private:
  detail::LoopMetrics* loop_;
};

/// What all Metrics of this process have counted since they were made, in the Prometheus text
/// format, version 0.0.4 (Content-Type: text/plain; version=0.0.4). The label "loop" has the loop's
/// name.
///
///     asyncio_tasks{state}              tasks there are: "waiting" and "ready"
///     asyncio_tasks_created_total, asyncio_tasks_done_total (also those below),
///     asyncio_tasks_failed_total, asyncio_tasks_cancelled_total, asyncio_cancel_requests_total
///     asyncio_steps_total               steps of tasks; asyncio_callbacks_total: what else ran
///     asyncio_step_duration_seconds     histogram: how long a step or callback held the loop
///     asyncio_loop_lag_seconds          histogram: how long a batch of what was ready took, which
///                                       is how long what became ready at its beginning had to wait
///     asyncio_ready, asyncio_timers, asyncio_descriptors   what is queued, armed and watched
///
/// Gauges are as they were at the end of the last step.
///
/// Threads: any.
[[nodiscard]] std::string metrics();

}  // namespace asyncio
