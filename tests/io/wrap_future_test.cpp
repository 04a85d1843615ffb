#include <asyncio/wrap_future.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/threads.hpp>
#include <asyncio/wait_for.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using namespace std::chrono_literals;
using asyncio::concurrent::Promise;
using support::thrown_by_await;

namespace {

/// Cannot be copied twice.
struct Fragile {
  Fragile() = default;
  Fragile(const Fragile& other) : copies(other.copies + 1) {
    if (copies > 1) throw std::domain_error("too many copies");
  }
  int copies = 1;
};

asyncio::Coro<int> give(int value) {
  co_await asyncio::sleep(1ms);
  co_return value;
}

}  // namespace

// --- the outcome ------------------------------------------------------------------------------

// TASK-035
ASYNC_TEST(WrapFuture, GivesTheValueOfAnotherThread) {
  Promise<std::string> promise;
  std::thread worker([&] { promise.set_result("from there"); });
  EXPECT_EQ(co_await asyncio::wrap_future(promise.get_future()), "from there");
  worker.join();
}

// TASK-035
ASYNC_TEST(WrapFuture, GivesNothingForVoid) {
  Promise<> promise;
  auto wrapped = asyncio::wrap_future(promise.get_future());
  std::thread worker([&] { promise.set_result(); });
  co_await wrapped;
  worker.join();
}

// TASK-035
ASYNC_TEST(WrapFuture, ThrowsTheErrorOfAnotherThread) {
  Promise<int> promise;
  std::thread worker([&] { promise.set_exception(std::domain_error("there")); });
  EXPECT_EQ(co_await thrown_by_await(asyncio::wrap_future(promise.get_future())),
            "domain_error: there");
  worker.join();
}

// TASK-035
ASYNC_TEST(WrapFuture, OfWhatIsDoneAlreadyIsDoneSoon) {
  Promise<int> promise;
  EXPECT_TRUE(promise.set_result(4));
  auto wrapped = asyncio::wrap_future(promise.get_future());
  EXPECT_FALSE(wrapped.done());
  EXPECT_EQ(co_await wrapped, 4);
}

// TASK-035
ASYNC_TEST(WrapFuture, CopiesTheValueForEachThatWraps) {
  Promise<std::string> promise;
  auto first = asyncio::wrap_future(promise.get_future());
  auto second = asyncio::wrap_future(promise.get_future());
  promise.set_result("shared");
  EXPECT_EQ(co_await std::move(first), "shared");
  EXPECT_EQ(co_await std::move(second), "shared");
  EXPECT_EQ(promise.get_future().result(), "shared");
}

// TASK-035
ASYNC_TEST(WrapFuture, ThrowsWhatTheCopyOfTheValueThrows) {
  Promise<Fragile> promise;
  auto wrapped = asyncio::wrap_future(promise.get_future());
  promise.set_result();
  EXPECT_EQ(co_await thrown_by_await(std::move(wrapped)), "domain_error: too many copies");
}

// TASK-035: an asyncio future is returned as is
ASYNC_TEST(WrapFuture, OfALoopsFutureIsThatFuture) {
  asyncio::Future<int> future;
  EXPECT_TRUE(asyncio::wrap_future(future) == future);
  co_return;
}

TEST(WrapFuture, WithoutALoopIsRefused) {
  const Promise<int> promise;
  EXPECT_TRUE(support::thrown_by([&] {
                (void)asyncio::wrap_future(promise.get_future());
              }).starts_with("RuntimeError: "));
}

// TASK-035
TEST(WrapFuture, TakesTheLoopWhoseFutureItGives) {
  auto loop = asyncio::testing::new_virtual_loop();
  Promise<int> promise;
  auto wrapped = asyncio::wrap_future(promise.get_future(), *loop);
  promise.set_result(3);
  EXPECT_EQ(loop->run_until_complete(std::move(wrapped)), 3);
  loop->close();
}

