#include <asyncio/gather.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/endings.hpp"
#include "support/errors.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::cancel_on_error;
using support::fail_after;
using support::fail_when_cancelled;
using support::Log;
using support::log_end;
using support::LogCapture;
using support::thrown_by_await;

namespace {

asyncio::Coro<int> value_after(asyncio::Duration delay, int value) {
  co_await asyncio::sleep(delay);
  co_return value;
}

asyncio::Coro<std::unique_ptr<int>> pointer(int value) { co_return std::make_unique<int>(value); }

}  // namespace

ASYNC_TEST(GatherCancelOnError, GivesTheValuesIfNothingFails) {
  auto [a, b] = co_await asyncio::gather(cancel_on_error, value_after(2s, 1), pointer(2));
  EXPECT_EQ(a + *b, 3);
}

// COMB-013 [PITFALL]: the siblings do not go on running
ASYNC_TEST(GatherCancelOnError, ThrowsTheFirstErrorWhenTheOthersHaveBeenCancelledAndHaveEnded) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  Log log;
  EXPECT_EQ(co_await thrown_by_await(asyncio::gather(cancel_on_error, log_end(log, "a", 2s),
                                                     fail_after(1s, "no"), log_end(log, "b", 1s))),
            "domain_error: no");
  EXPECT_EQ(log, (Log{"b cancelled", "a cancelled"}));
  EXPECT_EQ(loop.time() - start, asyncio::Duration(3s));
}

// COMB-013: first in time, not in the order of the arguments
ASYNC_TEST(GatherCancelOnError, ThrowsTheFirstErrorInTime) {
  const LogCapture capture;
  EXPECT_EQ(co_await thrown_by_await(asyncio::gather(cancel_on_error, fail_when_cancelled("late"),
                                                     fail_after(1s, "early"))),
            "domain_error: early");
}

ASYNC_TEST(GatherCancelOnError, LogsTheErrorsThatComeLater) {
  const LogCapture capture;
  (void)co_await thrown_by_await(
      asyncio::gather(cancel_on_error, fail_when_cancelled("late"), fail_after(1s, "early")));
  EXPECT_EQ(capture.count("domain_error: late"), 1);
  EXPECT_EQ(capture.count("domain_error: early"), 0);
}

ASYNC_TEST(GatherCancelOnError, TakesACancelledChildForAnError) {
  auto doomed = asyncio::create_task(value_after(1h, 1));
  Log log;
  asyncio::get_running_loop().call_later(1s, [&] { doomed.cancel("enough"); });
  EXPECT_EQ(
      co_await thrown_by_await(asyncio::gather(cancel_on_error, doomed, log_end(log, "other", 1s))),
      "CancelledError: enough");
  EXPECT_EQ(log, (Log{"other cancelled"}));
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0U);
}

ASYNC_TEST(GatherCancelOnError, LeavesWhatHasEndedAsItIs) {
  auto quick = asyncio::create_task(value_after(1s, 1));
  (void)co_await thrown_by_await(asyncio::gather(cancel_on_error, quick, fail_after(2s, "no")));
  EXPECT_EQ(quick.result(), 1);
}

ASYNC_TEST(GatherCancelOnError, CancelsFuturesAndTasksThatWereGiven) {
  asyncio::Future<int> future;
  auto task = asyncio::create_task(value_after(1h, 1));
  EXPECT_EQ(co_await thrown_by_await(
                asyncio::gather(cancel_on_error, future, task, fail_after(1s, "no"))),
            "domain_error: no");
  EXPECT_TRUE(future.cancelled() && task.cancelled());
}

ASYNC_TEST(GatherCancelOnError, CancelsTheOthersIfOneHasFailedAlready) {
  auto failed = asyncio::create_task(fail_after(0s, "no"));
  (void)co_await asyncio::as_result(failed);
  auto other = asyncio::create_task(value_after(1h, 1));
  EXPECT_EQ(co_await thrown_by_await(asyncio::gather(cancel_on_error, other, failed)),
            "domain_error: no");
  EXPECT_TRUE(other.cancelled());
}

ASYNC_TEST(GatherCancelOnError, AsksAChildThatComesTwiceOnce) {
  auto task = asyncio::create_task(value_after(1h, 1));
  (void)co_await thrown_by_await(
      asyncio::gather(cancel_on_error, task, fail_after(1s, "no"), task));
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(task.cancelling(), 1U);
}

ASYNC_TEST(GatherCancelOnError, WaitsForOneThatSurvivesTheCancellation) {
  bool survived = false;
  const auto survive = [&]() -> asyncio::Coro<> {
    (void)co_await asyncio::as_result(asyncio::sleep(1h));
    co_await asyncio::sleep(1s);
    survived = true;
  };
  EXPECT_EQ(
      co_await thrown_by_await(asyncio::gather(cancel_on_error, survive(), fail_after(1s, "no"))),
      "domain_error: no");
  EXPECT_TRUE(survived);
}

ASYNC_TEST(GatherCancelOnError, NeedsNobodyToAwaitIt) {
  Log log;
  auto outer = asyncio::gather(cancel_on_error, log_end(log, "a", 1s), fail_after(1s, "no"));
  co_await asyncio::sleep(3s);
  EXPECT_EQ(log, (Log{"a cancelled"}));
  EXPECT_TRUE(support::is_a<std::domain_error>(outer.exception()));
}

ASYNC_TEST(GatherCancelOnError, TakesARange) {
  Log log;
  std::vector<asyncio::Coro<>> coros;
  coros.push_back(log_end(log, "a", 1s));
  coros.push_back(fail_after(1s, "no"));
  EXPECT_EQ(co_await thrown_by_await(asyncio::gather(cancel_on_error, std::move(coros))),
            "domain_error: no");
  EXPECT_EQ(log, (Log{"a cancelled"}));
}

ASYNC_TEST(GatherCancelOnError, OfNothingGivesNothing) {
  EXPECT_EQ(co_await asyncio::gather(cancel_on_error), std::tuple());
  EXPECT_TRUE(
      (co_await asyncio::gather(cancel_on_error, std::vector<asyncio::Coro<int>>())).empty());
}

ASYNC_TEST(GatherCancelOnError, CancelledCancelsAllAndWaitsForThem) {
  Log log;
  auto outer = asyncio::gather(cancel_on_error, log_end(log, "a", 1s), log_end(log, "b", 2s));
  co_await asyncio::sleep(1s);
  outer.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(outer)).cancelled());
  EXPECT_EQ(log, (Log{"a cancelled", "b cancelled"}));
}

// The error goes first, as in a TaskGroup; the request of the task that waits stays.
ASYNC_TEST(GatherCancelOnError, CancelledWhileTheOthersCleanUpThrowsTheError) {
  Log log;
  auto waiting = asyncio::create_task([&]() -> asyncio::Coro<> {
    co_await asyncio::gather(cancel_on_error, log_end(log, "a", 1h), fail_after(1s, "no"));
  });
  co_await asyncio::sleep(2s);
  waiting.cancel();
  const auto end = co_await asyncio::as_result(waiting);
  EXPECT_EQ(support::text_of(end.error()), "no");
  EXPECT_EQ(waiting.cancelling(), 1U);
}
