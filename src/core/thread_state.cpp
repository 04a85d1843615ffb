#include <asyncio/detail/scheduler.hpp>
#include <asyncio/error.hpp>

#include <fmt/format.h>

namespace asyncio::detail {

void Scheduler::throw_closed(std::string_view what) const {
  throw_runtime_error(fmt::format("{}: event loop is closed, \"{}\"; make a new one", what, name));
}

void throw_no_loop(std::string_view what) {
  throw_runtime_error(fmt::format(
      "{}: no running event loop on this thread; call it in a coroutine under asyncio::run(), or "
      "reach a loop of another thread by run_coroutine_threadsafe()",
      what));
}

}  // namespace asyncio::detail
