// expect: wait_for(): a coroutine runs once; pass std::move(coro)
// RUN-003
#include <asyncio/wait_for.hpp>

#include <chrono>
#include <utility>

using namespace std::chrono_literals;

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<int> g() {
  auto coro = f();
#ifdef RIGHT
  co_return co_await asyncio::wait_for(std::move(coro), 1s);
#else
  co_return co_await asyncio::wait_for(coro, 1s);
#endif
}
