// expect: AsyncGenerator<T>: T is a type of values; yield a pointer instead of a reference
#include <asyncio/async_generator.hpp>

#ifdef RIGHT
asyncio::AsyncGenerator<int*> f(int& n) { co_yield &n; }
#else
asyncio::AsyncGenerator<int&> f(int& n) { co_yield n; }
#endif
