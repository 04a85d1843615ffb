#include <asyncio/as_result.hpp>

#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/moved.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <coroutine>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

asyncio::Coro<int> result_gives(int value) {
  co_await asyncio::sleep(1s);
  co_return value;
}

asyncio::Coro<int> result_fails(const char* text) {
  co_await asyncio::sleep(1s);
  throw std::runtime_error(text);
}

asyncio::Coro<std::unique_ptr<int>> result_unique(int value) {
  co_return std::make_unique<int>(value);
}

/// An awaitable that knows nothing of the library; is ready, or resumed through the loop.
struct ForeignAwaitable {
  bool ready = true;
  const char* error = nullptr;
  const char* error_at_suspend = nullptr;

  [[nodiscard]] bool await_ready() const { return ready; }
  void await_suspend(std::coroutine_handle<> handle) const {
    if (error_at_suspend != nullptr) throw std::runtime_error(error_at_suspend);
    (void)asyncio::get_running_loop().call_soon([handle] { handle.resume(); });
  }
  int await_resume() const {
    if (error != nullptr) throw std::runtime_error(error);
    return 7;
  }
};

struct ForeignByOperator {
  ForeignAwaitable operator co_await() const { return ForeignAwaitable{.ready = false}; }
};

}  // namespace

// as_result: a value, an error and a cancellation each become a Result
ASYNC_TEST(AsResult, OfACoroutineIsItsValueOrItsError) {
  auto value = co_await asyncio::as_result(result_gives(1));
  EXPECT_TRUE(value.has_value());
  EXPECT_EQ(value.value(), 1);
  EXPECT_EQ(value.error(), nullptr);
  auto error = co_await asyncio::as_result(result_fails("own"));
  EXPECT_FALSE(error);
  EXPECT_FALSE(error.cancelled());
  EXPECT_EQ(support::text_of(error.error()), "own");
  EXPECT_THROW((void)error.value(), std::runtime_error);
}

// api: as_result
ASYNC_TEST(AsResult, OfATaskIsItsValueOrItsErrorAndTheTaskKeepsThem) {
  auto value = asyncio::create_task(result_gives(1));
  auto error = asyncio::create_task(result_fails("own"));
  EXPECT_EQ((co_await asyncio::as_result(value)).value(), 1);
  EXPECT_EQ(value.result(), 1);
  EXPECT_EQ(support::text_of((co_await asyncio::as_result(error)).error()), "own");
  EXPECT_EQ(support::text_of(error.exception()), "own");
}

// api: as_result
ASYNC_TEST(AsResult, OfAFutureIsItsValueItsErrorOrItsCancellation) {
  asyncio::Future<int> a;
  asyncio::Future<int> b;
  asyncio::Future<int> c;
  a.set_result(1);
  b.set_exception(std::runtime_error("set"));
  c.cancel("why");
  EXPECT_EQ((co_await asyncio::as_result(a)).value(), 1);
  EXPECT_EQ(support::text_of((co_await asyncio::as_result(b)).error()), "set");
  auto r = co_await asyncio::as_result(c);
  EXPECT_TRUE(r.cancelled());
  EXPECT_EQ(support::text_of(r.error()), "cancelled:why");
}

// api: as_result
ASYNC_TEST(AsResult, OfAVoidAwaitableHoldsNothing) {
  auto slept = co_await asyncio::as_result(asyncio::sleep(1s));
  EXPECT_TRUE(slept.has_value());
  asyncio::Future<> future;
  future.set_result();
  auto r = co_await asyncio::as_result(future);
  static_assert(std::is_void_v<decltype(r.value())>);
  EXPECT_TRUE(r);
}

// api: as_result
ASYNC_TEST(AsResult, OfASleepWithAValueIsTheValue) {
  EXPECT_EQ((co_await asyncio::as_result(asyncio::sleep(1s, std::string("v")))).value(), "v");
}

