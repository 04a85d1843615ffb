// expect: a generator does nothing until it is iterated
#include <asyncio/async_generator.hpp>

asyncio::AsyncGenerator<int> f() { co_yield 1; }

void g() {
#ifdef RIGHT
  const auto generator = f();
#else
  f();
#endif
}
