#include <asyncio/async_generator.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/context.hpp>
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
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::count_to;
using support::Log;
using support::next_of;
using support::rest_of;
using support::thrown_by_await;
using support::tick_and_tell;
using support::ticks_to;

namespace {

using Numbers = std::vector<int>;

asyncio::AsyncGenerator<int> tell_where_it_is(Log& log) {
  log.push_back("begins");
  co_yield 1;
  log.push_back("goes on");
  co_yield 2;
  log.push_back("ends");
}

asyncio::AsyncGenerator<int> fail_after_one() {
  co_yield 1;
  throw std::domain_error("from the body");
}

asyncio::AsyncGenerator<std::unique_ptr<int>> pointers() {
  for (int n = 1; n <= 2; ++n) {
    auto item = std::make_unique<int>(n);
    co_yield std::move(item);
  }
}

asyncio::AsyncGenerator<std::string> texts() {
  const std::string kept = "a variable";
  co_yield "a literal";
  co_yield kept;
  co_yield kept;
}

/// Cannot be copied twice.
struct Fragile {
  Fragile() = default;
  Fragile(const Fragile& other) : copies(other.copies + 1) {
    if (copies > 1) throw std::domain_error("too many copies");
  }
  Fragile(Fragile&&) noexcept = default;
  int copies = 0;
};

asyncio::AsyncGenerator<Fragile> fragile(Log& log) {
  Fragile item;
  item.copies = 1;
  try {
    co_yield item;
  } catch (const std::domain_error& e) {
    log.push_back(e.what());
  }
  co_yield Fragile();
}

asyncio::AsyncGenerator<std::string> task_names() {
  for (;;) co_yield asyncio::current_task()->get_name();
}

asyncio::AsyncGenerator<int> doubled(asyncio::AsyncGenerator<int> source) {
  while (auto n = co_await source.next()) co_yield *n * 2;
}

asyncio::AsyncGenerator<int> down_from(int n) {
  if (n > 0) {
    auto rest = down_from(n - 1);
    co_yield n;
    while (auto item = co_await rest.next()) co_yield *item;
  }
}

asyncio::AsyncGenerator<int> ask_itself(asyncio::AsyncGenerator<int>*& self, std::string& error) {
  error = co_await thrown_by_await(self->next());
  co_yield 1;
}

asyncio::AsyncGenerator<int> survive_a_cancellation() {
  const auto end = co_await asyncio::as_result(asyncio::sleep(1h));
  co_yield end.cancelled() ? 7 : 0;
  co_yield 8;
}

constexpr const char* running =
    "asynchronous generator 'support::ticks_to' is already running; let one task iterate it, or "
    "hand its items on by a Queue";

}  // namespace

// --- its values -----------------------------------------------------------------------------

ASYNC_TEST(AsyncGenerator, GivesItsValuesAndThenNothing) {
  auto numbers = count_to(2);
  EXPECT_EQ(co_await numbers.next(), 1);
  EXPECT_EQ(co_await numbers.next(), 2);
  EXPECT_EQ(co_await numbers.next(), std::nullopt);
  EXPECT_EQ(co_await numbers.next(), std::nullopt);
}

ASYNC_TEST(AsyncGenerator, RunsOnlyAsFarAsItIsAskedTo) {
  Log log;
  auto generator = tell_where_it_is(log);
  EXPECT_EQ(log, Log());
  co_await generator.next();
  EXPECT_EQ(log, (Log{"begins"}));
  co_await generator.next();
  EXPECT_EQ(log, (Log{"begins", "goes on"}));
  co_await generator.next();
  EXPECT_EQ(log, (Log{"begins", "goes on", "ends"}));
}

ASYNC_TEST(AsyncGenerator, AwaitsBetweenItsValues) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  auto ticks = ticks_to(3);
  EXPECT_EQ(co_await rest_of(ticks), support::numbers(1, 2, 3));
  EXPECT_EQ(loop.time() - start, asyncio::Duration(3s));
}

ASYNC_TEST(AsyncGenerator, DoesNotYieldToOtherTasksWhereItAwaitsNothing) {
  bool others_ran = false;
  asyncio::get_running_loop().call_soon([&] { others_ran = true; });
  auto numbers = count_to(3);
  co_await rest_of(numbers);
  EXPECT_FALSE(others_ran);
  co_await asyncio::sleep(0s);
}

