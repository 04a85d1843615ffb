// expect: a Channel can be awaited only in an asyncio::Coro
#include <asyncio/channel.hpp>

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

#ifdef RIGHT
asyncio::Coro<> g() {
#else
Foreign g() {
#endif
  asyncio::Channel<int> channel(1);
  co_await channel.next();
}
