#include <asyncio/detail/scheduler.hpp>
#include <asyncio/error.hpp>

#include <fmt/format.h>

namespace asyncio::detail {

void Scheduler::check_open(std::string_view what) const {
  if (closed())
    throw_runtime_error(
        fmt::format("{}: event loop is closed, \"{}\"; make a new one", what, name));
}

Scheduler& running_scheduler(std::string_view what) {
  if (thread_state.scheduler == nullptr) {
    throw_runtime_error(fmt::format(
        "{}: no running event loop on this thread; call it in a coroutine under asyncio::run(), or "
        "reach a loop of another thread by run_coroutine_threadsafe()",
        what));
  }
  return *thread_state.scheduler;
}

}  // namespace asyncio::detail
