#include <asyncio/timeout.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

std::string runtime_error_of(const std::exception_ptr& error) {
  if (error == nullptr) return "no error";
  try {
    std::rethrow_exception(error);
  } catch (const asyncio::RuntimeError& e) {
    return e.what();
  } catch (...) {
    return "another error";
  }
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::uint32_t cancels_of_this_task() { return asyncio::current_task()->cancelling(); }

asyncio::Coro<> swallow_own_cancel() {
  asyncio::current_task()->cancel();
  (void)co_await asyncio::as_result(asyncio::sleep(1s));
}

}  // namespace

// COMB-055, COMB-060, COMB-078
ASYNC_TEST(Timeout, CancelsTheBodyOnceAtTheDeadlineAndThrowsTimeoutError) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  auto limit = asyncio::timeout(1s);
  std::uint32_t cancels = 0;
  std::string state;
  auto end =
      co_await asyncio::as_result(asyncio::with(limit, [&](asyncio::Timeout& t) -> asyncio::Coro<> {
        auto sleep = co_await asyncio::as_result(asyncio::sleep(10s));
        cancels = cancels_of_this_task();
        state = t.repr();
        std::move(sleep).value();
      }));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  EXPECT_EQ(loop.time() - start, asyncio::Duration(1s));
  EXPECT_EQ(cancels, 1u);
  EXPECT_EQ(state, "<Timeout [expiring]>");
  EXPECT_TRUE(limit.expired());
}

// COMB-055
ASYNC_TEST(Timeout, AtTakesAnAbsoluteDeadline) {
  auto& loop = asyncio::get_running_loop();
  const auto deadline = loop.time() + 2s;
  auto limit = asyncio::timeout_at(deadline);
  EXPECT_EQ(limit.when(), deadline);
  auto end = co_await asyncio::as_result(
      asyncio::with(limit, []() -> asyncio::Coro<> { co_await asyncio::sleep(10s); }));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  EXPECT_EQ(loop.time(), deadline);
}

// COMB-055
ASYNC_TEST(Timeout, WithoutADelayNeverExpires) {
  auto limit = asyncio::timeout(std::nullopt);
  auto limit_at = asyncio::timeout_at(std::nullopt);
  EXPECT_EQ(limit.when(), std::nullopt);
  EXPECT_EQ(limit_at.when(), std::nullopt);
  const int value = co_await asyncio::with(limit, [&]() -> asyncio::Coro<int> {
    co_return co_await asyncio::with(
        limit_at, []() -> asyncio::Coro<int> { co_return co_await asyncio::sleep(1000h, 3); });
  });
  EXPECT_EQ(value, 3);
  EXPECT_FALSE(limit.expired());
  EXPECT_FALSE(limit_at.expired());
}

// COMB-056
ASYNC_TEST(Timeout, ComputesItsDeadlineWhenItIsMadeNotWhenItIsEntered) {
  auto& loop = asyncio::get_running_loop();
  const auto made = loop.time();
  auto limit = asyncio::timeout(3s);
  co_await asyncio::sleep(2s);
  EXPECT_EQ(limit.when(), made + 3s);
  auto end = co_await asyncio::as_result(
      asyncio::with(limit, []() -> asyncio::Coro<> { co_await asyncio::sleep(2s); }));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  EXPECT_EQ(loop.time() - made, asyncio::Duration(3s));
}

// COMB-057
ASYNC_TEST(Timeout, CannotBeEnteredOutsideATask) {
  auto limit = asyncio::timeout(1s);
  std::string error;
  asyncio::get_running_loop().call_soon([&] {
    try {
      (void)limit.aenter();
    } catch (const asyncio::RuntimeError& e) {
      error = e.what();
    }
  });
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(contains(error, "Timeout should be used inside a task")) << error;
}

// COMB-058
ASYNC_TEST(Timeout, CannotBeEnteredASecondTimeAfterTheFirst) {
  auto limit = asyncio::timeout(1s);
  co_await asyncio::with(limit, [] {});
  auto second = co_await asyncio::as_result(asyncio::with(limit, [] {}));
  const std::string error = runtime_error_of(second.error());
  EXPECT_TRUE(contains(error, "Timeout has already been entered")) << error;
}

