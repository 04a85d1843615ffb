#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/detail/describe_args.hpp>
#include <asyncio/detail/invoke_body.hpp>
#include <asyncio/task.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace asyncio {

namespace detail {

/// Prints "starting WHAT" now and "finished WHAT in N.NN seconds" at end(), by the loop's clock.
class Stopwatch {
 public:
  Stopwatch(std::string what, const std::string& with_args);
  void end() const;

 private:
  std::string what_;
  std::int64_t began_;
};

template <class A>
Coro<std::remove_cvref_t<await_result_t<A>>> timed(A awaitable, std::string what,
                                                   std::string args) {
  const Stopwatch watch(std::move(what), args);
  auto result = co_await as_result(std::move(awaitable));
  watch.end();
  co_return std::move(result).value();
}

[[nodiscard]] std::string what_of_function(std::string_view name, const void* address);

}  // namespace detail

/// Awaits and prints how long it took, on standard output, also if it fails:
///
///     starting <coroutine object delay at 0x55d0c0a2b2c0>
///     finished <coroutine object delay at 0x55d0c0a2b2c0> in 2.00 seconds
template <Awaitable A>
[[nodiscard]] auto async_timed(A&& awaitable) {
  std::string what;
  if constexpr (detail::is_coro<std::remove_cvref_t<A>>) {
    what = awaitable.repr();
  } else if constexpr (detail::is_future<A>) {
    what = awaitable.repr();
  } else {
    what = "<awaitable>";
  }
  return detail::timed<std::decay_t<A>>(std::forward<A>(awaitable), std::move(what), {});
}

/// A function that does that for each of its calls:
///
///     constexpr auto timed_delay = asyncio::async_timed("delay", delay);
///     co_await asyncio::async_timed("delay", delay)(2s);
///
///     starting <function delay at 0x55d0c0a2b2c0> with args: (2s)
///     finished <function delay at 0x55d0c0a2b2c0> in 2.00 seconds
///
/// Python: the decorator of that name that every tutorial writes
/// Lifetime: keeps the function and a copy of the name.
template <class F>
[[nodiscard]] auto async_timed(std::string_view name, F&& fn) {
  ASYNCIO_REFUSE_UNSAFE_CLOSURE(F);
  return [name = std::string(name), fn = std::forward<F>(fn)]<class... Args>(Args&&... args) {
    std::string what = detail::what_of_function(name, detail::address_of(fn));
    std::string with = detail::describe_args(args...);
    auto coro = fn(std::forward<Args>(args)...);
    using A = decltype(coro);
    return detail::timed<A>(std::move(coro), std::move(what), std::move(with));
  };
}

}  // namespace asyncio
