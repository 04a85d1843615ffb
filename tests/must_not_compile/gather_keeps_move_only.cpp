// expect: gather(): the handle keeps its value, so its type is copied; pass std::move(task)
#include <asyncio/gather.hpp>

#include <memory>
#include <utility>

asyncio::Coro<> f(asyncio::Task<std::unique_ptr<int>> task) {
#ifdef RIGHT
  co_await asyncio::gather(std::move(task));
#else
  co_await asyncio::gather(task);
#endif
}
