// expect: no matching
#include <asyncio/event_loop.hpp>

asyncio::Coro<int> f() { co_return 1; }

void g(asyncio::EventLoop& loop) {
#ifdef RIGHT
  loop.create_task(f());
#else
  loop.call_soon(f);
#endif
}
