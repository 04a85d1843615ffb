// Asynchronous generators that are left when their loop ends.

#include <asyncio/async_generator.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/exception_context.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/generators.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::clean_up_for;
using support::count_and_tell;
using support::count_to;
using support::Leaves;
using support::Log;
using support::ticks_to;

namespace {

using Generator = asyncio::AsyncGenerator<int>;
/// Outlives the loop of a test.
using Kept = std::deque<Generator>;

Generator throw_when_closed(std::exception_ptr error) {
  bool closed = false;
  try {
    co_yield 1;
  } catch (const asyncio::GeneratorExit&) {
    closed = true;
  }
  if (closed) std::rethrow_exception(error);
}

template <class E>
Generator fail_when_closed(E error) {
  return throw_when_closed(std::make_exception_ptr(std::move(error)));
}

/// Drops a generator, or makes one begin, while it is closed.
template <class F>
Generator do_when_closed(F then) {
  try {
    co_yield 1;
  } catch (const asyncio::GeneratorExit&) {
  }
  co_await then();
}

Generator iterate(Generator source, Log& log) {
  const Leaves leaves(log, "the outer one");
  while (auto n = co_await source.next()) co_yield *n;
}

asyncio::Coro<> use_for_long(Generator& generator, Log& log) {
  co_await generator.next();
  const auto end = co_await asyncio::as_result(asyncio::sleep(1h));
  log.push_back("the user is cancelled");
  end.value();
}

/// Begins them and ends.
asyncio::Coro<> begin(Kept& kept) {
  for (Generator& generator : kept) co_await generator.next();
}

/// What the loop's exception handler is told while `body` runs.
template <class F>
Log told_in_run(F body) {
  Log told;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    asyncio::get_running_loop().set_exception_handler(
        [&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
          told.push_back(context.message.substr(0, context.message.find(" at 0x")) + ": " +
                         asyncio::detail::describe(context.exception));
        });
    co_await body();
  });
  return told;
}

constexpr const char* during = "an error occurred during closing of asynchronous generator '";

}  // namespace

// --- by run() -------------------------------------------------------------------------------

// RUN-025, failure 98
TEST(GeneratorShutdown, ClosesWhatIsLeftAndWaitsForTheCleanup) {
  Log log;
  Kept kept;
  kept.push_back(clean_up_for(1s, log, "it"));
  asyncio::testing::run([&] { return begin(kept); });
  EXPECT_EQ(log, (Log{"it cleans up", "it is clean"}));
}

// RUN-025: after the tasks
TEST(GeneratorShutdown, ComesAfterTheTasksHaveEnded) {
  Log log;
  auto generator = clean_up_for(0s, log, "it");
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    (void)asyncio::create_task(use_for_long(generator, log));
    co_await asyncio::sleep(1s);
  });
  EXPECT_EQ(log, (Log{"the user is cancelled", "it cleans up", "it is clean"}));
}

// RUN-025: even when tasks reported errors
TEST(GeneratorShutdown, ComesAlsoWhenTasksFailedMeanwhile) {
  const support::LogCapture capture;
  Log log;
  Kept kept;
  kept.push_back(clean_up_for(1s, log, "it"));
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    const auto fail = []() -> asyncio::Coro<> {
      (void)co_await asyncio::as_result(asyncio::sleep(1h));
      throw std::domain_error("at the end");
    };
    (void)asyncio::create_task(fail);
    co_await begin(kept);
    co_await asyncio::sleep(0s);
  });
  EXPECT_EQ(log.back(), "it is clean");
  EXPECT_EQ(capture.count("at the end"), 1);
}

// RUN-025
TEST(GeneratorShutdown, ComesBeforeMainsErrorIsThrown) {
  Log log;
  Kept kept;
  kept.push_back(clean_up_for(1s, log, "it"));
  EXPECT_THROW(asyncio::testing::run([&]() -> asyncio::Coro<> {
                 co_await begin(kept);
                 throw std::domain_error("main");
               }),
               std::domain_error);
  EXPECT_EQ(log.back(), "it is clean");
}

