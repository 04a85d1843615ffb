#include <asyncio/timeout.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/finally.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

// How a level of nested scopes ended, and how many cancels the task still had there.
std::string end_of_level(const asyncio::Result<void>& end) {
  const std::string cancels = " " + std::to_string(asyncio::current_task()->cancelling());
  if (end) return "value" + cancels;
  try {
    std::rethrow_exception(end.error());
  } catch (const asyncio::TimeoutError&) {
    return "TimeoutError" + cancels;
  } catch (const asyncio::CancelledError&) {
    return "CancelledError" + cancels;
  } catch (const asyncio::ExceptionGroup&) {
    return "ExceptionGroup" + cancels;
  } catch (...) {
    return "another error" + cancels;
  }
}

asyncio::Coro<> nested(asyncio::Timeout& outer, asyncio::Timeout& inner,
                       std::vector<std::string>& log) {
  auto outer_end = co_await asyncio::as_result(asyncio::with(outer, [&]() -> asyncio::Coro<> {
    auto inner_end = co_await asyncio::as_result(
        asyncio::with(inner, []() -> asyncio::Coro<> { co_await asyncio::sleep(60s); }));
    log.push_back(end_of_level(inner_end));
    inner_end.value();
  }));
  log.push_back(end_of_level(outer_end));
}

asyncio::Coro<> log_cancel(std::vector<std::string>& log) {
  auto end = co_await asyncio::as_result(asyncio::sleep(60s));
  log.push_back(end.cancelled() ? "child cancelled" : "child not cancelled");
  end.value();
}

asyncio::Coro<> fail_when_cancelled() {
  (void)co_await asyncio::as_result(asyncio::sleep(60s));
  throw std::domain_error("cleanup failed");
}

using Log = std::vector<std::string>;

}  // namespace

// COMB-071
ASYNC_TEST(NestedTimeouts, TheInnerOneThatExpiresFirstThrowsAndTheOuterIsLeftAlone) {
  auto outer = asyncio::timeout(2s);
  auto inner = asyncio::timeout(1s);
  Log log;
  co_await asyncio::with(outer, [&]() -> asyncio::Coro<> {
    auto end = co_await asyncio::as_result(
        asyncio::with(inner, []() -> asyncio::Coro<> { co_await asyncio::sleep(60s); }));
    log.push_back(end_of_level(end));
    co_await asyncio::sleep(10ms);
  });
  EXPECT_EQ(log, (Log{"TimeoutError 0"}));
  EXPECT_TRUE(inner.expired());
  EXPECT_FALSE(outer.expired());
}

// COMB-072
ASYNC_TEST(NestedTimeouts, TheInnerPassesTheCancelOfTheOuterOnThatExpiresFirst) {
  auto outer = asyncio::timeout(1s);
  auto inner = asyncio::timeout(2s);
  Log log;
  co_await nested(outer, inner, log);
  EXPECT_EQ(log, (Log{"CancelledError 1", "TimeoutError 0"}));
  EXPECT_FALSE(inner.expired());
  EXPECT_TRUE(outer.expired());
}

// COMB-073
ASYNC_TEST(NestedTimeouts, BothExpiredInOneIterationTheOuterThrows) {
  const auto deadline = asyncio::get_running_loop().time() + 1s;
  auto outer = asyncio::timeout_at(deadline);
  auto inner = asyncio::timeout_at(deadline);
  Log log;
  co_await nested(outer, inner, log);
  EXPECT_EQ(log, (Log{"CancelledError 1", "TimeoutError 0"}));
  EXPECT_TRUE(inner.expired());
  EXPECT_TRUE(outer.expired());
}

// COMB-073
TEST(NestedTimeouts, BothExpiredWhileTheLoopWasBusyTheOuterThrows) {
  asyncio::run([]() -> asyncio::Coro<> {
    asyncio::get_running_loop().call_soon([] { std::this_thread::sleep_for(10ms); });
    auto outer = asyncio::timeout(2ms);
    auto inner = asyncio::timeout(1ms);
    Log log;
    co_await nested(outer, inner, log);
    EXPECT_EQ(log, (Log{"CancelledError 1", "TimeoutError 0"}));
    EXPECT_TRUE(inner.expired());
    EXPECT_TRUE(outer.expired());
  });
}

