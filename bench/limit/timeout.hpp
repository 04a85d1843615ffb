#pragma once

#include "coroutine.hpp"
#include "loop.hpp"

#include <coroutine>
#include <cstdint>
#include <utility>

namespace limit {

struct TimedOut {};

/// Awaits `body` and throws TimedOut if that took too long. The body is not stopped: what it waits
/// for, nobody has noted.
class Timeout {
 public:
  Timeout(std::int64_t nanoseconds, Coro<> body)
      : body_(std::move(body)), nanoseconds_(nanoseconds) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> parent) {
    timer_ = loop.call_later(nanoseconds_, {expire, this});
    body_.await_suspend(parent);
  }
  void await_resume() {
    if (timer_ == nullptr) [[unlikely]]
      throw TimedOut{};
    loop.cancel(timer_);
    body_.await_resume();
  }

 private:
  static void expire(void* timeout) { static_cast<Timeout*>(timeout)->timer_ = nullptr; }

  Coro<> body_;
  std::int64_t nanoseconds_;
  Timer* timer_ = nullptr;
};

}  // namespace limit
