#pragma once

#include "frame_pool.hpp"
#include "loop.hpp"

#include <coroutine>
#include <exception>
#include <memory>
#include <utility>

namespace limit {

struct Cancelled {};

class Task;

struct TaskPromise : Pooled {
  std::coroutine_handle<> waiter;
  union {
    Timer* timer = nullptr;  // of its sleep
    std::exception_ptr error;
  };
  int handles = 1;
  bool done = false;
  bool failed = false;       // there is an error
  bool interrupted = false;  // cancel() has ended its sleep

  struct Start {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> task) const { loop.resume_soon(task); }
    void await_resume() const noexcept {}
  };
  struct End {
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<TaskPromise> task) const noexcept {
      TaskPromise& promise = task.promise();
      promise.done = true;
      const bool held = promise.handles > 0;
      if (promise.waiter) loop.resume_soon(promise.waiter);
      return held;
    }
    void await_resume() const noexcept {}
  };

  TaskPromise() noexcept {}
  TaskPromise(const TaskPromise&) = delete;
  TaskPromise& operator=(const TaskPromise&) = delete;
  ~TaskPromise() {
    if (failed) std::destroy_at(&error);
  }

  Task get_return_object() noexcept;
  Start initial_suspend() noexcept { return {}; }
  End final_suspend() noexcept { return {}; }
  void return_void() noexcept {}
  void unhandled_exception() noexcept {
    std::construct_at(&error, std::current_exception());
    failed = true;
  }
};

/// A coroutine that the loop runs by itself, from its next turn on. Its frame is there until it is
/// done and the last handle is gone.
class [[nodiscard]] Task {
 public:
  using promise_type = TaskPromise;

  explicit Task(std::coroutine_handle<TaskPromise> coroutine) noexcept : coroutine_(coroutine) {}
  Task(const Task& other) noexcept : coroutine_(other.coroutine_) { ++promise().handles; }
  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (coroutine_ && --promise().handles == 0 && done()) coroutine_.destroy();
  }

  [[nodiscard]] bool done() const { return promise().done; }
  [[nodiscard]] bool failed() const { return promise().failed; }

  /// Throws: what has left the coroutine.
  void get() const {
    if (promise().failed) [[unlikely]]
      std::rethrow_exception(promise().error);
  }

  /// Ends its sleep by Cancelled, if it sleeps.
  void cancel() const {
    if (done() || promise().timer == nullptr) return;
    loop.cancel(std::exchange(promise().timer, nullptr));
    promise().interrupted = true;
    loop.resume_soon(coroutine_);
  }

  bool await_ready() const noexcept { return done(); }
  void await_suspend(std::coroutine_handle<> waiter) const noexcept { promise().waiter = waiter; }
  void await_resume() const { get(); }

 private:
  [[nodiscard]] TaskPromise& promise() const { return coroutine_.promise(); }

  std::coroutine_handle<TaskPromise> coroutine_;
};

inline Task TaskPromise::get_return_object() noexcept {
  return Task(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

/// Awaits the end of a task, whichever.
struct EndOf {
  const Task& task;
  bool await_ready() const noexcept { return task.await_ready(); }
  void await_suspend(std::coroutine_handle<> waiter) const noexcept { task.await_suspend(waiter); }
  void await_resume() const noexcept {}
};

}  // namespace limit
