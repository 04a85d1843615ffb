#include <asyncio/future.hpp>

#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_set>

using namespace std::chrono_literals;

namespace {

std::exception_ptr a_runtime_error() { return std::make_exception_ptr(std::runtime_error("boom")); }

}  // namespace

// TASK-001, TASK-002
ASYNC_TEST(Future, IsPendingUntilItIsGivenAValueAnErrorOrACancellation) {
  asyncio::Future<int> value;
  asyncio::Future<int> error;
  asyncio::Future<int> cancelled;
  EXPECT_FALSE(value.done());
  EXPECT_FALSE(value.cancelled());
  value.set_result(1);
  error.set_exception(a_runtime_error());
  cancelled.cancel();
  EXPECT_TRUE(value.done());
  EXPECT_FALSE(value.cancelled());
  EXPECT_TRUE(error.done());
  EXPECT_FALSE(error.cancelled());
  EXPECT_TRUE(cancelled.done());
  EXPECT_TRUE(cancelled.cancelled());
  EXPECT_NE(error.exception(), nullptr);
  co_return;
}

// TASK-003
ASYNC_TEST(Future, ResultGivesTheValueOrThrowsWhatThereIsInstead) {
  asyncio::Future<int> value;
  asyncio::Future<int> error;
  asyncio::Future<int> cancelled;
  EXPECT_THROW((void)value.result(), asyncio::InvalidStateError);
  value.set_result(42);
  error.set_exception(a_runtime_error());
  cancelled.cancel();
  EXPECT_EQ(value.result(), 42);
  EXPECT_THROW((void)error.result(), std::runtime_error);
  EXPECT_THROW((void)cancelled.result(), asyncio::CancelledError);
  co_return;
}

// TASK-003
ASYNC_TEST(Future, ResultOfAVoidFutureThrowsOrReturnsNothing) {
  asyncio::Future<> f;
  EXPECT_THROW(f.result(), asyncio::InvalidStateError);
  f.set_result();
  EXPECT_NO_THROW(f.result());
  co_return;
}

// TASK-004
ASYNC_TEST(Future, ExceptionGivesTheErrorOrANullPointerForAValue) {
  asyncio::Future<int> value;
  asyncio::Future<int> error;
  asyncio::Future<int> cancelled;
  EXPECT_THROW((void)value.exception(), asyncio::InvalidStateError);
  value.set_result(42);
  const std::exception_ptr boom = a_runtime_error();
  error.set_exception(boom);
  cancelled.cancel();
  EXPECT_EQ(value.exception(), nullptr);
  EXPECT_EQ(error.exception(), boom);
  EXPECT_THROW((void)cancelled.exception(), asyncio::CancelledError);
  co_return;
}

// TASK-001, TASK-005
ASYNC_TEST(Future, ADoneFutureRefusesAnotherOutcomeAndKeepsItsOwn) {
  asyncio::Future<int> value;
  asyncio::Future<int> error;
  asyncio::Future<int> cancelled;
  value.set_result(1);
  error.set_exception(a_runtime_error());
  cancelled.cancel();
  for (const auto& f : {value, error, cancelled}) {
    EXPECT_THROW(f.set_result(2), asyncio::InvalidStateError);
    EXPECT_THROW(f.set_exception(a_runtime_error()), asyncio::InvalidStateError);
  }
  EXPECT_EQ(value.result(), 1);
  EXPECT_THROW((void)error.result(), std::runtime_error);
  EXPECT_TRUE(cancelled.cancelled());
  co_return;
}

// TASK-006
ASYNC_TEST(Future, CancelWorksOnceAndOnlyWhilePending) {
  asyncio::Future<int> pending;
  asyncio::Future<int> done;
  done.set_result(1);
  int calls = 0;
  pending.add_done_callback([&] { ++calls; });
  EXPECT_TRUE(pending.cancel());
  EXPECT_FALSE(pending.cancel());
  EXPECT_FALSE(done.cancel());
  EXPECT_TRUE(pending.cancelled());
  EXPECT_EQ(done.result(), 1);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(calls, 1);
}

