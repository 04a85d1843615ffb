#pragma once

#include "loop.hpp"

#include <coroutine>

namespace limit {

/// Where one coroutine waits until a callback opens it.
class Gate {
 public:
  void open() {
    open_ = true;
    if (waiter_) loop.resume_soon(waiter_);
  }

  bool await_ready() const noexcept { return open_; }
  void await_suspend(std::coroutine_handle<> coroutine) noexcept { waiter_ = coroutine; }
  void await_resume() const noexcept {}

 private:
  std::coroutine_handle<> waiter_;
  bool open_ = false;
};

}  // namespace limit
