#include <asyncio/coroutine.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/log_capture.hpp"

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

asyncio::Coro<int> note_and_return(Log& log, int value) {
  log.push_back("ran " + std::to_string(value));
  co_return value;
}

asyncio::Coro<int> nest(Log& log, int depth) {
  if (depth == 0) co_return co_await note_and_return(log, 0);
  co_return 1 + co_await nest(log, depth - 1);
}

asyncio::Coro<> forgotten_one() { co_return; }
asyncio::Coro<int> other_forgotten(int n) { co_return n; }

asyncio::Coro<> wait_for_event(asyncio::Future<> event) { co_await event; }

asyncio::Coro<std::string> join_words(const std::string& a, std::string_view b) {
  co_await asyncio::sleep(0s);
  co_return a + " " + std::string(b);
}

struct CountsCopies {
  int* copies;
  explicit CountsCopies(int& n) : copies(&n) {}
  CountsCopies(const CountsCopies& other) : copies(other.copies) { ++*copies; }
  CountsCopies(CountsCopies&&) = default;
};

/// Says when it dies.
struct Notes {
  Log* log;
  std::string name;
  Notes(Log& l, std::string n) : log(&l), name(std::move(n)) {}
  Notes(const Notes&) = delete;
  ~Notes() { log->push_back(name); }
};

asyncio::Coro<> with_local(Log& log) {
  const Notes notes(log, "local destroyed");
  co_await asyncio::sleep(0s);
  log.push_back("body done");
}

}  // namespace

// RUN-001
ASYNC_TEST(Coroutine, DoesNotRunUntilItIsAwaited) {
  Log log;
  auto coro = note_and_return(log, 1);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(log.empty());
  EXPECT_EQ(co_await std::move(coro), 1);
  EXPECT_EQ(log, Log{"ran 1"});
}

// RUN-001
ASYNC_TEST(Coroutine, DoesNotRunInsideCreateTask) {
  Log log;
  auto task = asyncio::create_task(note_and_return(log, 1));
  EXPECT_TRUE(log.empty());
  EXPECT_EQ(co_await task, 1);
}

// RUN-002
ASYNC_TEST(Coroutine, AwaitedDirectlyDoesNotReturnToTheLoop) {
  Log log;
  asyncio::get_running_loop().call_soon([&] { log.push_back("loop"); });
  EXPECT_EQ(co_await nest(log, 10), 10);
  log.push_back("after");
  EXPECT_EQ(log, (Log{"ran 0", "after"}));
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log.back(), "loop");
}

// RUN-002
ASYNC_TEST(Coroutine, AwaitedDirectlyRunsInTheTaskOfItsCaller) {
  const auto outer = asyncio::current_task();
  const auto inner = [&]() -> asyncio::Coro<bool> { co_return asyncio::current_task() == outer; };
  EXPECT_TRUE(co_await inner());
}

// RUN-003: awaiting an lvalue does not compile (must_not_compile/await_lvalue_coro.cpp)
ASYNC_TEST(Coroutine, AwaitedASecondTimeIsARuntimeError) {
  Log log;
  auto coro = note_and_return(log, 1);
  EXPECT_EQ(co_await std::move(coro), 1);
  EXPECT_THROW(co_await std::move(coro), asyncio::RuntimeError);
  EXPECT_EQ(log, Log{"ran 1"});
}

// RUN-003
ASYNC_TEST(Coroutine, MovedFromIsARuntimeErrorWhenAwaited) {
  Log log;
  auto coro = note_and_return(log, 1);
  auto other = std::move(coro);
  EXPECT_FALSE(coro);
  EXPECT_TRUE(other);
  EXPECT_THROW(co_await std::move(coro), asyncio::RuntimeError);
  EXPECT_EQ(co_await std::move(other), 1);
}

// RUN-003, failure 100
ASYNC_TEST(Coroutine, MovedFromIsARuntimeErrorWhenMadeATask) {
  Log log;
  auto coro = note_and_return(log, 1);
  EXPECT_EQ(co_await asyncio::create_task(std::move(coro)), 1);
  EXPECT_THROW((void)asyncio::create_task(std::move(coro)), asyncio::RuntimeError);
}

