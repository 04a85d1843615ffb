// expect: wrap_future(): the concurrent future keeps its value, so T is copied; use
// TASK-035
#include <asyncio/wrap_future.hpp>

#include <memory>

#ifdef RIGHT
asyncio::Coro<> f(asyncio::concurrent::Future<std::shared_ptr<int>> future) {
#else
asyncio::Coro<> f(asyncio::concurrent::Future<std::unique_ptr<int>> future) {
#endif
  co_await asyncio::wrap_future(future);
}
