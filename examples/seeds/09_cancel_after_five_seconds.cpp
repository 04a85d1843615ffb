// A task is asked to stop; it does so at its await, one pass of the loop later.
#include "util.hpp"

using namespace std::chrono_literals;

asyncio::Coro<> async_main() {
  auto long_task = asyncio::create_task(delay(10));
  int seconds_elapsed = 0;

  while (!long_task.done()) {
    print("Task not finished, checking again in a second.");
    co_await asyncio::sleep(1s);
    seconds_elapsed = seconds_elapsed + 1;
    if (seconds_elapsed == 5) {
      long_task.cancel();
    }
  }
  try {
    co_await long_task;
  } catch (const asyncio::CancelledError&) {
    print("Our task was cancelled.");
  }
}

int main() { asyncio::run(async_main()); }
