// expect: must not be a coroutine
#include <asyncio/process_pool.hpp>

asyncio::Coro<int> f() { co_return 1; }
int g() { return 1; }

auto h() {
#ifdef RIGHT
  return asyncio::to_process(g);
#else
  return asyncio::to_process(f);
#endif
}