// LOOP-094
TEST(GeneratorShutdown, LeavesAloneWhatHasNotBegunAndWhatHasEnded) {
  Log log;
  Kept kept;
  kept.push_back(clean_up_for(1s, log, "not begun"));
  kept.push_back(count_to(0));
  asyncio::testing::run([&]() -> asyncio::Coro<> { co_await kept.back().next(); });
  EXPECT_EQ(log, Log());
  EXPECT_TRUE(static_cast<bool>(kept.front()));
}

// --- shutdown_asyncgens() ---------------------------------------------------------------------

// LOOP-094: concurrently
ASYNC_TEST(GeneratorShutdown, ClosesThemAtTheSameTime) {
  auto& loop = asyncio::get_running_loop();
  Log log;
  Kept kept;
  kept.push_back(clean_up_for(2s, log, "a"));
  kept.push_back(clean_up_for(1s, log, "b"));
  co_await begin(kept);
  const auto start = loop.time();
  co_await loop.shutdown_asyncgens();
  EXPECT_EQ(loop.time() - start, asyncio::Duration(2s));
  EXPECT_EQ(log, (Log{"a cleans up", "b cleans up", "b is clean", "a is clean"}));
}

ASYNC_TEST(GeneratorShutdown, WithoutGeneratorsDoesNotYield) {
  bool others_ran = false;
  asyncio::get_running_loop().call_soon([&] { others_ran = true; });
  co_await asyncio::get_running_loop().shutdown_asyncgens();
  EXPECT_FALSE(others_ran);
  co_await asyncio::sleep(0s);
}

// LOOP-094: each failure is reported
TEST(GeneratorShutdown, TellsTheHandlerOfEachCleanupThatFails) {
  Kept kept;
  kept.push_back(fail_when_closed(std::domain_error("a")));
  kept.push_back(count_to(5));
  kept.push_back(fail_when_closed(std::range_error("b")));
  const Log told = told_in_run([&] { return begin(kept); });
  const std::string head = std::string(during) + "throw_when_closed': ";
  EXPECT_EQ(told, (Log{head + "domain_error: a", head + "range_error: b"}));
}

// LOOP-094: as in CPython, where gather() gives it as a result that is no Exception
TEST(GeneratorShutdown, SaysNothingOfACleanupThatIsCancelled) {
  Kept kept;
  kept.push_back(fail_when_closed(asyncio::CancelledError()));
  EXPECT_EQ(told_in_run([&] { return begin(kept); }), Log());
}

// LOOP-094, RUN-049: as in CPython it goes through the loop
TEST(GeneratorShutdown, LetsAKeyboardInterruptOfACleanupThrough) {
  const support::LogCapture capture;
  Kept kept;
  kept.push_back(fail_when_closed(asyncio::KeyboardInterrupt()));
  EXPECT_THROW(asyncio::testing::run([&] { return begin(kept); }), asyncio::KeyboardInterrupt);
}

// LOOP-094
TEST(GeneratorShutdown, TellsTheHandlerOfOneThatATaskIsIn) {
  auto ticks = ticks_to(2);
  const Log told = told_in_run([&]() -> asyncio::Coro<> {
    auto user = asyncio::create_task(support::rest_of(ticks));
    co_await asyncio::sleep(0s);
    co_await asyncio::get_running_loop().shutdown_asyncgens();
    EXPECT_EQ(co_await user, support::numbers(1, 2));
  });
  EXPECT_EQ(told.size(), 1U);
  EXPECT_TRUE(
      told.at(0).starts_with(std::string(during) + "support::ticks_to': RuntimeError: aclose(): "))
      << told.at(0);
}

