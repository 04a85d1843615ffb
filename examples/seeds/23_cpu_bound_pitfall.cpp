// Two loops that only compute take the sum of their times as tasks, and about half of that on the
// threads of two processors.
#include "util.hpp"

long long count() {
  volatile long long counter = 0;  // volatile, or the compiler does the sum itself
  for (int i = 0; i < 100'000'000; ++i) {
    counter = counter + i;
  }
  return counter;
}

asyncio::Coro<long long> compute() { co_return count(); }

asyncio::Coro<long long> compute_on_a_thread() { co_return co_await asyncio::to_thread(count); }

const auto cpu_bound_work = asyncio::async_timed("cpu_bound_work", compute);

asyncio::Coro<> as_tasks() {
  auto task1 = asyncio::create_task(cpu_bound_work());
  auto task2 = asyncio::create_task(cpu_bound_work());
  co_await task1;
  co_await task2;
}

asyncio::Coro<> on_threads() {
  co_await asyncio::gather(compute_on_a_thread(), compute_on_a_thread());
}

asyncio::Coro<> async_main() {
  co_await asyncio::async_timed("as_tasks", as_tasks)();
  co_await asyncio::async_timed("on_threads", on_threads)();
}

int main() { asyncio::run(async_main()); }
