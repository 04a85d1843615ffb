// expect: a coroutine runs once; pass std::move(coro
// RUN-003
#include <asyncio/race.hpp>

#include <utility>
#include <vector>

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<> g() {
  std::vector<asyncio::Coro<int>> coros;
  coros.push_back(f());
#ifdef RIGHT
  co_await asyncio::race(std::move(coros));
#else
  co_await asyncio::race(coros);
#endif
}
