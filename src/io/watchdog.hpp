#pragma once

namespace asyncio::detail {

class LoopWatch;

/// Of the watchdog's thread, which is not counted where threads are: nothing is locked by it while
/// a process forks.
inline constexpr const char* watchdog_thread_name = "asyncio-watch";

/// The watchdog looks for steps and callbacks that block their loop, and reports them while they
/// do: one thread for the process, from the first of these to the last.
///
/// Throws: std::system_error if there is no thread; std::bad_alloc.
/// Threads: any.
void begin_watching(LoopWatch& watch);
/// Once it returns, nobody looks at `watch`.
void end_watching(LoopWatch& watch) noexcept;

}  // namespace asyncio::detail
