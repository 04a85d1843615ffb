// A future is a value that is not there yet.
#include "util.hpp"

asyncio::Coro<> async_main() {
  asyncio::Future<int> my_future;

  print("Is my_future done?", my_future.done() ? "True" : "False");
  my_future.set_result(42);

  print("Is my_future done?", my_future.done() ? "True" : "False");
  print("What is the result of my_future?", my_future.result());
  co_return;
}

int main() { asyncio::run(async_main()); }
