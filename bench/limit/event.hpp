#pragma once

#include "wait_line.hpp"

#include <coroutine>

namespace limit {

/// A flag that many wait for.
class Event {
 public:
  class Wait {
   public:
    explicit Wait(Event& event) : event_(event) {}
    bool await_ready() const noexcept { return event_.set_; }
    void await_suspend(std::coroutine_handle<> coroutine) noexcept {
      event_.waiters_.join(place_, coroutine);
    }
    void await_resume() const noexcept {}

   private:
    Event& event_;
    Place place_;
  };

  [[nodiscard]] Wait wait() { return Wait(*this); }
  void set() {
    set_ = true;
    waiters_.resume_all();
  }
  void clear() { set_ = false; }

 private:
  WaitLine waiters_;
  bool set_ = false;
};

}  // namespace limit
