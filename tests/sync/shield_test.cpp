#include <asyncio/shield.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using namespace std::chrono_literals;

namespace {

asyncio::Coro<int> shielded_gives(asyncio::Duration after, int value) {
  co_await asyncio::sleep(after);
  co_return value;
}

asyncio::Coro<int> shielded_fails(asyncio::Duration after, const char* text) {
  co_await asyncio::sleep(after);
  throw std::runtime_error(text);
}

asyncio::Coro<std::unique_ptr<int>> shielded_unique() {
  co_await asyncio::sleep(1s);
  co_return std::make_unique<int>(5);
}

}  // namespace

// COMB-079
ASYNC_TEST(Shield, ACoroutineBecomesATaskAtTheCallAndItsValueIsGiven) {
  const auto before = asyncio::all_tasks().size();
  auto outer = asyncio::shield(shielded_gives(1s, 1));
  EXPECT_EQ(asyncio::all_tasks().size(), before + 1);
  EXPECT_EQ(co_await outer, 1);
}

// COMB-079
ASYNC_TEST(Shield, OfATaskIsAnotherFutureThatEndsAsItDoes) {
  auto task = asyncio::create_task(shielded_gives(1s, 1));
  auto outer = asyncio::shield(task);
  EXPECT_FALSE(outer == task);
  EXPECT_EQ(co_await outer, 1);
  EXPECT_EQ(task.result(), 1);
}

// COMB-079
ASYNC_TEST(Shield, AnErrorIsGivenAndCountsAsTaken) {
  const support::LogCapture reports;
  {
    auto r = co_await asyncio::as_result(asyncio::shield(shielded_fails(1s, "inner")));
    EXPECT_EQ(support::text_of(r.error()), "inner");
  }
  EXPECT_TRUE(reports.empty());
}

// COMB-080
ASYNC_TEST(Shield, OfWhatIsDoneIsThatItself) {
  asyncio::Future<int> future;
  future.set_result(1);
  EXPECT_TRUE(asyncio::shield(future) == future);
  auto task = asyncio::create_task(shielded_gives(0s, 2));
  co_await task;
  EXPECT_TRUE(asyncio::shield(task) == task);
}

// COMB-081
ASYNC_TEST(Shield, CancellingItLeavesTheInnerOneAlone) {
  auto task = asyncio::create_task(shielded_gives(2s, 7));
  auto outer = asyncio::shield(task);
  co_await asyncio::sleep(1s);
  EXPECT_TRUE(outer.cancel());
  EXPECT_TRUE(outer.cancelled());
  EXPECT_EQ(task.cancelling(), 0u);
  EXPECT_EQ(co_await task, 7);
}

// COMB-081
ASYNC_TEST(Shield, CancellingTheTaskThatAwaitsItLeavesTheInnerOneAlone) {
  auto inner = asyncio::create_task(shielded_gives(2s, 7));
  auto waiter = [&]() -> asyncio::Coro<> { co_await asyncio::shield(inner); };
  auto task = asyncio::create_task(waiter);
  co_await asyncio::sleep(1s);
  task.cancel("outside");
  auto r = co_await asyncio::as_result(task);
  EXPECT_EQ(support::text_of(r.error()), "cancelled:outside");
  EXPECT_EQ(inner.cancelling(), 0u);
  EXPECT_EQ(co_await inner, 7);
}

// COMB-082
ASYNC_TEST(Shield, CancellingTheInnerOneCancelsItWithoutTheMessage) {
  auto task = asyncio::create_task(shielded_gives(1h, 1));
  auto outer = asyncio::shield(task);
  co_await asyncio::sleep(0s);
  task.cancel("inside");
  auto r = co_await asyncio::as_result(outer);
  EXPECT_TRUE(outer.cancelled());
  EXPECT_EQ(support::text_of(r.error()), "cancelled:");
}

// COMB-083, failure 24
ASYNC_TEST(Shield, AnInnerErrorThatNobodyIsLeftToTakeIsReportedOnce) {
  std::vector<std::string> messages;
  auto& loop = asyncio::get_running_loop();
  loop.set_exception_handler([&](asyncio::EventLoop&, const asyncio::ExceptionContext& c) {
    messages.push_back(c.message + ": " + support::text_of(c.exception));
  });
  {
    auto outer = asyncio::shield(shielded_fails(1s, "unheard"));
    co_await asyncio::sleep(0s);
    outer.cancel();
  }
  co_await asyncio::sleep(2s);
  EXPECT_EQ(messages, std::vector<std::string>{"Task exception was never retrieved: unheard"});
  loop.set_exception_handler(nullptr);
}

