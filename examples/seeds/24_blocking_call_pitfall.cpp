// Three blocking calls of a second take three seconds as tasks, since the loop has one thread; by
// to_thread() one second.
#include "util.hpp"

#include <thread>

using namespace std::chrono_literals;

int get_blocking() {
  std::this_thread::sleep_for(1s);  // stands for a library's blocking request
  return 200;
}

asyncio::Coro<int> get_status() { co_return get_blocking(); }

asyncio::Coro<int> get_status_on_a_thread() { co_return co_await asyncio::to_thread(get_blocking); }

const auto get_example_status = asyncio::async_timed("get_example_status", get_status);

asyncio::Coro<> blocking_main() {
  auto task1 = asyncio::create_task(get_example_status());
  auto task2 = asyncio::create_task(get_example_status());
  auto task3 = asyncio::create_task(get_example_status());
  co_await task1;
  co_await task2;
  co_await task3;
}

asyncio::Coro<> threaded_main() {
  auto [a, b, c] = co_await asyncio::gather(get_status_on_a_thread(), get_status_on_a_thread(),
                                            get_status_on_a_thread());
  print(a, b, c);
}

asyncio::Coro<> async_main() {
  co_await asyncio::async_timed("main", blocking_main)();
  co_await asyncio::async_timed("threaded_main", threaded_main)();
}

int main() { asyncio::run(async_main()); }
