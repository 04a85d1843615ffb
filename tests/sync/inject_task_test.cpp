// create_task() in its forms, contexts, futures by hand and callbacks, disturbed at each point.

#include <asyncio/task.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/context.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/exception_context.hpp>
#include <asyncio/future.hpp>
#include <asyncio/sleep.hpp>

#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::Item;
using support::require;
using support::torture;

namespace {

asyncio::ContextVar<int> var("inject_task_test", 0);

asyncio::Coro<Item> item_of(Item item) {
  co_await asyncio::sleep(1s);
  co_return std::move(item);
}

asyncio::Coro<> coroutines_and_awaitables() {
  auto first = asyncio::create_task(item_of(Item(1)), {.name = "a name that is not a short one"});
  auto second = asyncio::create_task(asyncio::sleep(1s, Item(2)));
  first.set_name("another name, which is not a short one either");
  require((co_await std::move(first)).number() == 1, "a task gives the value of its coroutine");
  require((co_await std::move(second)).number() == 2, "a task gives the value of its awaitable");
}

asyncio::Coro<> callables() {
  auto keep = [item = Item(1)]() mutable -> asyncio::Coro<Item> {
    co_await asyncio::sleep(1s);
    co_return std::move(item);
  };
  auto first = asyncio::create_task(std::move(keep));
  auto second = asyncio::create_task(item_of, Item(2));
  auto named = asyncio::create_task([]() -> asyncio::Coro<> { co_await asyncio::sleep(1s); },
                                    {.name = "a name that is not a short one"});
  require((co_await std::move(first)).number() == 1, "a callable is kept while its coroutine runs");
  require((co_await std::move(second)).number() == 2, "arguments are kept");
  co_await named;
}

asyncio::Coro<> eager() {
  bool begun = false;
  const auto body = [](bool& mark) -> asyncio::Coro<Item> {
    mark = true;
    co_await asyncio::sleep(1s);
    co_return Item(3);
  };
  auto task = asyncio::create_task(body(begun), {.eager_start = true});
  require(begun, "an eager task begins at once");
  const auto at_once = []() -> asyncio::Coro<Item> { co_return Item(4); };
  auto done = asyncio::create_task(at_once, {.eager_start = true});
  require(done.done(), "an eager task may be done at once");
  require((co_await std::move(done)).number() == 4, "a task that is done at once has its value");
  require((co_await std::move(task)).number() == 3, "an eager task gives its value");
}

asyncio::Coro<> in_contexts() {
  const auto get = []() -> asyncio::Coro<int> {
    co_await asyncio::sleep(0s);
    co_return var.get();
  };
  const auto token = var.set(1);
  const asyncio::Context other = asyncio::copy_context();
  other.run([] { (void)var.set(2); });
  auto here = asyncio::create_task(get);
  auto there = asyncio::create_task(get, {.name = "in the other", .context = &other});
  (void)var.set(3);
  require(co_await here == 1, "a task has a copy of its creator's context");
  require(co_await there == 2, "a task runs in the context that it was given");
  var.reset(token);
  require(var.get() == 0, "reset() takes the setting back");
}

/// A setting that fails has set nothing.
asyncio::Coro<> all_or_nothing() {
  for (int i = 1; i <= 3; ++i) {
    const int before = var.get();
    try {
      const auto token = var.set(i);
      require(var.get() == i, "what is set is there");
      try {
        var.reset(token);
      } catch (const std::bad_alloc&) {
        require(var.get() == i, "a reset that has failed has changed nothing");
        var.reset(token);
      }
    } catch (const std::bad_alloc&) {
      require(var.get() == before, "a setting that has failed has changed nothing");
    }
    require(var.get() == before, "reset() takes the setting back");
    co_await asyncio::sleep(0s);
  }
}

asyncio::Coro<std::string> text_of(asyncio::Future<std::string> future) {
  co_return co_await future;
}

/// A value that was set stays in the future, whoever of its waiters is cancelled.
asyncio::Coro<> future_with_several_waiters() {
  const asyncio::Future<std::string> future;
  std::vector<asyncio::Task<std::string>> waiters;
  for (int i = 0; i < 3; ++i) waiters.push_back(asyncio::create_task(text_of(future)));
  co_await asyncio::sleep(0s);
  const bool mine = !future.done();
  if (mine) future.set_result("value");
  for (const auto& waiter : waiters) {
    const auto end = co_await asyncio::as_result(waiter);
    if (end.has_value()) require(end.value() == "value", "a waiter gets the value that was set");
    if (!end && !end.cancelled()) end.value();
  }
  require(!mine || future.result() == "value", "a value that was set is not lost");
}

asyncio::Coro<> future_that_fails() {
  const asyncio::Future<int> future;
  auto timer = asyncio::get_running_loop().call_later(1s, [future] {
    if (future.done()) return;
    try {
      future.set_exception(std::domain_error("by hand"));
    } catch (const std::bad_alloc&) {
      future.set_exception(std::current_exception());
    }
  });
  const auto end = co_await asyncio::as_result(future);
  timer.cancel();
  if (!asyncio::detail::holds<std::domain_error>(end.error())) end.value();
}

/// Each callback that could be added is called once, or dropped with its future; and its captures
/// are gone then.
asyncio::Coro<> done_callbacks() {
  const auto calls = std::make_shared<int>(0);
  auto task = asyncio::create_task(asyncio::sleep(1s, std::string(40, 'x')));
  int added = 0;
  try {
    for (int i = 0; i < 3; ++i) {
      task.add_done_callback([calls] { ++*calls; });
      ++added;
    }
    const auto id = task.add_done_callback([calls] { *calls += 100; });
    require(task.remove_done_callback(id), "a callback may be removed");
  } catch (const std::bad_alloc&) {
    // Those that were added stay.
  }
  const auto end = co_await asyncio::as_result(task);
  const auto waited = co_await asyncio::as_result(asyncio::sleep(0s));
  if (waited.has_value()) require(*calls == added, "each callback is called once");
  if (waited.has_value()) require(calls.use_count() == 1, "what they held is gone");
  if (!end.cancelled()) end.value();
}

asyncio::Coro<> scheduled_callbacks() {
  auto& loop = asyncio::get_running_loop();
  const auto calls = std::make_shared<int>(0);
  const asyncio::Future<> all_called;
  const auto call = [calls] { ++*calls; };
  auto soon = loop.call_soon(call);
  auto cancelled = loop.call_soon([calls] { *calls += 100; });
  auto later = loop.call_later(1s, call);
  auto never = loop.call_later(1h, [calls] { *calls += 100; });
  cancelled.cancel();
  never.cancel();
  loop.call_later(2s, [all_called] {
    if (!all_called.done()) all_called.set_result();
  });
  co_await all_called;
  require(*calls == 2, "each callback that was not cancelled is called once");
}

// What a callback throws is reported, also without memory to say it nicely.
asyncio::Coro<> failing_callbacks() {
  auto& loop = asyncio::get_running_loop();
  auto task = asyncio::create_task(asyncio::sleep(1s));
  task.add_done_callback([] { throw std::domain_error("from a done callback"); });
  loop.call_soon([] { throw std::domain_error("from call_soon()"); });
  auto timer = loop.call_later(500ms, [] { throw std::domain_error("from call_later()"); });
  co_await task;
  co_await asyncio::sleep(1s);
}

// As failing_callbacks(), where the handler fails, too.
asyncio::Coro<> failing_handler() {
  auto& loop = asyncio::get_running_loop();
  loop.set_exception_handler([](asyncio::EventLoop&, const asyncio::ExceptionContext&) {
    throw std::domain_error("from the handler");
  });
  loop.call_soon([] { throw std::domain_error("from call_soon()"); });
  co_await asyncio::sleep(1s);
}

// Debug mode tells of every step and callback here, that it took too long.
asyncio::Coro<> in_debug_mode() {
  auto& loop = asyncio::get_running_loop();
  loop.set_debug(true);
  loop.slow_callback_duration = asyncio::Duration();
  const asyncio::Future<> future;
  future.add_done_callback([] {});
  loop.call_soon([future] {
    if (!future.done()) future.set_result();
  });
  co_await future;
  auto task = asyncio::create_task(asyncio::sleep(1s), {.name = "slow"});
  require(!task.repr().empty() && !task.format_stack().empty(), "a task can be printed");
  co_await task;
}

// Nobody takes the error: that is reported, also without memory to say it nicely.
asyncio::Coro<> forgotten_error() {
  (void)asyncio::create_task([]() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    throw std::domain_error("that nobody takes");
  });
  co_await asyncio::sleep(2s);
}

}  // namespace

