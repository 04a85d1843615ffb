// Two jobs of 0.5 and 1.5 seconds: one after the other 2 seconds, concurrently 1.5.
#include "util.hpp"

#include <thread>

using namespace std::chrono_literals;

std::string sync_task(std::chrono::milliseconds f) {
  std::this_thread::sleep_for(f);
  return "foo";
}

asyncio::Coro<std::string> async_task(asyncio::Duration f) {
  co_await asyncio::sleep(f);
  co_return "bar";
}

void sequential_tasks() {
  auto r1 = sync_task(500ms);
  auto r2 = sync_task(1500ms);
  print("INFO |", list({r1, r2}));
}

asyncio::Coro<> async_sequential_tasks() {
  auto r1 = co_await async_task(500ms);
  auto r2 = co_await async_task(1500ms);
  print("INFO |", list({r1, r2}));
}

asyncio::Coro<> parallel_tasks() {
  auto [r1, r2] = co_await asyncio::gather(async_task(500ms), async_task(1500ms));
  print("INFO |", list({r1, r2}));
}

asyncio::Coro<> parallel_tasks_using_task_group() {
  std::optional<asyncio::Task<std::string>> r1;
  std::optional<asyncio::Task<std::string>> r2;
  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& tg) {
    r1 = tg.create_task(async_task(500ms));
    r2 = tg.create_task(async_task(1500ms));
  });
  print("INFO |", list({r1->result(), r2->result()}));
}

void log_time(const std::string& name, double seconds) {
  print("INFO |", name, "used:", fixed(seconds, 1), "seconds.");
}

void measure_time(const std::string& name, void (*what)()) {
  auto start_time = std::chrono::steady_clock::now();
  what();
  const std::chrono::duration<double> used = std::chrono::steady_clock::now() - start_time;
  log_time(name, used.count());
}

asyncio::Coro<> measure_time(std::string name, asyncio::Coro<> what) {
  auto start_time = loop_time();
  co_await std::move(what);
  log_time(name, loop_time() - start_time);
}

asyncio::Coro<> async_main() {
  measure_time("sequential_tasks", sequential_tasks);
  co_await measure_time("async_sequential_tasks", async_sequential_tasks());
  co_await measure_time("parallel_tasks", parallel_tasks());
  co_await measure_time("parallel_tasks_using_task_group", parallel_tasks_using_task_group());
}

int main() { asyncio::run(async_main()); }