ASYNC_TEST(AsyncGenerator, ThrowsItsErrorOnceAndHasEndedThen) {
  auto generator = fail_after_one();
  EXPECT_EQ(co_await generator.next(), 1);
  EXPECT_EQ(co_await thrown_by_await(generator.next()), "domain_error: from the body");
  EXPECT_EQ(co_await generator.next(), std::nullopt);
}

ASYNC_TEST(AsyncGenerator, YieldsWhatCanOnlyBeMoved) {
  auto generator = pointers();
  const auto first = co_await generator.next();
  const auto second = co_await generator.next();
  EXPECT_EQ(**first + **second, 3);
}

ASYNC_TEST(AsyncGenerator, YieldsWhatItsTypeIsMadeOf) {
  auto generator = texts();
  const auto all = co_await rest_of(generator);
  EXPECT_EQ(all, (Log{"a literal", "a variable", "a variable"}));
}

ASYNC_TEST(AsyncGenerator, LearnsAtItsCoYieldThatAValueCannotBeCopied) {
  Log log;
  auto generator = fragile(log);
  EXPECT_EQ((co_await generator.next())->copies, 0);
  EXPECT_EQ(log, (Log{"too many copies"}));
}

ASYNC_TEST(AsyncGenerator, RunsInTheTaskThatAsks) {
  auto names = task_names();
  const auto ask = [&]() -> asyncio::Coro<std::string> { co_return co_await next_of(names); };
  auto first = asyncio::create_task({.name = "first"}, ask);
  EXPECT_EQ(co_await first, "first");
  auto second = asyncio::create_task({.name = "second"}, ask);
  EXPECT_EQ(co_await second, "second");
}

// Python: the same, PEP 568 was not accepted
ASYNC_TEST(AsyncGenerator, RunsInTheContextOfTheTaskThatAsks) {
  asyncio::ContextVar<int> variable("variable", 0);
  const auto counts = [](asyncio::ContextVar<int>& v) -> asyncio::AsyncGenerator<int> {
    for (;;) {
      v.set(v.get() + 1);
      co_yield v.get();
    }
  };
  auto generator = counts(variable);
  co_await generator.next();
  EXPECT_EQ(variable.get(), 1);
  auto other = asyncio::create_task([&]() -> asyncio::Coro<int> {
    variable.set(40);
    co_return co_await next_of(generator);
  });
  EXPECT_EQ(co_await other, 41);
  EXPECT_EQ(variable.get(), 1);
}

ASYNC_TEST(AsyncGenerator, RunsInTheFirstStepOfAnEagerTask) {
  auto numbers = count_to(2);
  auto eager = asyncio::create_task(next_of(numbers), {.eager_start = true});
  EXPECT_TRUE(eager.done());
  EXPECT_EQ(eager.result(), 1);
  EXPECT_EQ(co_await numbers.next(), 2);
}

ASYNC_TEST(AsyncGenerator, IteratesAnother) {
  auto generator = doubled(ticks_to(3));
  EXPECT_EQ(co_await rest_of(generator), support::numbers(2, 4, 6));
}

ASYNC_TEST(AsyncGenerator, IteratesThousandsInsideEachOther) {
  auto generator = down_from(2000);
  EXPECT_EQ((co_await rest_of(generator)).size(), 2000U);
  auto dropped = down_from(2000);
  for (int i = 0; i < 2000; ++i) co_await dropped.next();
}

// --- several tasks --------------------------------------------------------------------------

ASYNC_TEST(AsyncGenerator, RefusesASecondTaskWhileOneIsInIt) {
  auto ticks = ticks_to(2);
  auto first = asyncio::create_task(ticks.next());
  co_await asyncio::sleep(0s);
  const std::string text = running;
  EXPECT_EQ(co_await thrown_by_await(ticks.next()), "RuntimeError: next(): " + text);
  EXPECT_EQ(co_await thrown_by_await(ticks.athrow(std::domain_error("no"))),
            "RuntimeError: athrow(): " + text);
  EXPECT_EQ(co_await thrown_by_await(ticks.aclose()), "RuntimeError: aclose(): " + text);
  EXPECT_EQ(co_await first, 1);
  EXPECT_EQ(co_await rest_of(ticks), support::numbers(2));
}

ASYNC_TEST(AsyncGenerator, CannotAskItself) {
  asyncio::AsyncGenerator<int>* self = nullptr;
  std::string error;
  auto generator = ask_itself(self, error);
  self = &generator;
  EXPECT_EQ(co_await generator.next(), 1);
  EXPECT_TRUE(error.starts_with("RuntimeError: next(): asynchronous generator 'ask_itself' is "))
      << error;
}

