#include "loop/deadlock_report.hpp"

#include "base/log.hpp"
#include "core/deadlock.hpp"

#include <fmt/format.h>

namespace asyncio::detail {
namespace {

// "; WHO WAITS FOR WHOM; waiting are:" and a line or more for each task.
std::string who_waits(const Scheduler& loop) {
  const Cycle cycle = find_cycle(loop);
  return fmt::format("{}{}; waiting are:{}", cycle.empty() ? "" : "; ", describe_cycle(cycle),
                     loop.registry.size() == 0 ? " no tasks" : describe_waiting(loop));
}

}  // namespace

std::string deadlock_text(const Scheduler& loop) {
  return "deadlock: nothing is ready, no timer is set and nothing outside can wake the loop" +
         who_waits(loop);
}

void warn_of_endless_sleep(const Scheduler& loop) noexcept {
  try {
    log(LogLevel::warning,
        fmt::format("event loop \"{}\" goes to sleep with nothing that could wake it: nothing is "
                    "ready, no timer is set, no descriptor is watched and no job is under way; "
                    "only a signal or another thread's call_soon_threadsafe() can{}",
                    loop.name, who_waits(loop)));
  } catch (...) {
    log(LogLevel::warning, "an event loop goes to sleep with nothing that could wake it");
  }
}

void warn_of_cycle(TaskState& task) noexcept {
  try {
    const Cycle cycle = cycle_through(task);
    if (cycle.size() < 2) return;
    log(LogLevel::warning,
        fmt::format("deadlock: {}; none of them goes on unless another task releases a lock or "
                    "cancels one of them",
                    describe_cycle(cycle)));
  } catch (...) {
    log(LogLevel::warning, "a task may have closed a deadlock, and there is no memory to look");
  }
}

}  // namespace asyncio::detail
