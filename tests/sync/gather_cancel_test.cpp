#include <asyncio/gather.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

/// Sleeps; when cancelled takes a while to clean up and then goes on with the cancellation.
asyncio::Coro<int> gathered_cleans_up(Log& log, std::string name, asyncio::Duration cleanup) {
  auto slept = co_await asyncio::as_result(asyncio::sleep(1h));
  log.push_back(name + " cancelled");
  co_await asyncio::sleep(cleanup);
  log.push_back(name + " ended");
  std::move(slept).value();
  co_return 0;
}

/// Sleeps; when cancelled gives a value instead.
asyncio::Coro<int> gathered_refuses(int value) {
  (void)co_await asyncio::as_result(asyncio::sleep(1h));
  co_return value;
}

/// Sleeps; when cancelled fails.
asyncio::Coro<int> gathered_fails_on_cancel(const char* text) {
  (void)co_await asyncio::as_result(asyncio::sleep(1h));
  throw std::runtime_error(text);
}

asyncio::Coro<int> gathered_gives(asyncio::Duration after, int value) {
  co_await asyncio::sleep(after);
  co_return value;
}

asyncio::Coro<int> gathered_fails(asyncio::Duration after, const char* text) {
  co_await asyncio::sleep(after);
  throw std::runtime_error(text);
}

}  // namespace

// COMB-016
ASYNC_TEST(GatherCancel, AChildThatOthersCancelIsAnErrorAndNothingElseIsCancelled) {
  auto victim = asyncio::create_task(gathered_gives(1h, 1));
  auto other = asyncio::create_task(gathered_gives(1s, 2));
  auto outer = asyncio::gather(victim, other);
  co_await asyncio::sleep(0s);
  victim.cancel("enough");
  auto r = co_await asyncio::as_result(outer);
  EXPECT_EQ(support::text_of(r.error()), "cancelled:enough");
  EXPECT_FALSE(outer.cancelled());
  EXPECT_NE(outer.exception(), nullptr);
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0u);
  EXPECT_EQ(other.cancelling(), 0u);
  EXPECT_EQ(co_await other, 2);
}

// COMB-017, COMB-015
ASYNC_TEST(GatherCancel, ReturnExceptionsGivesTheCancellationOfAChildInItsPlace) {
  auto victim = asyncio::create_task(gathered_gives(1h, 1));
  auto outer = asyncio::gather(asyncio::return_exceptions, victim, gathered_gives(1s, 2));
  co_await asyncio::sleep(0s);
  victim.cancel();
  auto [a, b] = co_await outer;
  EXPECT_TRUE(a.cancelled());
  EXPECT_EQ(b.value(), 2);
}

// COMB-018
ASYNC_TEST(GatherCancel, CancelsEveryChildAndStaysPendingUntilTheyEnd) {
  Log log;
  auto outer = asyncio::gather(asyncio::return_exceptions, gathered_cleans_up(log, "a", 1s),
                               gathered_cleans_up(log, "b", 2s));
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(outer.cancel());
  EXPECT_FALSE(outer.done());
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"a cancelled", "b cancelled"}));
  co_await asyncio::sleep(1500ms);
  EXPECT_EQ(log, (Log{"a cancelled", "b cancelled", "a ended"}));
  EXPECT_FALSE(outer.done());
  EXPECT_TRUE((co_await asyncio::as_result(outer)).cancelled());
  EXPECT_EQ(log.back(), "b ended");
}

// COMB-018
ASYNC_TEST(GatherCancel, LeavesAloneTheChildrenThatAreDone) {
  auto done = asyncio::create_task(gathered_gives(0s, 1));
  auto pending = asyncio::create_task(gathered_gives(1h, 2));
  auto outer = asyncio::gather(done, pending);
  co_await done;
  EXPECT_TRUE(outer.cancel());
  (void)co_await asyncio::as_result(outer);
  EXPECT_EQ(done.result(), 1);
  EXPECT_EQ(done.cancelling(), 0u);
  EXPECT_TRUE(pending.cancelled());
}

// COMB-018, COMB-022
ASYNC_TEST(GatherCancel, ReachesTheChildrenOfAGatherInAGather) {
  auto a = asyncio::create_task(gathered_gives(1h, 1));
  auto b = asyncio::create_task(gathered_gives(1h, 2));
  auto c = asyncio::create_task(gathered_gives(1h, 3));
  auto outer = asyncio::gather(asyncio::gather(a, b), c);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(outer.cancel("all"));
  auto r = co_await asyncio::as_result(outer);
  EXPECT_EQ(support::text_of(r.error()), "cancelled:all");
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(a.cancelled());
  EXPECT_TRUE(b.cancelled());
  EXPECT_TRUE(c.cancelled());
}

// COMB-019
ASYNC_TEST(GatherCancel, EndsWithCancelledErrorAlsoIfTheChildrenRefuse) {
  auto outer = asyncio::gather(gathered_refuses(1), gathered_refuses(2));
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(outer.cancel());
  EXPECT_TRUE((co_await asyncio::as_result(outer)).cancelled());
}

// COMB-019
ASYNC_TEST(GatherCancel, EndsWithCancelledErrorAlsoWithReturnExceptions) {
  auto value = asyncio::create_task(gathered_refuses(1));
  auto outer = asyncio::gather(asyncio::return_exceptions, value, gathered_gives(1h, 2));
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(outer.cancel());
  EXPECT_TRUE((co_await asyncio::as_result(outer)).cancelled());
  EXPECT_EQ(co_await value, 1);
}

