// Awaiting a future pauses until somebody sets its value.
#include "util.hpp"

using namespace std::chrono_literals;

asyncio::Coro<> set_future_value(asyncio::Future<int> future) {
  co_await asyncio::sleep(1s);  // wait 1 second before setting the value of the future
  future.set_result(42);
}

asyncio::Future<int> make_request() {
  asyncio::Future<int> future;
  asyncio::create_task(set_future_value(future));  // a task that will set it
  return future;
}

asyncio::Coro<> async_main() {
  auto future = make_request();
  print("Is the future done?", future.done() ? "True" : "False");
  auto value = co_await future;
  print("Is the future done?", future.done() ? "True" : "False");
  print(value);
}

int main() { asyncio::run(async_main()); }
