#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/future_wait.hpp>
#include <asyncio/detail/type_name.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace asyncio {

class EventLoop;

/// Names one done-callback, for remove_done_callback().
using CallbackId = std::uint64_t;

namespace detail {

struct FutureAccess;

/// Calls `fn` with the future, or with nothing if it takes nothing.
template <class Handle, class F>
class CallbackOf final : public CallbackNode {
 public:
  explicit CallbackOf(F fn) : fn_(std::move(fn)) {}

 private:
  void call(FutureState& future) override {
    if constexpr (std::invocable<F&, Handle>) {
      fn_(Handle(Ref<FutureState>(&future)));
    } else {
      fn_();
    }
  }
  [[nodiscard]] const char* function() const noexcept override { return type_name<F>(); }
  F fn_;
};

template <class F, class... Args>
inline constexpr bool returns_awaitable = false;
template <class F, class... Args>
  requires std::invocable<std::decay_t<F>&, Args...>
inline constexpr bool returns_awaitable<F, Args...> =
    Awaitable<std::invoke_result_t<std::decay_t<F>&, Args...>>;
template <class F, class Handle>
inline constexpr bool makes_awaitable = returns_awaitable<F, Handle> || returns_awaitable<F>;

template <class Handle, class F>
CallbackId add_done_callback(FutureState& state, F&& fn) {
  static_assert(std::invocable<std::decay_t<F>&, Handle> || std::invocable<std::decay_t<F>&>,
                "add_done_callback(): the callable takes the future, or nothing");
  static_assert(!makes_awaitable<F, Handle>,
                "add_done_callback(): the callable must not be a coroutine, which nobody would "
                "await; start it there by asyncio::create_task()");
  return state.add_callback(new CallbackOf<Handle, std::decay_t<F>>(std::forward<F>(fn)));
}

}  // namespace detail

/// A handle to a Future or Task of any type. Copying one copies a reference, as in Python.
///
/// Threads: may be copied and dropped on any thread; everything else belongs to the loop's.
class FutureBase {
 public:
  [[nodiscard]] bool done() const { return state().done(); }
  [[nodiscard]] bool cancelled() const { return state().cancelled(); }
  /// The error that it ended with; a null pointer if it has a value. Counts as retrieved.
  ///
  /// Throws: InvalidStateError while pending; CancelledError if cancelled.
  [[nodiscard]] std::exception_ptr exception() const { return state().exception(); }
  /// A future becomes cancelled at once. A task is only asked: CancelledError is thrown at its
  /// innermost await, one pass of the loop later, and it may clean up first or refuse.
  ///
  /// Returns: false if it was done already.
  bool cancel(std::string_view message = {}) const {
    state().check_thread("cancel()");
    return state().cancel(detail::SharedText::make(message));
  }
  /// Throws: RuntimeError if the loop is gone.
  [[nodiscard]] EventLoop& get_loop() const;

  /// Schedules `fn(future)`, or `fn()`, for when it is done; for the next pass if it is done
  /// already. Never calls it inside this call. Callbacks run in the order in which they were added.
  template <class F>
  CallbackId add_done_callback(F&& fn) const {
    return detail::add_done_callback<FutureBase>(state(), std::forward<F>(fn));
  }
  /// Python: takes the callable, which C++ cannot compare.
  /// Returns: false if it is unknown, was removed or is scheduled already.
  bool remove_done_callback(CallbackId id) const { return state().remove_callback(id); }

  [[nodiscard]] std::string repr() const { return state().repr(); }

  friend bool operator==(const FutureBase& a, const FutureBase& b) noexcept {
    return a.state_.get() == b.state_.get();
  }
  [[nodiscard]] std::size_t hash() const noexcept {
    return reinterpret_cast<std::size_t>(state_.get()) >> 4;
  }

  /// Awaiting it gives nothing, or throws its error.
  detail::LvalueFutureAwaiter<void> operator co_await() const& noexcept {
    return detail::LvalueFutureAwaiter<void>(state_.get());
  }
  detail::RvalueFutureAwaiter<void> operator co_await() && noexcept {
    return detail::RvalueFutureAwaiter<void>(std::move(state_));
  }

  explicit FutureBase(detail::Ref<detail::FutureState> state) noexcept : state_(std::move(state)) {}

 protected:
  friend struct detail::FutureAccess;

  /// Throws: RuntimeError for a handle that was moved from.
  [[nodiscard]] detail::FutureState& state() const {
    if (!state_) detail::FutureWait::throw_uninitialized();
    return *state_;
  }
  detail::Ref<detail::FutureState> state_;
};

