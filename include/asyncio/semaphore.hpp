#pragma once

#include <asyncio/detail/wait_line.hpp>
#include <asyncio/guard.hpp>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <string>

namespace asyncio {

/// Lets a limited number of tasks at a time into a part of the program. Fair: a permit that is
/// released goes to the task that waits longest, and nobody can take it on the way.
///
///     auto held = co_await semaphore.hold();
///
/// Python: asyncio.Semaphore; `async with semaphore` is hold(), or with(semaphore, body).
/// Lifetime: may die while tasks wait: each ends with CancelledError if it is cancelled, else with
/// RuntimeError.
/// Threads: the loop's that it is first waited for in.
class Semaphore {
 public:
  class Acquire;
  using Hold = detail::HoldOf<Semaphore>;
  using Enter = detail::EnterOf<Semaphore>;
  using Exit = detail::ExitOf<Semaphore>;

  /// Throws: std::invalid_argument for a negative value.
  explicit Semaphore(std::ptrdiff_t value = 1);
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;
  virtual ~Semaphore() = default;

  /// True if acquire() would wait.
  [[nodiscard]] bool locked() const noexcept { return value_ == 0 || !waiters_.all_cancelled(); }
  /// The permits that nobody has.
  [[nodiscard]] std::ptrdiff_t value() const noexcept { return value_; }

  /// Gives a permit to the first waiting task, or keeps it. Legal without an acquire(): then there
  /// is one more.
  virtual void release();

  /// Waits for a permit; does not suspend if there is one and nobody waits.
  ///
  /// Returns: true, always, as in Python.
  /// Throws: RuntimeError if it is bound to another loop, or dies.
  /// Cancellation: the task leaves the line; a permit that it had been given goes to the next one.
  [[nodiscard]] Acquire acquire() noexcept;
  /// The same; gives a guard that releases it.
  [[nodiscard]] Hold hold() noexcept;

  /// For with().
  [[nodiscard]] Enter aenter() noexcept;
  [[nodiscard]] Exit aexit(const std::exception_ptr&) noexcept;

  /// "<Semaphore [unlocked, value:3]>"
  [[nodiscard]] std::string repr() const;

 protected:
  [[nodiscard]] virtual const char* type() const noexcept { return "Semaphore"; }

 private:
  friend class Guard<Semaphore>;
  friend class detail::HoldOf<Semaphore>;

  [[nodiscard]] bool try_acquire() noexcept {
    if (locked()) return false;
    --value_;
    return true;
  }
  bool wake_next() noexcept {
    if (waiters_.nobody_waits()) return false;
    --value_;
    return waiters_.wake_next();
  }
  /// Of a guard, which cannot throw.
  void give_back() noexcept;

  std::ptrdiff_t value_;
  detail::WaitLine waiters_;
  detail::Dependents guards_;
};

/// A Semaphore that refuses to be released more often than it was acquired.
///
/// Python: asyncio.BoundedSemaphore
class BoundedSemaphore : public Semaphore {
 public:
  explicit BoundedSemaphore(std::ptrdiff_t value = 1) : Semaphore(value), bound_(value) {}
  /// Throws: std::invalid_argument above the initial value.
  void release() override;

 protected:
  [[nodiscard]] const char* type() const noexcept override { return "BoundedSemaphore"; }

 private:
  std::ptrdiff_t bound_;
};

/// What Semaphore::acquire() returns: await it once. Movable until then.
class [[nodiscard]] Semaphore::Acquire : public detail::LineWait,
                                         public detail::ConvertsToCoro<Semaphore::Acquire, bool> {
 public:
  explicit Acquire(Semaphore& semaphore) noexcept : LineWait(ops), semaphore_(&semaphore) {}

  [[nodiscard]] bool await_ready() const noexcept { return semaphore_->try_acquire(); }
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(detail::OwnPromise<P>, "a Semaphore can be acquired only in an asyncio::Coro");
    semaphore_->waiters_.join(*this);
  }
  bool await_resume() {
    if (waited()) [[unlikely]]
      end();
    return true;
  }

 protected:
  [[nodiscard]] Semaphore& primitive() const noexcept { return *semaphore_; }

 private:
  static const Ops ops;
  void end();
  Semaphore* semaphore_;
};

inline Semaphore::Acquire Semaphore::acquire() noexcept { return Acquire(*this); }
inline Semaphore::Hold Semaphore::hold() noexcept { return Hold(*this); }
inline Semaphore::Enter Semaphore::aenter() noexcept { return Enter(*this); }
inline Semaphore::Exit Semaphore::aexit(const std::exception_ptr&) noexcept { return Exit(*this); }

}  // namespace asyncio
