// expect: a lambda with captures cannot be sent to another process
#include <asyncio/process_pool.hpp>

void h(asyncio::EventLoop& loop, asyncio::ProcessPoolExecutor& pool) {
#ifdef RIGHT
  (void)loop.run_in_executor(pool, [](int n) { return n; }, 1);
#else
  int n = 1;
  (void)loop.run_in_executor(pool, [n] { return n; });
#endif
}
