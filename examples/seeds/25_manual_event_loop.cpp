// A loop of one's own, without run().
#include "util.hpp"

using namespace std::chrono_literals;

asyncio::Coro<> async_main() {
  co_await asyncio::sleep(1s);
  print("slept on a loop made by hand");
}

int main() {
  auto loop = asyncio::new_event_loop();
  try {
    loop->run_until_complete(async_main());
  } catch (...) {
    loop->close();
    throw;
  }
  loop->close();
  print(loop->repr());
}
