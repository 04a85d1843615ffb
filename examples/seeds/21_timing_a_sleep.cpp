// How long a sleep takes, measured by hand.
#include "util.hpp"

using namespace std::chrono_literals;

asyncio::Coro<> async_main() {
  auto start = loop_time();
  co_await asyncio::sleep(1s);
  auto end = loop_time();
  print("Sleeping took", fixed(end - start, 3), "seconds");
}

int main() { asyncio::run(async_main()); }
