#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/task.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/wait.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

namespace detail {

/// Cancels a future and waits for its end, whatever that is. Throws: CancelledError if the waiting
/// task is cancelled itself.
[[nodiscard]] Coro<> cancel_and_wait(FutureBase future);

template <class A>
Coro<std::remove_cvref_t<await_result_t<A>>> wait_for_value(A awaitable,
                                                            std::optional<Duration> limit) {
  using T = std::remove_cvref_t<await_result_t<A>>;
  if (!limit) {
    co_return co_await std::move(awaitable);
  } else if (*limit <= Duration()) {
    // No time at all: a result that is there already is taken, anything else is cancelled. A
    // coroutine never starts.
    auto future = ensure_future(std::move(awaitable));
    const bool late = !future.done();
    if (late) co_await cancel_and_wait(future);
    Result<T> result = co_await as_result(std::move(future));
    if (late && result.cancelled()) raise(timeout_from(failure_of(result)));
    co_return std::move(result).value();
  } else {
    Timeout scope = timeout(limit);
    co_await scope.aenter();
    Result<T> result = co_await as_result(std::move(awaitable));
    co_await scope.aexit(result.error());
    co_return std::move(result).value();
  }
}

}  // namespace detail

/// Awaits with a time limit; nullopt is none. A coroutine runs in the calling task.
///
///     auto page = co_await asyncio::wait_for(fetch(url), 5s);
///
/// Python: asyncio.wait_for
/// Throws: TimeoutError, once what was awaited has really ended: it is cancelled and may clean up
/// first. Its own error, if that raises one then; its value, if it ends with one all the same.
/// Cancellation: cancels what is awaited. It wins over a result and over the limit that come in the
/// same pass; the result stays in the future.
template <detail::AwaitableOrCoro A>
[[nodiscard]] auto wait_for(A&& awaitable, std::optional<Duration> limit) {
  static_assert(!(detail::is_coro<std::remove_cvref_t<A>> && std::is_lvalue_reference_v<A>),
                "wait_for(): a coroutine runs once; pass std::move(coro)");
  if constexpr (detail::is_future<A> && std::is_lvalue_reference_v<A>) {
    using T = std::remove_cvref_t<await_result_t<A>>;
    static_assert(detail::copyable<T>,
                  "wait_for(): the handle keeps its value, so T is copied; pass std::move(task)");
  }
  return detail::wait_for_value<std::decay_t<A>>(std::forward<A>(awaitable), limit);
}

}  // namespace asyncio
