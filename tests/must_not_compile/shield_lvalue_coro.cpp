// expect: shield(): a coroutine runs once; pass std::move(coro)
#include <asyncio/shield.hpp>

#include <utility>

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<int> g() {
  auto coro = f();
#ifdef RIGHT
  co_return co_await asyncio::shield(std::move(coro));
#else
  co_return co_await asyncio::shield(coro);
#endif
}
