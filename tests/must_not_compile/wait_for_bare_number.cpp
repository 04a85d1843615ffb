// expect: a bare number has no unit: write 1s or 500ms
#include <asyncio/wait_for.hpp>

#include <chrono>

using namespace std::chrono_literals;

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<int> g() {
#ifdef RIGHT
  co_return co_await asyncio::wait_for(f(), 1s);
#else
  co_return co_await asyncio::wait_for(f(), 1);
#endif
}
