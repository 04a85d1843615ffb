// Three blocking jobs of 5 seconds on three threads: 6 seconds in all.
#include "util.hpp"

#include <thread>

using namespace std::chrono_literals;

void hard_work() {
  print("thread id: " + std::to_string(pthread_self()));
  std::this_thread::sleep_for(5s);
}

asyncio::Coro<> do_async_job() {
  co_await asyncio::to_thread(hard_work);
  co_await asyncio::sleep(1s);
  print("job done!");
}

asyncio::Coro<> async_main() {
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < 3; ++i) {
    tasks.push_back(asyncio::create_task(do_async_job()));
  }

  co_await asyncio::wait(tasks);
}

int main() {
  auto start = std::chrono::steady_clock::now();
  asyncio::run(async_main());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  print("用时(秒):", fixed(took.count(), 3));
}