// COMB-058
ASYNC_TEST(Timeout, CannotBeEnteredASecondTimeWithinTheFirst) {
  auto limit = asyncio::timeout(1s);
  std::string error;
  co_await asyncio::with(limit, [&]() -> asyncio::Coro<> {
    auto second = co_await asyncio::as_result(asyncio::with(limit, [] {}));
    error = runtime_error_of(second.error());
  });
  EXPECT_TRUE(contains(error, "Timeout has already been entered")) << error;
  EXPECT_FALSE(limit.expired());
}

// COMB-059
ASYNC_TEST(Timeout, EnteringAndLeavingDoNotYield) {
  bool others_ran = false;
  asyncio::get_running_loop().call_soon([&] { others_ran = true; });
  co_await asyncio::with(asyncio::timeout(1s), [&] { EXPECT_FALSE(others_ran); });
  EXPECT_FALSE(others_ran);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(others_ran);
}

// COMB-061
ASYNC_TEST(Timeout, ACancelSwallowedBeforeItWasEnteredDoesNotDisturbIt) {
  co_await swallow_own_cancel();
  EXPECT_EQ(cancels_of_this_task(), 1u);
  auto end = co_await asyncio::as_result(asyncio::with(
      asyncio::timeout(1s), []() -> asyncio::Coro<> { co_await asyncio::sleep(10s); }));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  EXPECT_EQ(cancels_of_this_task(), 1u);
}

// COMB-062
ASYNC_TEST(Timeout, ExpiredWhileAnotherCancelIsPendingPassesTheCancellationOn) {
  auto& loop = asyncio::get_running_loop();
  const auto deadline = loop.time() + 1s;
  auto self = *asyncio::current_task();
  loop.call_at(deadline, [&] { self.cancel(); });
  auto limit = asyncio::timeout_at(deadline);
  auto end = co_await asyncio::as_result(
      asyncio::with(limit, []() -> asyncio::Coro<> { co_await asyncio::sleep(10s); }));
  EXPECT_TRUE(end.cancelled());
  EXPECT_TRUE(limit.expired());
  EXPECT_EQ(self.cancelling(), 1u);
}

// COMB-062
ASYNC_TEST(Timeout, ACancelInsideAfterASwallowedOneIsNotTakenForItsOwn) {
  co_await swallow_own_cancel();
  auto end =
      co_await asyncio::as_result(asyncio::with(asyncio::timeout(1s), []() -> asyncio::Coro<> {
        asyncio::current_task()->cancel();
        co_await asyncio::sleep(2s);
      }));
  EXPECT_TRUE(end.cancelled());
}

// COMB-063, COMB-074
ASYNC_TEST(Timeout, ABodyThatSwallowsTheCancelEndsNormallyAndLeavesNoCancelBehind) {
  auto limit = asyncio::timeout(1s);
  const int value = co_await asyncio::with(limit, []() -> asyncio::Coro<int> {
    (void)co_await asyncio::as_result(asyncio::sleep(10s));
    co_return 5;
  });
  EXPECT_EQ(value, 5);
  EXPECT_TRUE(limit.expired());
  EXPECT_EQ(cancels_of_this_task(), 0u);
  co_await asyncio::sleep(0s);
}

// COMB-064
ASYNC_TEST(Timeout, AnotherErrorOfTheExpiredBodyPasses) {
  auto limit = asyncio::timeout(1s);
  auto end = co_await asyncio::as_result(asyncio::with(limit, []() -> asyncio::Coro<> {
    (void)co_await asyncio::as_result(asyncio::sleep(10s));
    throw std::domain_error("cleanup failed");
  }));
  EXPECT_TRUE(support::is_a<std::domain_error>(end.error()));
  EXPECT_TRUE(limit.expired());
  EXPECT_EQ(cancels_of_this_task(), 0u);
}

