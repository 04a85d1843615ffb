#include <asyncio/event_loop.hpp>

#include "io/backend_epoll.hpp"
#include "io/backend_virtual.hpp"
#include "loop/loop_state.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

namespace asyncio {
namespace {

// ASYNCIO_BACKEND=virtual runs any program on the virtual clock.
std::unique_ptr<detail::Backend> make_chosen_backend() {
  const char* set = std::getenv("ASYNCIO_BACKEND");  // NOLINT(concurrency-mt-unsafe)
  const std::string_view name = set == nullptr ? "" : set;
  if (name.empty() || name == "epoll") return detail::make_epoll_backend();
  if (name == "virtual") return detail::make_virtual_backend();
  detail::throw_invalid_argument(
      fmt::format("ASYNCIO_BACKEND={}: unknown; it is \"epoll\" or \"virtual\", or not set", name));
}

}  // namespace

std::unique_ptr<EventLoop> new_event_loop() {
  return detail::LoopAccess::make(make_chosen_backend());
}

}  // namespace asyncio
