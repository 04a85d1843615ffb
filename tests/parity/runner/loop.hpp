#pragma once

#include <asyncio/event_loop.hpp>

#include <cstdint>
#include <memory>

namespace parity {

/// A loop on a clock of its own that begins at 0 and jumps to the next timer. Unlike the library's
/// virtual clock it can be put forward while a task runs, as if that had taken the time.
[[nodiscard]] std::unique_ptr<asyncio::EventLoop> new_loop();

/// The clock of the loop that was made last.
[[nodiscard]] std::int64_t now();
void pass_time(std::int64_t nanoseconds);

}  // namespace parity
