// expect: a bare number has no unit: write 1s or 500ms
#include <asyncio/sleep.hpp>

#include <chrono>

asyncio::Coro<> f() {
#ifdef RIGHT
  co_await asyncio::sleep(std::chrono::seconds(1));
#else
  co_await asyncio::sleep(1);
#endif
}
