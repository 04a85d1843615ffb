// A shielded task is not cancelled by the time limit. C++ has no co_await in a handler, so the
// handler notes what happened and the await follows it.
#include "util.hpp"

using namespace std::chrono_literals;

asyncio::Coro<> async_main() {
  auto task = asyncio::create_task(delay(10));

  bool late = false;
  try {
    auto result = co_await asyncio::wait_for(asyncio::shield(task), 5s);  // wrap task with shield
    print(result);
  } catch (const asyncio::TimeoutError&) {
    print("Task took longer than 5 seconds, it will finish soon!");
    late = true;
  }
  if (late) {
    auto result = co_await task;
    print(result);
  }
}

int main() { asyncio::run(async_main()); }
