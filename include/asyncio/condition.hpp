#pragma once

#include <asyncio/detail/invoke_body.hpp>
#include <asyncio/lock.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

namespace asyncio {

namespace detail {

template <class C, class F>
Coro<std::decay_t<std::invoke_result_t<F&>>> wait_until_true(C& condition, F predicate) {
  for (;;) {
    auto result = predicate();
    if (result) co_return result;
    co_await condition.wait();
  }
}

}  // namespace detail

/// Tasks wait for something to change that a lock protects; whoever changes it notifies them.
///
///     auto held = co_await condition.hold();
///     co_await condition.wait_for([&] { return !items.empty(); });
///
/// Python: asyncio.Condition; `async with condition` is hold(), or with(condition, body).
/// Lifetime: a lock that is given must outlive it. May die while tasks wait: each takes a lock that
/// is still there, and ends with CancelledError if it is cancelled, else with RuntimeError.
/// Threads: the loop's that it is first waited for in.
class Condition {
 public:
  class Wait;

  /// With a lock of its own.
  Condition() noexcept : lock_(&own_) {}
  /// With one that others, such as further conditions, may share.
  explicit Condition(Lock& lock) noexcept : lock_(&lock) {}
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;
  ~Condition() = default;

  [[nodiscard]] bool locked() const noexcept { return lock_->locked(); }
  void release() { lock_->release(); }
  [[nodiscard]] Lock::Acquire acquire() noexcept { return lock_->acquire(); }
  [[nodiscard]] Lock::Hold hold() noexcept { return lock_->hold(); }

  /// Releases the lock, waits to be notified, and acquires it again. May also return when nothing
  /// has changed: ask again, or use wait_for().
  ///
  /// Returns: true, always, as in Python.
  /// Throws: RuntimeError if the lock is not acquired, by whomever; if the condition belongs to
  /// another loop, or dies.
  /// Cancellation: the lock is acquired again before CancelledError is thrown, however long that
  /// takes and however often the task is cancelled meanwhile; a notification that it had got goes
  /// to another task.
  [[nodiscard]] Wait wait() noexcept;

  /// Waits until `predicate()` is true. Returns: what it gave.
  template <class F>
  [[nodiscard]] auto wait_for(F&& predicate) {
    ASYNCIO_REFUSE_UNSAFE_CLOSURE(F);
    return detail::wait_until_true<Condition, std::decay_t<F>>(*this, std::forward<F>(predicate));
  }

  /// Wakes the `n` tasks that wait longest; they go on, one after the other, when the lock is
  /// released. Is not remembered if fewer wait.
  ///
  /// Throws: RuntimeError if the lock is not acquired.
  void notify(std::size_t n = 1);
  void notify_all() { notify(std::numeric_limits<std::size_t>::max()); }

  /// For with().
  [[nodiscard]] Lock::Enter aenter() noexcept { return lock_->aenter(); }
  [[nodiscard]] Lock::Exit aexit(const std::exception_ptr& e) noexcept { return lock_->aexit(e); }

  /// "<Condition [unlocked, waiters:2]>"
  [[nodiscard]] std::string repr() const;

 private:
  void wake(std::size_t n) noexcept;

  Lock own_;
  Lock* lock_;
  detail::WaitLine waiters_;
  detail::Dependents waits_;
};

/// What Condition::wait() returns: await it once. Movable until then.
class [[nodiscard]] Condition::Wait : public detail::LineWait,
                                      public detail::ConvertsToCoro<Condition::Wait, bool> {
 public:
  explicit Wait(Condition& condition) noexcept : Wait(condition, ops) {}
  Wait(Wait&& other) noexcept : LineWait(std::move(other)), condition_(other.condition_) {}
  ~Wait() {
    alive_.unlink();
    lock_alive_.unlink();
  }

  [[nodiscard]] static constexpr bool await_ready() noexcept { return false; }
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(detail::OwnPromise<P>, "a Condition can be awaited only in an asyncio::Coro");
    begin();
  }
  bool await_resume() {
    end();
    return true;
  }

 protected:
  /// For what is built on conditions; `what` differs in its name.
  Wait(Condition& condition, const Ops& what) noexcept : LineWait(what), condition_(&condition) {}
  static bool recheck(Waiter& self, detail::TaskState& task) noexcept;
  /// To the condition's line, or to the lock's while it is acquired again.
  static const detail::WaitRoute to_condition;

 private:
  static const Ops ops;
  bool acquire_again(Lock& lock, detail::TaskState& task) noexcept;
  /// The lock to be acquired again; null if it is gone.
  [[nodiscard]] Lock* lock() const noexcept;
  void begin();
  void end();

  Condition* condition_;                     // only while alive_ is linked
  Lock* shared_ = nullptr;                   // the lock, if it was given, while it is there
  detail::Dependent alive_;                  // in the condition
  detail::Dependent lock_alive_;             // in the lock that was given
  bool acquiring_ = false;                   // in the lock's line, no longer in the condition's
  bool cancelled_ = false;                   // before it had the lock again
  detail::Ref<detail::SharedText> message_;  // of that cancellation
};

inline Condition::Wait Condition::wait() noexcept { return Wait(*this); }

}  // namespace asyncio
