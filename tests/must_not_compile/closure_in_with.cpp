// expect: g++ before 15 destroys a lambda with non-trivial captures twice
// only: g++
#include <asyncio/moved.hpp>
#include <asyncio/task_group.hpp>

#include <string>

asyncio::Coro<> f(std::string text) {
#ifdef RIGHT
  auto body = [text](asyncio::TaskGroup&) -> asyncio::Coro<> { co_return; };
  co_await asyncio::with(asyncio::TaskGroup(), asyncio::moved(body));
#else
  co_await asyncio::with(asyncio::TaskGroup(),
                         [text](asyncio::TaskGroup&) -> asyncio::Coro<> { co_return; });
#endif
}
