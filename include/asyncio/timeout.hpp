#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/task_state.hpp>
#include <asyncio/duration.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

namespace asyncio {

/// A time limit around a body: at the deadline the task is cancelled inside it, and the
/// cancellation becomes a TimeoutError as the body is left.
///
///     co_await asyncio::with(asyncio::timeout(1s), [&](asyncio::Timeout& t) -> asyncio::Coro<> {
///       co_await work();
///     });
///
/// Python: asyncio.Timeout
/// Lifetime: stays in place while it is entered; movable before that.
/// Threads: the loop's.
class Timeout {
 public:
  /// Python: asyncio.timeout_at(when). nullopt: no limit until reschedule().
  explicit Timeout(std::optional<TimePoint> when) noexcept : when_(when) {}
  Timeout(Timeout&& other) noexcept;
  Timeout& operator=(Timeout&&) = delete;
  ~Timeout();

  [[nodiscard]] std::optional<TimePoint> when() const noexcept { return when_; }
  /// True once the deadline has come while it was entered, also if the body ended in time after
  /// all.
  [[nodiscard]] bool expired() const noexcept {
    return state_ == State::expiring || state_ == State::expired;
  }
  /// Throws: RuntimeError unless it is entered and has not expired.
  void reschedule(std::optional<TimePoint> when);

  /// For with(). Throws: RuntimeError if it was entered already, or outside a task.
  class [[nodiscard]] Step;
  Step aenter();
  /// Awaiting it throws TimeoutError if the body was cancelled by this, and by nobody else.
  Step aexit(std::exception_ptr error);

  /// "<Timeout [active] when=12.345>"
  [[nodiscard]] std::string repr() const;

 private:
  // created → active, by aenter(); active → expiring at the deadline → expired, by aexit();
  // active → finished, by aexit().
  enum class State : std::uint8_t { created, active, expiring, expired, finished };

  void arm();
  void disarm() noexcept;

  std::optional<TimePoint> when_;
  State state_ = State::created;
  std::uint32_t cancelling_ = 0;  // the task's count when it entered
  detail::TaskState* task_ = nullptr;
  struct Alarm;
  Alarm* alarm_ = nullptr;
};

/// An awaitable that never suspends: entering and leaving a Timeout does not yield.
class [[nodiscard]] Timeout::Step : public detail::OwnAwaiter {
 public:
  Step() noexcept = default;
  explicit Step(detail::Failure failure) noexcept : failure_(std::move(failure)) {}

  [[nodiscard]] static constexpr bool await_ready() noexcept { return true; }
  static constexpr void await_suspend(std::coroutine_handle<>) noexcept {}
  void await_resume() {
    if (failure_) {
      std::rethrow_exception(detail::running_task()->raised_here(std::move(failure_)));
    }
  }
  [[nodiscard]] Result<void> await_result() {
    return failure_ ? Result<void>(std::move(failure_)) : Result<void>(None{});
  }

 private:
  detail::Failure failure_;
};

namespace detail {
/// A TimeoutError, made of the cancellation that the limit has caused.
[[nodiscard]] Failure timeout_from(Failure cancelled);
}  // namespace detail

/// A limit that begins now, not when it is entered; nullopt: none.
/// Throws: RuntimeError if no loop runs on this thread.
[[nodiscard]] Timeout timeout(std::optional<Duration> delay);
[[nodiscard]] Timeout timeout_at(std::optional<TimePoint> when);

}  // namespace asyncio
