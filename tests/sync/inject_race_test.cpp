// race() and TaskGroup::cancel(), disturbed at each of their points.

#include <asyncio/race.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/with.hpp>

#include "support/group_children.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::TaskGroup;
using support::clean_up_slowly;
using support::fail_in;
using support::in_group;
using support::Item;
using support::item_in;
using support::require;
using support::torture;
using support::Witness;

namespace {

asyncio::Coro<Item> lose_slowly() {
  co_await clean_up_slowly();
  co_return Item(99);
}

/// A race of which nobody runs on when it is over. domain_errors are expected if `may_fail`.
template <class Race>
asyncio::Coro<> raced(Race race, bool may_fail = false) {
  const auto end = co_await asyncio::as_result(std::move(race));
  require(Witness::alive == 0, "the losers have ended before race() returns");
  try {
    end.value();
  } catch (const asyncio::BaseExceptionGroup& group) {
    if (!may_fail || !group.subgroup<std::domain_error>()) throw;
  }
}

asyncio::Coro<> of_three() {
  co_await raced(asyncio::race(item_in(2s, 2), item_in(1s, 1), lose_slowly()));
}

asyncio::Coro<> of_different_types() {
  co_await raced(asyncio::race(item_in(2s, 2), asyncio::sleep(1s), clean_up_slowly()));
}

asyncio::Coro<> of_a_range() {
  std::vector<asyncio::Coro<Item>> coros;
  for (int n = 1; n <= 4; ++n) coros.push_back(item_in(n * 1s, n));
  co_await raced(asyncio::race(std::move(coros)));
}

asyncio::Coro<> that_end_together() {
  co_await raced(asyncio::race(item_in(1s, 2), item_in(1s, 1), fail_in(1s)), true);
}

asyncio::Coro<> without_a_winner() {
  co_await raced(asyncio::race(fail_in(2s), fail_in(1s)), true);
}

asyncio::Coro<> with_a_late_winner() {
  co_await raced(asyncio::race(fail_in(1s), item_in(2s, 1), lose_slowly()), true);
}

asyncio::Coro<> of_races() {
  co_await raced(asyncio::race(asyncio::race(item_in(2s, 2), lose_slowly()),
                               asyncio::race(item_in(1s, 1), lose_slowly())));
}

asyncio::Coro<> that_is_cancelled() {
  auto race = asyncio::create_task(asyncio::race(lose_slowly(), lose_slowly()));
  co_await asyncio::sleep(1s);
  race.cancel();
  const auto end = co_await asyncio::as_result(std::move(race));
  if (!end.cancelled()) end.value();
}

asyncio::Coro<> group_stopped_in_its_body() {
  const auto body = [](TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(clean_up_slowly());
    group.create_task(item_in(1s, 1));
    co_await asyncio::sleep(500ms);
    group.cancel();
    co_await asyncio::sleep(1h);
  };
  co_await in_group(body);
}

asyncio::Coro<> group_stopped_by_a_child() {
  const auto body = [](TaskGroup& group) -> asyncio::Coro<> {
    const auto stop = [](TaskGroup& g) -> asyncio::Coro<> {
      co_await asyncio::sleep(1s);
      g.cancel();
      co_await asyncio::sleep(1h);
    };
    group.create_task(stop(group));
    group.create_task(clean_up_slowly());
    co_return;
  };
  co_await in_group(body);
}

asyncio::Coro<> group_stopped_before_it_began() {
  TaskGroup group;
  group.cancel();
  const auto body = [](TaskGroup&) -> asyncio::Coro<> { co_await asyncio::sleep(1h); };
  co_await asyncio::with(group, body);
}

asyncio::Coro<> gathered() {
  const auto end = co_await asyncio::as_result(
      asyncio::gather(asyncio::cancel_on_error, clean_up_slowly(), fail_in(1s), item_in(2s, 1)));
  if (!end && asyncio::detail::holds<std::domain_error>(end.error())) {
    require(Witness::alive == 0, "the error comes when all have ended");
  } else {
    end.value();
  }
}

}  // namespace

// failure 91
TEST(RaceDisturbed, OfThree) { EXPECT_EQ(torture(&of_three), ""); }

// failure 91
TEST(RaceDisturbed, OfDifferentTypes) { EXPECT_EQ(torture(&of_different_types), ""); }

// failure 91
TEST(RaceDisturbed, OfARange) { EXPECT_EQ(torture(&of_a_range), ""); }

// failure 91: what fails after the victory is reported
TEST(RaceDisturbed, OfThoseThatEndTogether) {
  EXPECT_EQ(torture(&that_end_together, {.quiet = false}), "");
}

// failure 91
TEST(RaceDisturbed, WithoutAWinner) { EXPECT_EQ(torture(&without_a_winner), ""); }

// failure 91
TEST(RaceDisturbed, WithALateWinner) { EXPECT_EQ(torture(&with_a_late_winner), ""); }

// failure 91
TEST(RaceDisturbed, OfRaces) { EXPECT_EQ(torture(&of_races), ""); }

// failure 91
TEST(RaceDisturbed, ThatIsCancelled) { EXPECT_EQ(torture(&that_is_cancelled), ""); }

// failure 91
TEST(TaskGroupStopDisturbed, InItsBody) { EXPECT_EQ(torture(&group_stopped_in_its_body), ""); }

// failure 91
TEST(TaskGroupStopDisturbed, ByAChild) { EXPECT_EQ(torture(&group_stopped_by_a_child), ""); }

// failure 91
TEST(TaskGroupStopDisturbed, BeforeItBegan) {
  EXPECT_EQ(torture(&group_stopped_before_it_began), "");
}

// failure 91: what a cancelled child fails with is reported
TEST(GatherCancelOnErrorDisturbed, WithAChildThatFails) {
  EXPECT_EQ(torture(&gathered, {.quiet = false}), "");
}
