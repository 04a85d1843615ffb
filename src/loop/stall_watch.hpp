#pragma once

#include <asyncio/duration.hpp>

#include "loop/step_watch.hpp"

#include <memory>
#include <optional>

namespace asyncio::detail {

class LoopState;

/// Looks for stalls of a loop while it lives, by a clock of its own.
class StallWatch : public StepWatch {
 public:
  virtual ~StallWatch() = default;

 protected:
  StallWatch() noexcept : StepWatch(false) {}
};

/// Of the io layer, which has the thread that looks. Throws: std::system_error; std::bad_alloc.
std::unique_ptr<StallWatch> make_stall_watch(LoopState& loop);

/// What ASYNCIO_WATCHDOG says, in seconds; nothing if it is not set or empty.
/// Throws: std::invalid_argument if it is no number.
std::optional<Duration> watchdog_of_environment();

}  // namespace asyncio::detail
