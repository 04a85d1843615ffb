#pragma once

#include <asyncio/detail/wait_line.hpp>

#include <coroutine>
#include <string>

namespace asyncio {

/// A flag that tasks can wait for. All tasks waiting are woken when it is set.
///
/// Python: asyncio.Event
/// Lifetime: may die while tasks wait: each ends with CancelledError if it is cancelled, else with
/// RuntimeError.
/// Threads: the loop's that it is first waited for in; from elsewhere go through
/// call_soon_threadsafe().
class Event {
 public:
  class Wait;

  Event() noexcept = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() = default;

  [[nodiscard]] bool is_set() const noexcept { return set_; }

  /// Raises the flag and schedules every waiter, in the order in which they began to wait. They run
  /// on the loop's next pass, never inside this call.
  ///
  /// Cost: O(waiters), no allocation.
  void set() noexcept;

  /// Lowers the flag. Waiters that set() has scheduled still wake.
  void clear() noexcept { set_ = false; }

  /// Waits until the flag is set; does not suspend if it is set already.
  ///
  /// Returns: true, always, as in Python.
  /// Throws: RuntimeError if it is bound to another loop, or dies.
  /// Cancellation: leaves no trace; the flag and the other waiters are unaffected.
  [[nodiscard]] Wait wait() noexcept;

  /// "<Event [unset, waiters:2]>"
  [[nodiscard]] std::string repr() const;

 private:
  detail::WaitLine waiters_;
  bool set_ = false;
};

/// What Event::wait() returns: await it once. Movable until then.
class [[nodiscard]] Event::Wait : public detail::LineWait,
                                  public detail::ConvertsToCoro<Event::Wait, bool> {
 public:
  explicit Wait(Event& event) noexcept : Wait(event, ops) {}

  [[nodiscard]] bool await_ready() const noexcept { return event_->is_set(); }
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(detail::OwnPromise<P>, "an Event can be awaited only in an asyncio::Coro");
    event_->waiters_.join(*this);
  }
  bool await_resume() {
    if (waited()) [[unlikely]]
      end();
    return true;
  }

 protected:
  Wait(Event& event, const Ops& what) noexcept : LineWait(what), event_(&event) {}

 private:
  static const Ops ops;
  void end();
  Event* event_;
};

inline Event::Wait Event::wait() noexcept { return Wait(*this); }

}  // namespace asyncio
