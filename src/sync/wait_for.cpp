#include <asyncio/wait_for.hpp>

namespace asyncio::detail {

Coro<> cancel_and_wait(FutureBase future) {
  std::vector<FutureBase> one(1, future);
  future.cancel();
  co_await wait(one);
}

}  // namespace asyncio::detail
