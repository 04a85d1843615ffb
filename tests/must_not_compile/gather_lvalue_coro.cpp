// expect: gather(): a coroutine runs once; pass std::move(coro)
#include <asyncio/gather.hpp>

#include <utility>

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<> g() {
  auto coro = f();
#ifdef RIGHT
  co_await asyncio::gather(std::move(coro), f());
#else
  co_await asyncio::gather(coro, f());
#endif
}
