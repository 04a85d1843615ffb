#pragma once

#include "loop.hpp"
#include "task.hpp"

#include <coroutine>
#include <cstdint>
#include <exception>

namespace limit {

struct Yield {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) const { loop.resume_soon(coroutine); }
  void await_resume() const noexcept {}
};

/// Awaited by a task itself, which can be cancelled meanwhile.
class Sleep {
 public:
  explicit Sleep(std::int64_t nanoseconds) : nanoseconds_(nanoseconds) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<TaskPromise> task) {
    TaskPromise& promise = task.promise();
    promise.timer = loop.call_later(nanoseconds_, {end, &promise});
    promise_ = &promise;
  }
  void await_resume() const {
    if (promise_->interrupted) [[unlikely]]
      interrupt();
  }

 private:
  [[noreturn, gnu::always_inline]] void interrupt() const {
    promise_->interrupted = false;
    throw Cancelled{};
  }

  static void end(void* context) {
    auto& promise = *static_cast<TaskPromise*>(context);
    promise.timer = nullptr;
    loop.resume_soon(std::coroutine_handle<TaskPromise>::from_promise(promise));
  }

  union {
    std::int64_t nanoseconds_;  // before it sleeps
    TaskPromise* promise_;
  };
};

}  // namespace limit
