#include <asyncio/wait_for.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/shield.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

asyncio::Coro<int> wait_for_gives(asyncio::Duration after, int value) {
  co_await asyncio::sleep(after);
  co_return value;
}

asyncio::Coro<int> wait_for_fails(asyncio::Duration after, const char* text) {
  co_await asyncio::sleep(after);
  throw std::runtime_error(text);
}

/// Takes 2 s to clean up when it is cancelled.
asyncio::Coro<int> wait_for_slow_cleanup(Log& log) {
  auto slept = co_await asyncio::as_result(asyncio::sleep(1h));
  log.push_back("cancelled");
  co_await asyncio::sleep(2s);
  log.push_back("cleaned up");
  std::move(slept).value();
  co_return 0;
}

asyncio::Coro<int> wait_for_refuses(int value) {
  (void)co_await asyncio::as_result(asyncio::sleep(1h));
  co_return value;
}

asyncio::Coro<int> wait_for_fails_on_cancel() {
  (void)co_await asyncio::as_result(asyncio::sleep(1h));
  throw std::runtime_error("cleanup failed");
}

asyncio::Coro<std::unique_ptr<int>> wait_for_unique(asyncio::Duration after) {
  co_await asyncio::sleep(after);
  co_return std::make_unique<int>(5);
}

std::string wait_for_text_of(const std::exception_ptr& error) {
  if (error == nullptr) return "no error";
  try {
    std::rethrow_exception(error);
  } catch (const asyncio::TimeoutError&) {
    return "timeout";
  } catch (const asyncio::CancelledError& e) {
    return "cancelled:" + std::string(e.message());
  } catch (const std::exception& e) {
    return e.what();
  }
}

asyncio::Duration wait_for_now() { return asyncio::get_running_loop().time().since_epoch(); }

}  // namespace

// COMB-041
ASYNC_TEST(WaitFor, WithoutALimitSimplyAwaits) {
  EXPECT_EQ(co_await asyncio::wait_for(wait_for_gives(1h, 1), std::nullopt), 1);
  auto r =
      co_await asyncio::as_result(asyncio::wait_for(wait_for_fails(1s, "own error"), std::nullopt));
  EXPECT_EQ(wait_for_text_of(r.error()), "own error");
}

// COMB-042
ASYNC_TEST(WaitFor, ACoroutineRunsInTheCallingTask) {
  const auto caller = asyncio::current_task();
  std::optional<asyncio::AnyTask> inside;
  auto body = [&]() -> asyncio::Coro<> {
    inside = asyncio::current_task();
    co_return;
  };
  co_await asyncio::wait_for(body(), 1s);
  EXPECT_TRUE(inside == caller);
}

// COMB-042: entering does not yield
ASYNC_TEST(WaitFor, ACoroutineThatDoesNotSuspendIsAwaitedWithoutAYield) {
  bool yielded = false;
  (void)asyncio::get_running_loop().call_soon([&] { yielded = true; });
  auto body = []() -> asyncio::Coro<int> { co_return 3; };
  EXPECT_EQ(co_await asyncio::wait_for(body(), 1s), 3);
  EXPECT_FALSE(yielded);
  co_await asyncio::sleep(0s);
}

// COMB-042: what is awaited keeps its own error
ASYNC_TEST(WaitFor, AnErrorInTimeIsThrown) {
  auto r = co_await asyncio::as_result(asyncio::wait_for(wait_for_fails(1s, "own error"), 2s));
  EXPECT_EQ(wait_for_text_of(r.error()), "own error");
}

// COMB-043
ASYNC_TEST(WaitFor, ThrowsTimeoutErrorAtTheLimitAndCancelsATask) {
  auto task = asyncio::create_task(wait_for_gives(1h, 1));
  const auto began = wait_for_now();
  auto r = co_await asyncio::as_result(asyncio::wait_for(task, 1s));
  EXPECT_EQ(wait_for_text_of(r.error()), "timeout");
  EXPECT_EQ(wait_for_now() - began, asyncio::Duration(1s));
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0u);
}

