#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/detail/invoke_body.hpp>
#include <asyncio/detail/unstarted.hpp>
#include <asyncio/shield.hpp>
#include <asyncio/task.hpp>

#include <coroutine>
#include <optional>
#include <type_traits>
#include <utility>

namespace asyncio {

/// For finally(): the cleanup is not to be cancelled.
struct Shielded {};
inline constexpr Shielded shielded{};

namespace detail {

template <class A, class F>
Coro<std::remove_cvref_t<await_result_t<A>>> finally_after(A awaitable, F cleanup) {
  // Made first: the cleanup must not fail for want of memory.
  Unstarted cleaning(call_body<BodyResult<F>>(cleanup));
  auto result = co_await as_result(std::move(awaitable));
  auto cleaned = co_await as_result(cleaning.take());
  if (!cleaned) raise_after(failure_of(cleaned), failure_of(result));
  co_return std::move(result).value();
}

/// Waits for the end of a task without cancelling it; allocates nothing.
class EndOf : public OwnAwaiter, public Waiter {
 public:
  explicit EndOf(FutureState& state) noexcept : Waiter(ops), state_(&state) {}
  EndOf(EndOf&& other) noexcept : Waiter(other), state_(other.state_) {}

  [[nodiscard]] bool await_ready() const noexcept { return state_->done(); }
  void await_suspend(std::coroutine_handle<>) noexcept;
  void await_resume() { running_task()->throw_delivery_if_any(); }
  [[nodiscard]] Result<void> await_result();

 private:
  static const Ops ops;
  static const WaitRoute to_state;
  FutureState* state_;
  WaitNode node_;
};

/// As call_body(), but without a frame of its own between a task and the cleanup.
template <class F>
Coro<> call_and_drop(F& cleanup) {
  if constexpr (Awaitable<decltype(cleanup())>) {
    (void)co_await cleanup();
  } else {
    (void)cleanup();
  }
}

/// A task for a cleanup; nothing if there is no memory for it.
[[nodiscard]] std::optional<Task<>> start_cleanup(Coro<> cleanup);

template <class A, class F>
Coro<std::remove_cvref_t<await_result_t<A>>> finally_shielded(A awaitable, F cleanup) {
  // Made first: the cleanup must not fail for want of memory. The second one is for when there is
  // none for a task.
  Unstarted shielded(call_and_drop(cleanup));
  Unstarted in_place(call_and_drop(cleanup));
  auto result = co_await as_result(std::move(awaitable));
  Failure cancelled;
  Result<void> cleaned = None{};
  if (const std::optional<Task<>> task = start_cleanup(shielded.take())) {
    FutureState& state = FutureAccess::state(*task);
    while (!state.done()) {
      auto waited = co_await as_result(EndOf(state));
      if (!waited && !cancelled) cancelled = failure_of(waited);
    }
    cleaned = co_await as_result(*task);
  } else {
    cleaned = co_await as_result(in_place.take());
  }
  if (!cleaned) raise_after(failure_of(cleaned), failure_of(result));
  if (cancelled) raise_after(cancelled, failure_of(result));
  co_return std::move(result).value();
}

}  // namespace detail

/// Awaits, then awaits `cleanup()`, whether there was a value, an error or a cancellation; then
/// gives or throws what there was.
///
///     co_await asyncio::finally(work(), [&]() -> asyncio::Coro<> { co_await close(); });
///
/// Python: `try: ... finally: await cleanup()`
/// Throws: what `cleanup` throws, instead.
/// Cancellation: a further cancel() reaches the cleanup. With `asyncio::shielded` it is held back
/// until the cleanup has ended, which then runs in a task of its own.
template <Awaitable A, class F>
[[nodiscard]] auto finally(A&& awaitable, F&& cleanup) {
  ASYNCIO_REFUSE_UNSAFE_CLOSURE(F);
  return detail::finally_after<std::decay_t<A>, std::decay_t<F>>(std::forward<A>(awaitable),
                                                                 std::forward<F>(cleanup));
}
template <Awaitable A, class F>
[[nodiscard]] auto finally(A&& awaitable, Shielded, F&& cleanup) {
  ASYNCIO_REFUSE_UNSAFE_CLOSURE(F);
  return detail::finally_shielded<std::decay_t<A>, std::decay_t<F>>(std::forward<A>(awaitable),
                                                                    std::forward<F>(cleanup));
}

}  // namespace asyncio
