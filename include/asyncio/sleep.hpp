#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/duration.hpp>

#include <coroutine>
#include <utility>

namespace asyncio {

namespace detail {

/// What sleep() returns. No frame: a timer inside the awaiting one.
class [[nodiscard]] Sleep : public OwnAwaiter,
                            public Waiter,
                            public ConvertsToCoro<Sleep, void>,
                            Timer {
 public:
  explicit Sleep(Duration delay) noexcept : Timer(nullptr), delay_(delay) {}
  /// Movable until it is awaited.
  Sleep(Sleep&& other) noexcept : Sleep(other.delay_) {}
  Sleep& operator=(Sleep&&) = delete;
  ~Sleep() {
    if (armed()) task_->scheduler().disarm(*this);
  }

  [[nodiscard]] static constexpr bool await_ready() noexcept { return false; }
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(OwnPromise<P>, "sleep() can be awaited only in an asyncio::Coro");
    if (delay_ <= Duration()) {
      running_task()->yield_now();
    } else {
      begin();
    }
  }
  void await_resume() { running_task()->throw_delivery_if_any(); }

 private:
  static const Ops sleep_ops;
  static void fire(ReadyCall& self, ReadyAction action);
  void begin();

  // What sleep(0) does not need is set in begin().
  bool waiting_;
  union {
    Duration delay_;   // until it is awaited
    TaskState* task_;  // since then, if it had to wait
  };
};

template <class T>
class [[nodiscard]] SleepThen : public Sleep, public ConvertsToCoro<SleepThen<T>, T> {
 public:
  SleepThen(Duration delay, T value) : Sleep(delay), value_(std::move(value)) {}
  SleepThen(SleepThen&&) = default;
  using ConvertsToCoro<SleepThen<T>, T>::operator Coro<T>;
  T await_resume() {
    Sleep::await_resume();
    return std::move(value_);
  }

 private:
  T value_;
};

}  // namespace detail

/// Suspends the task for at least `delay`; lets everything else that is ready run once if `delay`
/// is not positive.
///
///     co_await asyncio::sleep(500ms);
///
/// Python: asyncio.sleep
/// Units: any chrono duration; a bare number does not compile.
/// Cancellation: ends at once, the timer is gone.
/// Cost: no allocation but the timer's place in the loop; std::bad_alloc if there is no memory.
[[nodiscard]] inline detail::Sleep sleep(Duration delay) { return detail::Sleep(delay); }

/// The same, and gives `value`.
template <class T>
[[nodiscard]] detail::SleepThen<std::decay_t<T>> sleep(Duration delay, T&& value) {
  return detail::SleepThen<std::decay_t<T>>(delay, std::forward<T>(value));
}

}  // namespace asyncio