ASYNC_TEST(AsyncGenerator, ServesTasksThatTakeTurns) {
  auto numbers = count_to(4);
  Numbers seen;
  const auto take_two = [&]() -> asyncio::Coro<> {
    for (int i = 0; i < 2; ++i) {
      seen.push_back(*co_await numbers.next());
      co_await asyncio::sleep(0s);
    }
  };
  auto first = asyncio::create_task(take_two);
  auto second = asyncio::create_task(take_two);
  co_await asyncio::gather(first, second);
  EXPECT_EQ(seen, (Numbers{1, 2, 3, 4}));
}

// --- cancellation ---------------------------------------------------------------------------

ASYNC_TEST(AsyncGenerator, IsCancelledWhereItAwaitsAndHasEndedThen) {
  Log log;
  auto generator = tick_and_tell(log, "it");
  auto task = asyncio::create_task(generator.next());
  co_await asyncio::sleep(500ms);
  task.cancel("enough");
  const auto end = co_await asyncio::as_result(task);
  EXPECT_EQ(support::text_of(end.error()), "cancelled:enough");
  EXPECT_EQ(log, (Log{"it is gone"}));
  EXPECT_EQ(co_await generator.next(), std::nullopt);
}

ASYNC_TEST(AsyncGenerator, MaySurviveACancellation) {
  auto generator = survive_a_cancellation();
  auto task = asyncio::create_task(generator.next());
  co_await asyncio::sleep(1s);
  task.cancel();
  EXPECT_EQ(co_await task, 7);
  EXPECT_EQ(co_await generator.next(), 8);
}

ASYNC_TEST(AsyncGenerator, IsNotBegunByATaskThatIsCancelledBeforeItsFirstStep) {
  auto ticks = ticks_to(1);
  auto task = asyncio::create_task(ticks.next());
  task.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(co_await ticks.next(), 1);
}

// --- the awaitable that next() gives ----------------------------------------------------------

ASYNC_TEST(AsyncGenerator, DoesNothingUntilTheResultOfNextIsAwaited) {
  Log log;
  auto generator = tell_where_it_is(log);
  auto first = generator.next();
  auto second = generator.next();
  EXPECT_EQ(log, Log());
  EXPECT_EQ(co_await std::move(second), 1);
  EXPECT_EQ(co_await std::move(first), 2);
}

ASYNC_TEST(AsyncGenerator, LetsTheResultOfNextGoUnused) {
  Log log;
  auto generator = tell_where_it_is(log);
  {
    const auto unused = generator.next();
  }
  EXPECT_EQ(log, Log());
  co_return;
}

ASYNC_TEST(AsyncGenerator, NextCanBeGivenToGather) {
  auto a = ticks_to(1);
  auto b = ticks_to(2);
  co_await b.next();
  EXPECT_EQ(co_await asyncio::gather(a.next(), b.next()),
            std::tuple(std::optional(1), std::optional(2)));
}

ASYNC_TEST(AsyncGenerator, NextCanBeGivenToWaitFor) {
  auto ticks = ticks_to(2);
  EXPECT_EQ(co_await asyncio::wait_for(ticks.next(), 2s), 1);
  const auto late = co_await asyncio::as_result(asyncio::wait_for(ticks.next(), 500ms));
  EXPECT_TRUE(support::is_a<asyncio::TimeoutError>(late.error()));
  EXPECT_EQ(co_await ticks.next(), std::nullopt);  // cancelled
}

ASYNC_TEST(AsyncGenerator, NextCanBeGivenToAsResult) {
  auto generator = fail_after_one();
  EXPECT_EQ((co_await asyncio::as_result(generator.next())).value(), 1);
  EXPECT_EQ(support::text_of((co_await asyncio::as_result(generator.next())).error()),
            "from the body");
  EXPECT_EQ((co_await asyncio::as_result(generator.next())).value(), std::nullopt);
}

ASYNC_TEST(AsyncGenerator, AsResultGivesTheRefusalOfASecondTask) {
  auto ticks = ticks_to(1);
  auto first = asyncio::create_task(ticks.next());
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(
      support::is_a<asyncio::RuntimeError>((co_await asyncio::as_result(ticks.next())).error()));
  co_await first;
}
