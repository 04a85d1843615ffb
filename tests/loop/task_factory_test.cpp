#include <asyncio/event_loop.hpp>

#include <asyncio/as_completed.hpp>
#include <asyncio/as_result.hpp>
#include <asyncio/context.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/shield.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

// set_task_factory(): what is asked before a task is made.

namespace {

using Log = std::vector<std::string>;

asyncio::Coro<int> gives(int value) {
  co_await asyncio::sleep(0s);
  co_return value;
}

asyncio::Coro<int> gives_at_once(int value) { co_return value; }

asyncio::Coro<int> sum_of_tree(int depth) {
  if (depth == 0) co_return 1;
  const auto [a, b] = co_await asyncio::gather(sum_of_tree(depth - 1), sum_of_tree(depth - 1));
  co_return a + b;
}

asyncio::ContextVar<int> colour("colour", 0);

/// Takes the factory away before what it refers to is gone: the end of run() makes a task, too.
class Factory {
 public:
  template <class F>
  explicit Factory(F fn) {
    asyncio::get_running_loop().set_task_factory(std::move(fn));
  }
  Factory(const Factory&) = delete;
  Factory& operator=(const Factory&) = delete;
  ~Factory() { asyncio::get_running_loop().set_task_factory(nullptr); }
};

}  // namespace

// LOOP-093
TEST(TaskFactory, IsNoneAtFirstAndAgainAfterNullptr) {
  auto loop = asyncio::new_event_loop();
  int asked = 0;
  EXPECT_FALSE(loop->has_task_factory());
  loop->set_task_factory([&](asyncio::EventLoop&, asyncio::TaskOptions&) { ++asked; });
  EXPECT_TRUE(loop->has_task_factory());
  EXPECT_EQ(loop->run_until_complete(gives(1)), 1);
  EXPECT_EQ(asked, 1);
  loop->set_task_factory(nullptr);
  EXPECT_FALSE(loop->has_task_factory());
  EXPECT_EQ(loop->run_until_complete(gives(2)), 2);
  EXPECT_EQ(asked, 1);
  loop->close();
}

// LOOP-093
ASYNC_TEST(TaskFactory, IsAskedOnceForEachTaskHoweverItIsMade) {
  auto& loop = asyncio::get_running_loop();
  int asked = 0;
  std::vector<int> counts;
  const Factory factory([&](asyncio::EventLoop& of, asyncio::TaskOptions&) {
    EXPECT_EQ(&of, &loop);
    ++asked;
  });
  const auto note = [&] { counts.push_back(std::exchange(asked, 0)); };
  co_await asyncio::create_task(gives(1));
  note();
  co_await asyncio::create_task(gives, 1);
  note();
  co_await loop.create_task(gives(1));
  note();
  co_await asyncio::ensure_future(gives(1));
  note();
  co_await asyncio::shield(gives(1));
  note();
  co_await asyncio::gather(gives(1), gives(2));
  note();
  std::vector<asyncio::Coro<int>> coros;
  coros.push_back(gives(1));
  coros.push_back(gives(2));
  for (auto& next : asyncio::as_completed(std::move(coros))) (void)co_await next;
  note();
  auto body = [](asyncio::TaskGroup& group) { group.create_task(gives(1)); };
  co_await asyncio::with(asyncio::TaskGroup(), body);
  note();
  co_await gives(1);  // no task
  note();
  EXPECT_EQ(counts, (std::vector{1, 1, 1, 1, 1, 2, 2, 1, 0}));
}

// LOOP-093, LOOP-091
ASYNC_TEST(TaskFactory, LeavesTheNameAndTheContextThatWereGivenUnlessItChangesThem) {
  auto& loop = asyncio::get_running_loop();
  const asyncio::Context context;
  const Factory factory([](asyncio::EventLoop&, asyncio::TaskOptions&) {});
  auto task = loop.create_task(gives(1), {.name = "given", .context = &context});
  EXPECT_EQ(task.get_name(), "given");
  EXPECT_EQ(task.get_context(), context);
  EXPECT_EQ(co_await task, 1);
}

