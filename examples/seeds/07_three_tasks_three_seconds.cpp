// Three tasks of three seconds take three seconds, not nine. So do ten.
#include "util.hpp"

asyncio::Coro<> three_tasks() {
  auto sleep_for_three = asyncio::create_task(delay(3));
  auto sleep_again = asyncio::create_task(delay(3));
  auto sleep_once_more = asyncio::create_task(delay(3));

  co_await sleep_for_three;
  co_await sleep_again;
  co_await sleep_once_more;
}

asyncio::Coro<> ten_tasks() {
  std::vector<asyncio::Task<int>> tasks;
  for (int i = 0; i < 10; ++i) tasks.push_back(asyncio::create_task(delay(3)));
  for (const auto& task : tasks) co_await task;
}

asyncio::Coro<> async_main() {
  auto start = loop_time();
  co_await three_tasks();
  print("three tasks took", fixed(loop_time() - start, 2), "second(s)");

  start = loop_time();
  co_await ten_tasks();
  print("ten tasks took", fixed(loop_time() - start, 2), "second(s)");
}

int main() { asyncio::run(async_main()); }
