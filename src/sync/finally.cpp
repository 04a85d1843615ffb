#include <asyncio/finally.hpp>
#include <asyncio/wait.hpp>

namespace asyncio::detail {

Coro<std::exception_ptr> await_undisturbed(Task<> task) {
  std::vector<Task<>> one(1, task);
  std::exception_ptr first;
  while (!task.done()) {
    auto waited = co_await as_result(wait(one));
    if (!waited && first == nullptr) first = waited.error();
  }
  co_return first;
}

}  // namespace asyncio::detail
