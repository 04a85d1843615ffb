#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

std::string message_of(const std::exception_ptr& error) {
  if (error == nullptr) return "no error";
  try {
    std::rethrow_exception(error);
  } catch (const asyncio::CancelledError& e) {
    return "[" + std::string(e.message()) + "]";
  } catch (...) {
    return "another error";
  }
}

asyncio::Coro<int> await_then(asyncio::Future<> f, int value) {
  co_await f;
  co_return value;
}

/// Ten sleeps that nothing can end but time. Returns: how many were cancelled.
asyncio::Coro<int> ignore_cancels() {
  int cancelled = 0;
  for (int i = 0; i < 10; ++i) {
    if ((co_await asyncio::as_result(asyncio::sleep(1s))).cancelled()) ++cancelled;
  }
  co_return cancelled;
}

/// What timeout() does: cancels its own task after `limit` and takes that cancellation back.
asyncio::Coro<std::string> limited_sleep(asyncio::Duration time, asyncio::Duration limit) {
  const auto self = *asyncio::current_task();
  const auto before = self.cancelling();
  bool expired = false;
  const auto timer = asyncio::get_running_loop().call_later(limit, [&] {
    expired = true;
    self.cancel();
  });
  const auto r = co_await asyncio::as_result(asyncio::sleep(time));
  timer.cancel();
  if (r.has_value()) co_return "slept";
  if (expired && self.uncancel() <= before) co_return "expired";
  std::rethrow_exception(r.error());
}

}  // namespace

// --- messages
// -------------------------------------------------------------------------------------

// TASK-077, TASK-011
ASYNC_TEST(CancelMessage, IsThatOfTheErrorThatAwaitResultAndExceptionThrow) {
  for (const char* message : {"stop", ""}) {
    const std::string expected = "[" + std::string(message) + "]";
    auto awaited = asyncio::create_task(asyncio::sleep(1h, 1));
    auto asked = asyncio::create_task(asyncio::sleep(1h, 1));
    auto inspected = asyncio::create_task(asyncio::sleep(1h, 1));
    co_await asyncio::sleep(0s);
    awaited.cancel(message);
    asked.cancel(message);
    inspected.cancel(message);
    co_await asyncio::sleep(0s);
    EXPECT_EQ(message_of((co_await asyncio::as_result(awaited)).error()), expected);
    std::exception_ptr error;
    try {
      (void)asked.result();
    } catch (...) {
      error = std::current_exception();
    }
    EXPECT_EQ(message_of(error), expected);
    try {
      (void)inspected.exception();
    } catch (...) {
      error = std::current_exception();
    }
    EXPECT_EQ(message_of(error), expected);
  }
}

// TASK-076
ASYNC_TEST(CancelMessage, TheFirstAwaiterGetsTheOriginalErrorLaterOnesGetOnesWithoutMessage) {
  const auto original = std::make_exception_ptr(asyncio::CancelledError("original"));
  const auto body = [&]() -> asyncio::Coro<> {
    std::rethrow_exception(original);
    co_return;
  };
  auto task = asyncio::create_task(body);
  const auto first = co_await asyncio::as_result(task);
  const auto second = co_await asyncio::as_result(task);
  const auto third = co_await asyncio::as_result(task);
  EXPECT_EQ(first.error(), original);
  EXPECT_EQ(message_of(second.error()), "[]");
  EXPECT_EQ(message_of(third.error()), "[]");
}

// TASK-076
ASYNC_TEST(CancelMessage, ACancelledFutureGivesAFreshErrorWithTheMessageEachTime) {
  asyncio::Future<> f;
  f.cancel("stop");
  const auto first = co_await asyncio::as_result(f);
  const auto second = co_await asyncio::as_result(f);
  EXPECT_NE(first.error(), second.error());
  EXPECT_EQ(message_of(first.error()), "[stop]");
  EXPECT_EQ(message_of(second.error()), "[stop]");
}

// TASK-077, TASK-063
ASYNC_TEST(CancelMessage, ReachesTheInnermostTaskOfAChain) {
  std::string seen;
  const auto innermost = [&]() -> asyncio::Coro<> {
    const auto r = co_await asyncio::as_result(asyncio::sleep(1h));
    seen = message_of(r.error());
    std::rethrow_exception(r.error());
  };
  auto inner = asyncio::create_task(innermost);
  auto outer = asyncio::create_task(await_then(inner, 1));
  co_await asyncio::sleep(0s);
  outer.cancel("through");
  EXPECT_EQ(message_of((co_await asyncio::as_result(outer)).error()), "[through]");
  EXPECT_EQ(seen, "[through]");
}

