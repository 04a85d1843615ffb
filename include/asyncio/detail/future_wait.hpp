#pragma once

#include <asyncio/detail/awaiter.hpp>
#include <asyncio/detail/task_state.hpp>

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

namespace asyncio::detail {

struct PromiseBase;

/// A task's wait for a future: the untyped half of its awaiter.
class FutureWait : public OwnAwaiter, public Waiter {
 public:
  FutureWait(FutureWait&& other) noexcept : Waiter(other), state_(other.state_) {}
  FutureWait& operator=(FutureWait&&) = delete;

  [[nodiscard]] bool await_ready() const {
    if (state_ == nullptr) throw_uninitialized();
    return state_->done();
  }
  template <class P>
  void await_suspend(std::coroutine_handle<P>) {
    static_assert(std::is_base_of_v<PromiseBase, P>,
                  "a Future or Task can be awaited only in an asyncio::Coro");
    begin();
  }

  /// Throws: RuntimeError for a handle that was moved from.
  [[noreturn]] static void throw_uninitialized();

 protected:
  explicit FutureWait(FutureState* state) noexcept : Waiter(future_ops), state_(state) {}
  ~FutureWait() = default;

  /// Why there is no value; null if there is one. A cancellation of the waiting task that came
  /// after the future was done replaces its outcome.
  [[nodiscard]] Failure end() {
    if (state_->has_value() && !running_task()->has_delivery()) [[likely]]
      return {};
    return end_without_value();
  }
  void throw_unless_value() {
    if (!state_->has_value() || running_task()->has_delivery()) [[unlikely]]
      std::rethrow_exception(raised_error());
  }
  [[nodiscard]] FutureState& state() const noexcept { return *state_; }

 private:
  static const Ops future_ops;
  static const WaitRoute to_future;

  /// Throws: RuntimeError for a future of another loop and for the task itself.
  void begin();
  [[nodiscard]] Failure end_without_value();
  [[nodiscard]] std::exception_ptr raised_error();

  WaitNode node_;
  FutureState* state_;
};

/// `co_await handle`: the value stays in the future.
template <class T>
class [[nodiscard]] LvalueFutureAwaiter : public FutureWait {
 public:
  // A future of another loop is that thread's to count: begin() refuses it.
  explicit LvalueFutureAwaiter(FutureState* state) noexcept
      : FutureWait(state),
        claim_(state != nullptr && &state->scheduler() == thread_state.scheduler ? state
                                                                                 : nullptr) {}

  std::conditional_t<std::is_void_v<T>, void, const NoneIfVoid<T>&> await_resume() {
    throw_unless_value();
    if constexpr (!std::is_void_v<T>) return value_of<T>(state());
  }
  Result<T> await_result() {
    if (Failure failure = end()) return Result<T>(std::move(failure));
    return Result<T>(value_of<T>(state()));
  }

 private:
  Claim claim_;
};

[[noreturn]] void throw_value_shared();

/// `co_await std::move(handle)`: the value is moved out if nobody else can ask for it.
template <class T>
class [[nodiscard]] RvalueFutureAwaiter : public FutureWait {
 public:
  explicit RvalueFutureAwaiter(Ref<FutureState> state) noexcept
      : FutureWait(state.get()), ref_(std::move(state)) {}

  T await_resume() {
    throw_unless_value();
    if constexpr (!std::is_void_v<T>) return take_value<T>(state());
  }
  Result<T> await_result() {
    if (Failure failure = end()) return Result<T>(std::move(failure));
    return Result<T>(take_value<T>(state()));
  }

 private:
  Ref<FutureState> ref_;
};

/// Moves the value out when the caller's handle is the only one of a user and nobody else claims
/// the value; copies it otherwise.
/// Throws: RuntimeError if it would have to copy what cannot be copied; the value stays.
template <class T>
NoneIfVoid<T> take_value(FutureState& state) {
  NoneIfVoid<T>& value = value_of<T>(state);
  if (state.only_user() && state.claims() == 0) return std::move(value);
  if constexpr (copyable<NoneIfVoid<T>>) {
    return value;
  } else {
    throw_value_shared();
  }
}

}  // namespace asyncio::detail
