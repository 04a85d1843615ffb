// A timeout, a cancellation, gather() that gives errors back, and a group of errors.
#include "util.hpp"

#include <random>
#include <stdexcept>

using namespace std::chrono_literals;

asyncio::Coro<int> number_task(int n) {
  static std::minstd_rand choice(28);  // seeded: the same order in every run
  auto wait_seconds = 500ms * (1 + choice() % 5);
  co_await asyncio::sleep(wait_seconds);
  if (n == 2) {
    throw std::invalid_argument("Met invalid value " + std::to_string(n));
  }
  co_return n;
}

asyncio::Coro<> very_long_work() {
  print("INFO | very long work started");
  co_await asyncio::sleep(3600s);
  print("SO SO SO SO SO LONG");
}

asyncio::Coro<> timeout() {
  try {
    co_await asyncio::wait_for(very_long_work(), 2s);
  } catch (const asyncio::TimeoutError&) {
    print("ERROR | timeout error: the task took too long");
  }
}

std::string what(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return std::string("ValueError('") + e.what() + "')";
  }
}

asyncio::Coro<> handle_exceptions() {
  std::vector<asyncio::Coro<int>> tasks;
  for (int n = 0; n < 5; ++n) tasks.push_back(number_task(n));
  print("INFO | gather tasks started");
  auto results = co_await asyncio::gather(asyncio::return_exceptions, std::move(tasks));

  std::string numbers;
  std::string exceptions;
  for (const auto& result : results) {
    if (!result) {
      exceptions += (exceptions.empty() ? "" : ", ") + what(result.error());
    } else {
      numbers += (numbers.empty() ? "" : ", ") + std::to_string(result.value());
    }
  }

  print("INFO | [" + numbers + "]");
  print("ERROR | [" + exceptions + "]");
}

asyncio::Coro<> task_group_with_exceptions() {
  try {
    print("INFO | task group started");
    co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& tg) {
      for (int i = 0; i < 5; ++i) {
        tg.create_task(number_task(i));
      }
    });
  } catch (const asyncio::ExceptionGroup& e) {
    print("ERROR |", e.what());
    for (const auto& member : e.exceptions()) print("ERROR | (" + what(member) + ",)");
  }
}

asyncio::Coro<> cancellation() {
  auto task = asyncio::create_task(very_long_work());
  co_await asyncio::sleep(1s);
  task.cancel();
  co_await asyncio::sleep(1s);
  try {
    co_await task;
  } catch (const asyncio::CancelledError&) {
    print("INFO | Task was cancelled");
  }
}

asyncio::Coro<> async_main() {
  co_await timeout();
  co_await cancellation();
  co_await handle_exceptions();
  co_await task_group_with_exceptions();
}

int main() { asyncio::run(async_main()); }
