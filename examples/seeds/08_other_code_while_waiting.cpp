// While two tasks sleep, main does other things.
#include "util.hpp"

using namespace std::chrono_literals;

asyncio::Coro<> hello_every_second() {
  for (int i = 0; i < 2; ++i) {
    co_await asyncio::sleep(1s);
    print("I'm running other code while I'm waiting!");
  }
}

asyncio::Coro<> async_main() {
  auto first_delay = asyncio::create_task(delay(3));
  auto second_delay = asyncio::create_task(delay(3));
  co_await hello_every_second();
  co_await first_delay;
  co_await second_delay;
}

int main() { asyncio::run(async_main()); }
