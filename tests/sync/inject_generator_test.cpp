// Asynchronous generators, disturbed at each of their points.

#include <asyncio/async_generator.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/group_children.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

using namespace std::chrono_literals;
using support::in_group;
using support::Item;
using support::require;
using support::torture;
using support::Witness;

namespace {

using Generator = asyncio::AsyncGenerator<Item>;

/// 1, 2, ..., one a second.
Generator items_to(int last) {
  const Witness witness;
  for (int n = 1; n <= last; ++n) {
    co_await asyncio::sleep(1s);
    co_yield Item(n);
  }
}

Generator items_of(Generator source) {
  const Witness witness;
  while (auto item = co_await source.next()) co_yield *std::move(item);
}

/// Awaits also while it ends.
Generator clean_up(bool& clean) {
  const Witness witness;
  std::exception_ptr end;
  try {
    for (int n = 1;; ++n) co_yield Item(n);
  } catch (...) {
    end = std::current_exception();
  }
  const auto slept = co_await asyncio::as_result(asyncio::sleep(1s));
  clean = true;
  slept.value();
  if (end) std::rethrow_exception(end);
}

Generator fail_after_one() {
  const Witness witness;
  co_yield Item(1);
  co_await asyncio::sleep(1s);
  throw std::domain_error("from the generator");
}

/// One that has thrown has ended, whatever it was.
asyncio::Coro<> require_end(Generator& generator) {
  require(Witness::alive == 0, "a generator that has ended has no frame");
  require(!generator, "a generator that has ended says so");
  require(!co_await generator.next(), "a generator that has ended gives nothing");
}

/// Takes what is left. Whatever happens, the items come in order and the frame goes with the end.
asyncio::Coro<> iterate(Generator& generator, int first) {
  for (int expected = first;; ++expected) {
    auto item = co_await asyncio::as_result(generator.next());
    if (!item) {
      // A bad_alloc may also come before the step has begun.
      if (!generator) co_await require_end(generator);
      item.value();
    }
    if (!item.value()) break;
    require(item.value()->number() == expected, "no item is lost, none comes twice");
  }
  co_await require_end(generator);
}

asyncio::Coro<> iterated() {
  auto generator = items_to(3);
  co_await iterate(generator, 1);
}

asyncio::Coro<> one_inside_the_other() {
  auto generator = items_of(items_of(items_to(3)));
  co_await iterate(generator, 1);
}

asyncio::Coro<> half_iterated() {
  {
    auto generator = items_of(items_to(3));
    co_await generator.next();
  }
  require(Witness::alive == 0, "a generator that is dropped goes at once");
}

asyncio::Coro<> left_to_the_loop() {
  static std::optional<Generator> left;
  left.emplace(items_of(items_to(3)));
  struct AtEnd {
    ~AtEnd() { left.reset(); }
  };
  const AtEnd at_end;
  co_await left->next();
  co_await asyncio::get_running_loop().shutdown_asyncgens();
  require(Witness::alive == 0 && !*left, "a generator that was shut down has no frame");
}

asyncio::Coro<> closed() {
  bool clean = false;
  auto generator = clean_up(clean);
  co_await generator.next();
  co_await generator.next();
  const auto end = co_await asyncio::as_result(generator.aclose());
  if (!generator) require(clean, "whoever has ended has cleaned up");
  if (end) require(Witness::alive == 0, "a generator that was closed has no frame");
  end.value();
}

asyncio::Coro<> thrown_into() {
  auto generator = items_to(2);
  co_await generator.next();
  const auto end = co_await asyncio::as_result(generator.athrow(std::domain_error("into it")));
  require(!end, "what nobody catches comes out");
  if (!asyncio::detail::holds<std::domain_error>(end.error())) end.value();
  co_await require_end(generator);
}

asyncio::Coro<> failing() {
  auto generator = fail_after_one();
  co_await generator.next();
  const auto end = co_await asyncio::as_result(generator.next());
  require(!end, "the error of a generator comes out");
  if (!asyncio::detail::holds<std::domain_error>(end.error())) end.value();
  co_await require_end(generator);
}

asyncio::Coro<> for_each_item() {
  int seen = 0;
  const auto note = [&](Item item) -> asyncio::Coro<> {
    require(item.number() == ++seen, "for_each() gives every item");
    co_await asyncio::sleep(1s);
  };
  const auto end = co_await asyncio::as_result(asyncio::for_each(items_to(3), note));
  require(Witness::alive == 0, "for_each() ends its generator");
  if (end) require(seen == 3, "for_each() gives all items");
  end.value();
}

asyncio::Coro<> for_each_that_fails() {
  bool clean = false;
  const auto refuse = [](const Item&) { throw std::domain_error("from the callable"); };
  const auto end = co_await asyncio::as_result(asyncio::for_each(clean_up(clean), refuse));
  require(!end, "the error comes out");
  require(Witness::alive == 0, "for_each() ends its generator");
  if (!asyncio::detail::holds<std::domain_error>(end.error())) end.value();
  require(clean, "for_each() closes its generator before the error goes on");
}

asyncio::Coro<> in_a_wait_for() {
  auto generator = items_to(3);
  const auto end = co_await asyncio::as_result(asyncio::wait_for(generator.next(), 500ms));
  require(!end, "the time was up");
  if (!asyncio::detail::holds<asyncio::TimeoutError>(end.error())) end.value();
  co_await require_end(generator);
}

asyncio::Coro<> dropped_by_another_task() {
  std::optional<Generator> generator(items_to(2));
  const auto take = [&]() -> asyncio::Coro<> {
    const auto item = co_await generator->next();
    require(item && item->number() == 1, "a step goes on without the handle");
  };
  const auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(take(), {.eager_start = true});
    co_await asyncio::sleep(0s);
    generator.reset();
  };
  co_await in_group(body);
}

