// gather(), disturbed at each of its points.

#include <asyncio/gather.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>

#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::Item;
using support::require;
using support::torture;

namespace {

asyncio::Coro<Item> item_later(int number) {
  co_await asyncio::sleep(number % 3 * 1s);
  co_return Item(number);
}

asyncio::Coro<std::string> text_later(char c) {
  co_await asyncio::sleep(1s);
  co_return std::string(40, c);
}

asyncio::Coro<> fail_in(asyncio::Duration delay) {
  co_await asyncio::sleep(delay);
  throw std::domain_error("from fail_in()");
}

bool is_domain_error(const std::exception_ptr& error) {
  return error != nullptr && asyncio::detail::holds<std::domain_error>(error);
}

/// The error of a Result is the one that is expected, or what somebody has injected.
template <class T>
void require_domain_error(const asyncio::Result<T>& end) {
  if (!is_domain_error(end.error())) {
    end.value();
    require(false, "the child has failed");
  }
}

asyncio::Coro<> tuple() {
  auto [item, text, nothing] =
      co_await asyncio::gather(item_later(1), text_later('x'), asyncio::sleep(2s));
  require(item.number() == 1, "the first value is the first child's");
  require(text == std::string(40, 'x'), "the second value is the second child's");
  require(nothing == asyncio::None{}, "a child without a value gives None");
}

asyncio::Coro<> vector() {
  std::vector<asyncio::Coro<Item>> children;
  children.reserve(5);
  try {
    for (int i = 1; i <= 5; ++i) children.push_back(item_later(i));
  } catch (const std::bad_alloc&) {
    for (auto& child : children) child.close();
    throw;
  }
  const auto items = co_await asyncio::gather(std::move(children));
  require(items.size() == 5, "there is a value for each child");
  for (int i = 1; i <= 5; ++i) require(items[i - 1].number() == i, "values keep their order");
}

// More than the queue of a new loop has room for.
asyncio::Coro<> many() {
  std::vector<asyncio::Task<Item>> tasks;
  for (int i = 1; i <= 70; ++i) tasks.push_back(asyncio::create_task(item_later(i)));
  auto all = asyncio::gather(std::move(tasks));
  const auto items = co_await std::move(all);
  require(items.size() == 70 && items.back().number() == 70, "values keep their order");
}

asyncio::Coro<> return_exceptions() {
  auto lost = asyncio::create_task(asyncio::sleep(1h));
  lost.cancel();
  auto [item, failed, cancelled] =
      co_await asyncio::gather(asyncio::return_exceptions, item_later(1), fail_in(1s), lost);
  require_domain_error(failed);
  require(cancelled.cancelled(), "a cancellation is given in its place");
  require(std::move(item).value().number() == 1, "the value is given in its place");
}

asyncio::Coro<> return_exceptions_of_range() {
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < 3; ++i) {
    tasks.push_back(i == 1 ? asyncio::create_task(fail_in(1s))
                           : asyncio::create_task(asyncio::sleep(2s)));
  }
  const auto ends = co_await asyncio::gather(asyncio::return_exceptions, tasks);
  require_domain_error(ends[1]);
  for (const auto& task : tasks) require(task.done(), "a gather ends after all its children");
}

asyncio::Coro<> nested() {
  auto inner = asyncio::gather(item_later(1), item_later(2));
  auto [pair, third] = co_await asyncio::gather(std::move(inner), item_later(3));
  require(std::get<0>(pair).number() == 1, "the innermost value comes out");
  require(third.number() == 3, "the value beside the inner gather comes out");
}

asyncio::Coro<> futures() {
  auto& loop = asyncio::get_running_loop();
  const asyncio::Future<std::string> by_hand;
  asyncio::Future<int> done;
  done.set_result(5);
  auto timer = loop.call_later(1s, [by_hand] {
    if (!by_hand.done()) by_hand.set_result("text");
  });
  const auto waited =
      co_await asyncio::as_result(asyncio::gather(by_hand, done, by_hand, asyncio::sleep(2s)));
  timer.cancel();
  require(done.result() == 5, "the value of a handle that is kept stays there");
  const auto& [text, number, again, nothing] = waited.value();
  require(text == "text" && again == "text" && number == 5, "each place has its value");
  require(by_hand.result() == "text", "the value of a handle that is kept stays there");
}

asyncio::Coro<> item_twice() {
  auto task = asyncio::create_task(text_later('y'));
  const auto [first, second] = co_await asyncio::gather(task, task);
  require(first == second && first.size() == 40, "a child that stands twice gives its value twice");
}

