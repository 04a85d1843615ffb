#include <asyncio/semaphore.hpp>

#include <asyncio/traceback.hpp>

#include "base/log.hpp"
#include "sync/primitive.hpp"

#include <fmt/format.h>

namespace asyncio {

const detail::Waiter::Ops Semaphore::Acquire::ops = ops_of("Semaphore.acquire()");

void Semaphore::Acquire::end() {
  if (bereft()) throw_bereft();
  leave();
  const bool cancelled = detail::running_task()->has_delivery();
  // It had been given a permit, which it does not take.
  if (cancelled && chosen()) ++semaphore_->value_;
  // Permits may have come back while others stood before those that wait now.
  while (semaphore_->value_ > 0 && semaphore_->wake_next()) {
  }
  if (cancelled) detail::running_task()->throw_delivery_if_any();
}

Semaphore::Semaphore(std::ptrdiff_t value) : value_(value) {
  if (value >= 0) return;
  detail::throw_invalid_argument(fmt::format(
      "Semaphore(): the initial value must be >= 0, not {}: it is the number of tasks let in",
      value));
}

void Semaphore::release() {
  ++value_;
  wake_next();
}

void BoundedSemaphore::release() {
  if (value() >= bound_) {
    detail::throw_invalid_argument(
        fmt::format("BoundedSemaphore.release(): released too many times, all {} permits are there "
                    "already; release it once for each acquire(), or use hold()",
                    bound_));
  }
  Semaphore::release();
}

void Semaphore::give_back() noexcept {
  try {
    release();
  } catch (const std::exception& e) {
    detail::log(LogLevel::error, e.what());
  }
}

std::string Semaphore::repr() const {
  return detail::repr_primitive(
      type(), locked() ? "locked" : fmt::format("unlocked, value:{}", value_), waiters_.size());
}

}  // namespace asyncio
