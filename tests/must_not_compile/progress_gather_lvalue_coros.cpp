// expect: gather(): a coroutine runs once; pass std::move(coros)
#include <asyncio/progress.hpp>

#include <utility>
#include <vector>

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<> g() {
  std::vector<asyncio::Coro<int>> coros;
  coros.push_back(f());
#ifdef RIGHT
  co_await asyncio::progress::gather(std::move(coros), {.description = "f"});
#else
  co_await asyncio::progress::gather(coros, {.description = "f"});
#endif
}
