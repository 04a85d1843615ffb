#include <asyncio/asyncio.hpp>

#include <chrono>
#include <cstdio>

using namespace std::chrono_literals;

asyncio::Coro<int> answer() {
  co_await asyncio::sleep(1ms);
  co_return 42;
}

asyncio::Coro<> async_main() {
  auto task = asyncio::create_task(answer());
  std::printf("Hello from a task: %d\n", co_await task);
}

int main() { asyncio::run(async_main()); }