// COMB-064, COMB-068
ASYNC_TEST(Timeout, AnErrorBeforeTheDeadlinePassesAndDisarmsIt) {
  auto limit = asyncio::timeout(1s);
  auto end =
      co_await asyncio::as_result(asyncio::with(limit, [] { throw std::domain_error("at once"); }));
  EXPECT_TRUE(support::is_a<std::domain_error>(end.error()));
  EXPECT_FALSE(limit.expired());
  co_await asyncio::sleep(2s);
}

// COMB-065
ASYNC_TEST(Timeout, ACancelledErrorOfTheBodyItselfPassesBeforeTheDeadline) {
  auto limit = asyncio::timeout(1s);
  auto end = co_await asyncio::as_result(
      asyncio::with(limit, [] { throw asyncio::CancelledError("mine"); }));
  EXPECT_TRUE(end.cancelled());
  EXPECT_FALSE(limit.expired());
}

// COMB-065, COMB-062
ASYNC_TEST(Timeout, ACancelOfTheTaskBeforeTheDeadlinePasses) {
  auto limit = asyncio::timeout(10s);
  auto end = co_await asyncio::as_result(asyncio::with(limit, []() -> asyncio::Coro<> {
    asyncio::current_task()->cancel("from outside");
    co_await asyncio::sleep(10s);
  }));
  EXPECT_TRUE(end.cancelled());
  EXPECT_FALSE(limit.expired());
  EXPECT_EQ(cancels_of_this_task(), 1u);
}

// COMB-066
TEST(Timeout, ABodyThatNeverSuspendsNeverTimesOut) {
  asyncio::run([]() -> asyncio::Coro<> {
    auto limit = asyncio::timeout(1ms);
    co_await asyncio::with(limit, [] { std::this_thread::sleep_for(3ms); });
    EXPECT_FALSE(limit.expired());
    co_await asyncio::sleep(0s);
    EXPECT_EQ(cancels_of_this_task(), 0u);
  });
}

// COMB-067
ASYNC_TEST(Timeout, OfZeroLetsTheBodyRunToItsFirstSuspension) {
  bool body_began = false;
  auto limit = asyncio::timeout(0s);
  auto end = co_await asyncio::as_result(asyncio::with(limit, [&]() -> asyncio::Coro<> {
    body_began = true;
    EXPECT_FALSE(limit.expired());
    co_await asyncio::sleep(0s);
    ADD_FAILURE() << "went on after its first suspension";
  }));
  EXPECT_TRUE(body_began);
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
}

// COMB-067
ASYNC_TEST(Timeout, InThePastExpiresAtTheFirstSuspensionInItsTurnOfTheQueue) {
  std::vector<std::string> log;
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  auto limit = asyncio::timeout_at(start - 10s);
  loop.call_soon([&] { log.push_back(limit.expired() ? "too early" : "before it"); });
  auto end = co_await asyncio::as_result(asyncio::with(limit, [&]() -> asyncio::Coro<> {
    loop.call_soon([&] { log.push_back(limit.expired() ? "after it" : "too late"); });
    co_await asyncio::sleep(10s);
  }));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  EXPECT_EQ(log, (std::vector<std::string>{"before it", "after it"}));
  EXPECT_EQ(loop.time(), start);
}

// COMB-068
ASYNC_TEST(Timeout, LeftInTimeItIsFinishedAndItsTimerIsGone) {
  auto limit = asyncio::timeout(1s);
  const int value = co_await asyncio::with(
      limit, []() -> asyncio::Coro<int> { co_return co_await asyncio::sleep(10ms, 1); });
  EXPECT_EQ(value, 1);
  EXPECT_EQ(limit.repr(), "<Timeout [finished]>");
  co_await asyncio::sleep(2s);
  EXPECT_FALSE(limit.expired());
}

// COMB-068, COMB-067
ASYNC_TEST(Timeout, LeftBeforeItsQueuedAlarmRangItCancelsNobody) {
  auto limit = asyncio::timeout(0s);
  co_await asyncio::with(limit, [] {});
  co_await asyncio::sleep(0s);
  EXPECT_FALSE(limit.expired());
  EXPECT_EQ(cancels_of_this_task(), 0u);
}
