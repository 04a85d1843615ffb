// A shielded task is not cancelled by the time limit. C++ has no co_await in a handler, so what
// came of the await is taken as a result and looked at.
#include "util.hpp"

using namespace std::chrono_literals;

asyncio::Coro<> async_main() {
  auto task = asyncio::create_task(delay(10));

  auto limited = asyncio::wait_for(asyncio::shield(task), 5s);  // wrap the task with shield
  if (auto result = co_await asyncio::as_result(std::move(limited))) {
    print(result.value());
  } else {
    print("Task took longer than 5 seconds, it will finish soon!");
    print(co_await task);
  }
}

int main() { asyncio::run(async_main()); }
