#include <asyncio/group_all.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/errors.hpp"
#include "support/generators.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::thrown_by_await;

namespace {

using Log = std::vector<std::string>;

asyncio::Coro<int> value_after(asyncio::Duration delay, int value) {
  co_await asyncio::sleep(delay);
  co_return value;
}

asyncio::Coro<std::unique_ptr<int>> pointer(int value) { co_return std::make_unique<int>(value); }

asyncio::Coro<bool> truth() { co_return true; }

asyncio::Coro<int> fail_after(asyncio::Duration delay, const char* text) {
  co_await asyncio::sleep(delay);
  throw std::domain_error(text);
}

asyncio::Coro<int> cancel_itself() {
  co_await asyncio::sleep(1s);
  throw asyncio::CancelledError("mine");
}

asyncio::Coro<int> end_slowly(Log& log, std::string name) {
  auto end = co_await asyncio::as_result(asyncio::sleep(1h));
  co_await asyncio::sleep(1s);
  log.push_back(name + (end.cancelled() ? " cancelled" : " ended"));
  end.value();
  co_return 0;
}

asyncio::Coro<int> fail_when_cancelled(const char* text) {
  (void)co_await asyncio::as_result(asyncio::sleep(1h));
  throw std::domain_error(text);
}

constexpr const char* unhandled = "unhandled errors in a TaskGroup: ";

}  // namespace

// --- values -----------------------------------------------------------------------------------

// COMB-106 [PITFALL]: the results without reading them from the tasks
ASYNC_TEST(GroupAll, GivesTheValuesInTheOrderOfTheArguments) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  auto [a, b, c] =
      co_await asyncio::group_all(value_after(3s, 1), value_after(1s, 2), value_after(2s, 3));
  EXPECT_EQ(std::tuple(a, b, c), std::tuple(1, 2, 3));
  EXPECT_EQ(loop.time() - start, asyncio::Duration(3s));
}

ASYNC_TEST(GroupAll, GivesNoneWhereThereIsNoValue) {
  auto [number, none] = co_await asyncio::group_all(value_after(1s, 1), asyncio::sleep(1s));
  static_assert(std::is_same_v<decltype(none), asyncio::None>);
  EXPECT_EQ(number, 1);
}

ASYNC_TEST(GroupAll, MovesTheValues) {
  auto [a, b] = co_await asyncio::group_all(pointer(1), pointer(2));
  EXPECT_EQ(*a + *b, 3);
}

ASYNC_TEST(GroupAll, OfNothingGivesNothing) {
  EXPECT_EQ(co_await asyncio::group_all(), std::tuple());
  EXPECT_TRUE((co_await asyncio::group_all(std::vector<asyncio::Coro<int>>())).empty());
}

ASYNC_TEST(GroupAll, OfARangeGivesAVector) {
  std::vector<asyncio::Coro<int>> coros;
  for (int n = 1; n <= 3; ++n) coros.push_back(value_after((4 - n) * 1s, n));
  EXPECT_EQ(co_await asyncio::group_all(std::move(coros)), support::numbers(1, 2, 3));
}

ASYNC_TEST(GroupAll, OfARangeOfTasksLeavesTheirValuesInThem) {
  std::vector<asyncio::Task<int>> tasks;
  for (int n = 1; n <= 2; ++n) tasks.push_back(asyncio::create_task(value_after(1s, n)));
  EXPECT_EQ(co_await asyncio::group_all(tasks), support::numbers(1, 2));
  EXPECT_EQ(tasks[1].result(), 2);
}

ASYNC_TEST(GroupAll, OfARangeOfWhatHasNoValueGivesNones) {
  std::vector<asyncio::Coro<>> coros;
  for (int n = 0; n < 2; ++n) coros.push_back(asyncio::sleep(1s));
  EXPECT_EQ((co_await asyncio::group_all(std::move(coros))).size(), 2U);
}

ASYNC_TEST(GroupAll, OfARangeOfBoolsGivesThem) {
  std::vector<asyncio::Coro<bool>> coros;
  coros.push_back(truth());
  const std::vector<bool> truths = co_await asyncio::group_all(std::move(coros));
  EXPECT_EQ(truths, std::vector<bool>(1, true));
}

ASYNC_TEST(GroupAll, TakesWhateverCanBeAwaited) {
  asyncio::Future<int> future;
  auto task = asyncio::create_task(value_after(2s, 2));
  asyncio::get_running_loop().call_later(1s, [future]() mutable { future.set_result(1); });
  auto [a, b, c] = co_await asyncio::group_all(future, task, asyncio::sleep(1s, 3));
  EXPECT_EQ(std::tuple(a, b, c), std::tuple(1, 2, 3));
}

