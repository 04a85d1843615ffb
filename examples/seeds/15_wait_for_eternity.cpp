// At most one second for something that takes an hour.
#include "util.hpp"

using namespace std::chrono_literals;

asyncio::Coro<> eternity() {
  // Sleep for one hour
  co_await asyncio::sleep(3600s);
  print("yay!");
}

asyncio::Coro<> async_main() {
  // 最多等待1秒
  try {
    co_await asyncio::wait_for(eternity(), 1s);
  } catch (const asyncio::TimeoutError&) {
    print("timeout!");
  }
}

int main() { asyncio::run(async_main()); }
