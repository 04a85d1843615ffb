// DBG-008
// expect: must not be a coroutine
#include <asyncio/event_loop.hpp>
#include <asyncio/executor.hpp>

asyncio::Coro<int> f() { co_return 1; }
int g() { return 1; }

void h(asyncio::EventLoop& loop) {
#ifdef RIGHT
  (void)loop.run_in_executor(nullptr, g);
#else
  (void)loop.run_in_executor(nullptr, f);
#endif
}