// api: as_result
ASYNC_TEST(AsResult, OfAGatherIsItsTupleOrTheFirstError) {
  auto good = co_await asyncio::as_result(asyncio::gather(result_gives(1), result_gives(2)));
  EXPECT_EQ(good.value(), (std::tuple{1, 2}));
  auto bad = co_await asyncio::as_result(asyncio::gather(result_gives(1), result_fails("one")));
  EXPECT_EQ(support::text_of(bad.error()), "one");
}

// as_result counts as looking at the error: nothing is "never retrieved"
ASYNC_TEST(AsResult, TakesTheError) {
  const support::LogCapture reports;
  {
    auto r = co_await asyncio::as_result(asyncio::create_task(result_fails("taken")));
    EXPECT_FALSE(r);
  }
  EXPECT_TRUE(reports.empty());
}

// api: as_result
ASYNC_TEST(AsResult, GivesTheCancellationOfTheWaitingTaskToo) {
  std::vector<std::string> log;
  auto body = [&]() -> asyncio::Coro<> {
    auto r = co_await asyncio::as_result(asyncio::sleep(1h));
    log.push_back(support::text_of(r.error()));
    co_await asyncio::sleep(1s);
    log.push_back("went on");
  };
  auto task = asyncio::create_task(body);
  co_await asyncio::sleep(0s);
  task.cancel("stop");
  co_await task;
  EXPECT_EQ(log, (std::vector<std::string>{"cancelled:stop", "went on"}));
  EXPECT_EQ(task.cancelling(), 1u);
}

// api: as_result
ASYNC_TEST(AsResult, GivesTheCancellationOfACoroutineThatThrowsItItself) {
  auto body = []() -> asyncio::Coro<> {
    throw asyncio::CancelledError("own");
    co_return;
  };
  auto r = co_await asyncio::as_result(body());
  EXPECT_EQ(support::text_of(r.error()), "cancelled:own");
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0u);
}

// api: as_result
ASYNC_TEST(AsResult, OfAForeignAwaitableThatIsReady) {
  EXPECT_EQ((co_await asyncio::as_result(ForeignAwaitable{})).value(), 7);
  auto r = co_await asyncio::as_result(ForeignAwaitable{.error = "foreign"});
  EXPECT_EQ(support::text_of(r.error()), "foreign");
}

// api: as_result
ASYNC_TEST(AsResult, OfAForeignAwaitableThatSuspends) {
  EXPECT_EQ((co_await asyncio::as_result(ForeignAwaitable{.ready = false})).value(), 7);
  auto r = co_await asyncio::as_result(ForeignAwaitable{.ready = false, .error = "foreign"});
  EXPECT_EQ(support::text_of(r.error()), "foreign");
  EXPECT_EQ((co_await asyncio::as_result(ForeignByOperator{})).value(), 7);
}

// as_result: "never throws"
ASYNC_TEST(AsResult, OfAForeignAwaitableThatThrowsWhereItSuspends) {
  bool thrown = false;
  try {
    auto r = co_await asyncio::as_result(
        ForeignAwaitable{.ready = false, .error_at_suspend = "at suspend"});
    EXPECT_EQ(support::text_of(r.error()), "at suspend");
  } catch (...) {
    thrown = true;
  }
  EXPECT_FALSE(thrown);
}

// as_result: "never throws"
ASYNC_TEST(AsResult, OfAFutureOfAnotherLoopIsARuntimeError) {
  auto other = asyncio::new_event_loop();
  bool thrown = false;
  {
    asyncio::Future<int> future(*other);
    try {
      auto r = co_await asyncio::as_result(future);
      EXPECT_THROW((void)r.value(), asyncio::RuntimeError);
    } catch (...) {
      thrown = true;
    }
  }
  EXPECT_FALSE(thrown);
  other->close();
}

