// Two coroutines awaited one after the other take 3 seconds, as tasks 2.
#include "util.hpp"

asyncio::Coro<> say_after(int delay, std::string what) {
  co_await asyncio::sleep(std::chrono::seconds(delay));
  print(what);
}

asyncio::Coro<> sequential() {
  auto start_time = loop_time();

  co_await say_after(1, "hello");
  co_await say_after(2, "world");

  auto end_time = loop_time();
  print("耗时:", fixed(end_time - start_time, 3));
}

asyncio::Coro<> concurrent() {
  auto task1 = asyncio::create_task(say_after(1, "hello"));
  auto task2 = asyncio::create_task(say_after(2, "Python"));
  auto start_time = loop_time();
  co_await task1;
  co_await task2;
  auto end_time = loop_time();
  print("耗时:", fixed(end_time - start_time, 3));
}

int main() {
  asyncio::run(sequential());
  asyncio::run(concurrent());
}
