#include <asyncio/detail/scheduler.hpp>
#include <asyncio/detail/thread_state.hpp>
#include <asyncio/error.hpp>

#include <fmt/format.h>

namespace asyncio::detail {

constinit thread_local ThreadState thread_state;

void Scheduler::check_open(std::string_view what) const {
  if (closed()) throw_runtime_error(fmt::format("{}: event loop is closed", what));
}

Scheduler& running_scheduler(std::string_view what) {
  if (thread_state.scheduler == nullptr) {
    throw_runtime_error(fmt::format(
        "{}: no running event loop on this thread; call it from a coroutine under asyncio::run(), "
        "or on a loop as loop.create_task()",
        what));
  }
  return *thread_state.scheduler;
}

}  // namespace asyncio::detail
