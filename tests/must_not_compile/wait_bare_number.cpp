// expect: a bare number has no unit: write 1s or 500ms
#include <asyncio/wait.hpp>

#include <chrono>
#include <vector>

using namespace std::chrono_literals;

asyncio::Coro<> f(std::vector<asyncio::Task<int>> tasks) {
#ifdef RIGHT
  co_await asyncio::wait(tasks, {.timeout = 1s});
#else
  co_await asyncio::wait(tasks, {.timeout = 1});
#endif
}
