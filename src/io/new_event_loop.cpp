#include <asyncio/event_loop.hpp>

#include "io/choose_backend.hpp"
#include "loop/loop_state.hpp"

namespace asyncio {

std::unique_ptr<EventLoop> new_event_loop() {
  return detail::LoopAccess::make(detail::make_backend(""));
}

}  // namespace asyncio
