// expect: a coroutine runs once: write co_await std::move(coro)
#include <asyncio/coroutine.hpp>

#include <utility>

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<int> g() {
  auto coro = f();
#ifdef RIGHT
  co_return co_await std::move(coro);
#else
  co_return co_await coro;
#endif
}
