#pragma once

#include <asyncio/detail/wait_line.hpp>
#include <asyncio/guard.hpp>

#include <coroutine>
#include <cstdint>
#include <exception>
#include <string>

namespace asyncio {

/// Lets one task at a time into a part of the program that spans awaits. Fair: who waits longest is
/// next.
///
///     auto held = co_await lock.hold();
///
/// Python: asyncio.Lock; `async with lock` is hold(), or with(lock, body).
/// Lifetime: may die while tasks wait: each ends with CancelledError if it is cancelled, else with
/// RuntimeError.
/// Threads: the loop's that it is first waited for in.
class Lock {
 public:
  class Acquire;
  using Hold = detail::HoldOf<Lock>;
  using Enter = detail::EnterOf<Lock>;
  using Exit = detail::ExitOf<Lock>;

  Lock() noexcept = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() = default;

  /// As in CPython false between release() and the next task's turn.
  [[nodiscard]] bool locked() const noexcept { return locked_; }

  /// Lets the first waiting task take the lock in its turn. Any task may release it.
  ///
  /// Throws: RuntimeError if it is not locked.
  void release();

  /// Waits until the lock is free, and takes it; does not suspend if nobody has it and nobody
  /// waits. Not re-entrant: a task that has it waits for ever (reported in debug mode).
  ///
  /// Returns: true, always, as in Python.
  /// Throws: RuntimeError if it is bound to another loop, or dies.
  /// Cancellation: the task leaves the line; if release() had chosen it, the next one is chosen.
  [[nodiscard]] Acquire acquire() noexcept;
  /// The same; gives a guard that releases it.
  [[nodiscard]] Hold hold() noexcept;

  /// For with().
  [[nodiscard]] Enter aenter() noexcept;
  [[nodiscard]] Exit aexit(const std::exception_ptr&) noexcept;

  /// "<Lock [unlocked, waiters:2]>"
  [[nodiscard]] std::string repr() const;

 private:
  friend class Condition;
  friend class Guard<Lock>;
  friend class detail::HoldOf<Lock>;

  [[nodiscard]] bool try_acquire(const detail::TaskState* task) noexcept {
    if (locked_ || !waiters_.all_cancelled()) return false;
    take(task);
    return true;
  }
  /// Among the tasks of its loop; never used again, as an address is.
  [[nodiscard]] static std::uint64_t number_of(const detail::TaskState* task) noexcept {
    return std::uint64_t{1} + task->order();
  }
  void take(const detail::TaskState* task) noexcept {
    locked_ = true;
    owner_ = number_of(task);
  }
  void give_back() noexcept;
  static void warn_of_deadlock() noexcept;
  static const detail::LineOwner line_owner;

  detail::WaitLine waiters_;
  detail::Dependents guards_;
  bool locked_ = false;
  std::uint64_t owner_ = 0;  // who took it; perhaps gone by now
};

/// What Lock::acquire() returns: await it once. Movable until then.
class [[nodiscard]] Lock::Acquire : public detail::LineWait,
                                    public detail::ConvertsToCoro<Lock::Acquire, bool> {
 public:
  explicit Acquire(Lock& lock) noexcept : LineWait(ops), lock_(&lock) {}

  [[nodiscard]] bool await_ready() const noexcept {
    return lock_->try_acquire(detail::running_task());
  }
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(detail::OwnPromise<P>, "a Lock can be acquired only in an asyncio::Coro");
    begin();
  }
  bool await_resume() {
    if (waited()) [[unlikely]]
      end();
    return true;
  }

 protected:
  [[nodiscard]] Lock& primitive() const noexcept { return *lock_; }

 private:
  static const Ops ops;
  static const detail::WaitRoute to_lock;
  void begin();
  void end();
  Lock* lock_;
};

inline Lock::Acquire Lock::acquire() noexcept { return Acquire(*this); }
inline Lock::Hold Lock::hold() noexcept { return Hold(*this); }
inline Lock::Enter Lock::aenter() noexcept { return Enter(*this); }
inline Lock::Exit Lock::aexit(const std::exception_ptr&) noexcept { return Exit(*this); }

}  // namespace asyncio