// LOOP-094: nobody could close it
TEST(GeneratorShutdown, LeavesADroppedOneToTheTaskThatIsInIt) {
  Log log;
  const Log told = told_in_run([&]() -> asyncio::Coro<> {
    std::optional<Generator> generator(support::tick_and_tell(log, "it"));
    auto user = asyncio::create_task(generator->next());
    co_await asyncio::sleep(0s);
    generator.reset();
    co_await asyncio::get_running_loop().shutdown_asyncgens();
    EXPECT_EQ(co_await user, 1);
  });
  EXPECT_EQ(told, Log());
  EXPECT_EQ(log, (Log{"it is gone"}));
}

// LOOP-094: those that are begun later cause a warning
ASYNC_TEST(GeneratorShutdown, WarnsOfWhatIsBegunLater) {
  const support::LogCapture capture;
  co_await asyncio::get_running_loop().shutdown_asyncgens();
  auto numbers = count_to(2);
  EXPECT_EQ(co_await numbers.next(), 1);
  EXPECT_EQ(co_await numbers.next(), 2);
  EXPECT_EQ(capture.count("asynchronous generator 'support::count_to' was begun after "
                          "shutdown_asyncgens(): nobody closes it"),
            1);
  EXPECT_EQ(capture.lines().size(), 1U);
}

// LOOP-094
TEST(GeneratorShutdown, WarnsOfWhatACleanupBeginsAndDoesNotCloseIt) {
  const support::LogCapture capture;
  Log log;
  auto late = clean_up_for(1s, log, "late");
  Kept kept;
  kept.push_back(do_when_closed([&]() -> asyncio::Coro<> { co_await late.next(); }));
  asyncio::testing::run([&] { return begin(kept); });
  EXPECT_EQ(capture.count("'support::clean_up_for' was begun after shutdown_asyncgens()"), 1);
  EXPECT_EQ(log, Log());
}

// LOOP-094
TEST(GeneratorShutdown, LetsACleanupDropAnother) {
  Log log;
  Kept kept;
  std::optional<Generator> other(count_and_tell(log, "the other one"));
  kept.push_back(do_when_closed([&]() -> asyncio::Coro<> {
    other.reset();
    co_return;
  }));
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    co_await begin(kept);
    co_await other->next();
  });
  EXPECT_EQ(log, (Log{"the other one is gone"}));
}

// LOOP-094: the inner one is closed by itself if the outer one takes its time
TEST(GeneratorShutdown, EndsOnesInsideEachOther) {
  Log log;
  Kept kept;
  kept.push_back(iterate(count_and_tell(log, "the inner one"), log));
  asyncio::testing::run([&] { return begin(kept); });
  EXPECT_EQ(log, (Log{"the outer one is gone", "the inner one is gone"}));
}

// LOOP-094
TEST(GeneratorShutdown, LetsTheHandleMoveWhileItIsClosed) {
  Log log;
  std::optional<Generator> generator(clean_up_for(2s, log, "it"));
  std::optional<Generator> moved;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    co_await generator->next();
    asyncio::get_running_loop().call_soon([&] { moved = std::move(generator); });
    co_await asyncio::get_running_loop().shutdown_asyncgens();
  });
  EXPECT_EQ(log, (Log{"it cleans up", "it is clean"}));
  EXPECT_FALSE(static_cast<bool>(*moved));
}

// LOOP-094
ASYNC_TEST(GeneratorShutdown, CalledAgainClosesWhatWasBegunSince) {
  const support::LogCapture capture;  // it was begun late
  auto& loop = asyncio::get_running_loop();
  Log log;
  auto first = clean_up_for(0s, log, "a");
  co_await first.next();
  co_await loop.shutdown_asyncgens();
  auto second = clean_up_for(0s, log, "b");
  co_await second.next();
  co_await loop.shutdown_asyncgens();
  EXPECT_EQ(log, (Log{"a cleans up", "a is clean", "b cleans up", "b is clean"}));
}
