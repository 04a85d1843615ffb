// expect: return a pointer or a std::reference_wrapper instead
#include <asyncio/coroutine.hpp>

#include <functional>

#ifdef RIGHT
asyncio::Coro<std::reference_wrapper<int>> f(int& n) { co_return n; }
#else
asyncio::Coro<int&> f(int& n) { co_return n; }
#endif
