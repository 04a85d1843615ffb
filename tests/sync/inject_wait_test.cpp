// wait() and as_completed(), disturbed at each of their points.

#include <asyncio/wait.hpp>

#include <asyncio/as_completed.hpp>
#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>

#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::Item;
using support::require;
using support::torture;

namespace {

using Tasks = std::vector<asyncio::Task<Item>>;

asyncio::Coro<Item> item_in(asyncio::Duration delay, int number) {
  co_await asyncio::sleep(delay);
  co_return Item(number);
}

asyncio::Coro<Item> fail_in(asyncio::Duration delay) {
  co_await asyncio::sleep(delay);
  throw std::domain_error("from fail_in()");
}

/// Items after 1, 2, ... seconds; task `failing`, from 1, fails instead.
Tasks items(int n, int failing = 0) {
  Tasks tasks;
  for (int i = 1; i <= n; ++i) {
    tasks.push_back(asyncio::create_task(i == failing ? fail_in(i * 1s) : item_in(i * 1s, i)));
  }
  return tasks;
}

bool failed(const asyncio::Task<Item>& task) {
  return task.done() && !task.cancelled() && task.exception() != nullptr;
}

/// Looks at the errors in the end, so that nobody reports them.
struct Look {
  const Tasks& tasks;
  ~Look() { (void)std::count_if(tasks.begin(), tasks.end(), failed); }
};

/// Whatever ends the wait, it takes nothing from the tasks and cancels none.
asyncio::Coro<asyncio::WaitResult<asyncio::Task<Item>>> wait_for_items(Tasks tasks,
                                                                       asyncio::WaitOptions how) {
  std::vector<bool> cancelled;
  for (const auto& task : tasks) cancelled.push_back(task.cancelling() > 0);
  auto end = co_await asyncio::as_result(asyncio::wait(tasks, how));
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const bool asked_since = tasks[i].cancelling() > 0 && !cancelled[i];
    require(end.has_value() || !asked_since, "a wait that is cancelled leaves the tasks alone");
  }
  if (end.has_value()) {
    require(end.value().done.size() + end.value().pending.size() == tasks.size(),
            "each task is either done or pending");
    for (const auto& task : end.value().done) require(task.done(), "what is done is done");
  }
  co_return std::move(end).value();
}

asyncio::Coro<> all_completed() {
  const auto ends = co_await wait_for_items(items(3), {});
  require(ends.pending.empty(), "it waits for all");
  for (const auto& task : ends.done) {
    if (!task.cancelled()) require(task.result().number() > 0, "results stay in the tasks");
  }
}

asyncio::Coro<> first_completed() {
  const auto ends = co_await wait_for_items(items(3), {.return_when = asyncio::FIRST_COMPLETED});
  require(!ends.done.empty(), "one is done");
}

asyncio::Coro<> first_exception() {
  auto tasks = items(3, 2);
  const Look look{tasks};
  const auto ends = co_await wait_for_items(tasks, {.return_when = asyncio::FIRST_EXCEPTION});
  require(ends.pending.empty() || std::any_of(ends.done.begin(), ends.done.end(), failed),
          "it waits up to the first error");
}

asyncio::Coro<> with_timeout() {
  auto tasks = items(3);
  const auto begin = asyncio::get_running_loop().time();
  const auto early = co_await wait_for_items(tasks, {.timeout = 1500ms});
  require(asyncio::get_running_loop().time() - begin <= asyncio::Duration(1500ms),
          "a timeout ends the wait");
  const auto none = co_await wait_for_items(tasks, {.timeout = 0s});
  require(none.done.size() >= early.done.size(), "what is done stays done");
  const auto all = co_await wait_for_items(tasks, {.timeout = 1h});
  require(all.pending.empty(), "a timeout that is not needed changes nothing");
}

asyncio::Coro<> many() {
  const auto ends = co_await wait_for_items(items(70), {});
  require(ends.done.size() == 70, "it waits for all");
}

asyncio::Coro<> futures_and_repeats() {
  const asyncio::Future<int> future;
  const asyncio::Future<int> done;
  done.set_result(1);
  auto timer = asyncio::get_running_loop().call_later(1s, [future] {
    if (!future.done()) future.set_result(2);
  });
  std::vector<asyncio::Future<int>> set;
  for (const auto& f : {future, done, future}) set.push_back(f);
  const auto end = co_await asyncio::as_result(asyncio::wait(set));
  timer.cancel();
  require(!future.cancelled(), "a wait cancels nothing");
  require(end.value().done.size() == 2, "the same future counts once");
}

using Numbers = std::vector<asyncio::Task<int>>;

asyncio::Coro<int> number_in(asyncio::Duration delay, int number) {
  co_await asyncio::sleep(delay);
  co_return number;
}

/// As items(), of what can be copied.
Numbers numbers(int n) {
  Numbers tasks;
  for (int i = 1; i <= n; ++i) tasks.push_back(asyncio::create_task(number_in(i * 1s, i)));
  return tasks;
}

/// Every number that comes out of as_completed() comes once.
class Seen {
 public:
  void take(int number) { require(numbers_.insert(number).second, "no result comes twice"); }
  [[nodiscard]] std::size_t size() const { return numbers_.size(); }

