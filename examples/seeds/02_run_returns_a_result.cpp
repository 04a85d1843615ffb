// run() makes a loop, runs the coroutine to its end and gives what it returned.
#include "util.hpp"

asyncio::Coro<int> coroutine_add_one(int number) { co_return number + 1; }

int main() {
  int result = asyncio::run(coroutine_add_one(1));
  print(result);
}
