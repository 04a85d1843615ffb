#include <asyncio/race.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/channel.hpp>
#include <asyncio/event.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::LogCapture;
using support::thrown_by_await;

namespace {

using Log = std::vector<std::string>;

asyncio::Coro<int> value_after(asyncio::Duration delay, int value) {
  co_await asyncio::sleep(delay);
  co_return value;
}

asyncio::Coro<int> at_once(int value) { co_return value; }

asyncio::Coro<int> fail_after(asyncio::Duration delay, const char* text) {
  co_await asyncio::sleep(delay);
  throw std::domain_error(text);
}

asyncio::Coro<int> cancel_after(asyncio::Duration delay) {
  co_await asyncio::sleep(delay);
  throw asyncio::CancelledError("mine");
}

asyncio::Coro<std::unique_ptr<int>> pointer_after(asyncio::Duration delay, int value) {
  co_await asyncio::sleep(delay);
  co_return std::make_unique<int>(value);
}

/// Takes its time when it is cancelled.
asyncio::Coro<int> lose_slowly(Log& log, std::string name, asyncio::Duration cleanup) {
  auto end = co_await asyncio::as_result(asyncio::sleep(1h));
  co_await asyncio::sleep(cleanup);
  log.push_back(name + (end.cancelled() ? " lost" : " ended"));
  end.value();
  co_return 0;
}

asyncio::Coro<int> fail_when_cancelled(const char* text) {
  (void)co_await asyncio::as_result(asyncio::sleep(1h));
  throw std::domain_error(text);
}

asyncio::Coro<int> win_when_cancelled(int value) {
  (void)co_await asyncio::as_result(asyncio::sleep(1h));
  co_return value;
}

asyncio::Coro<int> interrupt_after(asyncio::Duration delay) {
  co_await asyncio::sleep(delay);
  throw asyncio::KeyboardInterrupt();
}

constexpr const char* nobody = "race(): no awaitable gave a value: ";

}  // namespace

// --- a winner ---------------------------------------------------------------------------------

// COMB-147
ASYNC_TEST(Race, GivesTheFirstValueAsSoonAsItIsThere) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  EXPECT_EQ(co_await asyncio::race(value_after(3s, 3), value_after(1s, 1), value_after(2s, 2)), 1);
  EXPECT_EQ(loop.time() - start, asyncio::Duration(1s));
}

// COMB-147: the others are cancelled
ASYNC_TEST(Race, ReturnsWhenTheLosersHaveEnded) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  Log log;
  EXPECT_EQ(co_await asyncio::race(lose_slowly(log, "a", 2s), value_after(1s, 1),
                                   lose_slowly(log, "b", 1s)),
            1);
  EXPECT_EQ(log, (Log{"b lost", "a lost"}));
  EXPECT_EQ(loop.time() - start, asyncio::Duration(3s));
}

// COMB-146: an error only takes one out of the race
ASYNC_TEST(Race, IsWonByTheFirstThatDoesNotFail) {
  EXPECT_EQ(co_await asyncio::race(fail_after(1s, "no"), value_after(2s, 2), value_after(3s, 3)),
            2);
}

ASYNC_TEST(Race, IsWonDespiteOneThatIsCancelled) {
  EXPECT_EQ(co_await asyncio::race(cancel_after(1s), value_after(2s, 2)), 2);
}

ASYNC_TEST(Race, OfTwoThatEndTogetherIsWonByTheFirst) {
  EXPECT_EQ(co_await asyncio::race(value_after(1s, 1), value_after(1s, 2)), 1);
}

// Its coroutine was awaited: by the race.
ASYNC_TEST(Race, DoesNotReportALoserThatHasNotBegun) {
  const LogCapture capture;
  EXPECT_EQ(co_await asyncio::race(at_once(1), at_once(2), value_after(1s, 3)), 1);
  EXPECT_EQ(capture.lines(), Log());
}

ASYNC_TEST(Race, OfOneGivesItsValue) { EXPECT_EQ(co_await asyncio::race(value_after(1s, 1)), 1); }

ASYNC_TEST(Race, KeepsItsWinnerWhenALoserReturnsAValueAllTheSame) {
  EXPECT_EQ(co_await asyncio::race(win_when_cancelled(2), value_after(1s, 1)), 1);
}

ASYNC_TEST(Race, LogsWhatALoserFailsWith) {
  const LogCapture capture;
  EXPECT_EQ(co_await asyncio::race(fail_when_cancelled("late"), value_after(1s, 1)), 1);
  EXPECT_EQ(capture.count("race(): an awaitable failed when another one had won"), 1);
  EXPECT_EQ(capture.count("domain_error: late"), 1);
}

