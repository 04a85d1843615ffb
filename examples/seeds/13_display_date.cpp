// The date, once a second for five seconds.
#include "util.hpp"

using namespace std::chrono_literals;

asyncio::Coro<> display_date() {
  auto& loop = asyncio::get_running_loop();
  auto end_time = loop.time() + 5s;
  while (true) {
    print(current_time());
    if (loop.time() + 1s >= end_time) {
      break;
    }
    co_await asyncio::sleep(1s);
  }
}

int main() { asyncio::run(display_date()); }
