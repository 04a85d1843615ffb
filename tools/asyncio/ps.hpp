#pragma once

#include "tasks.hpp"

namespace asyncio::command {

/// The table of CPython 3.14's `python -m asyncio ps`, each frame with its file and line. Nothing
/// if there are no tasks.
void write_table(const Tasks& tasks);
/// The same as comma-separated values, with whole paths.
void write_csv(const Tasks& tasks);

}  // namespace asyncio::command
