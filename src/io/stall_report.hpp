#pragma once

#include "io/stall_sample.hpp"

#include <cstdint>
#include <source_location>
#include <string>

namespace asyncio::detail {

/// What runs and blocks its loop, as far as that is known without asking its thread.
struct Stall {
  std::uint64_t loop;    // its number
  int thread;            // the kernel's number
  std::int64_t blocked;  // nanoseconds
  bool is_task;
  const char* callback;           // what type_name() gives; null for what has no name
  std::source_location function;  // the innermost coroutine when the step began
  std::source_location location;  // its co_await then; of a callback: where it was made
};

/// The report. `sample`: null if there is none, because of `why_not`.
[[nodiscard]] std::string format_stall(const Stall& stall, const StallSample* sample,
                                       const std::string& why_not);

}  // namespace asyncio::detail
