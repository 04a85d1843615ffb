#include <asyncio/as_completed.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Tasks = std::vector<asyncio::Task<int>>;
using Values = std::vector<int>;

asyncio::Coro<int> completes(asyncio::Duration after, int value) {
  co_await asyncio::sleep(after);
  co_return value;
}

asyncio::Coro<int> completes_badly(asyncio::Duration after) {
  co_await asyncio::sleep(after);
  throw std::runtime_error("bad");
}

asyncio::Coro<std::unique_ptr<int>> completes_unique(asyncio::Duration after, int value) {
  co_await asyncio::sleep(after);
  co_return std::make_unique<int>(value);
}

/// A coroutine for each of the delays, with the number of seconds as its value.
std::vector<asyncio::Coro<int>> completing(const Values& seconds) {
  std::vector<asyncio::Coro<int>> coros;
  for (const int s : seconds) coros.push_back(completes(std::chrono::seconds(s), s));
  return coros;
}

Tasks completing_tasks(const Values& seconds) {
  Tasks tasks;
  for (auto& coro : completing(seconds)) tasks.push_back(asyncio::create_task(std::move(coro)));
  return tasks;
}

template <class R>
concept Completed = requires(R r) { asyncio::as_completed(r); };

asyncio::Coro<> as_completed_cancel_all(const Tasks& tasks) {
  for (const auto& t : tasks) t.cancel();
  for (const auto& t : tasks) (void)co_await asyncio::as_result(t);
}

}  // namespace

// COMB-088
ASYNC_TEST(AsCompleted, CoroutinesBecomeTasksAtTheCall) {
  const auto before = asyncio::all_tasks().size();
  auto completed = asyncio::as_completed(completing({1, 2}));
  EXPECT_EQ(asyncio::all_tasks().size(), before + 2);
  co_await asyncio::sleep(3s);
}

// COMB-089
ASYNC_TEST(AsCompleted, TheSameTaskGivenTwiceComesOnce) {
  const Tasks one = completing_tasks({1});
  const Tasks tasks{one[0], one[0], one[0]};
  int n = 0;
  for (auto& next : asyncio::as_completed(tasks)) n += co_await next;
  EXPECT_EQ(n, 1);
}

// COMB-087
TEST(AsCompleted, DoesNotCompileForAnythingButARangeOfAwaitables) {
  static_assert(Completed<Tasks>);
  static_assert(!Completed<asyncio::Future<int>>);
  static_assert(!Completed<asyncio::Task<int>>);
  static_assert(!Completed<asyncio::Coro<int>>);
  static_assert(!Completed<std::vector<int>>);
}

// COMB-090
ASYNC_TEST(AsCompleted, GivesTheValuesInTheOrderOfCompletion) {
  Values values;
  for (auto& next : asyncio::as_completed(completing({3, 1, 2}))) {
    values.push_back(co_await next);
  }
  EXPECT_EQ(values, (Values{1, 2, 3}));
}

// COMB-090
ASYNC_TEST(AsCompleted, AnElementThrowsTheErrorOfTheOneThatFailed) {
  std::vector<asyncio::Coro<int>> coros = completing({3, 1});
  coros.push_back(completes_badly(2s));
  std::vector<std::string> log;
  for (auto& next : asyncio::as_completed(std::move(coros))) {
    auto one = [&]() -> asyncio::Coro<int> { co_return co_await next; };
    auto r = co_await asyncio::as_result(one());
    log.push_back(r ? std::to_string(r.value()) : "error");
  }
  EXPECT_EQ(log, (std::vector<std::string>{"1", "error", "3"}));
}

// COMB-090
ASYNC_TEST(AsCompleted, TheElementThatIsAwaitedFirstGivesTheFirstValue) {
  auto completed = asyncio::as_completed(completing({3, 1, 2}));
  std::vector<asyncio::Completion<int>> elements;
  for (auto& next : completed) elements.push_back(std::move(next));
  EXPECT_EQ(elements.size(), 3u);
  EXPECT_EQ(co_await elements[2], 1);
  EXPECT_EQ(co_await elements[0], 2);
  EXPECT_EQ(co_await elements[1], 3);
}

// COMB-090
ASYNC_TEST(AsCompleted, ElementsAreAwaitedConcurrentlyInTheOrderOfTheirAwaits) {
  std::vector<std::string> log;
  auto take = [&](asyncio::Completion<int> element, const char* name) -> asyncio::Coro<> {
    const int value = co_await element;
    log.push_back(std::string(name) + std::to_string(value));
  };
  std::vector<asyncio::Task<>> takers;
  const char* names[] = {"a", "b"};
  for (auto& next : asyncio::as_completed(completing({2, 1}))) {
    takers.push_back(asyncio::create_task(take(std::move(next), names[takers.size()])));
  }
  for (auto& t : takers) co_await t;
  EXPECT_EQ(log, (std::vector<std::string>{"a1", "b2"}));
}