// RUN-003, failure 100
ASYNC_TEST(Coroutine, AwaitedASecondTimeThroughAsResultGivesTheErrorAsAResult) {
  Log log;
  auto coro = note_and_return(log, 1);
  EXPECT_EQ(co_await std::move(coro), 1);
  const auto again = co_await asyncio::as_result(std::move(coro));
  EXPECT_FALSE(again);
  EXPECT_THROW((void)again.value(), asyncio::RuntimeError);
}

// RUN-004
ASYNC_TEST(Coroutine, SuspendedInOneAwaiterIsARuntimeErrorForASecondOne) {
  asyncio::Future<> event;
  auto coro = wait_for_event(event);
  auto first = asyncio::create_task([&]() -> asyncio::Coro<> { co_await std::move(coro); });
  co_await asyncio::sleep(0s);
  EXPECT_THROW(co_await std::move(coro), asyncio::RuntimeError);
  EXPECT_FALSE(first.done());
  event.set_result();
  co_await first;
}

// RUN-005, DBG-020
TEST(Coroutine, DestroyedWithoutHavingRunIsReportedOnce) {
  const support::LogCapture log;
  {
    const auto coro = forgotten_one();
  }
  EXPECT_EQ(log.lines().size(), 1U);
  EXPECT_EQ(log.count("coroutine 'forgotten_one' was never awaited"), 1);
}

// RUN-005: the function, not the place of the call that RUN-006 asks for
TEST(Coroutine, NeverAwaitedSaysWhereItsFunctionIsDefined) {
  const support::LogCapture log;
  {
    const auto coro = forgotten_one();
  }
  EXPECT_EQ(log.count("coroutine_test.cpp:"), 1);
}

// RUN-005
TEST(Coroutine, NeverAwaitedIsReportedOnceHoweverOftenItWasMoved) {
  const support::LogCapture log;
  {
    auto a = other_forgotten(1);
    auto b = std::move(a);
    const std::vector<int> unrelated;
    auto c = std::move(b);
  }
  EXPECT_EQ(log.lines().size(), 1U);
  EXPECT_EQ(log.count("'other_forgotten' was never awaited"), 1);
}

// RUN-005
TEST(Coroutine, OverwrittenWithoutHavingRunIsReported) {
  const support::LogCapture log;
  auto coro = other_forgotten(1);
  coro = other_forgotten(2);
  EXPECT_EQ(log.count("never awaited"), 1);
  coro.close();
  EXPECT_EQ(log.count("never awaited"), 1);
}

// RUN-005
TEST(Coroutine, MovedOntoItselfStaysWhatItIs) {
  auto coro = other_forgotten(1);
  auto& same = coro;
  coro = std::move(same);
  EXPECT_TRUE(coro);
  coro.close();
}

// RUN-005
TEST(Coroutine, ClosedIsNotReported) {
  auto coro = forgotten_one();
  coro.close();
  EXPECT_FALSE(coro);
  coro.close();
}

// RUN-005
ASYNC_TEST(Coroutine, OfATaskCancelledBeforeItsFirstStepIsNotReportedAndNeverRuns) {
  Log log;
  auto task = asyncio::create_task(note_and_return(log, 1));
  task.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_TRUE(log.empty());
}

// RUN-005
TEST(Coroutine, RefusedByCreateTaskWithoutALoopIsNotReported) {
  EXPECT_THROW((void)asyncio::create_task(forgotten_one()), asyncio::RuntimeError);
}

// RUN-008
TEST(Coroutine, IsToldFromFunctionsAndFuturesAtCompileTime) {
  static_assert(asyncio::iscoroutine<asyncio::Coro<int>>);
  static_assert(asyncio::iscoroutine<const asyncio::Coro<>&>);
  static_assert(!asyncio::iscoroutine<decltype(&forgotten_one)>);
  static_assert(!asyncio::iscoroutine<asyncio::Task<int>>);
  static_assert(!asyncio::iscoroutine<int>);
}

