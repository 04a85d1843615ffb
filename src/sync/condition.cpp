#include <asyncio/condition.hpp>

#include "sync/line_route.hpp"
#include "sync/primitive.hpp"

#include <utility>

namespace asyncio {

constexpr detail::WaitRoute Condition::Wait::to_condition = [] {
  detail::WaitRoute route = Routes::to_owned_line(Lock::line_owner);
  route.owned = {.offset = ASYNCIO_FROM_WAITER(Condition::Wait, acquiring_), .size = 1, .value = 1};
  return route;
}();

const detail::Waiter::Ops Condition::Wait::ops =
    ops_of("Condition.wait()", &Wait::recheck, to_condition);

void Condition::Wait::begin() {
  if (!condition_->locked()) {
    detail::throw_runtime_error(
        "Condition.wait(): cannot wait on un-acquired lock; acquire() or hold() the condition "
        "around it");
  }
  // Before anything is released: what comes later cannot fail.
  detail::Scheduler& scheduler = detail::running_task()->scheduler();
  const char* what = Waiter::ops().what;
  condition_->lock_->waiters_.bind(scheduler, what);
  condition_->waiters_.bind(scheduler, what);
  if (condition_->lock_ != &condition_->own_) {
    shared_ = condition_->lock_;
    shared_->guards_.add(lock_alive_);
  }
  condition_->waits_.add(alive_);
  condition_->release();
  condition_->waiters_.join(*this);
}

// Notified or cancelled: acquires the lock. Has it, or was cancelled while it waited for it: the
// same again. The task goes on only when it has the lock.
bool Condition::Wait::recheck(Waiter& self, detail::TaskState& task) noexcept {
  auto& wait = static_cast<Wait&>(self);
  const bool cancelled = task.has_delivery();
  if (cancelled) {
    wait.cancelled_ = true;
    wait.message_ = task.postpone_delivery();
  }
  Lock* lock = wait.acquiring_ && wait.bereft() ? nullptr : wait.lock();
  wait.leave();
  if (lock != nullptr) {
    if (wait.acquiring_ && !cancelled) {
      lock->take(&task);
    } else {
      // As every cancelled waiter of a lock that is free does.
      if (wait.acquiring_ && !lock->locked()) lock->waiters_.wake_front();
      if (!wait.acquire_again(*lock, task)) return false;
    }
  }
  if (wait.cancelled_) task.deliver_again(std::move(wait.message_));
  return true;
}

Lock* Condition::Wait::lock() const noexcept {
  if (shared_ != nullptr) return lock_alive_.linked ? shared_ : nullptr;
  return alive_.linked ? &condition_->own_ : nullptr;
}

bool Condition::Wait::acquire_again(Lock& lock, detail::TaskState& task) noexcept {
  if (lock.try_acquire(&task)) return true;
  acquiring_ = true;
  lock.waiters_.join_again(*this, task);
  return false;
}

void Condition::Wait::end() {
  if (!alive_.linked || lock() == nullptr) throw_bereft();
  if (!detail::running_task()->has_delivery()) return;
  // It may have been notified, and does not act on it.
  condition_->wake(1);
  detail::running_task()->throw_delivery_if_any();
}

void Condition::notify(std::size_t n) {
  if (!locked()) {
    detail::throw_runtime_error(
        "Condition.notify(): cannot notify on un-acquired lock; acquire() or hold() the condition "
        "around it");
  }
  wake(n);
}

void Condition::wake(std::size_t n) noexcept {
  while (n > 0 && waiters_.wake_next()) --n;
}

std::string Condition::repr() const {
  return detail::repr_primitive("Condition", locked() ? "locked" : "unlocked", waiters_.size());
}

}  // namespace asyncio