asyncio::Coro<> two_tasks_at_once() {
  auto generator = items_to(2);
  int refused = 0;
  const auto take = [&]() -> asyncio::Coro<> {
    const auto item = co_await asyncio::as_result(generator.next());
    if (!item && asyncio::detail::holds<asyncio::RuntimeError>(item.error())) {
      ++refused;
    } else {
      item.value();
    }
  };
  const auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(take());
    group.create_task(take());
    co_return;
  };
  co_await asyncio::with(asyncio::TaskGroup(), body);
  require(refused <= 1, "one of them is let in");
}

}  // namespace

// failure 91
TEST(GeneratorDisturbed, WhileItIsIterated) { EXPECT_EQ(torture(&iterated), ""); }

// failure 91
TEST(GeneratorDisturbed, InsideOthers) { EXPECT_EQ(torture(&one_inside_the_other), ""); }

// failure 91
TEST(GeneratorDisturbed, DroppedHalfIterated) { EXPECT_EQ(torture(&half_iterated), ""); }

// failure 91, failure 98
TEST(GeneratorDisturbed, LeftToTheLoop) { EXPECT_EQ(torture(&left_to_the_loop), ""); }

// failure 91
TEST(GeneratorDisturbed, Closed) { EXPECT_EQ(torture(&closed), ""); }

// failure 91
TEST(GeneratorDisturbed, WithAnErrorThrownIntoIt) { EXPECT_EQ(torture(&thrown_into), ""); }

// failure 91
TEST(GeneratorDisturbed, ThatFails) { EXPECT_EQ(torture(&failing), ""); }

// failure 91
TEST(GeneratorDisturbed, InForEach) { EXPECT_EQ(torture(&for_each_item), ""); }

// failure 91
TEST(GeneratorDisturbed, InForEachThatFails) { EXPECT_EQ(torture(&for_each_that_fails), ""); }

// failure 91
TEST(GeneratorDisturbed, InAWaitFor) { EXPECT_EQ(torture(&in_a_wait_for), ""); }

// failure 91
TEST(GeneratorDisturbed, DroppedByAnotherTask) { EXPECT_EQ(torture(&dropped_by_another_task), ""); }

// failure 91
TEST(GeneratorDisturbed, ByTwoTasksAtOnce) { EXPECT_EQ(torture(&two_tasks_at_once), ""); }
