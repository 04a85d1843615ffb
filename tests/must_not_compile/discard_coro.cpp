// expect: a coroutine does nothing until it is awaited or made a task
#include <asyncio/coroutine.hpp>

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<> g() {
#ifdef RIGHT
  co_await f();
#else
  f();
#endif
  co_return;
}
