// The three switches of debug mode:
//
//   asyncio::run(async_main(), {.debug = true})
//   ./27_debug_mode -X dev
//   ASYNCIODEBUG=1 ./27_debug_mode
//
// and what it is good for: it tells who blocks the loop.
#include "util.hpp"

asyncio::Coro<> async_main() {
  print("debug mode:", asyncio::get_running_loop().get_debug() ? "True" : "False");
  co_return;
}

asyncio::Coro<> cpu_bound_work() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(150);
  while (std::chrono::steady_clock::now() < end) {
  }
  co_return;
}

asyncio::Coro<> block_the_loop() {
  auto task = asyncio::create_task(cpu_bound_work(), {.name = "cpu-bound"});
  co_await task;
}

int main(int argc, char** argv) {
  asyncio::run(async_main(), {.debug = true});
  asyncio::run(async_main());
  setenv("ASYNCIODEBUG", "1", 1);
  asyncio::run(async_main());
  unsetenv("ASYNCIODEBUG");

  asyncio::run(block_the_loop(), {.debug = true});

  std::vector<char*> with_switch(argv, argv + argc);
  char x[] = "-X";
  char dev[] = "dev";
  with_switch.push_back(x);
  with_switch.push_back(dev);
  return asyncio::run_main(static_cast<int>(with_switch.size()), with_switch.data(), async_main);
}
