#pragma once

#include <asyncio/detail/foreign_awaiter.hpp>
#include <asyncio/detail/promise.hpp>

#include <coroutine>
#include <string>
#include <utility>

namespace asyncio {

/// A coroutine that has not run: what an asynchronous function returns. It runs when it is awaited,
/// in place and to its end, or when create_task() makes it a task.
///
///     asyncio::Coro<int> add_one(int n) { co_return n + 1; }
///     int two = co_await add_one(1);
///
/// Python: the coroutine object that an `async def` function returns. It runs once: awaiting an
/// lvalue does not compile, awaiting a moved-from one is a RuntimeError.
/// Lifetime: parameters taken by reference must live until it has ended. Destroyed without having
/// run, it is reported: "coroutine 'NAME' was never awaited".
template <class T = void>
class [[nodiscard("a coroutine does nothing until it is awaited or made a task")]] Coro {
 public:
  using promise_type = detail::CoroPromise<T>;
  using value_type = T;

  Coro(Coro&& other) noexcept : promise_(std::exchange(other.promise_, nullptr)) {}
  Coro& operator=(Coro&& other) noexcept {
    Coro old(std::exchange(promise_, std::exchange(other.promise_, nullptr)));
    return *this;
  }
  ~Coro() {
    if (promise_ == nullptr) return;
    detail::report_never_awaited(*promise_);
    close();
  }

  detail::CoroAwaiter<T> operator co_await() && noexcept {
    return detail::CoroAwaiter<T>(release());
  }

  /// Destroys it without running it and without a report. Python: coroutine.close()
  void close() noexcept {
    if (auto* p = release()) p->handle().destroy();
  }

  /// False once it was awaited, made a task, moved from or closed.
  explicit operator bool() const noexcept { return promise_ != nullptr; }

  [[nodiscard]] std::string repr() const { return detail::repr_coroutine(promise_); }

 private:
  friend promise_type;
  friend detail::CoroPromiseBase<T>;
  friend struct detail::CoroAccess;

  explicit Coro(detail::CoroPromiseBase<T>& promise) noexcept : promise_(&promise) {}
  explicit Coro(detail::CoroPromiseBase<T>* promise) noexcept : promise_(promise) {}
  detail::CoroPromiseBase<T>* release() noexcept { return std::exchange(promise_, nullptr); }

  detail::CoroPromiseBase<T>* promise_;
};

namespace detail {

/// The library's own way to a coroutine's frame.
struct CoroAccess {
  template <class T>
  static CoroPromiseBase<T>* release(Coro<T>& coro) noexcept {
    return coro.release();
  }
};

template <class A>
Coro<std::remove_cvref_t<await_result_t<A>>> await_as_coro(A awaitable) {
  co_return co_await std::move(awaitable);
}

/// Makes an awaitable of ours convertible to the Coro<T> that a signature may ask for.
template <class Derived, class T>
struct ConvertsToCoro {
  operator Coro<T>() && {  // NOLINT(google-explicit-constructor): stands for a Coro<T>
    return await_as_coro<Derived>(std::move(static_cast<Derived&>(*this)));
  }
};

}  // namespace detail

/// Python: asyncio.iscoroutine(x), at compile time
template <class X>
inline constexpr bool iscoroutine = detail::is_coro<std::remove_cvref_t<X>>;

}  // namespace asyncio
