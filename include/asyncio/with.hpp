#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/detail/invoke_body.hpp>

#include <concepts>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace asyncio {

/// What with() enters and leaves: `aenter()` returns an awaitable whose value goes to the body
/// (void: the manager itself does, by reference); `aexit(std::exception_ptr)` returns an awaitable
/// of void or bool, and true swallows the exception.
///
/// Python: an object with __aenter__ and __aexit__
template <class M>
concept AsyncContextManager = requires(std::remove_reference_t<M>& m, std::exception_ptr e) {
  { m.aenter() } -> Awaitable;
  { m.aexit(e) } -> Awaitable;
};

namespace detail {

[[noreturn]] void throw_swallowed_with_value(const char* manager);

template <class M>
using EnteredBy = await_result_t<decltype(std::declval<M&>().aenter())>;
template <class M>
using EnteredArgument =
    std::conditional_t<std::is_void_v<EnteredBy<M>>, M&,
                       std::add_lvalue_reference_t<std::remove_reference_t<EnteredBy<M>>>>;

template <class M, class F>
using WithResult = BodyResult<F, EnteredArgument<std::remove_reference_t<M>>>;

// M is a reference for an lvalue: then the manager is the caller's, else it lives in this frame.
template <class M, class F>
Coro<WithResult<M, F>> with_manager(M manager, F body) {
  using Manager = std::remove_reference_t<M>;
  using R = WithResult<M, F>;

  std::optional<Result<R>> result;
  if constexpr (std::is_void_v<EnteredBy<Manager>>) {
    co_await manager.aenter();
    try {
      result.emplace(co_await as_result(body_coroutine<R>(body, manager)));
    } catch (...) {
      result.emplace(current_failure());  // no memory for the body: it is left all the same
    }
  } else {
    auto&& entered = co_await manager.aenter();
    try {
      result.emplace(co_await as_result(body_coroutine<R>(body, entered)));
    } catch (...) {
      result.emplace(current_failure());
    }
  }

  if (result->has_value()) {
    co_await manager.aexit(std::exception_ptr());
    co_return std::move(*result).value();
  }
  const Failure failure = failure_of(*result);
  const std::exception_ptr error = result->error();
  bool swallowed = false;
  if constexpr (std::is_void_v<await_result_t<decltype(manager.aexit(error))>>) {
    auto left = co_await as_result(manager.aexit(error));
    if (!left) raise_after(failure_of(left), failure);
  } else {
    auto left = co_await as_result(manager.aexit(error));
    if (!left) raise_after(failure_of(left), failure);
    swallowed = left.value();
  }
  if (!swallowed) raise(failure);
  if constexpr (std::is_void_v<R>) {
    co_return;
  } else if constexpr (is_optional<R>) {
    co_return R();
  } else {
    throw_swallowed_with_value(type_name<Manager>());
  }
}

}  // namespace detail

/// Enters `manager`, runs `body(entered)` and leaves the manager, whatever way the body ends.
///
///     co_await asyncio::with(asyncio::timeout(1s), [&](asyncio::Timeout& t) -> asyncio::Coro<> {
///       co_await work();
///     });
///
/// Python: `async with manager as entered: body`
/// Returns: what the body returns. The body takes the entered value or nothing, and may be a plain
/// function.
/// Throws: what the body throws, unless aexit() swallows it or throws something else; RuntimeError
/// if it was swallowed and the body returns a value that is not an optional.
/// Cancellation: reaches the body as CancelledError; aexit() is awaited all the same, once.
/// Lifetime: an rvalue manager and the body are kept; an lvalue manager is referred to.
template <AsyncContextManager M, class F>
[[nodiscard]] auto with(M&& manager, F&& body) {
  ASYNCIO_REFUSE_UNSAFE_CLOSURE(F);
  using Manager = std::conditional_t<std::is_lvalue_reference_v<M>, M, std::remove_cvref_t<M>>;
  return detail::with_manager<Manager, std::decay_t<F>>(std::forward<M>(manager),
                                                        std::forward<F>(body));
}

}  // namespace asyncio
