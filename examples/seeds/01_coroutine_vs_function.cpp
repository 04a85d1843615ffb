// Calling an asynchronous function gives a coroutine, which has not run. Dropping it is reported.
#include "util.hpp"

asyncio::Coro<int> coroutine_add_one(int number) { co_return number + 1; }

int add_one(int number) { return number + 1; }

int main() {
  auto function_result = add_one(1);
  auto coroutine_result = coroutine_add_one(1);

  print("Function result is", function_result, "and the type is", type(function_result));
  print("Coroutine result is", coroutine_result.repr(), "and the type is", type(coroutine_result));
}
