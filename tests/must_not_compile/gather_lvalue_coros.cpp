// expect: gather(): a coroutine runs once; pass std::move(coros)
// RUN-003
#include <asyncio/gather.hpp>

#include <utility>
#include <vector>

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<> g() {
  std::vector<asyncio::Coro<int>> coros;
  coros.push_back(f());
#ifdef RIGHT
  co_await asyncio::gather(std::move(coros));
#else
  co_await asyncio::gather(coros);
#endif
}
