#pragma once

namespace asyncio::detail {

class LoopState;

// Told of each loop of the process, on its thread. Defined where threads may be: in io/trace.cpp
// and io/metrics.cpp.

void trace_loop_made(LoopState& loop) noexcept;
/// Its tasks are gone already; it takes no posts any more.
void trace_loop_closed(LoopState& loop) noexcept;
void metrics_loop_closed(LoopState& loop) noexcept;

}  // namespace asyncio::detail
