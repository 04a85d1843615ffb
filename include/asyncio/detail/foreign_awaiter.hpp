#pragma once

#include <asyncio/detail/promise.hpp>

#include <coroutine>
#include <type_traits>
#include <utility>

namespace asyncio::detail {

/// Lets a task wait for an awaiter that knows nothing of tasks. Such an awaiter resumes a handle on
/// whatever thread and stack it likes; the handle it gets is a bridge that schedules the task.
/// It cannot be told to stop: a cancellation is delivered when it resumes the bridge.
class ForeignWait : public Waiter {
 public:
  ForeignWait(const ForeignWait&) = delete;
  ForeignWait& operator=(const ForeignWait&) = delete;

 protected:
  ForeignWait() noexcept;
  ForeignWait(ForeignWait&& other) noexcept;
  ~ForeignWait();

  /// Parks the running task. Returns: the handle for the foreign awaiter. Throws: std::bad_alloc.
  std::coroutine_handle<> begin();
  /// It did not suspend after all.
  void abort() noexcept;
  /// Throws: CancelledError if the task was cancelled meanwhile.
  void finish();

 private:
  struct Bridge;
  struct Block;
  static Bridge make_bridge(Block& block);

  Block* block_ = nullptr;
  TaskState* task_ = nullptr;
  std::coroutine_handle<> bridge_;
};

template <class A>
class ForeignAwaiter : public OwnAwaiter, ForeignWait {
 public:
  explicit ForeignAwaiter(A&& awaiter) : awaiter_(std::forward<A>(awaiter)) {}
  ForeignAwaiter(ForeignAwaiter&& other) noexcept(std::is_nothrow_move_constructible_v<A>)
      : ForeignWait(std::move(other)), awaiter_(std::forward<A>(other.awaiter_)) {}

  bool await_ready() { return static_cast<bool>(awaiter_.await_ready()); }

  template <class P>
  bool await_suspend(std::coroutine_handle<P>) {
    const std::coroutine_handle<> bridge = begin();
    try {
      using R = decltype(awaiter_.await_suspend(bridge));
      if constexpr (std::is_void_v<R>) {
        awaiter_.await_suspend(bridge);
        return true;
      } else if constexpr (std::is_same_v<R, bool>) {
        if (awaiter_.await_suspend(bridge)) return true;
        abort();
        return false;
      } else {
        const std::coroutine_handle<> next = awaiter_.await_suspend(bridge);
        next.resume();  // the bridge, if it is that: then the task is scheduled
        return true;
      }
    } catch (...) {
      abort();
      throw;
    }
  }
  decltype(auto) await_resume() {
    finish();
    return awaiter_.await_resume();
  }

 private:
  A awaiter_;
};

}  // namespace asyncio::detail
