#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/unique_function.hpp>
#include <asyncio/http_reply.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace asyncio::http {
class Request;
}

namespace asyncio::http::detail {

/// A handler of a route, in one of its three shapes.
struct Handler {
  asyncio::detail::UniqueFunction<Reply(Request&)> plain;
  asyncio::detail::UniqueFunction<Coro<Reply>(Request&)> awaited;
  asyncio::detail::UniqueFunction<Coro<>(Request&)> streaming;
};

template <class F>
using AnswerOf = std::invoke_result_t<std::decay_t<F>&, Request&>;

template <class F>
concept HandlesRequests =
    std::invocable<std::decay_t<F>&, Request&> &&
    (std::same_as<AnswerOf<F>, Coro<Reply>> || std::same_as<AnswerOf<F>, Coro<>> ||
     std::convertible_to<AnswerOf<F>, Reply>);

template <HandlesRequests F>
Handler handler_of(F&& function) {
  Handler handler;
  if constexpr (std::same_as<AnswerOf<F>, Coro<Reply>>) {
    handler.awaited = decltype(handler.awaited)(std::forward<F>(function));
  } else if constexpr (std::same_as<AnswerOf<F>, Coro<>>) {
    handler.streaming = decltype(handler.streaming)(std::forward<F>(function));
  } else {
    handler.plain = decltype(handler.plain)(std::forward<F>(function));
  }
  return handler;
}

}  // namespace asyncio::http::detail
