// expect: wait(): passing coroutines is forbidden
#include <asyncio/wait.hpp>

#include <utility>
#include <vector>

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<> g() {
#ifdef RIGHT
  std::vector<asyncio::Task<int>> tasks;
#else
  std::vector<asyncio::Coro<int>> tasks;
#endif
  co_await asyncio::wait(std::move(tasks));
}