ASYNC_TEST(Race, LeavesNoCancellationBehind) {
  co_await asyncio::race(value_after(1s, 1), value_after(2s, 2));
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0U);
  co_await asyncio::sleep(0s);
}

// --- its value --------------------------------------------------------------------------------

ASYNC_TEST(RaceValue, IsMoved) {
  const auto winner = co_await asyncio::race(pointer_after(1s, 1), pointer_after(2s, 2));
  EXPECT_EQ(*winner, 1);
}

ASYNC_TEST(RaceValue, OfDifferentTypesIsATupleOfOptionals) {
  auto [number, pointer, none] =
      co_await asyncio::race(value_after(2s, 1), pointer_after(1s, 2), asyncio::sleep(3s));
  static_assert(std::is_same_v<decltype(none), std::optional<asyncio::None>>);
  EXPECT_FALSE(number.has_value());
  EXPECT_EQ(**pointer, 2);
  EXPECT_FALSE(none.has_value());
}

ASYNC_TEST(RaceValue, TellsThatOneWithoutAValueHasWon) {
  auto [number, none] = co_await asyncio::race(value_after(2s, 1), asyncio::sleep(1s));
  EXPECT_FALSE(number.has_value());
  EXPECT_TRUE(none.has_value());
}

ASYNC_TEST(RaceValue, OfNoneIsNothing) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  auto race = asyncio::race(asyncio::sleep(2s), asyncio::sleep(1s));
  static_assert(std::is_same_v<decltype(race), asyncio::Coro<>>);
  co_await std::move(race);
  EXPECT_EQ(loop.time() - start, asyncio::Duration(1s));
}

// --- what may run -----------------------------------------------------------------------------

ASYNC_TEST(Race, TakesTasksAndCancelsTheLosingOne) {
  auto slow = asyncio::create_task(value_after(2s, 2));
  auto quick = asyncio::create_task(value_after(1s, 1));
  EXPECT_EQ(co_await asyncio::race(slow, quick), 1);
  EXPECT_TRUE(slow.cancelled());
  EXPECT_EQ(quick.result(), 1);
}

ASYNC_TEST(Race, TakesOurAwaitables) {
  asyncio::Event stop;
  asyncio::Channel<int> channel(1);
  asyncio::get_running_loop().call_later(1s, [&] { EXPECT_TRUE(channel.try_send(4)); });
  auto [item, stopped] = co_await asyncio::race(channel.next(), stop.wait());
  EXPECT_EQ(item, std::optional(std::optional(4)));
  EXPECT_FALSE(stopped.has_value());
}

ASYNC_TEST(Race, LeavesAnItemThatALoserWasPromisedToOthers) {
  asyncio::Channel<int> channel(1);
  asyncio::Event stop;
  asyncio::get_running_loop().call_later(1s, [&] {
    stop.set();
    EXPECT_TRUE(channel.try_send(4));
  });
  auto [stopped, item] = co_await asyncio::race(stop.wait(), channel.next());
  EXPECT_TRUE(stopped.has_value());
  EXPECT_FALSE(item.has_value());
  EXPECT_EQ(channel.try_next(), 4);
}

ASYNC_TEST(Race, TakesARange) {
  std::vector<asyncio::Coro<int>> coros;
  for (int n = 3; n >= 1; --n) coros.push_back(value_after(n * 1s, n));
  EXPECT_EQ(co_await asyncio::race(std::move(coros)), 1);
  std::vector<asyncio::Task<int>> tasks;
  for (int n = 1; n <= 3; ++n) tasks.push_back(asyncio::create_task(value_after(n * 1s, n)));
  EXPECT_EQ(co_await asyncio::race(tasks), 1);
  EXPECT_TRUE(tasks[1].cancelled() && tasks[2].cancelled());
}

// COMB-148 [C++]: nobody could give a value
ASYNC_TEST(Race, OfAnEmptyRangeIsRefused) {
  EXPECT_EQ(co_await thrown_by_await(asyncio::race(std::vector<asyncio::Coro<int>>())),
            "invalid_argument: race(): nobody runs: give it at least one awaitable");
}

ASYNC_TEST(Race, RunsNothingBeforeItIsAwaited) {
  Log log;
  const auto note = [](Log& to) -> asyncio::Coro<int> {
    to.push_back("runs");
    co_return 1;
  };
  auto stored = asyncio::race(value_after(1s, 2), note(log));
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, Log());
  EXPECT_EQ(co_await std::move(stored), 1);
}

