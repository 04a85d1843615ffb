// A Coro and a Future are Awaitables; a Task is a Future.
//
//      Awaitable
//      |       |
//   Coroutine  Future
//                |
//              Task
#include "util.hpp"

#include <type_traits>

static_assert(asyncio::Awaitable<asyncio::Coro<int>>);
static_assert(asyncio::Awaitable<asyncio::Future<int>>);
static_assert(asyncio::Awaitable<asyncio::Task<int>>);
static_assert(std::is_base_of_v<asyncio::Future<int>, asyncio::Task<int>>);
static_assert(!asyncio::Awaitable<int>);

asyncio::Coro<int> answer() { co_return 42; }

template <asyncio::Awaitable A>
asyncio::Coro<> show(std::string name, A awaitable) {
  print(name, "gives", co_await std::move(awaitable));
}

asyncio::Coro<> async_main() {
  asyncio::Future<int> future;
  future.set_result(42);
  asyncio::Task<int> task = asyncio::create_task(answer());

  co_await show("a coroutine", answer());
  co_await show("a future", future);
  co_await show("a task", task);

  asyncio::Future<int> base = task;
  print("a task is a future:", base.done() ? "True" : "False");
}

int main() { asyncio::run(async_main()); }
