// aclose() and athrow() of asynchronous generators.

#include <asyncio/async_generator.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "support/errors.hpp"
#include "support/generators.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;
using support::clean_up_for;
using support::count_and_tell;
using support::count_to;
using support::Leaves;
using support::Log;
using support::thrown_by_await;

namespace {

using Texts = asyncio::AsyncGenerator<std::string>;

asyncio::AsyncGenerator<int> tell_what_ends_it(Log& log) {
  try {
    co_yield 1;
  } catch (const std::exception& e) {
    log.push_back(std::string("a std::exception: ") + e.what());
    throw;
  } catch (const asyncio::GeneratorExit&) {
    log.push_back("GeneratorExit");
    throw;
  }
}

asyncio::AsyncGenerator<int> fail_when_closed() {
  bool closed = false;
  try {
    co_yield 1;
  } catch (const asyncio::GeneratorExit&) {
    closed = true;
  }
  if (closed) throw std::domain_error("from the cleanup");
}

asyncio::AsyncGenerator<int> end_when_closed() {
  try {
    co_yield 1;
  } catch (const asyncio::GeneratorExit&) {
    co_return;
  }
}

asyncio::AsyncGenerator<int> ignore_its_end(Log& log) {
  const Leaves leaves(log, "it");
  try {
    co_yield 1;
  } catch (const asyncio::GeneratorExit&) {
    log.push_back("ignored");
  }
  co_yield 2;
  log.push_back("goes on");
}

/// Yields the text of each error that is thrown into it; not KeyErrors, as it were.
Texts answer_errors() {
  std::string text = "ready";
  for (;;) {
    try {
      co_yield std::string(text);
      text = "no error";
    } catch (const std::domain_error& e) {
      text = std::string("caught ") + e.what();
    }
  }
}

asyncio::AsyncGenerator<int> end_on_error() {
  try {
    co_yield 1;
  } catch (const std::domain_error&) {
    co_return;
  }
}

asyncio::AsyncGenerator<int> replace_errors() {
  try {
    co_yield 1;
  } catch (const std::domain_error&) {
    throw std::range_error("another");
  }
}

}  // namespace

// --- aclose() -------------------------------------------------------------------------------

ASYNC_TEST(CloseGenerator, ThrowsGeneratorExitWhichIsNoStdException) {
  Log log;
  auto generator = tell_what_ends_it(log);
  co_await generator.next();
  co_await generator.aclose();
  EXPECT_EQ(log, (Log{"GeneratorExit"}));
  EXPECT_EQ(co_await generator.next(), std::nullopt);
}

ASYNC_TEST(CloseGenerator, WaitsForTheCleanup) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  Log log;
  auto generator = clean_up_for(3s, log, "it");
  co_await generator.next();
  co_await generator.aclose();
  EXPECT_EQ(loop.time() - start, asyncio::Duration(3s));
  EXPECT_EQ(log, (Log{"it cleans up", "it is clean"}));
}

ASYNC_TEST(CloseGenerator, LetsOneThatHasNotBegunNeverBegin) {
  Log log;
  auto generator = tell_what_ends_it(log);
  co_await generator.aclose();
  EXPECT_EQ(co_await generator.next(), std::nullopt);
  EXPECT_EQ(log, Log());
}

ASYNC_TEST(CloseGenerator, DoesNothingToOneThatHasEnded) {
  auto numbers = count_to(0);
  EXPECT_EQ(co_await numbers.next(), std::nullopt);
  co_await numbers.aclose();
}

ASYNC_TEST(CloseGenerator, DoesNothingTheSecondTime) {
  Log log;
  auto generator = clean_up_for(1s, log, "it");
  co_await generator.next();
  co_await generator.aclose();
  co_await generator.aclose();
  EXPECT_EQ(log, (Log{"it cleans up", "it is clean"}));
}

