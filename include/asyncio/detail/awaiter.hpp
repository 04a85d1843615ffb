#pragma once

#include <coroutine>
#include <type_traits>
#include <utility>

namespace asyncio::detail {

/// Marks the awaiters that know tasks: they park, take cancellations and are resumed by the loop.
struct OwnAwaiter {};

/// An awaitable that never suspends and gives nothing.
class [[nodiscard]] Immediate : public OwnAwaiter {
 public:
  [[nodiscard]] static constexpr bool await_ready() noexcept { return true; }
  static constexpr void await_suspend(std::coroutine_handle<>) noexcept {}
  static constexpr void await_resume() noexcept {}
};

template <class A>
concept HasMemberCoAwait = requires(A&& a) { std::forward<A>(a).operator co_await(); };
template <class A>
concept HasFreeCoAwait = requires(A&& a) { operator co_await(std::forward<A>(a)); };
template <class A>
concept IsAwaiter =
    requires(std::remove_reference_t<A>& a, std::coroutine_handle<> h) {
      a.await_ready() ? 0 : 1;
      a.await_resume();
    } &&
    (std::is_base_of_v<OwnAwaiter, std::remove_cvref_t<A>> ||
     requires(std::remove_reference_t<A>& a, std::coroutine_handle<> h) { a.await_suspend(h); });

template <class A>
decltype(auto) get_awaiter(A&& a) {
  if constexpr (HasMemberCoAwait<A>) {
    return std::forward<A>(a).operator co_await();
  } else if constexpr (HasFreeCoAwait<A>) {
    return operator co_await(std::forward<A>(a));
  } else {
    return static_cast<A&&>(a);
  }
}

template <class A>
class ForeignAwaiter;

/// What co_await in one of our coroutines works with: an awaiter of ours as it is, a foreign one
/// behind an adapter.
template <class A>
decltype(auto) awaiter_for(A&& a) {
  using Awaiter = decltype(get_awaiter(std::forward<A>(a)));
  if constexpr (std::is_base_of_v<OwnAwaiter, std::remove_cvref_t<Awaiter>>) {
    return get_awaiter(std::forward<A>(a));
  } else {
    return ForeignAwaiter<Awaiter>(get_awaiter(std::forward<A>(a)));
  }
}

}  // namespace asyncio::detail

namespace asyncio {

/// Anything that co_await takes: Coro, Future, Task, what our functions return, and any type with
/// await_ready, await_suspend and await_resume or an operator co_await.
///
/// Python: collections.abc.Awaitable
template <class A>
concept Awaitable =
    detail::HasMemberCoAwait<A> || detail::HasFreeCoAwait<A> || detail::IsAwaiter<A>;

/// What `co_await a` gives.
template <class A>
using await_result_t = decltype(detail::get_awaiter(std::declval<A>()).await_resume());

}  // namespace asyncio