// TASK-007
ASYNC_TEST(Future, SetExceptionTakesAnythingThatCanBeThrown) {
  asyncio::Future<> pointer;
  asyncio::Future<> object;
  asyncio::Future<> number;
  pointer.set_exception(std::make_exception_ptr(std::out_of_range("far")));
  object.set_exception(std::out_of_range("far"));
  number.set_exception(7);
  EXPECT_THROW(pointer.result(), std::out_of_range);
  EXPECT_THROW(object.result(), std::out_of_range);
  EXPECT_THROW(number.result(), int);
  co_return;
}

// TASK-008
ASYNC_TEST(Future, ANullExceptionPointerIsRefused) {
  asyncio::Future<> f;
  EXPECT_THROW(f.set_exception(std::exception_ptr()), std::invalid_argument);
  EXPECT_FALSE(f.done());
  co_return;
}

// TASK-009
ASYNC_TEST(Future, AnotherThreadCompletesItThroughCallSoonThreadsafe) {
  auto& loop = asyncio::get_running_loop();
  asyncio::Future<int> f;
  const asyncio::testing::OutsideWork outside;
  std::thread other([&] { loop.call_soon_threadsafe([&] { f.set_result(5); }); });
  EXPECT_EQ(co_await f, 5);
  other.join();
}

// TASK-009
ASYNC_TEST(Future, HandlesMayBeCopiedAndDroppedOnAnotherThread) {
  asyncio::Future<std::string> f;
  f.set_result("value");
  std::thread other([copy = f] { const asyncio::Future<std::string> another = copy; });
  other.join();
  EXPECT_EQ(co_await f, "value");
}

// TASK-011
ASYNC_TEST(Future, TheMessageOfCancelIsThatOfTheErrorEveryTime) {
  asyncio::Future<> f;
  f.cancel("enough");
  for (int i = 0; i < 2; ++i) {
    std::string message;
    try {
      co_await f;
    } catch (const asyncio::CancelledError& e) {
      message = e.message();
    }
    EXPECT_EQ(message, "enough");
  }
  try {
    f.result();
  } catch (const asyncio::CancelledError& e) {
    EXPECT_EQ(e.message(), "enough");
  }
}

// TASK-013
ASYNC_TEST(Future, KnowsItsLoop) {
  auto& loop = asyncio::get_running_loop();
  EXPECT_EQ(&asyncio::Future<>().get_loop(), &loop);
  EXPECT_EQ(&loop.create_future<int>().get_loop(), &loop);
  co_return;
}

// TASK-013
ASYNC_TEST(Future, AHandleThatWasMovedFromIsNotInitialized) {
  asyncio::Future<int> f;
  const asyncio::Future<int> other = std::move(f);
  // NOLINTBEGIN(bugprone-use-after-move): what is tested
  EXPECT_THROW((void)f.done(), asyncio::RuntimeError);
  EXPECT_THROW(f.set_result(1), asyncio::RuntimeError);
  EXPECT_THROW((void)f.get_loop(), asyncio::RuntimeError);
  EXPECT_THROW(co_await f, asyncio::RuntimeError);
  // NOLINTEND(bugprone-use-after-move)
}

// TASK-014
TEST(Future, NeedsALoopThatIsGivenOrRuns) {
  EXPECT_THROW((void)asyncio::Future<>(), asyncio::RuntimeError);
  auto loop = asyncio::new_event_loop();
  const asyncio::Future<int> f(*loop);
  EXPECT_EQ(&f.get_loop(), loop.get());
  loop->close();
}

// TASK-013
TEST(Future, MayOutliveItsLoop) {
  auto loop = asyncio::new_event_loop();
  const auto f = loop->create_future<int>();
  f.set_result(3);
  loop->close();
  loop.reset();
  EXPECT_EQ(f.result(), 3);
  EXPECT_THROW((void)f.get_loop(), asyncio::RuntimeError);
}

// api.md: FutureBase ==, hash; isfuture
ASYNC_TEST(Future, HandlesAreEqualWhenTheyReferToTheSame) {
  const asyncio::Future<int> a;
  const asyncio::Future<int> b;
  const asyncio::Future<int> copy = a;
  EXPECT_EQ(a, copy);
  EXPECT_NE(a, b);
  std::unordered_set<asyncio::FutureBase> set{a, b, copy};
  EXPECT_EQ(set.size(), 2U);
  EXPECT_TRUE(asyncio::isfuture<decltype(a)>);
  EXPECT_FALSE(asyncio::isfuture<asyncio::Coro<int>>);
  co_return;
}