// COMB-074
ASYNC_TEST(NestedTimeouts, AHandledTimeoutLeavesTheTaskUncancelled) {
  auto task = asyncio::create_task([]() -> asyncio::Coro<> {
    (void)co_await asyncio::as_result(asyncio::with(
        asyncio::timeout(1s), []() -> asyncio::Coro<> { co_await asyncio::sleep(60s); }));
    EXPECT_EQ(asyncio::current_task()->cancelling(), 0u);
    co_await asyncio::sleep(1s);
  });
  co_await task;
  EXPECT_FALSE(task.cancelled());
  EXPECT_EQ(task.cancelling(), 0u);
}

// COMB-075
ASYNC_TEST(NestedTimeouts, OneInTheCleanupAfterACancelWorks) {
  Log log;
  auto body = []() -> asyncio::Coro<> { co_await asyncio::sleep(60s); };
  auto outer_end =
      co_await asyncio::as_result(asyncio::with(asyncio::timeout(1s), [&]() -> asyncio::Coro<> {
        co_await asyncio::finally(asyncio::sleep(60s), [&]() -> asyncio::Coro<> {
          auto inner_end = co_await asyncio::as_result(asyncio::with(asyncio::timeout(1s), body));
          log.push_back(end_of_level(inner_end));
        });
      }));
  log.push_back(end_of_level(outer_end));
  EXPECT_EQ(log, (Log{"TimeoutError 1", "TimeoutError 0"}));
}

// COMB-076
ASYNC_TEST(NestedTimeouts, OneAroundATaskGroupCancelsTheChildren) {
  Log log;
  auto end =
      co_await asyncio::as_result(asyncio::with(asyncio::timeout(1s), [&]() -> asyncio::Coro<> {
        co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
          group.create_task(log_cancel(log));
          group.create_task(log_cancel(log));
        });
      }));
  log.push_back(end_of_level(end));
  EXPECT_EQ(log, (Log{"child cancelled", "child cancelled", "TimeoutError 0"}));
}

// COMB-076
ASYNC_TEST(NestedTimeouts, OneAroundATaskGroupPassesTheGroupOfFailedChildren) {
  auto limit = asyncio::timeout(1s);
  auto end = co_await asyncio::as_result(asyncio::with(limit, []() -> asyncio::Coro<> {
    co_await asyncio::with(asyncio::TaskGroup(), [](asyncio::TaskGroup& group) {
      group.create_task(fail_when_cancelled());
      group.create_task(asyncio::sleep(60s));
    });
  }));
  EXPECT_EQ(end_of_level(end), "ExceptionGroup 0");
  EXPECT_TRUE(limit.expired());
  co_await asyncio::sleep(0s);  // and nothing is pending
}

// failure 20, COMB-073, COMB-118
ASYNC_TEST(NestedTimeouts, AroundAGroupAroundOneWithEqualDeadlinesTheOutermostThrows) {
  const auto deadline = asyncio::get_running_loop().time() + 1s;
  auto outer = asyncio::timeout_at(deadline);
  auto inner = asyncio::timeout_at(deadline);
  Log log;
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(log_cancel(log));
    auto inner_end = co_await asyncio::as_result(
        asyncio::with(inner, []() -> asyncio::Coro<> { co_await asyncio::sleep(60s); }));
    log.push_back(end_of_level(inner_end));
    inner_end.value();
  };
  auto outer_end = co_await asyncio::as_result(asyncio::with(outer, [&]() -> asyncio::Coro<> {
    auto group_end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), body));
    log.push_back(end_of_level(group_end));
    group_end.value();
  }));
  log.push_back(end_of_level(outer_end));
  EXPECT_EQ(log,
            (Log{"CancelledError 1", "child cancelled", "CancelledError 1", "TimeoutError 0"}));
  EXPECT_TRUE(inner.expired());
}
