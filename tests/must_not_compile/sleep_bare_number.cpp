// expect: sleep
#include <asyncio/sleep.hpp>

#include <chrono>

asyncio::Coro<> f() {
#ifdef RIGHT
  co_await asyncio::sleep(std::chrono::seconds(1));
#else
  co_await asyncio::sleep(1);
#endif
}
