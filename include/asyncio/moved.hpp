#pragma once

#include <type_traits>
#include <utility>

namespace asyncio {

namespace detail {

/// A closure behind a constructor: g++ before 15 destroys a bare one twice inside co_await.
template <class F>
class Moved {
 public:
  explicit Moved(F&& fn) : fn_(std::move(fn)) {}
  Moved(Moved&&) = default;
  Moved(const Moved&) = default;

  template <class... Args>
  decltype(auto) operator()(Args&&... args)
    requires std::is_invocable_v<F&, Args...>
  {
    return fn_(std::forward<Args>(args)...);
  }

 private:
  F fn_;
};

}  // namespace detail

/// Passes a named closure on by move, move-only captures too, in a way that is right on every
/// compiler:
///
///     auto body = [file = std::move(file)](asyncio::TaskGroup& group) -> asyncio::Coro<> {...};
///     co_await asyncio::with(asyncio::TaskGroup(), asyncio::moved(body));
template <class F>
[[nodiscard]] detail::Moved<F> moved(F& named) {
  return detail::Moved<F>(std::move(named));
}

}  // namespace asyncio