// RUN-008
TEST(Coroutine, IsAwaitableWithTheTypeOfItsResult) {
  static_assert(asyncio::Awaitable<asyncio::Coro<int>>);
  static_assert(asyncio::Awaitable<asyncio::Task<int>>);
  static_assert(asyncio::Awaitable<asyncio::Future<int>&>);
  static_assert(!asyncio::Awaitable<int>);
  static_assert(!asyncio::Awaitable<decltype(&forgotten_one)>);
  static_assert(std::is_same_v<asyncio::await_result_t<asyncio::Coro<int>>, int>);
  static_assert(std::is_void_v<asyncio::await_result_t<asyncio::Coro<>>>);
}

// RUN-009
ASYNC_TEST(Coroutine, IsMadeByCreateTaskFromAFunction) {
  Log log;
  EXPECT_EQ(co_await asyncio::create_task(note_and_return, std::ref(log), 3), 3);
  co_await asyncio::create_task(forgotten_one);
}

// RUN-010, failure 99
ASYNC_TEST(Coroutine, OfALambdaKeepsTheCapturesWhileItsTaskRuns) {
  asyncio::Future<std::string> seen;
  {
    const auto text = std::make_unique<std::string>("a text long enough to be allocated somewhere");
    auto start = [copy = *text, seen]() -> asyncio::Coro<> {
      co_await asyncio::sleep(1s);
      seen.set_result(copy);
    };
    (void)asyncio::create_task(std::move(start));
  }
  EXPECT_EQ(co_await seen, "a text long enough to be allocated somewhere");
  co_await asyncio::sleep(0s);
}

// RUN-010
ASYNC_TEST(Coroutine, OfALambdaLosesTheCapturesWithTheEndOfItsTask) {
  auto shared = std::make_shared<int>(1);
  auto body = [shared]() -> asyncio::Coro<> { co_await asyncio::sleep(0s); };
  auto task = asyncio::create_task(std::move(body));
  EXPECT_EQ(shared.use_count(), 2);
  co_await task;
  EXPECT_EQ(shared.use_count(), 1);
}

// RUN-010
ASYNC_TEST(Coroutine, OfAMoveOnlyLambdaIsMadeATask) {
  auto body = [p = std::make_unique<int>(5)]() -> asyncio::Coro<int> {
    co_await asyncio::sleep(0s);
    co_return *p;
  };
  auto task = asyncio::create_task(std::move(body));
  EXPECT_EQ(co_await task, 5);
}

// RUN-011, failure 99
ASYNC_TEST(Coroutine, TakesCopiesOfTheArgumentsGivenToCreateTask) {
  auto a = std::make_unique<std::string>("a first word that is allocated");
  auto b = std::make_unique<std::string>("and a second one, allocated too");
  auto task = asyncio::create_task(join_words, *a, *b);
  a.reset();
  b.reset();
  EXPECT_EQ(co_await task, "a first word that is allocated and a second one, allocated too");
}

// RUN-011
ASYNC_TEST(Coroutine, IsGivenArgumentsByMoveWhereTheyWereMovedIn) {
  int copies = 0;
  CountsCopies moved_in(copies);
  const auto body = [](CountsCopies) -> asyncio::Coro<> { co_await asyncio::sleep(0s); };
  co_await asyncio::create_task(body, std::move(moved_in));
  EXPECT_EQ(copies, 0);
}

// RUN-002
ASYNC_TEST(Coroutine, LosesItsLocalsBeforeTheAwaiterGoesOn) {
  Log log;
  co_await with_local(log);
  log.push_back("awaiter");
  EXPECT_EQ(log, (Log{"body done", "local destroyed", "awaiter"}));
}

// RUN-002
ASYNC_TEST(Coroutine, GivesAMoveOnlyResult) {
  const auto make = []() -> asyncio::Coro<std::unique_ptr<int>> {
    co_return std::make_unique<int>(4);
  };
  const std::unique_ptr<int> p = co_await make();
  EXPECT_EQ(*p, 4);
}

TEST(Coroutine, HasAReprThatNamesItsFunction) {
  auto coro = other_forgotten(1);
  EXPECT_TRUE(coro.repr().starts_with("<coroutine object other_forgotten at 0x")) << coro.repr();
  coro.close();
}