// COMB-020
ASYNC_TEST(GatherCancel, TheFirstChildToEndCancelledEndsItWhileOthersStillCleanUp) {
  auto& loop = asyncio::get_running_loop();
  Log log;
  auto slow = asyncio::create_task(gathered_cleans_up(log, "slow", 5s));
  auto outer = asyncio::gather(slow, gathered_gives(1h, 1));
  co_await asyncio::sleep(0s);
  const auto began = loop.time();
  outer.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(outer)).cancelled());
  EXPECT_EQ(loop.time(), began);
  EXPECT_EQ(log, Log{"slow cancelled"});
  EXPECT_FALSE(slow.done());
  EXPECT_TRUE((co_await asyncio::as_result(slow)).cancelled());
}

// COMB-020
ASYNC_TEST(GatherCancel, AnErrorDuringCancellationReplacesIt) {
  auto outer = asyncio::gather(gathered_fails_on_cancel("cleanup failed"), gathered_refuses(1));
  co_await asyncio::sleep(0s);
  outer.cancel();
  auto r = co_await asyncio::as_result(outer);
  EXPECT_EQ(support::text_of(r.error()), "cleanup failed");
}

// COMB-020, COMB-019
ASYNC_TEST(GatherCancel, WithReturnExceptionsAnErrorDuringCancellationDoesNotReplaceIt) {
  const support::LogCapture reports;
  auto outer = asyncio::gather(asyncio::return_exceptions, gathered_fails_on_cancel("hidden"),
                               gathered_refuses(1));
  co_await asyncio::sleep(0s);
  outer.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(outer)).cancelled());
}

// COMB-014: CPython marks it as seen and loses it; here it is told once
ASYNC_TEST(GatherCancel, AnErrorThatACancellationHidesIsToldAsOne) {
  const support::LogCapture reports;
  auto outer = asyncio::gather(asyncio::return_exceptions, gathered_fails_on_cancel("hidden"),
                               gathered_refuses(1));
  co_await asyncio::sleep(0s);
  outer.cancel();
  (void)co_await asyncio::as_result(std::move(outer));
  co_await asyncio::sleep(0s);
  EXPECT_EQ(reports.count("never retrieved"), 0);
  EXPECT_EQ(reports.count("hidden"), 1);
}

// COMB-021, failure 23
ASYNC_TEST(GatherCancel, AfterAFailureCancelIsRefusedAndTheOthersGoOn) {
  auto other = asyncio::create_task(gathered_gives(2s, 1));
  auto outer = asyncio::gather(gathered_fails(1s, "first"), other);
  auto r = co_await asyncio::as_result(outer);
  EXPECT_FALSE(outer.cancel());
  EXPECT_EQ(other.cancelling(), 0u);
  EXPECT_EQ(support::text_of(outer.exception()), "first");
  EXPECT_EQ(co_await other, 1);
}

// COMB-022
ASYNC_TEST(GatherCancel, CancellingTheTaskThatAwaitsItCancelsTheChildrenAndPassesTheMessageOn) {
  std::string child_error;
  std::string waiter_error;
  auto child = [&]() -> asyncio::Coro<> {
    auto r = co_await asyncio::as_result(asyncio::sleep(1h));
    child_error = support::text_of(r.error());
    std::move(r).value();
  };
  auto waiter = [&]() -> asyncio::Coro<> {
    auto r = co_await asyncio::as_result(asyncio::gather(child()));
    waiter_error = support::text_of(r.error());
    std::move(r).value();
  };
  auto task = asyncio::create_task(waiter);
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(task.cancel("why"));
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(child_error, "cancelled:why");
  EXPECT_EQ(waiter_error, "cancelled:why");
}

// COMB-023
ASYNC_TEST(GatherCancel, IsRefusedWhenAllChildrenAreDoneAndTheResultIsDelivered) {
  asyncio::Future<int> child;
  auto outer = asyncio::gather(child);
  child.set_result(1);
  EXPECT_FALSE(outer.done());
  EXPECT_FALSE(outer.cancel());
  EXPECT_EQ(co_await outer, std::tuple{1});
}

// COMB-023: CPython 3.13 does the same: the gather refuses, the task then takes the request itself
ASYNC_TEST(GatherCancel, OfTheAwaitingTaskWhenAllChildrenAreDoneLeavesTheResultInTheGather) {
  asyncio::Future<int> child;
  auto outer = asyncio::gather(child);
  auto waiter = [&]() -> asyncio::Coro<> { co_await outer; };
  auto task = asyncio::create_task(waiter);
  co_await asyncio::sleep(0s);
  child.set_result(1);
  EXPECT_TRUE(task.cancel());
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(co_await outer, std::tuple{1});
}

// COMB-018
ASYNC_TEST(GatherCancel, CancelsAChildThatStandsTwiceOnce) {
  auto task = asyncio::create_task(gathered_gives(1h, 1));
  auto outer = asyncio::gather(task, task);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(outer.cancel());
  EXPECT_TRUE((co_await asyncio::as_result(outer)).cancelled());
  EXPECT_TRUE(task.cancelled());
}
