// The handle of an asynchronous generator: moved, asked, dropped.

#include <asyncio/async_generator.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/generators.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::clean_up_for;
using support::count_and_tell;
using support::count_to;
using support::Leaves;
using support::Log;
using support::rest_of;
using support::tick_and_tell;
using support::ticks_to;

namespace {

using Generator = asyncio::AsyncGenerator<int>;

static_assert(std::is_nothrow_move_constructible_v<Generator>);
static_assert(std::is_nothrow_move_assignable_v<Generator>);
static_assert(!std::is_copy_constructible_v<Generator>);

Generator drop_itself(std::optional<Generator>& self, Log& log) {
  const Leaves leaves(log, "it");
  self.reset();
  log.push_back("goes on");
  co_yield 1;
  log.push_back("never");
}

Generator end_at_once(Log& log) {
  const Leaves leaves(log, "it");
  co_await asyncio::sleep(1s);
  log.push_back("ends");
  if (log.empty()) co_yield 1;
}

Generator fail_soon(Log& log) {
  const Leaves leaves(log, "it");
  co_await asyncio::sleep(1s);
  throw std::domain_error("too late");
  co_yield 1;
}

std::optional<Generator> kept_for_ever;

}  // namespace

// --- moved ----------------------------------------------------------------------------------

ASYNC_TEST(GeneratorHandle, IsMovedBetweenTwoValues) {
  auto numbers = count_to(3);
  co_await numbers.next();
  auto moved = std::move(numbers);
  EXPECT_EQ(co_await rest_of(moved), support::numbers(2, 3));
}

ASYNC_TEST(GeneratorHandle, IsEmptyOnceItWasMovedFrom) {
  auto numbers = count_to(3);
  auto moved = std::move(numbers);
  // NOLINTBEGIN(bugprone-use-after-move): that is what this is about
  EXPECT_FALSE(static_cast<bool>(numbers));
  EXPECT_EQ(co_await numbers.next(), std::nullopt);
  co_await numbers.aclose();
  EXPECT_EQ(numbers.repr(), "<async_generator object, ended>");
  // NOLINTEND(bugprone-use-after-move)
  EXPECT_EQ(co_await moved.next(), 1);
}

ASYNC_TEST(GeneratorHandle, IsMovedWhileATaskIsInIt) {
  auto ticks = ticks_to(2);
  auto task = asyncio::create_task(ticks.next());
  co_await asyncio::sleep(0s);
  auto moved = std::move(ticks);
  EXPECT_EQ(co_await task, 1);
  EXPECT_EQ(co_await moved.next(), 2);
}

ASYNC_TEST(GeneratorHandle, AssignedToDropsWhatItHad) {
  Log log;
  auto generator = count_and_tell(log, "the first");
  co_await generator.next();
  auto other = count_and_tell(log, "the second");
  co_await other.next();
  generator = std::move(other);
  EXPECT_EQ(log, (Log{"the first is gone"}));
  EXPECT_EQ(co_await generator.next(), 2);
}

ASYNC_TEST(GeneratorHandle, AssignedToItselfStaysAsItIs) {
  auto numbers = count_to(2);
  co_await numbers.next();
  auto& same = numbers;
  numbers = std::move(same);
  EXPECT_EQ(co_await numbers.next(), 2);
}

ASYNC_TEST(GeneratorHandle, KeepsThroughAMoveThatItWasClosed) {
  auto numbers = count_to(2);
  co_await numbers.aclose();
  auto moved = std::move(numbers);
  EXPECT_EQ(co_await moved.next(), std::nullopt);
}

// --- asked ----------------------------------------------------------------------------------

ASYNC_TEST(GeneratorHandle, IsTrueUntilTheGeneratorHasEnded) {
  auto numbers = count_to(1);
  EXPECT_TRUE(static_cast<bool>(numbers));
  co_await numbers.next();
  EXPECT_TRUE(static_cast<bool>(numbers));
  co_await numbers.next();
  EXPECT_FALSE(static_cast<bool>(numbers));
}

ASYNC_TEST(GeneratorHandle, ReprNamesTheFunction) {
  auto numbers = count_to(1);
  EXPECT_TRUE(numbers.repr().starts_with("<async_generator object support::count_to at 0x"))
      << numbers.repr();
  co_await rest_of(numbers);
  EXPECT_EQ(numbers.repr(), "<async_generator object, ended>");
}

// --- dropped --------------------------------------------------------------------------------

// LOOP-095: its destructors run at once, instead of in a task
ASYNC_TEST(GeneratorHandle, DroppedBetweenTwoValuesEndsTheGeneratorAtOnce) {
  Log log;
  {
    auto generator = count_and_tell(log, "it");
    co_await generator.next();
  }
  EXPECT_EQ(log, (Log{"it is gone"}));
}

