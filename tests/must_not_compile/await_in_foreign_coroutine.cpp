// expect: a Future or Task can be awaited only in an asyncio::Coro
// TASK-028
#include <asyncio/task.hpp>

#include <coroutine>

struct Foreign {
  struct promise_type {
    Foreign get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept {}
  };
};

#ifdef RIGHT
asyncio::Coro<> f(asyncio::Task<> task) { co_await task; }
#else
Foreign f(asyncio::Task<> task) { co_await task; }
#endif
