// expect: the callable must not be a coroutine, which nobody would await
#include <asyncio/task.hpp>

asyncio::Coro<> follow_up() { co_return; }

void f(asyncio::Task<int> task) {
#ifdef RIGHT
  task.add_done_callback([] { asyncio::create_task(follow_up()); });
#else
  task.add_done_callback(follow_up);
#endif
}