// LOOP-095: what it has to await needs aclose()
ASYNC_TEST(GeneratorHandle, DroppedBetweenTwoValuesThrowsNothingIntoTheGenerator) {
  Log log;
  {
    auto generator = clean_up_for(1s, log, "it");
    co_await generator.next();
  }
  EXPECT_EQ(log, Log());
}

ASYNC_TEST(GeneratorHandle, DroppedBeforeTheFirstValueIsNotReported) {
  Log log;
  {
    const auto generator = count_and_tell(log, "it");
  }
  EXPECT_EQ(log, Log());
  co_return;
}

ASYNC_TEST(GeneratorHandle, DroppedWhileATaskIsInItLetsThatHaveItsValue) {
  Log log;
  std::optional<Generator> generator(tick_and_tell(log, "it"));
  auto task = asyncio::create_task(generator->next());
  co_await asyncio::sleep(0s);
  generator.reset();
  EXPECT_EQ(log, Log());
  EXPECT_EQ(co_await task, 1);
  EXPECT_EQ(log, (Log{"it is gone"}));
}

ASYNC_TEST(GeneratorHandle, DroppedWhileATaskIsInItLetsThatSeeTheEnd) {
  Log log;
  std::optional<Generator> generator(end_at_once(log));
  auto task = asyncio::create_task(generator->next());
  co_await asyncio::sleep(0s);
  generator.reset();
  EXPECT_EQ(co_await task, std::nullopt);
  EXPECT_EQ(log, (Log{"ends", "it is gone"}));
}

ASYNC_TEST(GeneratorHandle, DroppedWhileATaskIsInItLetsThatSeeTheError) {
  Log log;
  std::optional<Generator> generator(fail_soon(log));
  auto task = asyncio::create_task(generator->next());
  co_await asyncio::sleep(0s);
  generator.reset();
  const auto end = co_await asyncio::as_result(task);
  EXPECT_EQ(support::text_of(end.error()), "too late");
  EXPECT_EQ(log, (Log{"it is gone"}));
}

ASYNC_TEST(GeneratorHandle, DroppedWhileATaskClosesItLetsTheCleanupEnd) {
  Log log;
  std::optional<Generator> generator(clean_up_for(1s, log, "it"));
  co_await generator->next();
  auto task = asyncio::create_task(generator->aclose());
  co_await asyncio::sleep(0s);
  generator.reset();
  co_await task;
  EXPECT_EQ(log, (Log{"it cleans up", "it is clean"}));
}

ASYNC_TEST(GeneratorHandle, DroppedByItsOwnBodyEndsAtTheNextValue) {
  Log log;
  std::optional<Generator> generator;
  generator.emplace(drop_itself(generator, log));
  EXPECT_EQ(co_await generator->next(), 1);
  EXPECT_EQ(log, (Log{"goes on", "it is gone"}));
}

// --- beyond the loop --------------------------------------------------------------------------

// LOOP-094, failure 98
TEST(GeneratorHandle, KeptBeyondRunIsClosedByItAndGivesNothingAfterwards) {
  Log log;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    kept_for_ever.emplace(clean_up_for(1s, log, "it"));
    co_await kept_for_ever->next();
  });
  EXPECT_EQ(log, (Log{"it cleans up", "it is clean"}));
  EXPECT_FALSE(static_cast<bool>(*kept_for_ever));
  asyncio::testing::run(
      []() -> asyncio::Coro<> { EXPECT_EQ(co_await kept_for_ever->next(), std::nullopt); });
  kept_for_ever.reset();
}

TEST(GeneratorHandle, BegunInNoRunOutlivesTheLoop) {
  std::optional<Generator> generator(count_to(2));
  asyncio::testing::run([]() -> asyncio::Coro<> { co_return; });
  asyncio::testing::run([&]() -> asyncio::Coro<> { EXPECT_EQ(co_await generator->next(), 1); });
  EXPECT_FALSE(static_cast<bool>(*generator));
}

TEST(GeneratorHandle, OfALoopThatIsClosedWithoutShutdownIsDestroyedWithoutIt) {
  Log log;
  std::optional<Generator> generator(count_and_tell(log, "it"));
  {
    auto loop = asyncio::testing::new_virtual_loop();
    loop->run_until_complete(support::next_of(*generator));
    loop->close();
  }
  EXPECT_EQ(log, Log());
  generator.reset();
  EXPECT_EQ(log, (Log{"it is gone"}));
}

TEST(GeneratorHandle, IsEmptyWhenTheTaskInItWasDestroyedWithItsLoop) {
  const support::LogCapture capture;  // the task was destroyed while pending
  Log log;
  std::optional<Generator> generator(tick_and_tell(log, "it"));
  {
    auto loop = asyncio::testing::new_virtual_loop();
    auto task = loop->create_task(generator->next());
    loop->run_until_complete(asyncio::sleep(0s));
    loop->close();
  }
  EXPECT_EQ(log, (Log{"it is gone"}));
  EXPECT_FALSE(static_cast<bool>(*generator));
}
