// expect: a const Coro cannot be awaited: awaiting takes it; drop the const
#include <asyncio/coroutine.hpp>

#include <utility>

asyncio::Coro<int> f() { co_return 1; }

asyncio::Coro<int> g() {
#ifdef RIGHT
  auto coro = f();
#else
  const auto coro = f();
#endif
  co_return co_await std::move(coro);
}
