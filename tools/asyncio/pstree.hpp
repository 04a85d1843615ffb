#pragma once

#include "tasks.hpp"

namespace asyncio::command {

/// The trees of CPython 3.14's `python -m asyncio pstree`: who waits, above the coroutine frames
/// that wait, above the tasks that they wait for. Nothing if there are no tasks.
/// Returns: the exit status; 1 if there are cycles, which are told on standard error.
[[nodiscard]] int write_trees(const Tasks& tasks);

}  // namespace asyncio::command