// COMB-090: as a coroutine in Python
ASYNC_TEST(AsCompleted, AnElementCannotBeAwaitedTwice) {
  for (auto& next : asyncio::as_completed(completing({1}))) {
    EXPECT_EQ(co_await next, 1);
    EXPECT_THROW(co_await next, asyncio::RuntimeError);
  }
}

// COMB-091
ASYNC_TEST(AsCompleted, NextGivesTheTasksThemselvesInTheOrderOfCompletion) {
  const Tasks tasks = completing_tasks({3, 1, 2});
  auto completed = asyncio::as_completed(tasks);
  Tasks got;
  while (auto task = co_await completed.next()) {
    EXPECT_TRUE(task->done());
    got.push_back(*task);
  }
  EXPECT_EQ(got, (Tasks{tasks[1], tasks[2], tasks[0]}));
}

// COMB-091
ASYNC_TEST(AsCompleted, NextThrowsNoErrorOfATask) {
  std::vector<asyncio::Coro<int>> coros;
  coros.push_back(completes_badly(1s));
  auto completed = asyncio::as_completed(std::move(coros));
  auto task = co_await completed.next();
  EXPECT_THROW((void)task->result(), std::runtime_error);
  EXPECT_FALSE((co_await completed.next()).has_value());
}

// COMB-091
ASYNC_TEST(AsCompleted, NextGivesTheFuturesThemselves) {
  const std::vector<asyncio::Future<int>> futures{asyncio::Future<int>(), asyncio::Future<int>()};
  auto completed = asyncio::as_completed(futures);
  futures[1].set_result(1);
  EXPECT_TRUE(co_await completed.next() == futures[1]);
  futures[0].cancel();
  EXPECT_TRUE(co_await completed.next() == futures[0]);
}

// COMB-092
ASYNC_TEST(AsCompleted, MayBeLeftAndResumedAndTheStylesMixed) {
  auto completed = asyncio::as_completed(completing({4, 1, 3, 2}));
  Values values;
  for (auto& next : completed) {
    values.push_back(co_await next);
    break;
  }
  values.push_back((co_await completed.next())->result());
  for (auto& next : completed) values.push_back(co_await next);
  EXPECT_EQ(values, (Values{1, 2, 3, 4}));
}

// COMB-092
ASYNC_TEST(AsCompleted, IsUsedUpOnce) {
  auto completed = asyncio::as_completed(completing({1, 2}));
  for (auto& next : completed) (void)co_await next;
  int again = 0;
  for (auto& next : completed) {
    (void)next;
    ++again;
  }
  EXPECT_EQ(again, 0);
  EXPECT_FALSE((co_await completed.next()).has_value());
}

// COMB-093
ASYNC_TEST(AsCompleted, OfThoseDoneInOnePassTheFirstToBeDoneComesFirst) {
  const std::vector<asyncio::Future<int>> futures{asyncio::Future<int>(), asyncio::Future<int>(),
                                                  asyncio::Future<int>()};
  auto completed = asyncio::as_completed(futures);
  for (const int i : {2, 0, 1}) futures[static_cast<std::size_t>(i)].set_result(i);
  Values values;
  for (auto& next : completed) values.push_back(co_await next);
  EXPECT_EQ(values, (Values{2, 0, 1}));
}

// COMB-094
ASYNC_TEST(AsCompleted, AfterTheTimeoutEveryElementThatIsLeftThrows) {
  const Tasks tasks = completing_tasks({1, 5, 6});
  std::vector<std::string> log;
  for (auto& next : asyncio::as_completed(tasks, 2s)) {
    try {
      log.push_back(std::to_string(co_await next));
    } catch (const asyncio::TimeoutError&) {
      log.push_back("timeout");
    }
  }
  EXPECT_EQ(log, (std::vector<std::string>{"1", "timeout", "timeout"}));
  co_await as_completed_cancel_all(tasks);
}

// COMB-094
ASYNC_TEST(AsCompleted, WhatWasDoneBeforeTheTimeoutIsStillGivenAfterIt) {
  const Tasks tasks = completing_tasks({1, 5});
  auto completed = asyncio::as_completed(tasks, 2s);
  co_await asyncio::sleep(3s);
  std::vector<std::string> log;
  for (auto& next : completed) {
    try {
      log.push_back(std::to_string(co_await next));
    } catch (const asyncio::TimeoutError&) {
      log.push_back("timeout");
    }
  }
  EXPECT_EQ(log, (std::vector<std::string>{"1", "timeout"}));
  co_await as_completed_cancel_all(tasks);
}

