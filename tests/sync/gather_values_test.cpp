#include <asyncio/gather.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// Counts how often its content was copied on the way.
struct CountsCopies {
  std::string text;
  int copies = 0;

  explicit CountsCopies(std::string t) : text(std::move(t)) {}
  CountsCopies(CountsCopies&& other) noexcept
      : text(std::exchange(other.text, "moved away")), copies(other.copies) {}
  CountsCopies(const CountsCopies& other) : text(other.text), copies(other.copies + 1) {}
  CountsCopies& operator=(const CountsCopies&) = delete;
};

asyncio::Coro<CountsCopies> gather_counted(const char* text) {
  co_await asyncio::sleep(0s);
  co_return CountsCopies(text);
}

asyncio::Coro<std::unique_ptr<int>> gather_unique(int value) {
  co_await asyncio::sleep(0s);
  co_return std::make_unique<int>(value);
}

asyncio::Coro<bool> gather_bool(bool value) { co_return value; }

}  // namespace

// COMB-024
ASYNC_TEST(GatherValues, OfCoroutinesAreMoved) {
  auto [a, b] = co_await asyncio::gather(gather_counted("a"), gather_counted("b"));
  EXPECT_EQ(a.text, "a");
  EXPECT_EQ(b.text, "b");
  EXPECT_EQ(a.copies + b.copies, 0);
}

// COMB-024
ASYNC_TEST(GatherValues, OfLvalueHandlesAreCopied) {
  auto task = asyncio::create_task(gather_counted("kept"));
  auto [a] = co_await asyncio::gather(task);
  EXPECT_EQ(a.text, "kept");
  EXPECT_EQ(a.copies, 1);
  EXPECT_EQ(task.result().text, "kept");
}

// COMB-024
ASYNC_TEST(GatherValues, OfAnLvalueHandleAreCopiedAlsoIfItIsGoneByThen) {
  auto task =
      std::make_unique<asyncio::Task<CountsCopies>>(asyncio::create_task(gather_counted("gone")));
  auto outer = asyncio::gather(*task);
  task.reset();
  auto [a] = co_await std::move(outer);
  EXPECT_EQ(a.text, "gone");
}

// COMB-024
ASYNC_TEST(GatherValues, OfRvalueHandlesAreMoved) {
  auto task = asyncio::create_task(gather_counted("moved"));
  auto [a] = co_await asyncio::gather(std::move(task));
  EXPECT_EQ(a.text, "moved");
  EXPECT_EQ(a.copies, 0);
}

// COMB-024
ASYNC_TEST(GatherValues, OfAnRvalueHandleThatIsNotTheOnlyOneAreCopied) {
  auto task = asyncio::create_task(gather_counted("shared"));
  auto other = task;
  auto [a] = co_await asyncio::gather(std::move(task));
  EXPECT_EQ(a.text, "shared");
  EXPECT_EQ(a.copies, 1);
  EXPECT_EQ(other.result().text, "shared");
}

// COMB-024
ASYNC_TEST(GatherValues, OfAnLvalueRangeOfHandlesAreCopied) {
  std::vector<asyncio::Task<CountsCopies>> tasks;
  tasks.push_back(asyncio::create_task(gather_counted("a")));
  tasks.push_back(asyncio::create_task(gather_counted("b")));
  const auto values = co_await asyncio::gather(tasks);
  EXPECT_EQ(values[1].text, "b");
  EXPECT_EQ(values[1].copies, 1);
  EXPECT_EQ(tasks[1].result().text, "b");
}

// COMB-024
ASYNC_TEST(GatherValues, OfAnRvalueRangeOfHandlesAreMoved) {
  std::vector<asyncio::Task<CountsCopies>> tasks;
  tasks.push_back(asyncio::create_task(gather_counted("a")));
  const auto values = co_await asyncio::gather(std::move(tasks));
  EXPECT_EQ(values[0].text, "a");
  EXPECT_EQ(values[0].copies, 0);
}

// COMB-024: a view does not own what it shows
ASYNC_TEST(GatherValues, ATemporaryViewLeavesTheHandlesWhereTheyAre) {
  std::vector<asyncio::Task<CountsCopies>> tasks;
  tasks.push_back(asyncio::create_task(gather_counted("a")));
  asyncio::Task<CountsCopies> same = tasks[0];
  const auto values = co_await asyncio::gather(std::span(tasks));
  EXPECT_EQ(values[0].text, "a");
  EXPECT_TRUE(tasks[0] == same);
}

