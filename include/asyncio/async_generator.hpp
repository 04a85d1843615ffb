#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/coroutine.hpp>
#include <asyncio/detail/generator.hpp>
#include <asyncio/detail/invoke_body.hpp>

#include <coroutine>
#include <exception>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

namespace asyncio {

template <class T>
class AsyncGenerator;

namespace detail {

/// What next() and athrow() return: await it once.
template <class T>
class [[nodiscard]] GeneratorNext : public GeneratorStep,
                                    public ConvertsToCoro<GeneratorNext<T>, std::optional<T>> {
 public:
  explicit GeneratorNext(GeneratorHandle& generator) noexcept
      : GeneratorStep(generator, "next()", Action::next) {}
  GeneratorNext(GeneratorHandle& generator, std::exception_ptr raised) noexcept
      : GeneratorStep(generator, "athrow()", Action::raise, std::move(raised)) {}

  std::optional<T> await_resume() {
    finish();
    return std::move(value);
  }

  std::optional<T> value;
};

template <class T>
struct GeneratorPromise : GeneratorPromiseBase {
  AsyncGenerator<T> get_return_object(
      std::source_location where = std::source_location::current()) noexcept {
    function = where;
    return AsyncGenerator<T>(*this);
  }
  template <class U = T>
    requires std::is_constructible_v<T, U&&>
  Pause yield_value(U&& item, std::source_location where = std::source_location::current()) {
    if (wants_value()) static_cast<GeneratorNext<T>&>(step()).value.emplace(std::forward<U>(item));
    return paused_at(where);
  }
};

/// For as long as next() gives something.
template <class S, class F>
Coro<> for_each_item(S& source, F& fn) {
  for (;;) {
    auto item = co_await source.next();
    if (!item) co_return;
    if constexpr (Awaitable<std::invoke_result_t<F&, decltype(*std::move(item))>>) {
      co_await fn(*std::move(item));
    } else {
      fn(*std::move(item));
    }
  }
}

// S is a reference for an lvalue: then the source is the caller's, and stays as it is when `fn`
// throws; else it lives in this frame and is closed.
template <class S, class F>
Coro<> for_each_of(S source, F fn) {
  using Source = std::remove_reference_t<S>;
  if constexpr (std::is_reference_v<S> || !requires(Source& s) { s.aclose(); }) {
    co_await for_each_item(source, fn);
  } else {
    Failure failure;
    try {
      co_await for_each_item(source, fn);
    } catch (...) {
      failure = current_failure();
    }
    if (!failure) co_return;
    auto closed = co_await as_result(source.aclose());
    if (!closed) raise_after(failure_of(closed), failure);
    raise(std::move(failure));
  }
}

}  // namespace detail

/// A coroutine that gives values one after the other, by co_yield, and may await in between. What
/// it returns, when it is called, runs only as far as it is asked to.
///
///     asyncio::AsyncGenerator<int> ticks(asyncio::Duration period) {
///       for (int n = 0;; ++n) {
///         co_await asyncio::sleep(period);
///         co_yield n;
///       }
///     }
///     auto every_second = ticks(1s);
///     while (auto n = co_await every_second.next()) std::cout << *n << '\n';
///
/// Python: an asynchronous generator; `async for` is that loop, or for_each().
/// Cancellation: of the task that waits for next() reaches the generator where it awaits.
/// Lifetime: movable; must live until a next() that waits is over. Destroyed between two items its
/// frame goes at once, destructors and all; Python closes it in a task of its own, which would find
/// references that dangle. Code that must await before it ends needs aclose(). What is still there
/// when the loop ends is closed by run().
/// Threads: the loop's.
template <class T>
class [[nodiscard("a generator does nothing until it is iterated")]] AsyncGenerator
    : public detail::GeneratorHandle {
  static_assert(!std::is_reference_v<T> && !std::is_void_v<T>,
                "AsyncGenerator<T>: T is a type of values; yield a pointer instead of a reference");

 public:
  using promise_type = detail::GeneratorPromise<T>;
  using value_type = T;

  /// Runs it to its next co_yield.
  ///
  /// Python: anext(generator)
  /// Returns: what it yields; nothing once it has ended or was closed.
  /// Throws: what the generator throws, once; RuntimeError while another task is in it.
  [[nodiscard]] detail::GeneratorNext<T> next() noexcept { return detail::GeneratorNext<T>(*this); }

  /// Throws `error` at the co_yield where it stands, and runs it to its next one.
  ///
  /// Python: generator.athrow(error)
  /// Returns, throws: as next().
  template <class E>
  [[nodiscard]] detail::GeneratorNext<T> athrow(E&& error) {
    if constexpr (std::is_same_v<std::decay_t<E>, std::exception_ptr>) {
      return detail::GeneratorNext<T>(*this, std::forward<E>(error));
    } else {
      return detail::GeneratorNext<T>(*this, std::make_exception_ptr(std::forward<E>(error)));
    }
  }

  /// Throws GeneratorExit at the co_yield where it stands, and waits until it has ended. Does
  /// nothing if it has ended, or has not begun.
  ///
  /// Python: generator.aclose()
  /// Throws: what its cleanup throws; RuntimeError if it yields again, or another task is in it.
  [[nodiscard]] detail::CloseGenerator aclose() noexcept { return detail::CloseGenerator(*this); }

 private:
  friend promise_type;
  using GeneratorHandle::GeneratorHandle;
};

/// Calls `fn(item)` for each item of `source`, whose next() gives an optional: an AsyncGenerator, a
/// Channel. Awaits what `fn` returns, if that is awaitable.
///
/// Python: `async for item in source: ...`
/// Throws: what `source` or `fn` throws. A generator that was passed by move is closed before, and
/// if that fails, its error is thrown instead; an lvalue is left where it stands.
/// Lifetime: an lvalue source is referred to; the callable is kept.
template <class S, class F>
[[nodiscard]] Coro<> for_each(S&& source, F&& fn) {
  ASYNCIO_REFUSE_UNSAFE_CLOSURE(F);
  using Source = std::conditional_t<std::is_lvalue_reference_v<S>, S, std::remove_cvref_t<S>>;
  return detail::for_each_of<Source, std::decay_t<F>>(std::forward<S>(source), std::forward<F>(fn));
}

}  // namespace asyncio