// as_result: "never throws"
ASYNC_TEST(AsResult, OfAHandleThatWasMovedFromIsARuntimeError) {
  asyncio::Future<int> future;
  const auto taken = std::move(future);
  bool thrown = false;
  try {
    auto r = co_await asyncio::as_result(future);
    EXPECT_THROW((void)r.value(), asyncio::RuntimeError);
  } catch (...) {
    thrown = true;
  }
  EXPECT_FALSE(thrown);
}

// as_result: "never throws"
ASYNC_TEST(AsResult, OfACoroutineThatWasMovedFromIsARuntimeError) {
  auto coro = result_gives(1);
  const int value = co_await std::move(coro);
  EXPECT_EQ(value, 1);
  bool thrown = false;
  try {
    auto r = co_await asyncio::as_result(std::move(coro));
    EXPECT_THROW((void)r.value(), asyncio::RuntimeError);
  } catch (...) {
    thrown = true;
  }
  EXPECT_FALSE(thrown);
}

// as_result of a task that awaits itself, which cannot be a deadlock
ASYNC_TEST(AsResult, OfTheTaskItselfIsARuntimeError) {
  std::string error;
  auto body = [&]() -> asyncio::Coro<> {
    auto inner = []() -> asyncio::Coro<> { co_await *asyncio::current_task(); };
    auto r = co_await asyncio::as_result(inner());
    error = support::text_of(r.error());
  };
  co_await asyncio::create_task(body);
  EXPECT_NE(error.find("cannot await on itself"), std::string::npos) << error;
}

// api: as_result
ASYNC_TEST(AsResult, AValueMayBeMoveOnly) {
  auto a = co_await asyncio::as_result(result_unique(1));
  EXPECT_EQ(*a.value(), 1);
  const auto value = std::move(a).value();
  EXPECT_EQ(*value, 1);
  auto b = co_await asyncio::as_result(asyncio::create_task(result_unique(2)));
  EXPECT_EQ(*b.value(), 2);
}

// api: as_result
ASYNC_TEST(AsResult, AMoveOnlyValueThatAnotherHandleCanAskForStays) {
  auto task = asyncio::create_task(result_unique(1));
  auto other = task;
  auto r = co_await asyncio::as_result(std::move(task));
  EXPECT_THROW((void)r.value(), asyncio::RuntimeError);
  EXPECT_EQ(*other.result(), 1);
}

// api: as_result
ASYNC_TEST(AsResult, IsAnAwaitableThatMayBeStoredAndSpawned) {
  auto stored = asyncio::as_result(result_fails("stored"));
  auto task = asyncio::create_task(std::move(stored));
  auto r = co_await std::move(task);
  EXPECT_EQ(support::text_of(r.error()), "stored");
  asyncio::Coro<asyncio::Result<int>> coro = asyncio::as_result(result_gives(2));
  EXPECT_EQ((co_await std::move(coro)).value(), 2);
}

// --- moved --------------------------------------------------------------------------------------

// moved(): passes a closure with move-only captures on
ASYNC_TEST(Moved, AClosureWithMoveOnlyCapturesIsPassedOn) {
  auto body = [value = std::make_unique<int>(3)]() -> asyncio::Coro<int> {
    co_await asyncio::sleep(1s);
    co_return *value;
  };
  EXPECT_EQ(co_await asyncio::create_task(asyncio::moved(body)), 3);
}

// moved(): the captures live as long as the coroutine does, and are destroyed once
ASYNC_TEST(Moved, TheCapturesAreDestroyedOnceWithTheCoroutine) {
  auto alive = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = alive;
  auto body = [alive = std::move(alive)]() -> asyncio::Coro<int> {
    co_await asyncio::sleep(1s);
    co_return *alive;
  };
  auto task = asyncio::create_task(asyncio::moved(body));
  co_await asyncio::sleep(0s);
  EXPECT_EQ(watch.use_count(), 1);
  EXPECT_EQ(co_await std::move(task), 1);
  EXPECT_TRUE(watch.expired());
}