// --- cancelling() and uncancel()
// ------------------------------------------------------------------

// TASK-061, TASK-081, TASK-082
ASYNC_TEST(Uncancel, TakesOneCancelOffTheCountAndStopsAtZero) {
  auto task = asyncio::create_task(ignore_cancels());
  EXPECT_EQ(task.cancelling(), 0U);
  EXPECT_EQ(task.uncancel(), 0U);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(task.cancel());
  EXPECT_TRUE(task.cancel());
  EXPECT_TRUE(task.cancel());
  EXPECT_EQ(task.cancelling(), 3U);
  EXPECT_EQ(task.uncancel(), 2U);
  EXPECT_EQ(task.uncancel(), 1U);
  EXPECT_EQ(task.cancelling(), 1U);
  EXPECT_EQ(task.uncancel(), 0U);
  EXPECT_EQ(task.uncancel(), 0U);
  EXPECT_EQ(task.cancelling(), 0U);
  EXPECT_EQ(co_await task, 1);
}

// TASK-086, failure 22
ASYNC_TEST(Uncancel, OnlyItChangesTheCountOfATaskThatSwallowsCancels) {
  auto task = asyncio::create_task(ignore_cancels());
  co_await asyncio::sleep(0s);
  for (unsigned i = 1; i <= 2; ++i) {
    EXPECT_TRUE(task.cancel());
    co_await asyncio::sleep(0s);
    EXPECT_EQ(task.cancelling(), i);
  }
  EXPECT_EQ(task.uncancel(), 1U);
  EXPECT_EQ(co_await task, 2);
  EXPECT_EQ(task.cancelling(), 1U);
  EXPECT_EQ(task.uncancel(), 0U);
}

// TASK-082, TASK-073, TASK-049
ASYNC_TEST(Uncancel, MakesTheTaskPendingAgainUntilTheNextCancelAndChangesNoEnd) {
  const auto takes_one_back = []() -> asyncio::Coro<> {
    (void)co_await asyncio::as_result(asyncio::sleep(1h));
    asyncio::current_task()->uncancel();
    co_await asyncio::sleep(1h);
  };
  auto task = asyncio::create_task(takes_one_back);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(task.cancel());
  EXPECT_TRUE(task.repr().starts_with("<Task cancelling ")) << task.repr();
  co_await asyncio::sleep(0s);
  EXPECT_EQ(task.cancelling(), 0U);
  EXPECT_TRUE(task.repr().starts_with("<Task pending ")) << task.repr();
  EXPECT_TRUE(task.cancel());
  EXPECT_EQ(task.cancelling(), 1U);
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  task.uncancel();
  EXPECT_TRUE(task.cancelled());
}

// TASK-083
ASYNC_TEST(Uncancel, WithdrawsARequestThatWasNotDelivered) {
  asyncio::Future<> f;
  auto waiting = asyncio::create_task(await_then(f, 42));
  co_await asyncio::sleep(0s);
  f.set_result();
  auto fresh = asyncio::create_task(await_then(f, 43));
  for (const auto& task : {waiting, fresh}) {
    EXPECT_TRUE(task.cancel());
    EXPECT_EQ(task.uncancel(), 0U);
  }
  EXPECT_EQ(co_await waiting, 42);
  EXPECT_EQ(co_await fresh, 43);
}

// TASK-083
ASYNC_TEST(Uncancel, WithdrawsNothingWhileACancelIsLeft) {
  asyncio::Future<> f;
  auto task = asyncio::create_task(await_then(f, 42));
  co_await asyncio::sleep(0s);
  f.set_result();
  task.cancel();
  task.cancel();
  EXPECT_EQ(task.uncancel(), 1U);
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
}

// TASK-083
ASYNC_TEST(Uncancel, WithdrawsATasksRequestToItself) {
  const auto body = []() -> asyncio::Coro<int> {
    const auto self = *asyncio::current_task();
    self.cancel();
    self.uncancel();
    co_await asyncio::sleep(1s);
    co_return 3;
  };
  EXPECT_EQ(co_await asyncio::create_task(body), 3);
}

// TASK-084
ASYNC_TEST(Uncancel, CannotWithdrawWhatReachedTheAwaitedFuture) {
  asyncio::Future<> f;
  auto on_future = asyncio::create_task(await_then(f, 1));
  auto on_sleep = asyncio::create_task(asyncio::sleep(1h));
  co_await asyncio::sleep(0s);
  on_future.cancel();
  on_sleep.cancel();
  EXPECT_EQ(on_future.uncancel(), 0U);
  EXPECT_EQ(on_sleep.uncancel(), 0U);
  EXPECT_TRUE((co_await asyncio::as_result(on_future)).cancelled());
  EXPECT_TRUE((co_await asyncio::as_result(on_sleep)).cancelled());
}

