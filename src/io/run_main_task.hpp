#pragma once

#include <asyncio/run.hpp>

namespace asyncio {

/// Runs a main under a guard against SIGINT and SIGTERM.
///
/// Returns: what it returns, or 128 plus the signal that has cancelled it.
int run_main_task(Runner& runner, Coro<int> main);

}  // namespace asyncio
