// A plain function called by the loop in its next iteration.
#include "util.hpp"

void call_later() { print("call later"); }

asyncio::Coro<> async_main() {
  auto& loop = asyncio::get_running_loop();
  loop.call_soon(call_later);
  co_await delay(1);
}

int main() { asyncio::run(async_main()); }