 private:
  std::set<int> numbers_;
};

asyncio::Coro<> completed_elements() {
  auto tasks = items(4, 3);
  Seen seen;
  int errors = 0;
  for (auto& next : asyncio::as_completed(std::move(tasks))) {
    try {
      const Item item = co_await next;
      seen.take(item.number());
    } catch (const std::domain_error&) {
      ++errors;
    }
  }
  require(seen.size() == 3 && errors == 1, "each task gives its result or its error");
}

asyncio::Coro<> completed_tasks() {
  auto tasks = numbers(4);
  Seen seen;
  auto completed = asyncio::as_completed(tasks);
  int ends = 0;
  while (auto task = co_await completed.next()) {
    require(task->done(), "what next() gives is done");
    if (!task->cancelled()) seen.take(task->result());
    ++ends;
  }
  require(ends == 4, "each task comes once");
}

// An await that has failed for want of memory has taken nothing: the next one gives it.
asyncio::Coro<> completed_tasks_at_the_second_attempt() {
  auto tasks = numbers(3);
  auto completed = asyncio::as_completed(tasks);
  int ends = 0;
  for (bool more = true; more;) {
    try {
      const auto task = co_await completed.next();
      more = task.has_value();
      ends += more ? 1 : 0;
    } catch (const std::bad_alloc&) {
      continue;
    }
  }
  require(ends == 3, "each task comes once");
}

asyncio::Coro<> completed_in_time_or_not() {
  std::vector<asyncio::Coro<int>> coros;
  coros.reserve(3);
  for (int i = 1; i <= 3; ++i) coros.push_back(number_in(i * 1s, i));
  int in_time = 0;
  int late = 0;
  for (auto& next : asyncio::as_completed(std::move(coros), 1500ms)) {
    try {
      in_time += (co_await next) > 0 ? 1 : 0;
    } catch (const asyncio::TimeoutError&) {
      ++late;
    }
  }
  require(in_time + late == 3, "each element ends in time or not");
}

using Completed = asyncio::AsCompleted<asyncio::Task<int>, true>;

asyncio::Coro<int> take_two(std::shared_ptr<Completed> completed) {
  int sum = 0;
  for (int i = 0; i < 2; ++i) {
    const auto task = co_await completed->next();
    if (task && !task->cancelled()) sum += task->result();
  }
  co_return sum;
}

// One waiter that is chosen and then cancelled passes its turn on: or the other would hang.
asyncio::Coro<> completed_for_several_waiters() {
  auto tasks = numbers(4);
  auto completed = std::make_shared<Completed>(asyncio::as_completed(tasks));
  auto first = asyncio::create_task(take_two(completed));
  auto second = asyncio::create_task(take_two(completed));
  const auto a = co_await asyncio::as_result(first);
  const auto b = co_await asyncio::as_result(second);
  require(a.value() + b.value() <= 1 + 2 + 3 + 4, "no result comes twice");
}

// The range is gone before its tasks have ended.
asyncio::Coro<> completed_and_left_early() {
  auto tasks = numbers(3);
  for (auto& next : asyncio::as_completed(tasks, 2h)) {
    const int first = co_await next;
    require(first == tasks[0].result(), "results stay in tasks that are kept");
    break;
  }
  co_await asyncio::sleep(5s);
}

}  // namespace

// failure 91
TEST(WaitDisturbed, ForAll) { EXPECT_EQ(torture(&all_completed), ""); }

// failure 91
TEST(WaitDisturbed, ForTheFirst) { EXPECT_EQ(torture(&first_completed), ""); }

// failure 91
TEST(WaitDisturbed, ForTheFirstError) { EXPECT_EQ(torture(&first_exception), ""); }

// failure 91
TEST(WaitDisturbed, WithATimeout) { EXPECT_EQ(torture(&with_timeout), ""); }

// failure 91
TEST(WaitDisturbed, ForMoreThanTheQueueHadRoomFor) { EXPECT_EQ(torture(&many, {.seeds = 5}), ""); }

// failure 91
TEST(WaitDisturbed, ForFuturesSomeOfThemTwice) { EXPECT_EQ(torture(&futures_and_repeats), ""); }

// failure 91
TEST(AsCompletedDisturbed, GivesEachResult) { EXPECT_EQ(torture(&completed_elements), ""); }

// failure 91
TEST(AsCompletedDisturbed, GivesEachTask) { EXPECT_EQ(torture(&completed_tasks), ""); }

// failure 91
TEST(AsCompletedDisturbed, GivesEachTaskAtTheSecondAttempt) {
  EXPECT_EQ(torture(&completed_tasks_at_the_second_attempt), "");
}

// failure 91
TEST(AsCompletedDisturbed, EndsEachElementInTimeOrNot) {
  EXPECT_EQ(torture(&completed_in_time_or_not, {.quiet = false}), "");
}

// failure 91
TEST(AsCompletedDisturbed, WakesOneWaiterForEachResult) {
  EXPECT_EQ(torture(&completed_for_several_waiters), "");
}

// failure 91
TEST(AsCompletedDisturbed, MayBeLeftEarly) { EXPECT_EQ(torture(&completed_and_left_early), ""); }