ASYNC_TEST(GroupAll, RunsNothingBeforeItIsAwaited) {
  Log log;
  const auto note = [](Log& to) -> asyncio::Coro<> {
    to.push_back("runs");
    co_return;
  };
  auto stored = asyncio::group_all(note(log));
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, Log());
  co_await std::move(stored);
  EXPECT_EQ(log, (Log{"runs"}));
}

ASYNC_TEST(GroupAll, CanBeGivenToGatherWaitForAndItself) {
  const auto [first, second] = co_await asyncio::gather(asyncio::group_all(value_after(1s, 1)),
                                                        asyncio::group_all(value_after(1s, 2)));
  EXPECT_EQ(std::get<0>(first) + std::get<0>(second), 3);
  EXPECT_EQ(co_await thrown_by_await(asyncio::wait_for(asyncio::group_all(value_after(2s, 1)), 1s)),
            "TimeoutError: timed out");
  auto [inner] = co_await asyncio::group_all(asyncio::group_all(value_after(1s, 1)));
  EXPECT_EQ(std::get<0>(inner), 1);
}

// --- errors -----------------------------------------------------------------------------------

ASYNC_TEST(GroupAllFailure, CancelsTheOthersAndWaitsForThem) {
  Log log;
  const auto end = co_await asyncio::as_result(
      asyncio::group_all(end_slowly(log, "a"), fail_after(1s, "no"), end_slowly(log, "b")));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "no");
  EXPECT_EQ(log, (Log{"a cancelled", "b cancelled"}));
}

ASYNC_TEST(GroupAllFailure, ThrowsEveryError) {
  const auto end = co_await asyncio::as_result(asyncio::group_all(
      fail_when_cancelled("second"), fail_after(1s, "first"), fail_when_cancelled("third")));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "first, second, third");
}

ASYNC_TEST(GroupAllFailure, OfARangeIsTheSame) {
  Log log;
  std::vector<asyncio::Coro<int>> coros;
  coros.push_back(end_slowly(log, "a"));
  coros.push_back(fail_after(1s, "no"));
  const auto end = co_await asyncio::as_result(asyncio::group_all(std::move(coros)));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "no");
  EXPECT_EQ(log, (Log{"a cancelled"}));
}

ASYNC_TEST(GroupAllFailure, IsACancellationIfOneCancelsItself) {
  auto task = asyncio::create_task(asyncio::group_all(cancel_itself(), value_after(2s, 2)));
  EXPECT_EQ(support::text_of((co_await asyncio::as_result(task)).error()), "cancelled:mine");
  EXPECT_EQ(task.cancelling(), 0U);
}

ASYNC_TEST(GroupAllFailure, LeavesNoCancellationBehind) {
  (void)co_await asyncio::as_result(asyncio::group_all(value_after(1s, 1), fail_after(0s, "no")));
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0U);
  co_await asyncio::sleep(0s);
}

ASYNC_TEST(GroupAllFailure, ClosesTheCoroutinesThatCannotBeStarted) {
  // An eager task fails before the second one is made; that reaches the group only later.
  asyncio::get_running_loop().set_task_factory(
      [](asyncio::EventLoop&, asyncio::TaskOptions& options) { options.eager_start = true; });
  Log log;
  const auto end = co_await asyncio::as_result(
      asyncio::group_all(fail_after(0s, "no"), end_slowly(log, "second")));
  EXPECT_EQ(support::members_of(end.error()), std::string(unhandled) + "no");
  EXPECT_EQ(log, (Log{"second cancelled"}));
}

// --- cancelled --------------------------------------------------------------------------------

ASYNC_TEST(GroupAllCancelled, CancelsAllAndWaitsForThem) {
  Log log;
  auto task = asyncio::create_task(asyncio::group_all(end_slowly(log, "a"), end_slowly(log, "b")));
  co_await asyncio::sleep(1s);
  task.cancel("enough");
  EXPECT_EQ(support::text_of((co_await asyncio::as_result(task)).error()), "cancelled:enough");
  EXPECT_EQ(log, (Log{"a cancelled", "b cancelled"}));
}

ASYNC_TEST(GroupAllCancelled, ByATimeoutIsATimeout) {
  Log log;
  const auto body = [&](asyncio::Timeout&) -> asyncio::Coro<> {
    co_await asyncio::group_all(end_slowly(log, "a"), value_after(1h, 1));
  };
  EXPECT_EQ(co_await thrown_by_await(asyncio::with(asyncio::timeout(1s), body)),
            "TimeoutError: timed out");
  EXPECT_EQ(log, (Log{"a cancelled"}));
}