// TASK-085
ASYNC_TEST(Uncancel, ABlockThatCancelsItsTaskAbsorbsItsOwnCancelOnly) {
  const auto body = []() -> asyncio::Coro<std::string> {
    co_await limited_sleep(1s, 5s);
    co_return co_await limited_sleep(1h, 5s);
  };
  auto own = asyncio::create_task(body);
  EXPECT_EQ(co_await own, "expired");
  EXPECT_EQ(own.cancelling(), 0U);

  auto outside = asyncio::create_task(body);
  co_await asyncio::sleep(2s);
  outside.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(outside)).cancelled());
  EXPECT_EQ(outside.cancelling(), 1U);
}

// TASK-085
ASYNC_TEST(Uncancel, ABlockWhoseCancelMeetsOneFromOutsideLetsTheErrorThrough) {
  auto task = asyncio::create_task(limited_sleep(1h, 5s));
  co_await asyncio::sleep(0s);
  asyncio::get_running_loop().call_later(5s, [&] { task.cancel(); });
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(task.cancelling(), 1U);
}

// --- odd places
// -----------------------------------------------------------------------------------

// failure 26, TASK-060
ASYNC_TEST(CancelWalk, AFinishedTaskMayCancelItselfInItsDoneCallback) {
  auto task = asyncio::create_task(asyncio::sleep(0s, 1));
  std::optional<bool> accepted;
  task.add_done_callback([&](const asyncio::Task<int>& done) { accepted = done.cancel(); });
  EXPECT_EQ(co_await task, 1);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(accepted, false);
  EXPECT_EQ(task.cancelling(), 0U);
}

// failure 26
ASYNC_TEST(CancelWalk, EndsTasksThatAwaitEachOther) {
  std::optional<asyncio::Task<>> a;
  std::optional<asyncio::Task<>> b;
  Log log;
  const auto await_b = [&]() -> asyncio::Coro<> {
    const auto r = co_await asyncio::as_result(asyncio::gather(*b));
    log.emplace_back(r.cancelled() ? "a cancelled" : "a went on");
    std::rethrow_exception(r.error());
  };
  const auto await_a = [&]() -> asyncio::Coro<> {
    const auto r = co_await asyncio::as_result(asyncio::gather(*a));
    log.emplace_back(r.cancelled() ? "b cancelled" : "b went on");
    std::rethrow_exception(r.error());
  };
  a = asyncio::create_task(await_b);
  b = asyncio::create_task(await_a);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(a->cancel());
  co_await asyncio::sleep(1s);
  EXPECT_TRUE(a->cancelled());
  EXPECT_TRUE(b->cancelled());
  EXPECT_EQ(log.size(), 2U);
}

// failure 27
ASYNC_TEST(CancelWalk, AChainOfAHundredThousandTasksIsCancelledWithoutRecursion) {
  constexpr int length = 100'000;
  asyncio::Future<> f;
  auto task = asyncio::create_task(await_then(f, 0));
  for (int i = 1; i < length; ++i) {
    const auto link = [](asyncio::Task<int> next) -> asyncio::Coro<int> {
      co_return co_await next;
    };
    task = asyncio::create_task(link, task);
  }
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(task.cancel());
  EXPECT_TRUE(f.cancelled());
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(asyncio::all_tasks().size(), 1U);
}

// failure 26
ASYNC_TEST(CancelWalk, TasksThatCancelEachOtherInTheSamePassAreEachCancelledOnce) {
  std::optional<asyncio::Task<>> a;
  std::optional<asyncio::Task<>> b;
  int ends = 0;
  const auto cancel_b = [&]() -> asyncio::Coro<> {
    const auto r = co_await asyncio::as_result(asyncio::sleep(1h));
    ++ends;
    b->cancel();
    std::rethrow_exception(r.error());
  };
  const auto cancel_a = [&]() -> asyncio::Coro<> {
    const auto r = co_await asyncio::as_result(asyncio::sleep(1h));
    ++ends;
    a->cancel();
    std::rethrow_exception(r.error());
  };
  a = asyncio::create_task(cancel_b);
  b = asyncio::create_task(cancel_a);
  co_await asyncio::sleep(0s);
  a->cancel();
  b->cancel();
  EXPECT_TRUE((co_await asyncio::as_result(*a)).cancelled());
  EXPECT_TRUE((co_await asyncio::as_result(*b)).cancelled());
  EXPECT_EQ(ends, 2);
}
