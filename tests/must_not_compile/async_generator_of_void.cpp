// expect: AsyncGenerator<T>: T is a type of values
#include <asyncio/async_generator.hpp>

#ifdef RIGHT
asyncio::AsyncGenerator<int> f();
asyncio::Coro<> g() { co_await f().next(); }
#else
asyncio::AsyncGenerator<void> f();
asyncio::Coro<> g() { co_await f().next(); }
#endif
