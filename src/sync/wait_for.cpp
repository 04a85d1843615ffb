#include <asyncio/wait_for.hpp>

#include "sync/same_loop.hpp"

namespace asyncio::detail {

Coro<> cancel_and_wait(FutureBase future) {
  // Before it is cancelled: what is refused is not touched.
  check_same_loop("wait_for()", 1, FutureAccess::state(future), nullptr);
  std::vector<FutureBase> one(1, future);
  future.cancel();
  co_await wait(one);
}

}  // namespace asyncio::detail
