// expect: a coroutine runs once; pass std::move(coro)
// RUN-003
#include <asyncio/group_all.hpp>

#include <utility>

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<> g() {
  auto coro = f();
#ifdef RIGHT
  co_await asyncio::group_all(std::move(coro), f());
#else
  co_await asyncio::group_all(coro, f());
#endif
}
