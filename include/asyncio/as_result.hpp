#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/future.hpp>
#include <asyncio/result.hpp>

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

namespace asyncio {

namespace detail {

template <class Awaiter>
using ValueOfAwaiter = std::remove_cvref_t<decltype(std::declval<Awaiter&>().await_resume())>;

/// An awaiter that gives a Result. Where the one inside can, nothing is thrown on the way.
template <class Awaiter>
class ResultAwaiter : public Awaiter {
 public:
  using T = ValueOfAwaiter<Awaiter>;

  explicit ResultAwaiter(Awaiter&& awaiter) noexcept(std::is_nothrow_move_constructible_v<Awaiter>)
      : Awaiter(std::move(awaiter)) {}

  bool await_ready() noexcept {
    try {
      return Awaiter::await_ready();
    } catch (...) {
      refused_ = std::current_exception();
      return true;
    }
  }
  template <class P>
  bool await_suspend(std::coroutine_handle<P> task) noexcept {
    try {
      if constexpr (std::is_void_v<decltype(Awaiter::await_suspend(task))>) {
        Awaiter::await_suspend(task);
        return true;
      } else {
        return Awaiter::await_suspend(task);
      }
    } catch (...) {
      refused_ = std::current_exception();
      return false;
    }
  }
  Result<T> await_resume() {
    if (refused_ != nullptr) return Result<T>(std::move(refused_));
    try {
      if constexpr (requires(Awaiter& a) { a.await_result(); }) {
        return Awaiter::await_result();
      } else if constexpr (std::is_void_v<T>) {
        Awaiter::await_resume();
        return Result<T>(None{});
      } else {
        return Result<T>(Awaiter::await_resume());
      }
    } catch (...) {
      return Result<T>(std::current_exception());
    }
  }

 private:
  std::exception_ptr refused_;  // the await itself: what is awaited is not at fault
};

template <class A>
class [[nodiscard]] AsResult
    : public ConvertsToCoro<AsResult<A>, Result<std::remove_cvref_t<await_result_t<A>>>> {
 public:
  explicit AsResult(A&& awaitable) : awaitable_(std::move(awaitable)) {}
  auto operator co_await() && {
    using Awaiter = std::remove_cvref_t<decltype(awaiter_for(std::move(awaitable_)))>;
    return ResultAwaiter<Awaiter>(awaiter_for(std::move(awaitable_)));
  }

 private:
  A awaitable_;
};

}  // namespace detail

/// Awaits and gives what came of it: value, error or cancellation. Never throws.
///
///     auto r = co_await asyncio::as_result(fetch(url));
///     if (!r) co_await cleanup();
///
/// Python: `try: ... except E: await cleanup()`, which C++ cannot write: no co_await in a handler
/// Cancellation: a cancellation of the waiting task is given as a Result, too; rethrow it or leave.
/// Cost: no frame; nothing is thrown if what is awaited is a Coro, Future or Task.
template <detail::AwaitableOrCoro A>
auto as_result(A&& awaitable) {
  static_assert(!(detail::is_coro<std::remove_cvref_t<A>> && std::is_lvalue_reference_v<A>),
                "as_result(): a coroutine runs once; pass std::move(coro)");
  if constexpr (detail::is_future<A> && std::is_lvalue_reference_v<A>) {
    using T = std::remove_cvref_t<await_result_t<A>>;
    static_assert(detail::copyable<T>,
                  "as_result(): the handle keeps its value, so T is copied; pass std::move(task)");
  }
  return detail::AsResult<std::decay_t<A>>(std::decay_t<A>(std::forward<A>(awaitable)));
}

}  // namespace asyncio
