#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/failure.hpp>

#include <exception>

namespace asyncio::detail {

template <class T>
Coro<T> failing(std::exception_ptr error) {
  co_await Immediate();  // which makes it a coroutine
  std::rethrow_exception(error);
}

/// The coroutine that `make` makes. What `make` itself throws is thrown by the coroutine, when it
/// is awaited: as_result() and tasks have it then, as with Python's `async def`.
template <class F>
auto when_awaited(F make) -> decltype(make()) {
  try {
    return make();
  } catch (...) {
    return failing<typename decltype(make())::value_type>(std::current_exception());
  }
}

}  // namespace asyncio::detail
