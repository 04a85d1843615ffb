// A time limit: the task is cancelled when it is over.
#include "util.hpp"

using namespace std::chrono_literals;

asyncio::Coro<> async_main() {
  auto delay_task = asyncio::create_task(delay(2));
  try {
    auto result = co_await asyncio::wait_for(delay_task, 1s);
    print(result);
  } catch (const asyncio::TimeoutError&) {
    print("Got a timeout.");
    print("Was the task cancelled?", delay_task.cancelled() ? "True" : "False");
  }
}

int main() { asyncio::run(async_main()); }
