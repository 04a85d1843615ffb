#include <asyncio/finally.hpp>
#include <asyncio/wait.hpp>

namespace asyncio::detail {

Coro<Failure> await_undisturbed(Task<> task) {
  std::vector<Task<>> one(1, task);
  Failure first;
  while (!task.done()) {
    auto waited = co_await as_result(wait(one));
    if (!waited && !first) first = failure_of(waited);
  }
  co_return first;
}

}  // namespace asyncio::detail