ASYNC_TEST(Race, CanBeGivenToGatherWaitForAndAnotherRace) {
  const auto [a, b] =
      co_await asyncio::gather(asyncio::race(value_after(1s, 1), value_after(2s, 2)),
                               asyncio::race(value_after(4s, 4), value_after(3s, 3)));
  EXPECT_EQ(std::tuple(a, b), std::tuple(1, 3));
  auto timed = asyncio::wait_for(asyncio::race(value_after(2s, 1), value_after(3s, 2)), 1s);
  EXPECT_EQ(co_await thrown_by_await(std::move(timed)), "TimeoutError: timed out");
  EXPECT_EQ(co_await asyncio::race(asyncio::race(value_after(2s, 1), value_after(3s, 2)),
                                   value_after(4s, 3)),
            1);
}

// A task factory may run the first step of every task at once.
ASYNC_TEST(Race, IsWonByOneThatEndsInItsFirstStep) {
  asyncio::get_running_loop().set_task_factory(
      [](asyncio::EventLoop&, asyncio::TaskOptions& options) { options.eager_start = true; });
  Log log;
  EXPECT_EQ(co_await asyncio::race(at_once(1), lose_slowly(log, "second", 1s)), 1);
  EXPECT_EQ(co_await asyncio::race(lose_slowly(log, "first", 1s), at_once(2)), 2);
  EXPECT_EQ(log.back(), "first lost");
  EXPECT_EQ(asyncio::current_task()->cancelling(), 0U);
}

// --- no winner --------------------------------------------------------------------------------

// COMB-148: in the order in which they failed
ASYNC_TEST(RaceWithoutWinner, ThrowsAllErrors) {
  const auto end = co_await asyncio::as_result(
      asyncio::race(fail_after(2s, "b"), fail_after(1s, "a"), fail_after(3s, "c")));
  EXPECT_EQ(support::members_of(end.error()), std::string(nobody) + "a, b, c");
}

// COMB-148
ASYNC_TEST(RaceWithoutWinner, LeavesCancellationsOutOfTheErrors) {
  const auto end = co_await asyncio::as_result(
      asyncio::race(cancel_after(1s), fail_after(2s, "a"), cancel_after(3s)));
  EXPECT_EQ(support::members_of(end.error()), std::string(nobody) + "a");
}

ASYNC_TEST(RaceWithoutWinner, IsCancelledIfAllWere) {
  auto task = asyncio::create_task(asyncio::race(cancel_after(1s), cancel_after(2s)));
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(task.cancelling(), 0U);
}

TEST(RaceWithoutWinner, ThrowsAKeyboardInterruptBare) {
  const LogCapture capture;  // the error of the race's task is never retrieved, as in Python
  EXPECT_THROW(asyncio::testing::run([]() -> asyncio::Coro<> {
                 co_await asyncio::race(interrupt_after(1s), value_after(2s, 1));
               }),
               asyncio::KeyboardInterrupt);
}

// --- cancelled --------------------------------------------------------------------------------

// COMB-149
ASYNC_TEST(RaceCancelled, CancelsAllAndWaitsForThem) {
  auto& loop = asyncio::get_running_loop();
  Log log;
  auto race =
      asyncio::create_task(asyncio::race(lose_slowly(log, "a", 2s), lose_slowly(log, "b", 1s)));
  co_await asyncio::sleep(1s);
  race.cancel("enough");
  const auto start = loop.time();
  EXPECT_EQ(support::text_of((co_await asyncio::as_result(race)).error()), "cancelled:enough");
  EXPECT_EQ(log, (Log{"b lost", "a lost"}));
  EXPECT_EQ(loop.time() - start, asyncio::Duration(2s));
}

// COMB-149
ASYNC_TEST(RaceCancelled, InTheIterationOfAVictoryIsCancelled) {
  auto race = asyncio::create_task(asyncio::race(value_after(1s, 1), value_after(2s, 2)));
  asyncio::get_running_loop().call_later(1s, [&] { race.cancel(); });
  EXPECT_TRUE((co_await asyncio::as_result(race)).cancelled());
}

// COMB-149
ASYNC_TEST(RaceCancelled, WhileTheLosersCleanUpIsCancelledWhenTheyHave) {
  Log log;
  auto race = asyncio::create_task(asyncio::race(value_after(1s, 1), lose_slowly(log, "a", 2s)));
  co_await asyncio::sleep(2s);
  race.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(race)).cancelled());
  EXPECT_EQ(log, (Log{"a lost"}));
}

// COMB-149
ASYNC_TEST(RaceCancelled, ByATimeoutIsATimeout) {
  Log log;
  const auto body = [&](asyncio::Timeout&) -> asyncio::Coro<> {
    co_await asyncio::race(lose_slowly(log, "a", 1s), value_after(1h, 1));
  };
  EXPECT_EQ(co_await thrown_by_await(asyncio::with(asyncio::timeout(1s), body)),
            "TimeoutError: timed out");
  EXPECT_EQ(log, (Log{"a lost"}));
}
