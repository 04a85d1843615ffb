// Five jobs of 0 to 4 seconds, collected by wait() and by gather().
#include "util.hpp"

asyncio::Coro<std::string> func(int sleep_time) {
  auto name = "func-" + std::to_string(sleep_time);
  print("[" + current_time() + "] 执行异步函数", name);
  co_await asyncio::sleep(std::chrono::seconds(sleep_time));
  print("[" + current_time() + "] 函数", name, "执行完毕");
  co_return "【[" + current_time() + "] 得到函数 " + name + " 执行结果】";
}

std::vector<asyncio::Task<std::string>> start_five() {
  std::vector<asyncio::Task<std::string>> task_list;
  for (int i = 0; i < 5; ++i) {
    auto task = asyncio::create_task(func(i));
    task_list.push_back(task);
  }
  return task_list;
}

asyncio::Coro<> run_with_wait() {
  auto task_list = start_five();
  // wait() gives two lists: done and pending
  auto [done, pending] = co_await asyncio::wait(task_list);
  for (const auto& result : done) {
    print("[" + current_time() + "] 得到执行结果", result.result());
  }
}

asyncio::Coro<> run_with_gather() {
  auto task_list = start_five();
  // gather() gives the results of all that are done
  auto results = co_await asyncio::gather(task_list);
  for (const auto& result : results) {
    print("[" + current_time() + "] 得到执行结果", result);
  }
}

int main() {
  asyncio::run(run_with_wait());
  asyncio::run(run_with_gather());
}
