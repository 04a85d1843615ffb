// wait_for() and timeout(), disturbed at each of their points.

#include <asyncio/timeout.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using support::Item;
using support::require;
using support::torture;

namespace {

asyncio::TimePoint now() { return asyncio::get_running_loop().time(); }

asyncio::Coro<Item> item_in(asyncio::Duration delay) {
  co_await asyncio::sleep(delay);
  co_return Item(7);
}

template <class T>
bool timed_out(const asyncio::Result<T>& end) {
  return !end && asyncio::detail::holds<asyncio::TimeoutError>(end.error());
}

/// It has timed out, or somebody has disturbed it.
template <class T>
void require_timeout(const asyncio::Result<T>& end) {
  if (timed_out(end)) return;
  end.value();
  require(false, "the time was up");
}

asyncio::Coro<> in_time() {
  const Item of_coroutine = co_await asyncio::wait_for(item_in(1s), 2s);
  require(of_coroutine.number() == 7, "wait_for() gives the value of a coroutine");
  auto task = asyncio::create_task(item_in(1s));
  const Item of_task = co_await asyncio::wait_for(std::move(task), 2s);
  require(of_task.number() == 7, "wait_for() gives the value of a task");
  const Item unlimited = co_await asyncio::wait_for(item_in(1s), std::nullopt);
  require(unlimited.number() == 7, "wait_for() without a limit gives the value");
}

asyncio::Coro<> too_late() {
  const auto begin = now();
  const auto of_coroutine = co_await asyncio::as_result(asyncio::wait_for(item_in(3s), 1s));
  require_timeout(of_coroutine);
  const auto task = asyncio::create_task(asyncio::sleep(3s));
  const auto of_task = co_await asyncio::as_result(asyncio::wait_for(task, 1s));
  require_timeout(of_task);
  require(task.cancelled(), "what has no time left is cancelled");
  require(now() - begin == asyncio::Duration(2s), "a limit holds");
}

asyncio::Coro<> no_time() {
  const asyncio::Future<std::string> done;
  done.set_result("done");
  const std::string value = co_await asyncio::wait_for(done, 0s);
  require(value == "done", "what is done needs no time");
  const asyncio::Future<int> pending;
  require_timeout(co_await asyncio::as_result(asyncio::wait_for(pending, 0s)));
  require(pending.cancelled(), "what is not done has no time left");
  require_timeout(co_await asyncio::as_result(asyncio::wait_for(item_in(1s), -1s)));
}

/// Takes a second to clean up, and then gives a value all the same.
asyncio::Coro<Item> refuses() {
  const auto slept = co_await asyncio::as_result(asyncio::sleep(1h));
  if (slept.has_value()) co_return Item(1);
  if (!slept.cancelled()) slept.value();
  co_await asyncio::sleep(1s);
  co_return Item(2);
}

asyncio::Coro<> value_at_the_last_moment() {
  const Item item = co_await asyncio::wait_for(refuses(), 1s);
  require(item.number() == 2, "a value that comes all the same is given");
}

// The value comes in the pass in which the limit is reached: it is given or stays in the future.
asyncio::Coro<> value_at_the_deadline() {
  const asyncio::Future<std::string> future;
  static bool set;
  set = false;
  auto timer = asyncio::get_running_loop().call_later(1s, [future] {
    if (future.done()) return;
    future.set_result("here");
    set = true;
  });
  const auto end = co_await asyncio::as_result(asyncio::wait_for(future, 1s));
  timer.cancel();
  require(set == (future.done() && !future.cancelled()), "a value that was set is not lost");
  if (end.has_value()) require(end.value() == "here", "it is the value that was set");
  if (!timed_out(end)) end.value();
}

asyncio::Coro<> limit_around_a_body() {
  bool expired = false;
  const auto body = [&](asyncio::Timeout& limit) -> asyncio::Coro<Item> {
    auto item = co_await item_in(1s);
    expired = limit.expired();
    co_return item;
  };
  const Item item = co_await asyncio::with(asyncio::timeout(2s), body);
  require(item.number() == 7 && !expired, "a body that ends in time gives its value");
  require_timeout(co_await asyncio::as_result(asyncio::with(asyncio::timeout(500ms), body)));
  require_timeout(co_await asyncio::as_result(asyncio::with(asyncio::timeout(0s), body)));
}

asyncio::Coro<> nested() {
  const auto begin = now();
  int inner_timeouts = 0;
  const auto sleep_long = []() -> asyncio::Coro<> { co_await asyncio::sleep(1h); };
  const auto body = [&](asyncio::Timeout&) -> asyncio::Coro<> {
    const auto inner = co_await asyncio::as_result(asyncio::with(asyncio::timeout(1s), sleep_long));
    require_timeout(inner);
    ++inner_timeouts;
    co_await asyncio::sleep(1h);
  };
  require_timeout(co_await asyncio::as_result(asyncio::with(asyncio::timeout(2s), body)));
  require(inner_timeouts == 1, "the inner limit comes first");
  require(now() - begin == asyncio::Duration(2s), "the outer limit comes second");
}

// failure 20: the outer one throws, and no cancel is left behind.
asyncio::Coro<> nested_at_once() {
  const auto deadline = now() + asyncio::Duration(1s);
  const auto before = asyncio::current_task()->cancelling();
  const auto sleep_long = []() -> asyncio::Coro<> { co_await asyncio::sleep(1h); };
  const auto in_group = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(asyncio::sleep(1h));
    co_await asyncio::with(asyncio::timeout_at(deadline), sleep_long);
  };
  const auto body = [&](asyncio::Timeout&) -> asyncio::Coro<> {
    co_await asyncio::with(asyncio::TaskGroup(), in_group);
  };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::timeout_at(deadline), body));
  require_timeout(end);
  require(asyncio::current_task()->cancelling() == before, "each scope takes its cancel back");
}

