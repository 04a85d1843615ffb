#include <asyncio/lock.hpp>

#include "base/log.hpp"
#include "sync/line_route.hpp"
#include "sync/primitive.hpp"

#include <fmt/format.h>

namespace asyncio {

constexpr detail::LineOwner Lock::line_owner{
    .locked = detail::Offset{offsetof(Lock, locked_)} - detail::Offset{offsetof(Lock, waiters_)},
    .owner = detail::Offset{offsetof(Lock, owner_)} - detail::Offset{offsetof(Lock, waiters_)}};

constexpr detail::WaitRoute Lock::Acquire::to_lock = Routes::to_owned_line(line_owner);

const detail::Waiter::Ops Lock::Acquire::ops = ops_of("Lock.acquire()", nullptr, to_lock);

void Lock::Acquire::begin() {
  if (detail::thread_state.scheduler->debug &&
      lock_->owner_ == Lock::number_of(detail::running_task())) {
    warn_of_deadlock();
  }
  lock_->waiters_.join(*this);
}

void Lock::Acquire::end() {
  if (bereft()) throw_bereft();
  leave();
  if (detail::running_task()->has_delivery()) {
    // Chosen perhaps, or the first of those that were cancelled: the next one goes instead.
    if (!lock_->locked_) lock_->waiters_.wake_front();
    detail::running_task()->throw_delivery_if_any();
  }
  lock_->take(detail::running_task());
}

void Lock::release() {
  if (!locked_) {
    detail::throw_runtime_error(
        "Lock.release(): the lock is not acquired; release it once for each acquire(), or use "
        "hold()");
  }
  give_back();
}

// Also of a guard, whose lock somebody else may have released.
void Lock::give_back() noexcept {
  if (!locked_) return;
  locked_ = false;
  owner_ = 0;
  waiters_.wake_front();
}

void Lock::warn_of_deadlock() noexcept {
  try {
    detail::log(LogLevel::warning,
                fmt::format("Lock.acquire(): {} waits for a lock that it has acquired itself; it "
                            "waits for ever unless another task releases it",
                            detail::running_task()->repr_task()));
  } catch (...) {
    detail::log(LogLevel::warning, "Lock.acquire(): a task waits for a lock that it has itself");
  }
}

std::string Lock::repr() const {
  return detail::repr_primitive("Lock", locked_ ? "locked" : "unlocked", waiters_.size());
}

}  // namespace asyncio
