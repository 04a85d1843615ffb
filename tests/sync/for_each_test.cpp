#include <asyncio/async_generator.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/channel.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/moved.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/generators.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::clean_up_for;
using support::count_to;
using support::Log;
using support::thrown_by_await;
using support::ticks_to;

namespace {

using Numbers = std::vector<int>;

asyncio::AsyncGenerator<std::unique_ptr<int>> pointers() {
  co_yield std::make_unique<int>(1);
  co_yield std::make_unique<int>(2);
}

asyncio::AsyncGenerator<int> fail_after_one() {
  co_yield 1;
  throw std::domain_error("from the source");
}

/// Fails while it is closed.
asyncio::AsyncGenerator<int> fail_in_cleanup() {
  bool closed = false;
  try {
    co_yield 1;
  } catch (const asyncio::GeneratorExit&) {
    closed = true;
  }
  if (closed) throw std::range_error("from the cleanup");
}

/// A source that is neither a generator nor a channel.
class CountDown {
 public:
  explicit CountDown(int from) : left_(from) {}
  asyncio::Coro<std::optional<int>> next() {
    co_await asyncio::sleep(0s);
    if (left_ == 0) co_return std::nullopt;
    co_return left_--;
  }

 private:
  int left_;
};

void refuse(int) { throw std::domain_error("from the callable"); }

}  // namespace

ASYNC_TEST(ForEach, CallsAFunctionWithEachItem) {
  Numbers seen;
  co_await asyncio::for_each(ticks_to(3), [&](int n) { seen.push_back(n); });
  EXPECT_EQ(seen, (Numbers{1, 2, 3}));
}

ASYNC_TEST(ForEach, AwaitsACoroutineBeforeTheNextItem) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  Numbers seen;
  co_await asyncio::for_each(count_to(3), [&](int n) -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    seen.push_back(n);
  });
  EXPECT_EQ(seen, (Numbers{1, 2, 3}));
  EXPECT_EQ(loop.time() - start, asyncio::Duration(3s));
}

ASYNC_TEST(ForEach, AwaitsWhateverTheCallableReturns) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  co_await asyncio::for_each(count_to(2), [](int n) { return asyncio::sleep(n * 1s); });
  co_await asyncio::for_each(count_to(2),
                             [](int n) { return asyncio::create_task(asyncio::sleep(n * 1s)); });
  EXPECT_EQ(loop.time() - start, asyncio::Duration(6s));
}

ASYNC_TEST(ForEach, MovesEachItem) {
  int sum = 0;
  co_await asyncio::for_each(pointers(), [&](std::unique_ptr<int> item) { sum += *item; });
  EXPECT_EQ(sum, 3);
}

ASYNC_TEST(ForEach, KeepsItsCallable) {
  Numbers seen;
  const std::string text(100, 'x');
  const auto note = [&seen, text](int n) -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    seen.push_back(n + static_cast<int>(text.size()));
  };
  auto stored = asyncio::for_each(count_to(2), asyncio::moved(note));
  co_await std::move(stored);
  EXPECT_EQ(seen, (Numbers{101, 102}));
}

ASYNC_TEST(ForEach, DoesNothingUntilItIsAwaited) {
  Numbers seen;
  auto numbers = count_to(1);
  auto stored = asyncio::for_each(numbers, [&](int n) { seen.push_back(n); });
  EXPECT_EQ(seen, Numbers());
  co_await std::move(stored);
  EXPECT_EQ(seen, (Numbers{1}));
}

// SYNC-076
ASYNC_TEST(ForEach, TakesAChannel) {
  asyncio::Channel<int> channel(3);
  for (int n = 1; n <= 3; ++n) co_await channel.send(n);
  channel.close();
  Numbers seen;
  co_await asyncio::for_each(channel, [&](int n) { seen.push_back(n); });
  EXPECT_EQ(seen, (Numbers{1, 2, 3}));
}

ASYNC_TEST(ForEach, TakesWhateverHasNext) {
  Numbers seen;
  co_await asyncio::for_each(CountDown(2), [&](int n) { seen.push_back(n); });
  CountDown source(1);
  co_await asyncio::for_each(source, [&](int n) { seen.push_back(n); });
  EXPECT_EQ(seen, (Numbers{2, 1, 1}));
}

ASYNC_TEST(ForEach, ThrowsWhatASourceThrows) {
  Numbers seen;
  const auto note = [&](int n) { seen.push_back(n); };
  EXPECT_EQ(co_await thrown_by_await(asyncio::for_each(fail_after_one(), note)),
            "domain_error: from the source");
  EXPECT_EQ(seen, (Numbers{1}));
}

ASYNC_TEST(ForEach, LeavesAnLvalueGeneratorWhereItStandsWhenTheCallableThrows) {
  auto numbers = count_to(3);
  EXPECT_EQ(co_await thrown_by_await(asyncio::for_each(numbers, refuse)),
            "domain_error: from the callable");
  EXPECT_EQ(co_await numbers.next(), 2);
}

ASYNC_TEST(ForEach, ClosesAnRvalueGeneratorBeforeTheErrorGoesOn) {
  Log log;
  const auto error =
      co_await thrown_by_await(asyncio::for_each(clean_up_for(1s, log, "it"), refuse));
  log.push_back(error);
  EXPECT_EQ(log, (Log{"it cleans up", "it is clean", "domain_error: from the callable"}));
}

ASYNC_TEST(ForEach, ThrowsTheErrorOfTheCleanupInstead) {
  EXPECT_EQ(co_await thrown_by_await(asyncio::for_each(fail_in_cleanup(), refuse)),
            "range_error: from the cleanup");
}

ASYNC_TEST(ForEach, CancelledInTheCallableClosesAnRvalueGenerator) {
  Log log;
  const auto wait = [](int) { return asyncio::sleep(1h); };
  auto task = asyncio::create_task(asyncio::for_each(clean_up_for(1s, log, "it"), wait));
  co_await asyncio::sleep(1s);
  task.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(log, (Log{"it cleans up", "it is clean"}));
}

ASYNC_TEST(ForEach, CancelledInTheSourceEndsIt) {
  auto ticks = ticks_to(3);
  Numbers seen;
  auto task = asyncio::create_task(asyncio::for_each(ticks, [&](int n) { seen.push_back(n); }));
  co_await asyncio::sleep(1500ms);
  task.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(seen, (Numbers{1}));
  EXPECT_EQ(co_await ticks.next(), std::nullopt);
}
