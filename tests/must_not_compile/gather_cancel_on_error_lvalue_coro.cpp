// expect: gather(): a coroutine runs once; pass std::move(coro)
// RUN-003
#include <asyncio/gather.hpp>

#include <utility>

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<> g() {
  auto coro = f();
#ifdef RIGHT
  co_await asyncio::gather(asyncio::cancel_on_error, std::move(coro));
#else
  co_await asyncio::gather(asyncio::cancel_on_error, coro);
#endif
}