// COMB-083: not as long as somebody may still look
ASYNC_TEST(Shield, AnInnerErrorThatSomebodyTakesLaterIsNotReported) {
  const support::LogCapture reports;
  {
    auto task = asyncio::create_task(shielded_fails(1s, "heard late"));
    auto outer = asyncio::shield(task);
    co_await asyncio::sleep(0s);
    outer.cancel();
    co_await asyncio::sleep(2s);
    EXPECT_EQ(support::text_of(task.exception()), "heard late");
  }
  EXPECT_TRUE(reports.empty());
}

// COMB-079: the outer one has taken over the inner error
ASYNC_TEST(Shield, AnErrorThatNobodyAwaitsIsReportedOnce) {
  const support::LogCapture reports;
  {
    auto outer = asyncio::shield(shielded_fails(1s, "alone"));
  }
  co_await asyncio::sleep(2s);
  EXPECT_EQ(reports.count("never retrieved"), 1);
  EXPECT_EQ(reports.count("alone"), 1);
}

// COMB-084
ASYNC_TEST(Shield, OfAGatherKeepsTheGatherFromCancellation) {
  auto child = asyncio::create_task(shielded_gives(1s, 1));
  auto gathered = asyncio::gather(child, shielded_gives(2s, 2));
  auto outer = asyncio::shield(gathered);
  co_await asyncio::sleep(0s);
  outer.cancel();
  EXPECT_EQ(child.cancelling(), 0u);
  EXPECT_EQ(co_await gathered, (std::tuple{1, 2}));
}

// COMB-084
ASYNC_TEST(Shield, InAGatherProtectsThatChildOnly) {
  auto protected_child = asyncio::create_task(shielded_gives(1s, 1));
  auto other = asyncio::create_task(shielded_gives(1h, 2));
  auto gathered = asyncio::gather(asyncio::shield(protected_child), other);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(gathered.cancel());
  EXPECT_TRUE((co_await asyncio::as_result(gathered)).cancelled());
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(other.cancelled());
  EXPECT_EQ(co_await protected_child, 1);
}

// COMB-085
ASYNC_TEST(Shield, TheInnerTaskRunsOnThoughNobodyHoldsIt) {
  bool ended = false;
  {
    auto work = [&]() -> asyncio::Coro<> {
      co_await asyncio::sleep(1s);
      ended = true;
    };
    auto outer = asyncio::shield(asyncio::create_task(work));
    co_await asyncio::sleep(0s);
    outer.cancel();
  }
  co_await asyncio::sleep(2s);
  EXPECT_TRUE(ended);
}

// COMB-086
ASYNC_TEST(Shield, DoesNotProtectTheRestOfTheCallingCoroutine) {
  bool went_on = false;
  auto inner = asyncio::create_task(shielded_gives(1s, 1));
  auto body = [&]() -> asyncio::Coro<> {
    co_await asyncio::shield(inner);
    went_on = true;
  };
  auto task = asyncio::create_task(body);
  co_await asyncio::sleep(0s);
  task.cancel();
  (void)co_await asyncio::as_result(task);
  co_await inner;
  EXPECT_FALSE(went_on);
}

// COMB-086
TEST(Shield, TheEndOfRunCancelsTheInnerOneAllTheSame) {
  bool cancelled = false;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    auto inner = [&]() -> asyncio::Coro<> {
      auto r = co_await asyncio::as_result(asyncio::sleep(1h));
      cancelled = r.cancelled();
      std::move(r).value();
    };
    auto outer = asyncio::shield(asyncio::create_task(inner));
    co_await asyncio::sleep(1s);
  });
  EXPECT_TRUE(cancelled);
}

// COMB-079: values of coroutines and rvalue handles are moved
ASYNC_TEST(Shield, AValueMayBeMoveOnly) {
  EXPECT_EQ(*co_await asyncio::shield(shielded_unique()), 5);
  EXPECT_EQ(*co_await asyncio::shield(asyncio::create_task(shielded_unique())), 5);
}

// COMB-079
ASYNC_TEST(Shield, AMoveOnlyValueThatAnotherHandleCanAskForStays) {
  auto task = asyncio::create_task(shielded_unique());
  auto other = task;
  auto r = co_await asyncio::as_result(asyncio::shield(std::move(task)));
  EXPECT_THROW((void)r.value(), asyncio::RuntimeError);
  EXPECT_EQ(*other.result(), 5);
}

// COMB-079
ASYNC_TEST(Shield, TheValueOfAnLvalueHandleStaysInIt) {
  asyncio::Future<std::string> future;
  auto outer = asyncio::shield(future);
  future.set_result("kept");
  EXPECT_EQ(co_await outer, "kept");
  EXPECT_EQ(future.result(), "kept");
}