asyncio::Coro<> failing_child() {
  auto sibling = asyncio::create_task(item_later(2));
  const auto end = co_await asyncio::as_result(asyncio::gather(fail_in(1s), asyncio::sleep(3s)));
  if (!is_domain_error(end.error())) end.value();
  const Item& item = co_await sibling;
  require(item.number() == 2, "the siblings of a child that fails go on");
}

// The second error comes when the gather has ended, and is written to the log.
asyncio::Coro<> two_failing_children() {
  const auto end =
      co_await asyncio::as_result(asyncio::gather(fail_in(1s), fail_in(2s), item_later(2)));
  if (!is_domain_error(end.error())) end.value();
  co_await asyncio::sleep(5s);
}

// The errors that the cancellation hides are written to the log.
asyncio::Coro<> cancelled() {
  auto child = []() -> asyncio::Coro<> {
    (void)co_await asyncio::as_result(asyncio::sleep(1h));
    throw std::domain_error("from the cleanup");
  };
  auto all = asyncio::gather(asyncio::return_exceptions, asyncio::create_task(child),
                             asyncio::create_task(child));
  co_await asyncio::sleep(1s);
  all.cancel();
  const auto end = co_await asyncio::as_result(std::move(all));
  if (end.has_value()) require(false, "a gather that was cancelled has no value");
  if (!end.cancelled()) end.value();
}

asyncio::Coro<> await_it(asyncio::Future<std::tuple<std::string, asyncio::None>> all) {
  auto [text, nothing] = co_await all;
  require(text.size() == 40, "everybody who awaits it sees its value");
}

asyncio::Coro<> several_waiters() {
  const auto all = asyncio::gather(text_later('z'), asyncio::sleep(1s));
  auto other = asyncio::create_task(await_it(all));
  co_await await_it(all);
  co_await other;
}

// Nobody has a handle to the gather any more when its children end.
asyncio::Coro<> dropped() {
  auto child = asyncio::create_task(text_later('d'));
  (void)asyncio::gather(child, asyncio::sleep(2s));
  co_await asyncio::sleep(1500ms);
  const std::string text = co_await child;
  require(text.size() == 40, "a gather that nobody has takes no value away");
  co_await asyncio::sleep(2s);
}

}  // namespace

// failure 91
TEST(GatherDisturbed, GivesATupleOfTheValues) { EXPECT_EQ(torture(&tuple), ""); }

// failure 91
TEST(GatherDisturbed, GivesAVectorOfTheValues) { EXPECT_EQ(torture(&vector), ""); }

// failure 91
TEST(GatherDisturbed, OfMoreThanTheQueueHadRoomFor) { EXPECT_EQ(torture(&many, {.seeds = 5}), ""); }

// failure 91
TEST(GatherDisturbed, GivesErrorsInTheirPlaces) { EXPECT_EQ(torture(&return_exceptions), ""); }

// failure 91
TEST(GatherDisturbed, OfARangeGivesErrorsInTheirPlaces) {
  EXPECT_EQ(torture(&return_exceptions_of_range), "");
}

// failure 91
TEST(GatherDisturbed, InAGather) { EXPECT_EQ(torture(&nested), ""); }

// failure 91
TEST(GatherDisturbed, OfFuturesLeavesTheirValuesThere) { EXPECT_EQ(torture(&futures), ""); }

// failure 91
TEST(GatherDisturbed, OfOneChildInTwoPlaces) { EXPECT_EQ(torture(&item_twice), ""); }

// failure 91, failure 23
TEST(GatherDisturbed, OfAChildThatFailsLeavesTheOthersAlone) {
  EXPECT_EQ(torture(&failing_child), "");
}

// failure 91, failure 23: what the later errors are is told, also without memory to say it nicely
TEST(GatherDisturbed, OfSeveralThatFail) {
  EXPECT_EQ(torture(&two_failing_children, {.quiet = false}), "");
}

// failure 91
TEST(GatherDisturbed, ThatIsCancelledItself) {
  EXPECT_EQ(torture(&cancelled, {.quiet = false}), "");
}

// failure 91
TEST(GatherDisturbed, ThatSeveralAwait) { EXPECT_EQ(torture(&several_waiters), ""); }

// failure 91
TEST(GatherDisturbed, ThatNobodyHolds) { EXPECT_EQ(torture(&dropped, {.quiet = false}), ""); }
