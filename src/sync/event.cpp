#include <asyncio/event.hpp>

#include "sync/primitive.hpp"

namespace asyncio {

const detail::Waiter::Ops Event::Wait::ops = ops_of("Event.wait()");

void Event::Wait::end() {
  if (bereft() && !chosen()) throw_bereft();
  leave();
  detail::running_task()->throw_delivery_if_any();
}

void Event::set() noexcept {
  if (set_) return;
  set_ = true;
  waiters_.wake_all();
}

std::string Event::repr() const {
  return detail::repr_primitive("Event", set_ ? "set" : "unset", waiters_.size());
}

}  // namespace asyncio