// COMB-024
ASYNC_TEST(GatherValues, MayBeMoveOnly) {
  auto task = asyncio::create_task(gather_unique(2));
  auto [a, b] = co_await asyncio::gather(gather_unique(1), std::move(task));
  EXPECT_EQ(*a, 1);
  EXPECT_EQ(*b, 2);
}

// COMB-024
ASYNC_TEST(GatherValues, OfARangeMayBeMoveOnly) {
  std::vector<asyncio::Coro<std::unique_ptr<int>>> coros;
  coros.push_back(gather_unique(1));
  coros.push_back(gather_unique(2));
  const auto values = co_await asyncio::gather(std::move(coros));
  EXPECT_EQ(*values[0] + *values[1], 3);
}

// COMB-024, COMB-015
ASYNC_TEST(GatherValues, InResultsMayBeMoveOnly) {
  std::vector<asyncio::Coro<std::unique_ptr<int>>> coros;
  coros.push_back(gather_unique(1));
  auto values = co_await asyncio::gather(asyncio::return_exceptions, std::move(coros));
  EXPECT_EQ(*values[0].value(), 1);
  auto [b] = co_await asyncio::gather(asyncio::return_exceptions, gather_unique(2));
  EXPECT_EQ(*b.value(), 2);
}

// COMB-024
ASYNC_TEST(GatherValues, OfARangeThatAreMoveOnlyCanBeLookedAt) {
  std::vector<asyncio::Coro<std::unique_ptr<int>>> coros;
  coros.push_back(gather_unique(1));
  coros.push_back(gather_unique(2));
  auto outer = asyncio::gather(std::move(coros));
  co_await outer;
  EXPECT_EQ(*outer.result()[0] + *outer.result()[1], 3);
}

// COMB-024
ASYNC_TEST(GatherValues, ThatAreMoveOnlyStayWhereAnotherHandleExists) {
  auto task = asyncio::create_task(gather_unique(1));
  auto other = task;
  auto r = co_await asyncio::as_result(asyncio::gather(std::move(task)));
  EXPECT_THROW((void)r.value(), asyncio::RuntimeError);
  EXPECT_EQ(*other.result(), 1);
}

// COMB-010
ASYNC_TEST(GatherValues, OfAHandleGivenTwiceByMoveStandAtBothPlaces) {
  auto one = asyncio::create_task(gather_counted("twice"));
  auto two = one;
  auto [a, b] = co_await asyncio::gather(std::move(one), std::move(two));
  EXPECT_EQ(a.text, "twice");
  EXPECT_EQ(b.text, "twice");
  EXPECT_EQ(a.copies + b.copies, 1);
}

// COMB-010
ASYNC_TEST(GatherValues, OfAHandleGivenTwiceInAMovedRangeStandAtBothPlaces) {
  std::vector<asyncio::Task<CountsCopies>> tasks(2, asyncio::create_task(gather_counted("twice")));
  const auto values = co_await asyncio::gather(std::move(tasks));
  EXPECT_EQ(values[0].text, "twice");
  EXPECT_EQ(values[1].text, "twice");
}

// COMB-024
ASYNC_TEST(GatherValues, OfTheGatherItselfStayInItWhileAHandleIsAwaited) {
  auto outer = asyncio::gather(gather_unique(1));
  EXPECT_EQ(*std::get<0>(co_await outer), 1);
  EXPECT_EQ(*std::get<0>(outer.result()), 1);
}

// COMB-024
ASYNC_TEST(GatherValues, OfABoolRangeAreAVector) {
  std::vector<asyncio::Coro<bool>> coros;
  coros.push_back(gather_bool(true));
  coros.push_back(gather_bool(false));
  const std::vector<bool> values = co_await asyncio::gather(std::move(coros));
  EXPECT_TRUE(values[0]);
  EXPECT_FALSE(values[1]);
}

// COMB-024, COMB-008
ASYNC_TEST(GatherValues, OfAGatherInAGatherNest) {
  auto [inner, c] = co_await asyncio::gather(asyncio::gather(gather_unique(1), gather_unique(2)),
                                             gather_unique(3));
  EXPECT_EQ(*std::get<0>(inner) + *std::get<1>(inner) + *c, 6);
}
