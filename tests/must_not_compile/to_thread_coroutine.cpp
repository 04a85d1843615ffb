// expect: to_thread(): the function is called on a thread, so it must not be a coroutine
#include <asyncio/threads.hpp>

asyncio::Coro<int> f() { co_return 1; }
int blocking() { return 1; }

asyncio::Coro<int> g() {
#ifdef RIGHT
  co_return co_await asyncio::to_thread(blocking);
#else
  co_return co_await asyncio::to_thread(f);
#endif
}
