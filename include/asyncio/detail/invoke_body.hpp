#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/type_name.hpp>

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

namespace asyncio::detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

/// What a body gives that is called with an argument or, if it takes none, without.
template <class F, class... Args>
struct BodyCall {
  static_assert(std::invocable<F&, Args...> || std::invocable<F&>,
                "the body takes the value it is given, or nothing");
  static constexpr bool with_args = std::invocable<F&, Args...>;
  static decltype(auto) call(F& body, Args... args) {
    if constexpr (with_args) {
      return body(std::forward<Args>(args)...);
    } else {
      return body();
    }
  }
};

template <class R>
struct AwaitedType {
  using type = R;
};
template <Awaitable R>
struct AwaitedType<R> {
  using type = std::remove_cvref_t<await_result_t<R>>;
};

/// A body may return an awaitable or a plain value.
template <class F, class... Args>
using BodyResult = typename AwaitedType<decltype(BodyCall<F, Args...>::call(
    std::declval<F&>(), std::declval<Args>()...))>::type;

/// Calls it and awaits what it returns, if that is awaitable.
template <class R, class F, class... Args>
Coro<R> call_body(F& body, Args&... args) {
  using Call = BodyCall<F, Args&...>;
  using Returned = decltype(Call::call(body, args...));
  if constexpr (Awaitable<Returned>) {
    co_return co_await Call::call(body, args...);
  } else {
    co_return Call::call(body, args...);
  }
}

/// The coroutine that the body returns; or one that calls it, if it returns something else.
template <class R, class F, class... Args>
Coro<R> body_coroutine(F& body, Args&... args) {
  using Call = BodyCall<F, Args&...>;
  if constexpr (std::is_same_v<decltype(Call::call(body, args...)), Coro<R>>) {
    return Call::call(body, args...);
  } else {
    return call_body<R>(body, args...);
  }
}

}  // namespace asyncio::detail
