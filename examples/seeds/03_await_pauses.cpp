// co_await pauses main() until the other coroutine has its result.
#include "util.hpp"

asyncio::Coro<int> add_one(int number) { co_return number + 1; }

asyncio::Coro<> async_main() {
  int one_plus_one = co_await add_one(1);  // pause, and wait for the result of add_one(1)
  int two_plus_one = co_await add_one(2);  // pause, and wait for the result of add_one(2)
  print(one_plus_one);
  print(two_plus_one);
}

int main() { asyncio::run(async_main()); }
