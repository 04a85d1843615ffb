// Two awaits, one after the other: add_one() does not run while hello_world_message() sleeps.
#include "util.hpp"

asyncio::Coro<int> add_one(int number) { co_return number + 1; }

asyncio::Coro<std::string> hello_world_message() {
  co_await delay(1);
  co_return "Hello World!";
}

asyncio::Coro<> async_main() {
  auto message = co_await hello_world_message();  // 1: pause main until it returns
  auto one_plus_one = co_await add_one(1);        // 2: pause main until it returns
  print(one_plus_one);
  print(message);
}

int main() { asyncio::run(async_main()); }
