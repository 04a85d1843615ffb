#pragma once

#include <asyncio/context.hpp>
#include <asyncio/detail/handle_state.hpp>
#include <asyncio/duration.hpp>

#include <string>
#include <utility>

namespace asyncio {

/// A callback that call_soon() has scheduled. Dropping the handle changes nothing.
///
/// Python: asyncio.Handle
/// Threads: may be copied and dropped on any thread; cancel() belongs to the loop's.
class Handle {
 public:
  // No move: what was moved from could only crash.
  Handle(const Handle&) noexcept = default;
  Handle& operator=(const Handle&) noexcept = default;
  ~Handle() = default;

  /// The callback will not run, and what it captured is destroyed now. Harmless once it has run.
  void cancel() const noexcept { state_->cancel(); }
  [[nodiscard]] bool cancelled() const noexcept { return state_->cancelled(); }
  [[nodiscard]] std::string repr() const { return state_->repr(); }

  friend bool operator==(const Handle& a, const Handle& b) noexcept {
    return a.state_.get() == b.state_.get();
  }

  explicit Handle(detail::Ref<detail::HandleState> state) noexcept : state_(std::move(state)) {}

 protected:
  [[nodiscard]] detail::HandleState& state() const noexcept { return *state_; }

 private:
  detail::Ref<detail::HandleState> state_;
};

/// A callback that call_later() or call_at() has scheduled.
///
/// Python: asyncio.TimerHandle
class TimerHandle : public Handle {
 public:
  /// The absolute time at which it is due.
  [[nodiscard]] TimePoint when() const noexcept {
    return TimePoint(Duration::nanoseconds(state().deadline()));
  }
  using Handle::Handle;
};

}  // namespace asyncio
