#pragma once

#include <asyncio/detail/task_state.hpp>

#include <cstddef>
#include <source_location>
#include <string>
#include <vector>

namespace asyncio::detail {

/// Tasks each of which waits for the next one, or for a lock that it holds; the last for the first.
using Cycle = std::vector<TaskState*>;

/// A cycle of tasks of which none can ever go on by itself; empty if there is none. Plain futures,
/// events and queues may be served by anybody, so they close none; a lock is its owner's. Whoever
/// waits for one of several is stuck only when all of them are.
///
/// Cost: O(tasks + what they await). Throws: std::bad_alloc.
[[nodiscard]] Cycle find_cycle(const Scheduler& scheduler);

/// The same for one that this task closes, which has just begun to wait: by way of what must be
/// done, each in turn. Cost: O(tasks) for each lock on the way. Throws: std::bad_alloc.
[[nodiscard]] Cycle cycle_through(TaskState& task);

/// "Task 'a' waits at x.cpp:12 for Task 'b', which waits at x.cpp:20 for a lock held by Task 'a'"
[[nodiscard]] std::string describe_cycle(const Cycle& cycle);

/// Who waits where: a task and its coroutines, innermost first, each on a line of its own.
[[nodiscard]] std::string describe_waiting(const Scheduler& scheduler);

/// Whether the task waits for a lock of which `owner` is the owner.
[[nodiscard]] bool waits_for_lock_of(const TaskState& task, const TaskState& owner);

/// Where a task stands in the program's own coroutines: the co_await of the innermost one; null if
/// nothing of the program is on its stack.
[[nodiscard]] const PromiseBase* own_frame(const TaskState& task);

}  // namespace asyncio::detail
