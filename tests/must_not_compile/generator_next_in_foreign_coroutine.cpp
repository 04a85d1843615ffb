// expect: an AsyncGenerator can be awaited only in an asyncio::Coro
#include <asyncio/async_generator.hpp>

#include <coroutine>

struct Foreign {
  struct promise_type {
    Foreign get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};

asyncio::AsyncGenerator<int> f() { co_yield 1; }

#ifdef RIGHT
asyncio::Coro<> g() {
#else
Foreign g() {
#endif
  auto generator = f();
  co_await generator.next();
}
