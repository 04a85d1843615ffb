// expect: co_await needs an awaitable
#include <asyncio/coroutine.hpp>

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<> g() {
#ifdef RIGHT
  co_await f();
#else
  co_await f;
#endif
}