// COMB-094, COMB-035: as in CPython
ASYNC_TEST(AsCompleted, ATimeoutOfZeroGivesWhatIsDone) {
  const Tasks tasks = completing_tasks({1, 5});
  co_await tasks[0];
  std::vector<std::string> log;
  for (auto& next : asyncio::as_completed(tasks, 0s)) {
    try {
      log.push_back(std::to_string(co_await next));
    } catch (const asyncio::TimeoutError&) {
      log.push_back("timeout");
    }
  }
  EXPECT_EQ(log, (std::vector<std::string>{"1", "timeout"}));
  co_await as_completed_cancel_all(tasks);
}

// COMB-095
ASYNC_TEST(AsCompleted, AfterTheTimeoutNextThrows) {
  const Tasks tasks = completing_tasks({1, 5});
  auto completed = asyncio::as_completed(tasks, 2s);
  EXPECT_TRUE(co_await completed.next() == tasks[0]);
  EXPECT_THROW(co_await completed.next(), asyncio::TimeoutError);
  co_await as_completed_cancel_all(tasks);
}

// COMB-096
ASYNC_TEST(AsCompleted, LeavingEarlyCancelsNothing) {
  const Tasks tasks = completing_tasks({1, 2});
  for (auto& next : asyncio::as_completed(tasks)) {
    (void)co_await next;
    break;
  }
  co_await asyncio::sleep(0s);
  EXPECT_EQ(tasks[1].cancelling(), 0u);
  EXPECT_EQ(co_await tasks[1], 2);
}

// COMB-096
ASYNC_TEST(AsCompleted, ATimeoutCancelsNothing) {
  const Tasks tasks = completing_tasks({2});
  auto completed = asyncio::as_completed(tasks, 1s);
  EXPECT_THROW(co_await completed.next(), asyncio::TimeoutError);
  EXPECT_EQ(tasks[0].cancelling(), 0u);
  EXPECT_EQ(co_await tasks[0], 2);
}

// COMB-097: ASYNC_TEST looks for timers
ASYNC_TEST(AsCompleted, TheTimerIsGoneWhenAllAreDone) {
  Values values;
  for (auto& next : asyncio::as_completed(completing({1}), 1h)) {
    values.push_back(co_await next);
  }
  EXPECT_EQ(values, Values{1});
}

// COMB-098
ASYNC_TEST(AsCompleted, OfNothingThereIsNoElement) {
  const Tasks none;
  int n = 0;
  for (auto& next : asyncio::as_completed(none, 1h)) {
    (void)next;
    ++n;
  }
  EXPECT_EQ(n, 0);
  auto completed = asyncio::as_completed(none);
  EXPECT_FALSE((co_await completed.next()).has_value());
}

// COMB-090: values of coroutines are moved
ASYNC_TEST(AsCompleted, AValueMayBeMoveOnly) {
  std::vector<asyncio::Coro<std::unique_ptr<int>>> coros;
  coros.push_back(completes_unique(2s, 2));
  coros.push_back(completes_unique(1s, 1));
  Values values;
  for (auto& next : asyncio::as_completed(std::move(coros))) {
    const auto value = co_await next;
    values.push_back(*value);
  }
  EXPECT_EQ(values, (Values{1, 2}));
}

// COMB-090: handles keep their values
ASYNC_TEST(AsCompleted, TheValuesOfLvalueHandlesStayInThem) {
  std::vector<asyncio::Future<std::string>> futures(1, asyncio::Future<std::string>());
  futures[0].set_result("a text that is longer than the small buffer");
  for (auto& next : asyncio::as_completed(futures)) {
    EXPECT_EQ(co_await next, futures[0].result());
  }
  EXPECT_EQ(futures[0].result(), "a text that is longer than the small buffer");
}

// COMB-090: a view does not own what it shows
ASYNC_TEST(AsCompleted, ATemporaryViewLeavesTheHandlesWhereTheyAre) {
  Tasks tasks = completing_tasks({1});
  const Tasks same = tasks;
  for (auto& next : asyncio::as_completed(std::span(tasks))) EXPECT_EQ(co_await next, 1);
  EXPECT_EQ(tasks, same);
}

// COMB-090: chosen and cancelled in one pass: the next in line gets it, as with a queue's getters
ASYNC_TEST(AsCompleted, AWaitThatIsCancelledAsItsTurnComesPassesItOn) {
  const std::vector<asyncio::Future<int>> futures{asyncio::Future<int>(), asyncio::Future<int>()};
  auto completed = asyncio::as_completed(futures);
  auto first = asyncio::create_task(completed.next());
  auto second = asyncio::create_task(completed.next());
  co_await asyncio::sleep(0s);
  auto cancel_first = [&] { first.cancel(); };
  futures[0].set_result(1);  // its callback is queued before this one
  (void)asyncio::get_running_loop().call_soon(cancel_first);
  EXPECT_TRUE((co_await asyncio::as_result(first)).cancelled());
  EXPECT_TRUE(co_await second == futures[0]);
  futures[1].cancel();
}
