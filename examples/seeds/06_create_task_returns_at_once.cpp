// create_task() gives a task at once; the coroutine starts when main awaits.
#include "util.hpp"

asyncio::Coro<> async_main() {
  auto sleep_for_three = asyncio::create_task(delay(3));
  print(type(sleep_for_three));
  auto result = co_await sleep_for_three;
  print(result);
}

int main() { asyncio::run(async_main()); }
