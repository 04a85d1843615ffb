#pragma once

#include "wait_line.hpp"

#include <coroutine>

namespace limit {

/// release() hands it to the first who waits: it stays locked meanwhile.
class Lock {
 public:
  class Acquire {
   public:
    explicit Acquire(Lock& lock) : lock_(lock) {}
    bool await_ready() const noexcept {
      if (lock_.locked_) return false;
      lock_.locked_ = true;
      return true;
    }
    void await_suspend(std::coroutine_handle<> coroutine) noexcept {
      lock_.waiters_.join(place_, coroutine);
    }
    void await_resume() const noexcept {}

   private:
    Lock& lock_;
    Place place_;
  };

  [[nodiscard]] Acquire acquire() { return Acquire(*this); }
  void release() {
    if (waiters_.empty()) {
      locked_ = false;
    } else {
      waiters_.resume_first();
    }
  }

 private:
  WaitLine waiters_;
  bool locked_ = false;
};

}  // namespace limit
