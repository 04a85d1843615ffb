// expect: no matching
// PROC-043
#include <asyncio/event_loop.hpp>

asyncio::Coro<> f() { co_return; }

void g(asyncio::EventLoop& loop) {
#ifdef RIGHT
  loop.add_signal_handler(15, [&loop] { loop.create_task(f()); });
#else
  loop.add_signal_handler(15, f);
#endif
}