asyncio::Coro<> rescheduled() {
  const auto begin = now();
  const auto body = [&](asyncio::Timeout& limit) -> asyncio::Coro<> {
    limit.reschedule(now() + asyncio::Duration(10s));
    co_await asyncio::sleep(2s);
    limit.reschedule(std::nullopt);
    co_await asyncio::sleep(20s);
    limit.reschedule(now() + asyncio::Duration(1s));
    co_await asyncio::sleep(1h);
  };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::timeout(1s), body));
  require_timeout(end);
  require(now() - begin == asyncio::Duration(23s), "the last limit is the one that holds");
}

asyncio::Coro<> rescheduled_into_the_past() {
  const auto body = [&](asyncio::Timeout& limit) -> asyncio::Coro<> {
    limit.reschedule(now());
    co_await asyncio::sleep(1h);
  };
  require_timeout(co_await asyncio::as_result(asyncio::with(asyncio::timeout(1h), body)));
  // Out of the body before the limit, which is in the queue already, has had its turn.
  const auto short_body = [&](asyncio::Timeout& limit) { limit.reschedule(now()); };
  co_await asyncio::with(asyncio::timeout(1h), short_body);
  co_await asyncio::sleep(0s);
}

asyncio::Coro<> failing_body() {
  const auto body = [&]() -> asyncio::Coro<> {
    (void)co_await asyncio::as_result(asyncio::sleep(1h));
    throw std::domain_error("from the cleanup");
  };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::timeout(1s), body));
  if (end.has_value()) require(false, "an error of the body comes out");
  if (!asyncio::detail::holds<std::domain_error>(end.error())) end.value();
}

}  // namespace

// failure 91
TEST(WaitForDisturbed, OfWhatEndsInTime) { EXPECT_EQ(torture(&in_time), ""); }

// failure 91
TEST(WaitForDisturbed, OfWhatIsTooLate) { EXPECT_EQ(torture(&too_late), ""); }

// failure 91, failure 25
TEST(WaitForDisturbed, WithNoTimeAtAll) { EXPECT_EQ(torture(&no_time), ""); }

// failure 91
TEST(WaitForDisturbed, OfWhatGivesItsValueAllTheSame) {
  EXPECT_EQ(torture(&value_at_the_last_moment), "");
}

// failure 91, failure 18
TEST(WaitForDisturbed, LosesNoValueThatComesWithTheDeadline) {
  EXPECT_EQ(torture(&value_at_the_deadline), "");
}

// failure 91
TEST(TimeoutDisturbed, AroundABody) { EXPECT_EQ(torture(&limit_around_a_body), ""); }

// failure 91
TEST(TimeoutDisturbed, InATimeout) { EXPECT_EQ(torture(&nested), ""); }

// failure 91, failure 20
TEST(TimeoutDisturbed, AroundAGroupAroundOneWithTheSameDeadline) {
  EXPECT_EQ(torture(&nested_at_once), "");
}

// failure 91
TEST(TimeoutDisturbed, Rescheduled) { EXPECT_EQ(torture(&rescheduled), ""); }

// failure 91
TEST(TimeoutDisturbed, RescheduledIntoThePast) {
  EXPECT_EQ(torture(&rescheduled_into_the_past), "");
}

// failure 91
TEST(TimeoutDisturbed, AroundABodyThatFails) { EXPECT_EQ(torture(&failing_body), ""); }