// failure 91
TEST(TaskDisturbed, OfACoroutineOrAnAwaitable) {
  EXPECT_EQ(torture(&coroutines_and_awaitables), "");
}

// failure 91
TEST(TaskDisturbed, OfACallable) { EXPECT_EQ(torture(&callables), ""); }

// failure 91
TEST(TaskDisturbed, ThatStartsAtOnce) { EXPECT_EQ(torture(&eager), ""); }

// failure 91
TEST(TaskDisturbed, InAContext) { EXPECT_EQ(torture(&in_contexts), ""); }

// failure 91
TEST(ContextVarDisturbed, SetsOrDoesNot) { EXPECT_EQ(torture(&all_or_nothing), ""); }

// failure 91, failure 18
TEST(FutureDisturbed, KeepsItsValueWhoeverIsCancelled) {
  EXPECT_EQ(torture(&future_with_several_waiters), "");
}

// failure 91
TEST(FutureDisturbed, ThatFails) { EXPECT_EQ(torture(&future_that_fails), ""); }

// failure 91
TEST(CallbackDisturbed, OfATaskIsCalledOnce) { EXPECT_EQ(torture(&done_callbacks), ""); }

// failure 91
TEST(CallbackDisturbed, OfTheLoopIsCalledOnce) { EXPECT_EQ(torture(&scheduled_callbacks), ""); }

// failure 91
TEST(CallbackDisturbed, ThatFailsIsReported) {
  EXPECT_EQ(torture(&failing_callbacks, {.quiet = false}), "");
}

// failure 91, failure 16
TEST(CallbackDisturbed, ThatFailsInAHandlerThatFails) {
  EXPECT_EQ(torture(&failing_handler, {.quiet = false}), "");
}

// failure 91
TEST(TaskDisturbed, InDebugMode) { EXPECT_EQ(torture(&in_debug_mode, {.quiet = false}), ""); }

// failure 91
TEST(TaskDisturbed, WhoseErrorNobodyTakes) {
  EXPECT_EQ(torture(&forgotten_error, {.quiet = false}), "");
}
