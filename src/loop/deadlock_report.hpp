#pragma once

#include <asyncio/detail/task_state.hpp>

#include <string>

namespace asyncio::detail {

/// Of a loop in which nothing can ever happen: who waits where, and the cycle, if there is one.
[[nodiscard]] std::string deadlock_text(const Scheduler& loop);

/// Nothing inside a loop on a real clock can wake it: says so to the log sink.
void warn_of_endless_sleep(const Scheduler& loop) noexcept;

/// In debug mode, of a task that has just begun to wait: tells the log sink if that closes a cycle,
/// but of a task that waits for a lock of its own, which Lock.acquire() tells.
void warn_of_cycle(TaskState& task) noexcept;

}  // namespace asyncio::detail
