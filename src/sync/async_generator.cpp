#include <asyncio/async_generator.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>

#include "base/text.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace asyncio {

namespace detail {
namespace {

void report_failed_close(Scheduler& scheduler, std::source_location function,
                         std::exception_ptr error) {
  ExceptionContext context;
  context.message = fmt::format("an error occurred during closing of asynchronous generator '{}'",
                                function_name(function));
  context.exception = std::move(error);
  context.source = function;
  scheduler.report(context);
}

Coro<> close_generator(Scheduler& scheduler, GeneratorHandle& generator,
                       std::source_location function) {
  auto closed = co_await as_result(CloseGenerator(generator));
  if (is_keyboard_interrupt(closed.error())) closed.value();
  if (!closed && !closed.cancelled()) report_failed_close(scheduler, function, closed.error());
}

/// Those that are there now: what begins while they are closed is not among them.
class TakenGenerators {
 public:
  explicit TakenGenerators(Scheduler& scheduler) noexcept : scheduler_(scheduler) {
    move(scheduler.generators, head_);
  }
  TakenGenerators(const TakenGenerators&) = delete;
  TakenGenerators& operator=(const TakenGenerators&) = delete;
  /// Those that are left, for want of memory, go back.
  ~TakenGenerators() { move(head_, scheduler_.generators); }
  [[nodiscard]] GeneratorLink* first() const noexcept {
    return head_.next == &head_ ? nullptr : head_.next;
  }

 private:
  // To the end.
  static void move(GeneratorLink& from, GeneratorLink& to) noexcept {
    if (from.next == &from) return;
    from.next->previous = to.previous;
    from.previous->next = &to;
    to.previous->next = from.next;
    to.previous = from.previous;
    from.next = from.previous = &from;
  }

  Scheduler& scheduler_;
  GeneratorLink head_{&head_, &head_};
};

}  // namespace

Coro<> close_generators(Scheduler& scheduler) {
  scheduler.generators_closed = true;
  std::vector<Task<>> closing;
  {
    // One that is closed may destroy others, which leave the list then; so each one begins at once.
    const TakenGenerators taken(scheduler);
    while (GeneratorLink* first = taken.first()) {
      auto& promise = static_cast<GeneratorPromiseBase&>(*first);
      if (promise.generator_ == nullptr) {
        promise.unlink();  // a task runs it to its end
        continue;
      }
      closing.reserve(closing.size() + 1);
      auto coro = close_generator(scheduler, *promise.generator_, promise.function);
      promise.unlink();  // when it is closed, it may be gone
      closing.push_back(scheduler.loop->create_task(std::move(coro), {.eager_start = true}));
    }
  }
  if (closing.empty()) co_return;
  auto results = co_await gather(return_exceptions, std::move(closing));
  for (const Result<None>& result : results) {
    if (!result && !result.cancelled()) {
      report_failed_close(scheduler, std::source_location(), result.error());
    }
  }
}

}  // namespace detail

Coro<> EventLoop::shutdown_asyncgens() {
  return detail::close_generators(detail::scheduler_of(*this));
}

}  // namespace asyncio