// COMB-043
ASYNC_TEST(WaitFor, CancelsAFutureAtTheLimit) {
  asyncio::Future<int> future;
  auto r = co_await asyncio::as_result(asyncio::wait_for(future, 1s));
  EXPECT_EQ(wait_for_text_of(r.error()), "timeout");
  EXPECT_TRUE(future.cancelled());
}

// COMB-043, COMB-044
ASYNC_TEST(WaitFor, ThrowsTimeoutErrorOnlyAfterACoroutineHasCleanedUp) {
  Log log;
  const auto began = wait_for_now();
  auto r = co_await asyncio::as_result(asyncio::wait_for(wait_for_slow_cleanup(log), 1s));
  EXPECT_EQ(wait_for_text_of(r.error()), "timeout");
  EXPECT_EQ(log, (Log{"cancelled", "cleaned up"}));
  EXPECT_EQ(wait_for_now() - began, asyncio::Duration(3s));
}

// COMB-043, COMB-044
ASYNC_TEST(WaitFor, ThrowsTimeoutErrorOnlyAfterATaskHasCleanedUp) {
  Log log;
  auto task = asyncio::create_task(wait_for_slow_cleanup(log));
  auto r = co_await asyncio::as_result(asyncio::wait_for(task, 1s));
  EXPECT_EQ(wait_for_text_of(r.error()), "timeout");
  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(log.size(), 2u);
}

// COMB-045
ASYNC_TEST(WaitFor, GivesTheValueOfOneThatRefusesTheCancellation) {
  EXPECT_EQ(co_await asyncio::wait_for(wait_for_refuses(1), 1s), 1);
  auto task = asyncio::create_task(wait_for_refuses(2));
  EXPECT_EQ(co_await asyncio::wait_for(task, 1s), 2);
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0u);
}

// COMB-046
ASYNC_TEST(WaitFor, ThrowsTheErrorOfOneThatFailsAsItIsCancelled) {
  auto r = co_await asyncio::as_result(asyncio::wait_for(wait_for_fails_on_cancel(), 1s));
  EXPECT_EQ(wait_for_text_of(r.error()), "cleanup failed");
  auto task = asyncio::create_task(wait_for_fails_on_cancel());
  r = co_await asyncio::as_result(asyncio::wait_for(task, 1s));
  EXPECT_EQ(wait_for_text_of(r.error()), "cleanup failed");
}

// COMB-047, failure 25
ASYNC_TEST(WaitFor, WithNoTimeGivesAResultThatIsThereWithoutAYield) {
  asyncio::Future<int> future;
  future.set_result(1);
  bool yielded = false;
  (void)asyncio::get_running_loop().call_soon([&] { yielded = true; });
  EXPECT_EQ(co_await asyncio::wait_for(future, 0s), 1);
  EXPECT_EQ(co_await asyncio::wait_for(future, -1s), 1);
  EXPECT_FALSE(yielded);
  co_await asyncio::sleep(0s);
}

// COMB-047, failure 25
ASYNC_TEST(WaitFor, WithNoTimeThrowsAnErrorThatIsThere) {
  asyncio::Future<int> future;
  future.set_exception(std::runtime_error("there already"));
  auto r = co_await asyncio::as_result(asyncio::wait_for(future, 0s));
  EXPECT_EQ(wait_for_text_of(r.error()), "there already");
}

// COMB-047, failure 25: CancelledError is what the future holds; nothing timed out
ASYNC_TEST(WaitFor, WithNoTimeThrowsTheCancellationOfAFutureThatWasCancelledBefore) {
  asyncio::Future<int> future;
  future.cancel("before");
  auto r = co_await asyncio::as_result(asyncio::wait_for(future, 0s));
  EXPECT_EQ(wait_for_text_of(r.error()), "cancelled:before");
}

// COMB-043: the same with time left
ASYNC_TEST(WaitFor, ThrowsTheCancellationOfATaskThatOthersCancel) {
  auto task = asyncio::create_task(wait_for_gives(1h, 1));
  (void)asyncio::get_running_loop().call_later(1s, [&] { task.cancel("by others"); });
  auto r = co_await asyncio::as_result(asyncio::wait_for(task, 2s));
  EXPECT_EQ(wait_for_text_of(r.error()), "cancelled:by others");
}

