#include <asyncio/wait_for.hpp>

namespace asyncio::detail {

Coro<> cancel_and_wait(FutureBase future) {
  std::vector<FutureBase> one(1, future);
  future.cancel();
  co_await wait(one);
}

void throw_timeout_or(std::exception_ptr error) {
  if (is_cancelled_error(error)) throw TimeoutError();
  std::rethrow_exception(std::move(error));
}

}  // namespace asyncio::detail