ASYNC_TEST(CloseGenerator, DestroysTheFrame) {
  Log log;
  auto generator = count_and_tell(log, "it");
  co_await generator.next();
  co_await generator.aclose();
  EXPECT_EQ(log, (Log{"it is gone"}));
  EXPECT_FALSE(static_cast<bool>(generator));
}

ASYNC_TEST(CloseGenerator, TakesTheEndOfOneThatCatchesGeneratorExit) {
  auto generator = end_when_closed();
  co_await generator.next();
  co_await generator.aclose();
  EXPECT_EQ(co_await generator.next(), std::nullopt);
}

ASYNC_TEST(CloseGenerator, ThrowsWhatTheCleanupThrows) {
  auto generator = fail_when_closed();
  co_await generator.next();
  EXPECT_EQ(co_await thrown_by_await(generator.aclose()), "domain_error: from the cleanup");
  EXPECT_EQ(co_await thrown_by_await(generator.aclose()), support::nothing_thrown);
  EXPECT_EQ(co_await generator.next(), std::nullopt);
}

ASYNC_TEST(CloseGenerator, RefusesAGeneratorThatYieldsAgain) {
  Log log;
  auto generator = ignore_its_end(log);
  co_await generator.next();
  EXPECT_EQ(co_await thrown_by_await(generator.aclose()),
            "RuntimeError: aclose(): asynchronous generator 'ignore_its_end' ignored "
            "GeneratorExit: it must not co_yield after it has caught that; rethrow it");
  EXPECT_EQ(log, (Log{"ignored"}));
}

// CPython would let it go on
ASYNC_TEST(CloseGenerator, EndsOneThatIgnoresGeneratorExitAllTheSame) {
  Log log;
  {
    auto generator = ignore_its_end(log);
    co_await generator.next();
    (void)co_await thrown_by_await(generator.aclose());
    EXPECT_FALSE(static_cast<bool>(generator));
    EXPECT_EQ(co_await generator.next(), std::nullopt);
    EXPECT_EQ(co_await generator.athrow(std::domain_error("no")), std::nullopt);
    co_await generator.aclose();
  }
  EXPECT_EQ(log, (Log{"ignored", "it is gone"}));
}

ASYNC_TEST(CloseGenerator, LetsNobodyElseInWhileTheCleanupRuns) {
  Log log;
  auto generator = clean_up_for(1s, log, "it");
  co_await generator.next();
  auto closing = asyncio::create_task(generator.aclose());
  co_await asyncio::sleep(0s);
  const std::string text =
      "asynchronous generator 'support::clean_up_for' is already running; let one task "
      "iterate it, or hand its items on by a Queue";
  EXPECT_EQ(co_await thrown_by_await(generator.next()), "RuntimeError: next(): " + text);
  EXPECT_EQ(co_await thrown_by_await(generator.athrow(std::domain_error("no"))),
            "RuntimeError: athrow(): " + text);
  EXPECT_EQ(co_await thrown_by_await(generator.aclose()), "RuntimeError: aclose(): " + text);
  EXPECT_EQ(log, (Log{"it cleans up"}));
  co_await closing;
  EXPECT_EQ(log, (Log{"it cleans up", "it is clean"}));
}

ASYNC_TEST(CloseGenerator, CancelledReachesTheCleanup) {
  Log log;
  auto generator = clean_up_for(1h, log, "it");
  co_await generator.next();
  auto closing = asyncio::create_task(generator.aclose());
  co_await asyncio::sleep(1s);
  closing.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(closing)).cancelled());
  EXPECT_EQ(log, (Log{"it cleans up"}));
  EXPECT_EQ(co_await generator.next(), std::nullopt);
}

ASYNC_TEST(CloseGenerator, ActsWhereTheGeneratorStandsWhenItIsAwaited) {
  Log log;
  auto generator = tell_what_ends_it(log);
  auto stored = generator.aclose();
  co_await generator.next();
  EXPECT_EQ(log, Log());
  co_await std::move(stored);
  EXPECT_EQ(log, (Log{"GeneratorExit"}));
}