ASYNC_TEST(WrapFuture, AwaitsACoroutineOfAnotherLoop) {
  std::promise<asyncio::EventLoop*> started;
  std::promise<void> stop;
  std::thread other([&] {
    asyncio::run([&]() -> asyncio::Coro<> {
      started.set_value(&asyncio::get_running_loop());
      co_await asyncio::to_thread([&] { stop.get_future().wait(); });
    });
  });
  asyncio::EventLoop& loop = *started.get_future().get();
  EXPECT_EQ(co_await asyncio::wrap_future(asyncio::run_coroutine_threadsafe(give(5), loop)), 5);
  stop.set_value();
  other.join();
}

ASYNC_TEST(WrapFuture, CanBeGivenToGatherAndWaitFor) {
  Promise<int> first;
  Promise<int> second;
  const Promise<int> never;
  std::thread worker([&] {
    first.set_result(1);
    second.set_result(2);
  });
  auto [a, b] = co_await asyncio::gather(asyncio::wrap_future(first.get_future()),
                                         asyncio::wrap_future(second.get_future()));
  EXPECT_EQ(a + b, 3);
  worker.join();
  EXPECT_EQ(
      co_await thrown_by_await(asyncio::wait_for(asyncio::wrap_future(never.get_future()), 1ms)),
      "TimeoutError: timed out");
  EXPECT_TRUE(never.get_future().cancelled());
}

// --- cancellation -----------------------------------------------------------------------------

// TASK-036
ASYNC_TEST(WrapFuture, CancelledCancelsItsSource) {
  Promise<int> promise;
  auto wrapped = asyncio::wrap_future(promise.get_future());
  wrapped.cancel();
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(promise.get_future().cancelled());
  EXPECT_FALSE(promise.set_result(1));
}

// TASK-036, EXC-015
ASYNC_TEST(WrapFuture, IsCancelledWithItsSource) {
  const Promise<int> promise;
  auto wrapped = asyncio::wrap_future(promise.get_future());
  promise.get_future().cancel();
  EXPECT_TRUE((co_await asyncio::as_result(wrapped)).cancelled());
  EXPECT_TRUE(wrapped.cancelled());
}

// TASK-036: of the task that waits
ASYNC_TEST(WrapFuture, IsCancelledWithTheTaskThatWaits) {
  const Promise<int> promise;
  auto task = asyncio::create_task(
      [&]() -> asyncio::Coro<> { co_await asyncio::wrap_future(promise.get_future()); });
  co_await asyncio::sleep(0s);
  task.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(promise.get_future().cancelled());
}

// TASK-036
ASYNC_TEST(WrapFuture, CancelledCancelsTheTaskOfTheOtherLoop) {
  auto& loop = asyncio::get_running_loop();
  std::optional<asyncio::concurrent::Future<int>> source;
  co_await asyncio::to_thread([&] {
    source = asyncio::run_coroutine_threadsafe(
        []() -> asyncio::Coro<int> {
          co_await asyncio::sleep(1h);
          co_return 1;
        }(),
        loop);
  });
  auto wrapped = asyncio::wrap_future(*source);
  co_await asyncio::sleep(1ms);
  const auto tasks = asyncio::all_tasks().size();
  wrapped.cancel();
  co_await asyncio::sleep(1ms);
  EXPECT_EQ(asyncio::all_tasks().size(), tasks - 1);
}

// TASK-037
ASYNC_TEST(WrapFuture, CancelledDropsAResultThatIsOnItsWay) {
  Promise<int> promise;
  auto wrapped = asyncio::wrap_future(promise.get_future());
  EXPECT_TRUE(promise.set_result(1));
  wrapped.cancel();
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(wrapped.cancelled());
  EXPECT_EQ(promise.get_future().result(), 1);
}

// --- lifetime ---------------------------------------------------------------------------------

// TASK-037: a closed destination loop
TEST(WrapFuture, OfALoopThatIsClosedDropsTheResult) {
  Promise<std::shared_ptr<int>> promise;
  {
    auto loop = asyncio::testing::new_virtual_loop();
    const auto wrapped = asyncio::wrap_future(promise.get_future(), *loop);
    loop->close();
  }
  EXPECT_TRUE(promise.set_result(std::make_shared<int>(1)));
  EXPECT_EQ(promise.get_future().result().use_count(), 1);
}

