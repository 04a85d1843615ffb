#include <asyncio/timeout.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <optional>
#include <string>

using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

// COMB-069
ASYNC_TEST(Timeout, CannotBeRescheduledBeforeItIsEntered) {
  auto limit = asyncio::timeout(1s);
  std::string error;
  try {
    limit.reschedule(std::nullopt);
  } catch (const asyncio::RuntimeError& e) {
    error = e.what();
  }
  EXPECT_TRUE(contains(error, "Timeout has not been entered")) << error;
  co_return;
}

// COMB-069
ASYNC_TEST(Timeout, CannotBeRescheduledOnceExpiringExpiredOrFinished) {
  const auto error_of_reschedule = [](asyncio::Timeout& t) -> std::string {
    try {
      t.reschedule(std::nullopt);
    } catch (const asyncio::RuntimeError& e) {
      return e.what();
    }
    return "no error";
  };
  auto expiring = asyncio::timeout(1s);
  std::string while_expiring;
  co_await asyncio::with(expiring, [&]() -> asyncio::Coro<> {
    (void)co_await asyncio::as_result(asyncio::sleep(2s));
    while_expiring = error_of_reschedule(expiring);
  });
  auto finished = asyncio::timeout(1s);
  co_await asyncio::with(finished, [] {});

  EXPECT_TRUE(contains(while_expiring, "<Timeout [expiring]>")) << while_expiring;
  EXPECT_TRUE(contains(while_expiring, "annot change state of finished Timeout")) << while_expiring;
  EXPECT_TRUE(contains(error_of_reschedule(expiring), "<Timeout [expired]>"));
  EXPECT_TRUE(contains(error_of_reschedule(finished), "<Timeout [finished]>"));
}

// COMB-069, COMB-070
ASYNC_TEST(Timeout, RescheduledLaterExpiresThen) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::timeout(1s), [&](asyncio::Timeout& t) -> asyncio::Coro<> {
        t.reschedule(start + 5s);
        EXPECT_EQ(t.when(), start + 5s);
        co_await asyncio::sleep(10s);
      }));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  EXPECT_EQ(loop.time() - start, asyncio::Duration(5s));
}

// COMB-070
ASYNC_TEST(Timeout, RescheduledToThePastExpiresInTheNextIteration) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::timeout(10s), [&](asyncio::Timeout& t) -> asyncio::Coro<> {
        t.reschedule(start - 1s);
        EXPECT_FALSE(t.expired());
        co_await asyncio::sleep(0s);
        ADD_FAILURE() << "went on";
      }));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(end.error()));
  EXPECT_EQ(loop.time(), start);
}

// COMB-070
ASYNC_TEST(Timeout, RescheduledToNothingIsDisabled) {
  auto limit = asyncio::timeout(1s);
  co_await asyncio::with(limit, [&]() -> asyncio::Coro<> {
    limit.reschedule(std::nullopt);
    EXPECT_EQ(limit.when(), std::nullopt);
    co_await asyncio::sleep(10s);
  });
  EXPECT_FALSE(limit.expired());
}

// COMB-077
ASYNC_TEST(Timeout, ReprTellsItsStateAndWhileActiveItsDeadline) {
  auto limit = asyncio::timeout_at(asyncio::TimePoint(10'000'000s));
  auto endless = asyncio::timeout(std::nullopt);
  EXPECT_EQ(limit.repr(), "<Timeout [created]>");
  co_await asyncio::with(limit,
                         [&] { EXPECT_EQ(limit.repr(), "<Timeout [active] when=10000000.000>"); });
  co_await asyncio::with(endless,
                         [&] { EXPECT_EQ(endless.repr(), "<Timeout [active] when=None>"); });
  EXPECT_EQ(limit.repr(), "<Timeout [finished]>");
}