ASYNC_TEST(CloseGenerator, CanBeGivenToGatherAndWaitFor) {
  Log log;
  auto a = clean_up_for(1s, log, "a");
  auto b = clean_up_for(2s, log, "b");
  auto c = clean_up_for(1h, log, "c");
  for (auto* each : {&a, &b, &c}) co_await each->next();
  co_await asyncio::gather(a.aclose(), b.aclose());
  EXPECT_EQ(log, (Log{"a cleans up", "b cleans up", "a is clean", "b is clean"}));
  EXPECT_EQ(co_await thrown_by_await(asyncio::wait_for(c.aclose(), 1s)), "TimeoutError: timed out");
}

// --- athrow() -------------------------------------------------------------------------------

ASYNC_TEST(ThrowIntoGenerator, ThrowsAtTheCoYieldAndGivesTheNextValue) {
  auto generator = answer_errors();
  EXPECT_EQ(co_await generator.next(), "ready");
  EXPECT_EQ(co_await generator.athrow(std::domain_error("it")), "caught it");
  EXPECT_EQ(co_await generator.next(), "no error");
}

ASYNC_TEST(ThrowIntoGenerator, TakesAnExceptionPtr) {
  auto generator = answer_errors();
  co_await generator.next();
  const auto error = std::make_exception_ptr(std::domain_error("a pointer"));
  EXPECT_EQ(co_await generator.athrow(error), "caught a pointer");
}

ASYNC_TEST(ThrowIntoGenerator, ThrowsWhatTheGeneratorDoesNotCatchAndEndsIt) {
  auto generator = answer_errors();
  co_await generator.next();
  EXPECT_EQ(co_await thrown_by_await(generator.athrow(std::range_error("no"))), "range_error: no");
  EXPECT_EQ(co_await generator.next(), std::nullopt);
}

ASYNC_TEST(ThrowIntoGenerator, ThrowsWhatTheGeneratorThrowsInstead) {
  auto generator = replace_errors();
  co_await generator.next();
  EXPECT_EQ(co_await thrown_by_await(generator.athrow(std::domain_error("it"))),
            "range_error: another");
}

ASYNC_TEST(ThrowIntoGenerator, GivesNothingIfTheGeneratorEnds) {
  auto generator = end_on_error();
  co_await generator.next();
  EXPECT_EQ(co_await generator.athrow(std::domain_error("it")), std::nullopt);
}

ASYNC_TEST(ThrowIntoGenerator, EndsOneThatHasNotBegun) {
  Log log;
  auto generator = tell_what_ends_it(log);
  EXPECT_EQ(co_await thrown_by_await(generator.athrow(std::domain_error("early"))),
            "domain_error: early");
  EXPECT_EQ(co_await generator.next(), std::nullopt);
  EXPECT_EQ(co_await generator.athrow(std::domain_error("again")), std::nullopt);
  EXPECT_EQ(log, Log());
}

ASYNC_TEST(ThrowIntoGenerator, DoesNothingToOneThatHasEnded) {
  auto numbers = count_to(0);
  co_await numbers.next();
  EXPECT_EQ(co_await numbers.athrow(std::domain_error("late")), std::nullopt);
}

ASYNC_TEST(ThrowIntoGenerator, OfGeneratorExitThrowsItOut) {
  Log log;
  auto generator = tell_what_ends_it(log);
  co_await generator.next();
  EXPECT_TRUE(support::is_a<asyncio::GeneratorExit>(
      (co_await asyncio::as_result(generator.athrow(asyncio::GeneratorExit()))).error()));
}

ASYNC_TEST(ThrowIntoGenerator, OfGeneratorExitMayBeIgnored) {
  Log log;
  auto generator = ignore_its_end(log);
  co_await generator.next();
  EXPECT_EQ(co_await generator.athrow(asyncio::GeneratorExit()), 2);
  EXPECT_EQ(co_await generator.next(), std::nullopt);
  EXPECT_EQ(log, (Log{"ignored", "goes on", "it is gone"}));
}
