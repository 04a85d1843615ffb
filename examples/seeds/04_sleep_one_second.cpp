// sleep() is itself awaited; it pauses the coroutine and lets others run.
#include "util.hpp"

using namespace std::chrono_literals;

asyncio::Coro<std::string> hello_world_message() {
  co_await asyncio::sleep(1s);  // pause hello_world_message() for 1 second
  co_return "Hello World!";
}

asyncio::Coro<> async_main() {
  auto start = loop_time();
  auto message = co_await hello_world_message();  // pause main until hello_world_message() is done
  print(message);
  print("after", fixed(loop_time() - start, 2), "second(s)");
}

int main() { asyncio::run(async_main()); }
