#include "process/child_service.hpp"

#include "process/child.hpp"

namespace asyncio::detail {

ChildService& ChildService::of(LoopState& loop) {
  if (loop.children == nullptr) loop.children = std::make_unique<ChildService>();
  return static_cast<ChildService&>(*loop.children);
}

// Each is told first: so they end at the same time.
void ChildService::loop_closing() noexcept {
  for (Child* at = children_.first(); at != nullptr; at = Chain<Child>::after(*at)) {
    at->loop_will_close();
  }
  while (Child* child = children_.first()) child->loop_closing();
}

void ChildService::enter(Child& child) noexcept { children_.enter(child); }
void ChildService::leave(Child& child) noexcept { children_.leave(child); }

}  // namespace asyncio::detail
