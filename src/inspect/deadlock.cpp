#include "core/deadlock.hpp"

#include <asyncio/inspect.hpp>

namespace asyncio {

std::optional<Deadlock> find_deadlock() {
  const detail::Cycle cycle = detail::find_cycle(detail::running_scheduler("find_deadlock()"));
  if (cycle.empty()) return std::nullopt;
  Deadlock deadlock;
  for (detail::TaskState* task : cycle) {
    deadlock.tasks.emplace_back(detail::Ref<detail::FutureState>(task));
  }
  deadlock.text = detail::describe_cycle(cycle);
  return deadlock;
}

}  // namespace asyncio