// COMB-048
ASYNC_TEST(WaitFor, WithNoTimeNeverStartsACoroutine) {
  bool started = false;
  auto body = [&]() -> asyncio::Coro<> {
    started = true;
    co_return;
  };
  auto zero = co_await asyncio::as_result(asyncio::wait_for(body(), 0s));
  auto less = co_await asyncio::as_result(asyncio::wait_for(body(), -1s));
  EXPECT_EQ(wait_for_text_of(zero.error()), "timeout");
  EXPECT_EQ(wait_for_text_of(less.error()), "timeout");
  EXPECT_FALSE(started);
}

// COMB-049
ASYNC_TEST(WaitFor, WithNoTimeCancelsARunningTaskAndWaitsForItsEnd) {
  Log log;
  auto task = asyncio::create_task(wait_for_slow_cleanup(log));
  co_await asyncio::sleep(0s);
  auto r = co_await asyncio::as_result(asyncio::wait_for(task, 0s));
  EXPECT_EQ(wait_for_text_of(r.error()), "timeout");
  EXPECT_EQ(log, (Log{"cancelled", "cleaned up"}));
  EXPECT_TRUE(task.cancelled());
}

// COMB-049
ASYNC_TEST(WaitFor, WithNoTimeGivesWhatATaskEndsWithInstead) {
  auto refusing = asyncio::create_task(wait_for_refuses(1));
  auto failing = asyncio::create_task(wait_for_fails_on_cancel());
  co_await asyncio::sleep(0s);
  EXPECT_EQ(co_await asyncio::wait_for(refusing, 0s), 1);
  auto r = co_await asyncio::as_result(asyncio::wait_for(failing, 0s));
  EXPECT_EQ(wait_for_text_of(r.error()), "cleanup failed");
}

// COMB-049, COMB-050
ASYNC_TEST(WaitFor, WithNoTimeMayBeCancelledWhileTheTaskCleansUp) {
  Log log;
  auto inner = asyncio::create_task(wait_for_slow_cleanup(log));
  co_await asyncio::sleep(0s);
  auto waiter = asyncio::create_task(asyncio::wait_for(inner, 0s));
  co_await asyncio::sleep(1s);
  waiter.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(waiter)).cancelled());
  EXPECT_FALSE(inner.done());
  (void)co_await asyncio::as_result(inner);
}

// COMB-050
ASYNC_TEST(WaitFor, CancellingTheCallerCancelsWhatIsAwaited) {
  for (const std::optional<asyncio::Duration> limit :
       {std::optional<asyncio::Duration>(1h), std::optional<asyncio::Duration>()}) {
    auto inner = asyncio::create_task(wait_for_gives(1h, 1));
    auto waiter = asyncio::create_task(asyncio::wait_for(inner, limit));
    co_await asyncio::sleep(1s);
    waiter.cancel("outer");
    auto r = co_await asyncio::as_result(waiter);
    EXPECT_EQ(wait_for_text_of(r.error()), "cancelled:outer");
    EXPECT_TRUE(inner.cancelled());
  }
}

// COMB-050, COMB-045
ASYNC_TEST(WaitFor, CancellingTheCallerWaitsForOneThatRefusesAndGivesItsValue) {
  auto stubborn = [](asyncio::Duration until) -> asyncio::Coro<int> {
    while (wait_for_now() < until) {
      (void)co_await asyncio::as_result(asyncio::sleep(until - wait_for_now()));
    }
    co_return 3;
  };
  const asyncio::Duration until = wait_for_now() + 2s;
  auto waiter = asyncio::create_task(asyncio::wait_for(stubborn(until), 4s));
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(waiter.cancel());
  EXPECT_EQ(co_await waiter, 3);
  EXPECT_EQ(wait_for_now(), until);
  EXPECT_EQ(waiter.cancelling(), 1u);
}

// COMB-051
ASYNC_TEST(WaitFor, ACancellationWinsOverAResultOfTheSamePassWhichStaysInTheFuture) {
  asyncio::Future<int> future;
  auto waiter = asyncio::create_task(asyncio::wait_for(future, 1h));
  co_await asyncio::sleep(0s);
  future.set_result(1);
  waiter.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(waiter)).cancelled());
  EXPECT_EQ(future.result(), 1);
}

