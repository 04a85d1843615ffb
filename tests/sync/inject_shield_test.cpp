// shield(), disturbed at each of its points.

#include <asyncio/shield.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/wait_for.hpp>

#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using support::Item;
using support::require;
using support::torture;

namespace {

asyncio::Coro<Item> item_in(asyncio::Duration delay) {
  co_await asyncio::sleep(delay);
  co_return Item(7);
}

asyncio::Coro<std::string> text_in(asyncio::Duration delay) {
  co_await asyncio::sleep(delay);
  co_return std::string(40, 'x');
}

asyncio::Coro<> fail_in(asyncio::Duration delay) {
  co_await asyncio::sleep(delay);
  throw std::domain_error("from fail_in()");
}

asyncio::Coro<> pending() {
  const Item of_coroutine = co_await asyncio::shield(item_in(1s));
  require(of_coroutine.number() == 7, "shield() gives the value of a coroutine");
  const Item of_task = co_await asyncio::shield(asyncio::create_task(item_in(1s)));
  require(of_task.number() == 7, "shield() gives the value of a task");
}

asyncio::Coro<> done() {
  asyncio::Future<std::string> future;
  future.set_result("here");
  const std::string value = co_await asyncio::shield(future);
  require(value == "here" && future.result() == "here", "what is done is given, and stays there");
  auto failed = asyncio::create_task(fail_in(0s));
  (void)co_await asyncio::as_result(failed);
  const auto end = co_await asyncio::as_result(asyncio::shield(failed));
  if (!asyncio::detail::holds<std::domain_error>(end.error())) end.value();
}

/// Only whoever cancels the inner one cancels it.
asyncio::Coro<> outer_cancelled() {
  auto inner = asyncio::create_task(text_in(2s));
  const auto outer = asyncio::shield(inner);
  auto waiter = asyncio::create_task([outer]() -> asyncio::Coro<> { co_await outer; });
  co_await asyncio::sleep(1s);
  waiter.cancel();
  const auto end = co_await asyncio::as_result(waiter);
  require(outer.cancelled() || outer.done(), "a cancellation of the waiter cancels the outer one");
  if (!end.cancelled()) end.value();
  const std::string text = co_await inner;
  require(text.size() == 40, "the inner one goes on");
}

asyncio::Coro<> limited() {
  const auto inner = asyncio::create_task(text_in(2s));
  const auto end = co_await asyncio::as_result(asyncio::wait_for(asyncio::shield(inner), 1s));
  if (!end && !asyncio::detail::holds<asyncio::TimeoutError>(end.error())) end.value();
  require(inner.cancelling() <= 1, "the limit does not reach what is shielded");
  const std::string text = co_await inner;
  require(text.size() == 40, "the inner one goes on");
}

asyncio::Coro<> inner_cancelled() {
  auto inner = asyncio::create_task(text_in(1h));
  const auto outer = asyncio::shield(inner);
  co_await asyncio::sleep(1s);
  inner.cancel();
  const auto end = co_await asyncio::as_result(outer);
  require(!end.has_value(), "a cancellation of the inner one comes out");
  if (!end.cancelled()) end.value();
}

asyncio::Coro<> of_future() {
  const asyncio::Future<std::string> inner;
  auto timer = asyncio::get_running_loop().call_later(1s, [inner] {
    if (!inner.done()) inner.set_result("here");
  });
  const auto end = co_await asyncio::as_result(asyncio::shield(inner));
  timer.cancel();
  require(!inner.cancelled(), "nobody cancels what is shielded");
  if (end.has_value()) require(end.value() == "here", "shield() gives the value of a future");
  end.value();
}

// The future is never done: the outer one and it must not keep each other alive.
asyncio::Coro<> of_future_that_nobody_completes() {
  const asyncio::Future<int> inner;
  const auto outer = asyncio::shield(inner);
  const auto all = asyncio::gather(outer, inner);
  co_await asyncio::sleep(1s);
  require(!outer.done() && !all.done(), "what nobody completes stays pending");
}

asyncio::Coro<> of_shield() {
  auto inner = asyncio::create_task(text_in(1s));
  const std::string text = co_await asyncio::shield(asyncio::shield(inner));
  require(text.size() == 40, "a shield may stand around a shield");
}

// Nobody takes the error of the inner one: that is reported.
asyncio::Coro<> failing_with_nobody_listening() {
  {
    const auto outer = asyncio::shield(fail_in(2s));
    co_await asyncio::sleep(1s);
    outer.cancel();
  }
  co_await asyncio::sleep(3s);
}

}  // namespace

// failure 91
TEST(ShieldDisturbed, OfWhatIsPending) { EXPECT_EQ(torture(&pending), ""); }

// failure 91
TEST(ShieldDisturbed, OfWhatIsDone) { EXPECT_EQ(torture(&done), ""); }

// failure 91
TEST(ShieldDisturbed, WhoseWaiterIsCancelled) { EXPECT_EQ(torture(&outer_cancelled), ""); }

// failure 91
TEST(ShieldDisturbed, InAWaitFor) { EXPECT_EQ(torture(&limited), ""); }

// failure 91
TEST(ShieldDisturbed, OfWhatIsCancelled) { EXPECT_EQ(torture(&inner_cancelled), ""); }

// failure 91
TEST(ShieldDisturbed, OfAFuture) { EXPECT_EQ(torture(&of_future), ""); }

// failure 91, failure 103
TEST(ShieldDisturbed, OfAFutureThatNobodyCompletes) {
  EXPECT_EQ(torture(&of_future_that_nobody_completes), "");
}

// failure 91
TEST(ShieldDisturbed, OfAShield) { EXPECT_EQ(torture(&of_shield), ""); }

// failure 91, failure 24
TEST(ShieldDisturbed, OfWhatFailsWhenNobodyListens) {
  EXPECT_EQ(torture(&failing_with_nobody_listening, {.quiet = false}), "");
}
