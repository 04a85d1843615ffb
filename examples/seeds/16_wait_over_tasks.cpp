// wait() over two tasks; what is done and what is pending.
#include "util.hpp"

using namespace std::chrono_literals;

asyncio::Coro<std::string> func2() {
  print(1111);
  co_await asyncio::sleep(2s);
  print(2222);
  co_return "test";
}

asyncio::Coro<> async_main() {
  std::vector<asyncio::Task<std::string>> tasks;
  tasks.push_back(asyncio::create_task(func2()));
  tasks.push_back(asyncio::create_task(func2()));

  auto [done, pending] = co_await asyncio::wait(tasks);
  for (const auto& task : done) {
    print(task.repr(), "->", task.result());
  }
  print("pending:", pending.size());
}

int main() { asyncio::run(async_main()); }