// COMB-052
ASYNC_TEST(WaitFor, ACancellationWinsOverTheLimitOfTheSamePass) {
  std::string error;
  std::uint32_t cancelling = 0;
  auto body = [&]() -> asyncio::Coro<> {
    auto r = co_await asyncio::as_result(asyncio::wait_for(wait_for_gives(1h, 1), 1s));
    error = wait_for_text_of(r.error());
    cancelling = asyncio::current_task()->cancelling();
  };
  for (const bool cancel_first : {true, false}) {
    std::optional<asyncio::Task<>> waiter;
    auto cancel = [&] { waiter->cancel(); };
    if (cancel_first) (void)asyncio::get_running_loop().call_later(1s, cancel);
    waiter = asyncio::create_task(body);
    co_await asyncio::sleep(0s);
    if (!cancel_first) (void)asyncio::get_running_loop().call_later(1s, cancel);
    co_await *waiter;
    EXPECT_EQ(error, "cancelled:") << cancel_first;
    EXPECT_EQ(cancelling, 1u) << cancel_first;
  }
}

// COMB-053
ASYNC_TEST(WaitFor, AResultSetByACallbackJustInTimeIsGiven) {
  asyncio::Future<int> soon;
  (void)asyncio::get_running_loop().call_soon([&] { soon.set_result(1); });
  EXPECT_EQ(co_await asyncio::wait_for(soon, 1s), 1);
  asyncio::Future<int> late;
  (void)asyncio::get_running_loop().call_later(999ms, [&] { late.set_result(2); });
  EXPECT_EQ(co_await asyncio::wait_for(late, 1s), 2);
}

// COMB-054
ASYNC_TEST(WaitFor, OfAShieldLeavesTheTaskAlone) {
  auto task = asyncio::create_task(wait_for_gives(2s, 7));
  auto outer = asyncio::shield(task);
  auto r = co_await asyncio::as_result(asyncio::wait_for(outer, 1s));
  EXPECT_EQ(wait_for_text_of(r.error()), "timeout");
  EXPECT_TRUE(outer.cancelled());
  EXPECT_EQ(task.cancelling(), 0u);
  EXPECT_EQ(co_await task, 7);
}

// COMB-054
ASYNC_TEST(WaitFor, OfAShieldWithNoTimeLeavesTheTaskAlone) {
  auto task = asyncio::create_task(wait_for_gives(2s, 7));
  auto r = co_await asyncio::as_result(asyncio::wait_for(asyncio::shield(task), 0s));
  EXPECT_EQ(wait_for_text_of(r.error()), "timeout");
  EXPECT_EQ(co_await asyncio::wait_for(asyncio::shield(task), std::nullopt), 7);
}

// COMB-042: values of coroutines and rvalue handles are moved
ASYNC_TEST(WaitFor, AValueMayBeMoveOnly) {
  EXPECT_EQ(*co_await asyncio::wait_for(wait_for_unique(1s), 2s), 5);
  EXPECT_EQ(*co_await asyncio::wait_for(asyncio::create_task(wait_for_unique(1s)), 2s), 5);
  EXPECT_EQ(*co_await asyncio::wait_for(wait_for_unique(1s), std::nullopt), 5);
  auto done = asyncio::create_task(wait_for_unique(0s));
  co_await asyncio::sleep(1s);
  EXPECT_EQ(*co_await asyncio::wait_for(std::move(done), 0s), 5);
}

// COMB-042: nor is a timer left (ASYNC_TEST looks for timers)
ASYNC_TEST(WaitFor, AnEndInTimeLeavesNoTimer) {
  co_await asyncio::wait_for(asyncio::sleep(1s), 1h);
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0u);
}

// COMB-043, COMB-071
ASYNC_TEST(WaitFor, TheInnerOfTwoLimitsThatComesFirstIsTheOneThatThrows) {
  auto inner = [&]() -> asyncio::Coro<std::string> {
    auto r = co_await asyncio::as_result(asyncio::wait_for(wait_for_gives(1h, 1), 1s));
    co_return wait_for_text_of(r.error());
  };
  EXPECT_EQ(co_await asyncio::wait_for(inner(), 2s), "timeout");
}
