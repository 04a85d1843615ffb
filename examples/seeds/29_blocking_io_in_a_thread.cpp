// A blocking function on a thread, so that the loop can go on.
#include "util.hpp"

#include <thread>

using namespace std::chrono_literals;

int blocking_io(int n) {
  std::this_thread::sleep_for(1s);
  return 42 + n;
}

asyncio::Coro<> async_main() {
  print("task started");
  auto result = co_await asyncio::to_thread(blocking_io, 42);
  print(result);
}

int main() { asyncio::run(async_main()); }
