// The timing decorator: two tasks of 2 and 3 seconds, 3 seconds in all.
#include "util.hpp"

asyncio::Coro<int> sleepy(int delay_seconds) {
  print("sleeping for", delay_seconds, "seconds");
  co_await asyncio::sleep(std::chrono::seconds(delay_seconds));
  print("finished sleeping for", delay_seconds, "seconds");
  co_return delay_seconds;
}

const auto delay_timed = asyncio::async_timed("delay", sleepy);

asyncio::Coro<> two_tasks() {
  auto task1 = asyncio::create_task(delay_timed(2));
  auto task2 = asyncio::create_task(delay_timed(3));
  co_await task1;
  co_await task2;
}

const auto async_main = asyncio::async_timed("main", two_tasks);

int main() { asyncio::run(async_main()); }
