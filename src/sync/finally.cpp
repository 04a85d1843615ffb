#include <asyncio/finally.hpp>

#include "core/route_offset.hpp"

#include <new>

namespace asyncio::detail {

constexpr WaitRoute EndOf::to_state{
    .kind = WaitRoute::Kind::future,
    .place = ASYNCIO_FROM_WAITER(EndOf, state_),
    .waits = {.offset = ASYNCIO_FROM_WAITER(EndOf, node_), .size = 8, .other = true}};

const Waiter::Ops EndOf::ops{
    .cancel = [](Waiter& self, TaskState& task) noexcept -> bool {
      auto& wait = static_cast<EndOf&>(self);
      if (!wait.node_.linked()) return false;  // scheduled already
      wait.node_.unlink();
      task.schedule();
      return true;
    },
    .future = nullptr,
    .abandon = nullptr,
    .what = "a shielded cleanup",
    .route = &to_state,
};

void EndOf::await_suspend(std::coroutine_handle<>) noexcept {
  TaskState& task = *running_task();
  node_.set(ReadyEntry(&task));
  task.park(*this);
  state_->notify(node_);
}

Result<void> EndOf::await_result() {
  TaskState& task = *running_task();
  return task.has_delivery() ? Result<void>(task.take_delivery()) : Result<void>(None{});
}

std::optional<Task<>> start_cleanup(Coro<> cleanup) {
  try {
    return create_task(std::move(cleanup), {.name = "finally"});
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  }
}

}  // namespace asyncio::detail
