#include <asyncio/async_generator.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>

#include <fmt/format.h>

#include <vector>

namespace asyncio {

namespace detail {
namespace {

Coro<> close_generator(Scheduler& scheduler, GeneratorHandle& generator) {
  const std::string name = generator.repr();
  auto closed = co_await as_result(CloseGenerator(generator));
  if (closed || closed.cancelled()) co_return;
  ExceptionContext context;
  context.message =
      fmt::format("an error occurred during closing of asynchronous generator {}", name);
  context.exception = closed.error();
  scheduler.report(context);
}

}  // namespace

Coro<> close_generators(Scheduler& scheduler) {
  scheduler.generators_closed = true;
  std::vector<Task<>> closing;
  // One that is closed may destroy others, which leave the list then; so each one begins at once.
  while (scheduler.generators.next != &scheduler.generators) {
    auto& promise = static_cast<GeneratorPromiseBase&>(*scheduler.generators.next);
    promise.unlink();
    if (promise.generator_ == nullptr) continue;  // a task runs it to its end
    closing.push_back(scheduler.loop->create_task(close_generator(scheduler, *promise.generator_),
                                                  {.eager_start = true}));
  }
  if (!closing.empty()) co_await gather(return_exceptions, std::move(closing));
}

}  // namespace detail

Coro<> EventLoop::shutdown_asyncgens() {
  return detail::close_generators(detail::scheduler_of(*this));
}

}  // namespace asyncio
