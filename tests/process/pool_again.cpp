// A program with threads that needs workers: it is run again for them. For process_pool_again_test.
#include <asyncio/process_pool.hpp>
#include <asyncio/run.hpp>
#include <asyncio/threads.hpp>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string_view>
#include <thread>

namespace {

int twice(int a) { return 2 * a; }

void print(int number) {
  std::printf("worker %d", number);
  std::cout << " says so\n";
}

asyncio::Coro<> print_in_turns() {
  for (int i = 0; i < 3; ++i) {
    co_await asyncio::to_process(print, i);
    std::printf("parent %d\n", i);
    std::fflush(stdout);
  }
  std::printf("unflushed\n");
  co_await asyncio::to_process(twice, 1);
}

asyncio::Coro<> use_a_pool_beside_threads() {
  const auto on_a_thread = [] { return 1; };
  (void)co_await asyncio::to_thread(on_a_thread);
  try {
    for (int i = 0; i < 3; ++i) std::printf("%d\n", co_await asyncio::to_process(twice, i));
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  const bool again = std::getenv("ASYNCIO_FORK_SERVER") != nullptr;
  std::printf("main\n");
  if (mode == "ends" && again) return 3;
  if (mode == "crashes" && again) std::abort();
  if (mode == "prints") {
    asyncio::run(print_in_turns());
    return 0;
  }
  std::thread early;
  if (mode == "thread") early = std::thread([] { ::usleep(300'000); });
  asyncio::run(use_a_pool_beside_threads());
  if (early.joinable()) early.join();
}