// LOOP-093
ASYNC_TEST(TaskFactory, MayChangeNameContextAndEagerStart) {
  const asyncio::Context context;
  context.run([] { colour.set(7); });
  std::string name = "made";
  const Factory factory([&](asyncio::EventLoop&, asyncio::TaskOptions& options) {
    name += " after " + std::string(options.name);
    options.name = name;
    options.context = &context;
    options.eager_start = true;
  });
  int seen = 0;
  const auto body = [&]() -> asyncio::Coro<> {
    seen = colour.get();
    co_return;
  };
  auto task = asyncio::create_task(body, {.name = "given"});
  name = "something else";
  EXPECT_TRUE(task.done());
  EXPECT_EQ(seen, 7);
  EXPECT_EQ(task.get_name(), "made after given");
  EXPECT_EQ(task.get_context(), context);
  co_return;
}

// LOOP-093, TASK-105
ASYNC_TEST(TaskFactory, OfEagerTasksLetsEachRunItsFirstStepAtOnce) {
  auto& loop = asyncio::get_running_loop();
  loop.set_task_factory(asyncio::eager_task_factory);
  auto done = asyncio::create_task(gives_at_once(3));
  auto waits = loop.create_task(gives(4));
  EXPECT_TRUE(done.done());
  EXPECT_FALSE(waits.done());
  EXPECT_EQ(done.result(), 3);
  EXPECT_EQ(co_await waits, 4);
  loop.set_task_factory(nullptr);
  auto later = asyncio::create_task(gives_at_once(5));
  EXPECT_FALSE(later.done());
  EXPECT_EQ(co_await later, 5);
}

// LOOP-093, TASK-101, TASK-102
TEST(TaskFactory, OfEagerTasksStartsNoneBeforeTheLoopRunsAndLeavesNoneBehind) {
  auto loop = asyncio::new_event_loop();
  loop->set_task_factory(asyncio::eager_task_factory);
  auto task = loop->create_task(sum_of_tree(6));
  EXPECT_FALSE(task.done());
  EXPECT_EQ(loop->run_until_complete(task), 64);
  EXPECT_TRUE(asyncio::all_tasks(*loop).empty());
  loop->close();
}

// LOOP-093, LOOP-092
ASYNC_TEST(TaskFactory, ThatThrowsMakesNoTaskAndTheCoroutineIsClosed) {
  const support::LogCapture logged;
  auto& loop = asyncio::get_running_loop();
  loop.set_task_factory(
      [](asyncio::EventLoop&, asyncio::TaskOptions&) { throw std::domain_error("no task today"); });
  const auto captured = std::make_shared<int>(0);
  const auto body = [captured]() -> asyncio::Coro<> { co_return; };
  const long before = captured.use_count();
  EXPECT_THROW(asyncio::create_task(gives(1)), std::domain_error);
  EXPECT_THROW(loop.create_task(gives, 1), std::domain_error);
  EXPECT_THROW(asyncio::create_task(body), std::domain_error);
  EXPECT_THROW((void)asyncio::gather(gives(1), gives(2)), std::domain_error);
  EXPECT_EQ(captured.use_count(), before);
  EXPECT_EQ(asyncio::all_tasks().size(), 1U);
  loop.set_task_factory(nullptr);
  EXPECT_EQ(co_await asyncio::create_task(gives(2)), 2);
  EXPECT_TRUE(logged.empty()) << logged.lines().front();
}

// LOOP-093
ASYNC_TEST(TaskFactory, MayReplaceItselfWhileItIsAsked) {
  Log log;
  const Factory factory(
      [&, text = std::string(40, 'x')](asyncio::EventLoop& of, asyncio::TaskOptions&) {
        of.set_task_factory(
            [&](asyncio::EventLoop&, asyncio::TaskOptions&) { log.push_back("second"); });
        log.push_back("first " + text);
      });
  co_await asyncio::create_task(gives(1));
  co_await asyncio::create_task(gives(1));
  EXPECT_EQ(log, (Log{"first " + std::string(40, 'x'), "second"}));
}
