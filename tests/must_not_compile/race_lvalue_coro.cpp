// expect: a coroutine runs once; pass std::move(coro)
// RUN-003
#include <asyncio/race.hpp>

#include <utility>

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<> g() {
  auto coro = f();
#ifdef RIGHT
  co_await asyncio::race(std::move(coro), f());
#else
  co_await asyncio::race(coro, f());
#endif
}
