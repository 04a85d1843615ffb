// expect: as_result(): a coroutine runs once; pass std::move(coro)
// RUN-003
#include <asyncio/as_result.hpp>

#include <utility>

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<bool> g() {
  auto coro = f();
#ifdef RIGHT
  auto result = co_await asyncio::as_result(std::move(coro));
#else
  auto result = co_await asyncio::as_result(coro);
#endif
  co_return result.cancelled();
}