// TASK-037: it is closed while the result is on its way
TEST(WrapFuture, OfALoopThatIsClosedInBetweenDropsTheResult) {
  Promise<int> promise;
  {
    auto loop = asyncio::testing::new_virtual_loop();
    const auto wrapped = asyncio::wrap_future(promise.get_future(), *loop);
    EXPECT_TRUE(promise.set_result(1));
    loop->close();
    EXPECT_FALSE(wrapped.done());
  }
  EXPECT_EQ(promise.get_future().result(), 1);
}

ASYNC_TEST(WrapFuture, MayBeDroppedBeforeTheResultComes) {
  Promise<int> promise;
  {
    auto dropped = asyncio::wrap_future(promise.get_future());
  }
  EXPECT_TRUE(promise.set_result(1));
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
}

// The clock would jump over the hour, were it not told of the thread.
ASYNC_TEST(WrapFuture, MakesTheVirtualClockWaitForTheThread) {
  Promise<int> promise;
  std::thread worker([&] {
    std::this_thread::sleep_for(20ms);
    promise.set_result(1);
  });
  EXPECT_EQ(co_await asyncio::wait_for(asyncio::wrap_future(promise.get_future()), 1h), 1);
  worker.join();
}

ASYNC_TEST(WrapFuture, LetsTheVirtualClockGoOnAfterwards) {
  Promise<int> promise;
  promise.set_result(1);
  co_await asyncio::wrap_future(promise.get_future());
  auto cancelled = asyncio::wrap_future(Promise<int>().get_future());
  (void)co_await asyncio::as_result(cancelled);
  co_await asyncio::sleep(1000h);
}

// --- concurrent::Promise ------------------------------------------------------------------------

TEST(ConcurrentPromise, IsFulfilledOnce) {
  Promise<int> promise;
  EXPECT_FALSE(promise.get_future().done());
  EXPECT_TRUE(promise.set_result(1));
  EXPECT_FALSE(promise.set_result(2));
  EXPECT_FALSE(promise.set_exception(std::domain_error("no")));
  EXPECT_EQ(promise.get_future().result(), 1);
}

TEST(ConcurrentPromise, TakesAnExceptionPtr) {
  Promise<int> promise;
  EXPECT_TRUE(promise.set_exception(std::make_exception_ptr(std::domain_error("a pointer"))));
  EXPECT_THROW((void)promise.get_future().result(), std::domain_error);
}

// EXC-015
TEST(ConcurrentPromise, TakesACancelledErrorForACancellation) {
  Promise<int> promise;
  EXPECT_TRUE(promise.set_exception(asyncio::CancelledError()));
  EXPECT_TRUE(promise.get_future().cancelled());
}

TEST(ConcurrentPromise, HoldsWhatCanOnlyBeMoved) {
  Promise<std::unique_ptr<int>> promise;
  promise.set_result(std::make_unique<int>(3));
  EXPECT_EQ(*promise.get_future().result(), 3);
}

TEST(ConcurrentPromise, StaysPendingWhenItsValueCannotBeMade) {
  Promise<Fragile> promise;
  EXPECT_THROW(promise.set_result(Fragile()), std::domain_error);
  EXPECT_FALSE(promise.get_future().done());
  EXPECT_TRUE(promise.set_result());
}

TEST(ConcurrentPromise, DroppedLeavesAnError) {
  std::optional<Promise<int>> promise(std::in_place);
  const auto future = promise->get_future();
  promise.reset();
  EXPECT_EQ(support::text_of(future.exception()),
            "concurrent::Promise: it was dropped without a result; call set_result() or "
            "set_exception()");
}

TEST(ConcurrentPromise, MayMoveToItsThread) {
  Promise<int> promise;
  const auto future = promise.get_future();
  std::thread worker([moved = std::move(promise)]() mutable { moved.set_result(7); });
  EXPECT_EQ(future.result(), 7);
  worker.join();
}

TEST(ConcurrentPromise, TellsItsCallbacksOnTheThreadThatFulfilsIt) {
  Promise<int> promise;
  std::atomic<std::thread::id> told;
  promise.get_future().add_done_callback([&] { told = std::this_thread::get_id(); });
  std::thread worker([&] { promise.set_result(1); });
  const auto id = worker.get_id();
  worker.join();
  EXPECT_EQ(told.load(), id);
}