namespace detail {

/// The library's own way from a handle to the state.
struct FutureAccess {
  static FutureState& state(const FutureBase& future) { return future.state(); }
  static FutureState* state_or_null(const FutureBase& future) noexcept {
    return future.state_.get();
  }
};

/// The scheduler of a loop, or of the running one. Throws: RuntimeError if there is none or it is
/// closed.
[[nodiscard]] Scheduler& scheduler_of(EventLoop& loop);

}  // namespace detail

/// A value that is not there yet; somebody sets it, many may await it.
///
/// Python: asyncio.Future
template <class T = void>
class Future : public FutureBase {
 public:
  using value_type = T;

  /// On the running loop. Throws: RuntimeError if there is none.
  Future(std::source_location where = std::source_location::current())  // NOLINT(*-explicit-*)
      : Future(detail::running_scheduler("Future()"), where) {}
  explicit Future(EventLoop& loop, std::source_location where = std::source_location::current())
      : Future(detail::scheduler_of(loop), where) {}

  /// Makes it done. Who waits for it runs in the next pass of the loop, never inside this call.
  ///
  /// Throws: InvalidStateError if it is done already; RuntimeError on a Task.
  void set_result(detail::NoneIfVoid<T> value) const
    requires(!std::is_void_v<T>)
  {
    emplace(std::move(value));
  }
  void set_result() const
    requires std::is_void_v<T>
  {
    emplace();
  }
  /// Throws: InvalidStateError if it is done; std::invalid_argument for a null pointer.
  void set_exception(std::exception_ptr error) const {
    detail::FutureState& s = state();
    s.check_pending("set_exception");
    if (error == nullptr)
      detail::throw_invalid_argument(
          "set_exception(): the exception_ptr is null; give what std::make_exception_ptr() or "
          "std::current_exception() returns");
    s.fail(detail::failure_of(std::move(error)));
  }
  template <class E>
    requires(!std::same_as<std::decay_t<E>, std::exception_ptr> &&
             !std::same_as<std::decay_t<E>, std::nullptr_t>)
  void set_exception(E&& error) const {
    set_exception(std::make_exception_ptr(std::forward<E>(error)));
  }

  /// The value. Counts as retrieved.
  ///
  /// Throws: InvalidStateError while pending; CancelledError; the error it ended with.
  /// Lifetime: the reference lives as long as the future.
  std::conditional_t<std::is_void_v<T>, void, const detail::NoneIfVoid<T>&> result() const {
    detail::FutureState& s = state();
    s.throw_unless_value();
    if constexpr (!std::is_void_v<T>) return detail::value_of<T>(s);
  }

  template <class F>
  CallbackId add_done_callback(F&& fn) const {
    return detail::add_done_callback<Future>(state(), std::forward<F>(fn));
  }

  /// Waits until it is done; does not yield to the loop if it is.
  ///
  /// Returns: `const T&` on an lvalue; on an rvalue T, moved out if no other handle of a user
  /// exists, else copied.
  /// Throws: its error; CancelledError if it or the waiting task is cancelled; RuntimeError if it
  /// belongs to another loop.
  /// Cancellation: cancels the future, too. Use shield() where that is not wanted.
  detail::LvalueFutureAwaiter<T> operator co_await() const& noexcept {
    return detail::LvalueFutureAwaiter<T>(state_.get());
  }
  detail::RvalueFutureAwaiter<T> operator co_await() && noexcept {
    return detail::RvalueFutureAwaiter<T>(std::move(state_));
  }

  explicit Future(detail::Ref<detail::FutureState> state) noexcept : FutureBase(std::move(state)) {}

 protected:
  Future(detail::Scheduler& scheduler, std::source_location where)
      : FutureBase(
            detail::Ref<detail::FutureState>(new detail::FutureStateOf<T>(scheduler, where))) {}

 private:
  template <class... Args>
  void emplace(Args&&... args) const {
    detail::FutureState& s = state();
    s.check_pending("set_result");
    using Value = detail::NoneIfVoid<T>;
    ::new (static_cast<void*>(&detail::value_of<T>(s))) Value(std::forward<Args>(args)...);
    s.finish_with_value();
  }
};

namespace detail {

template <class X>
inline constexpr bool is_future = std::is_base_of_v<FutureBase, std::remove_cvref_t<X>>;

}  // namespace detail

/// Python: asyncio.isfuture(x), at compile time
template <class X>
inline constexpr bool isfuture = detail::is_future<X>;

}  // namespace asyncio

template <>
struct std::hash<asyncio::FutureBase> {
  std::size_t operator()(const asyncio::FutureBase& future) const noexcept { return future.hash(); }
};
template <class T>
struct std::hash<asyncio::Future<T>> : std::hash<asyncio::FutureBase> {};
