#include <asyncio/as_result.hpp>
#include <asyncio/context.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;
constexpr asyncio::TaskOptions eager{.eager_start = true};

asyncio::Coro<int> return_at_once(int n) { co_return n; }

asyncio::Coro<> log_around(Log& log, asyncio::Future<> gate) {
  log.emplace_back("first step");
  co_await gate;
  log.emplace_back("second step");
}

asyncio::Coro<int> sum_of_eager_children(int depth) {
  if (depth == 0) co_return 1;
  auto a = asyncio::create_task(sum_of_eager_children(depth - 1), eager);
  auto b = asyncio::create_task(sum_of_eager_children(depth - 1), eager);
  const auto [x, y] = co_await asyncio::gather(a, b);
  co_return x + y;
}

asyncio::Coro<> group_of_eager_children(int depth, int& count) {
  ++count;
  if (depth == 0) co_return;
  const auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(group_of_eager_children(depth - 1, count), eager);
    group.create_task(group_of_eager_children(depth - 1, count), eager);
    co_return;
  };
  co_await asyncio::with(asyncio::TaskGroup(), body);
}

asyncio::Coro<int> chain_of_eager_children(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await asyncio::create_task(chain_of_eager_children(depth - 1), eager);
}

}  // namespace

// TASK-091, TASK-093
ASYNC_TEST(EagerTask, RunsItsFirstStepInsideCreateTaskAndTheOthersByTheLoop) {
  Log log;
  asyncio::Future<> gate;
  auto task = asyncio::create_task(log_around(log, gate), eager);
  log.emplace_back("created");
  EXPECT_FALSE(task.done());
  gate.set_result();
  log.emplace_back("gate is open");
  co_await task;
  EXPECT_EQ(log, (Log{"first step", "created", "gate is open", "second step"}));
}

// TASK-092
ASYNC_TEST(EagerTask, ThatDoesNotSuspendIsDoneAtOnceAndNeverQueued) {
  bool others_ran = false;
  asyncio::get_running_loop().call_soon([&] { others_ran = true; });
  auto task = asyncio::create_task(return_at_once(7), eager);
  EXPECT_TRUE(task.done());
  EXPECT_EQ(task.result(), 7);
  EXPECT_EQ(co_await task, 7);
  EXPECT_FALSE(others_ran);
  co_await asyncio::sleep(0s);
}

// TASK-091, TASK-105
ASYNC_TEST(EagerTask, EveryFormOfCreateTaskTakesTheOption) {
  auto& loop = asyncio::get_running_loop();
  EXPECT_TRUE(asyncio::create_task(return_at_once(1), eager).done());
  EXPECT_TRUE(asyncio::create_task([] { return return_at_once(1); }, eager).done());
  EXPECT_TRUE(asyncio::create_task(eager, return_at_once, 1).done());
  EXPECT_TRUE(loop.create_task(return_at_once(1), eager).done());
  EXPECT_TRUE(loop.create_task(eager, return_at_once, 1).done());
  co_return;
}

// TASK-106, TASK-105
ASYNC_TEST(EagerTask, IsNotTheDefault) {
  auto plain = asyncio::create_task(return_at_once(1));
  auto off = asyncio::create_task(return_at_once(1), {.eager_start = false});
  EXPECT_FALSE(plain.done());
  EXPECT_FALSE(off.done());
  co_await plain;
  co_await off;
}

// TASK-094
ASYNC_TEST(EagerTask, IsTheCurrentTaskDuringItsStepOnly) {
  const auto creator = *asyncio::current_task();
  Log log;
  const auto body = [&]() -> asyncio::Coro<> {
    log.push_back(asyncio::current_task()->get_name());
    const auto nested = [&]() -> asyncio::Coro<> {
      log.push_back(asyncio::current_task()->get_name());
      co_return;
    };
    asyncio::create_task(nested, {.name = "nested", .eager_start = true});
    log.push_back(asyncio::current_task()->get_name());
    co_await asyncio::sleep(0s);
    log.push_back(asyncio::current_task()->get_name());
  };
  auto task = asyncio::create_task(body, {.name = "outer", .eager_start = true});
  EXPECT_EQ(*asyncio::current_task(), creator);
  co_await task;
  EXPECT_EQ(log, (Log{"outer", "nested", "outer", "outer"}));
}

// TASK-094
ASYNC_TEST(EagerTask, StartedInACallbackLeavesNoCurrentTaskBehind) {
  Log log;
  const auto body = [&]() -> asyncio::Coro<> {
    log.emplace_back(asyncio::current_task() ? "task" : "none");
    co_return;
  };
  asyncio::get_running_loop().call_soon([&] {
    asyncio::create_task(body, eager);
    log.emplace_back(asyncio::current_task() ? "task" : "none");
  });
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"task", "none"}));
}

// TASK-095
ASYNC_TEST(EagerTask, ItsStepRunsInItsOwnCopyOfTheContext) {
  asyncio::ContextVar<int> var("var", 0);
  var.set(1);
  int seen = 0;
  const auto body = [&]() -> asyncio::Coro<> {
    seen = var.get();
    var.set(2);
    co_await asyncio::sleep(0s);
    EXPECT_EQ(var.get(), 2);
  };
  auto task = asyncio::create_task(body, eager);
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(var.get(), 1);
  co_await task;
  EXPECT_EQ(var.get(), 1);
}

// TASK-095
ASYNC_TEST(EagerTask, ItsStepRunsInTheContextThatIsGiven) {
  asyncio::ContextVar<int> var("var", 0);
  const asyncio::Context context;
  const auto body = [&]() -> asyncio::Coro<> {
    var.set(5);
    co_return;
  };
  asyncio::create_task(body, {.context = &context, .eager_start = true});
  EXPECT_EQ(var.get(), 0);
  EXPECT_EQ(context.run([&] { return var.get(); }), 5);
  co_return;
}

// TASK-096
ASYNC_TEST(EagerTask, KeepsItsErrorInsteadOfThrowingItFromCreateTask) {
  const auto fail = []() -> asyncio::Coro<> {
    throw std::runtime_error("boom");
    co_return;
  };
  auto task = asyncio::create_task(fail, eager);
  EXPECT_TRUE(task.done());
  EXPECT_THROW(co_await task, std::runtime_error);
}

// TASK-097
ASYNC_TEST(EagerTask, CallbacksOfADoneOneRunInTheNextPass) {
  bool called = false;
  auto task = asyncio::create_task(return_at_once(1), eager);
  task.add_done_callback([&] { called = true; });
  EXPECT_FALSE(called);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(called);
}

// TASK-098
ASYNC_TEST(EagerTask, IsCancelledAsAnyOtherOnceItHasSuspended) {
  Log log;
  const asyncio::Future<> gate;
  auto done = asyncio::create_task(return_at_once(1), eager);
  auto waiting = asyncio::create_task(log_around(log, gate), eager);
  EXPECT_FALSE(done.cancel());
  EXPECT_FALSE(done.cancelled());
  EXPECT_TRUE(waiting.cancel());
  EXPECT_TRUE(gate.cancelled());
  EXPECT_FALSE(waiting.done());
  EXPECT_TRUE((co_await asyncio::as_result(waiting)).cancelled());
  EXPECT_EQ(log, (Log{"first step"}));
}

// TASK-098, TASK-068
ASYNC_TEST(EagerTask, MayCancelItselfInItsFirstStep) {
  const auto and_return = []() -> asyncio::Coro<> {
    asyncio::current_task()->cancel();
    co_return;
  };
  const auto and_wait = []() -> asyncio::Coro<> {
    asyncio::current_task()->cancel();
    co_await asyncio::sleep(1h);
  };
  auto returned = asyncio::create_task(and_return, eager);
  auto waits = asyncio::create_task(and_wait, eager);
  EXPECT_TRUE(returned.cancelled());
  EXPECT_FALSE(waits.done());
  EXPECT_TRUE((co_await asyncio::as_result(waits)).cancelled());
}

// TASK-099
ASYNC_TEST(EagerTask, IsAmongAllTasksWhileItsFirstStepRunsAndUntilItIsDone) {
  asyncio::Future<> gate;
  std::size_t during = 0;
  const auto body = [&]() -> asyncio::Coro<> {
    during = asyncio::all_tasks().size();
    co_await gate;
  };
  auto task = asyncio::create_task(body, eager);
  EXPECT_EQ(during, 2U);
  EXPECT_EQ(asyncio::all_tasks().size(), 2U);
  auto done = asyncio::create_task(return_at_once(1), eager);
  EXPECT_EQ(asyncio::all_tasks().size(), 2U);
  gate.set_result();
  co_await task;
  EXPECT_EQ(asyncio::all_tasks().size(), 1U);
}

// TASK-100
ASYNC_TEST(EagerTask, AFutureThatItCompletesIsAwaitedByItsCreatorWithoutSuspending) {
  asyncio::Future<int> f;
  bool others_ran = false;
  asyncio::get_running_loop().call_soon([&] { others_ran = true; });
  const auto body = [&]() -> asyncio::Coro<> {
    f.set_result(9);
    co_return;
  };
  asyncio::create_task(body, eager);
  EXPECT_EQ(co_await f, 9);
  EXPECT_FALSE(others_ran);
  co_await asyncio::sleep(0s);
}

// TASK-101
TEST(EagerTask, IsScheduledNormallyWhenTheLoopIsNotRunning) {
  auto loop = asyncio::new_event_loop();
  auto task = loop->create_task(return_at_once(3), eager);
  EXPECT_FALSE(task.done());
  EXPECT_EQ(loop->run_until_complete(task), 3);
  loop->close();
}

// TASK-101
ASYNC_TEST(EagerTask, OfALoopThatIsNotTheRunningOneIsScheduledNormally) {
  auto other = asyncio::new_event_loop();
  {
    const support::LogCapture capture;  // it is pending when its loop is closed
    auto task = other->create_task(return_at_once(3), eager);
    EXPECT_FALSE(task.done());
    other->close();
  }
  co_return;
}

// TASK-102
ASYNC_TEST(EagerTask, RecursiveGathersOfEagerTasksLeaveNoneBehind) {
  EXPECT_EQ(co_await sum_of_eager_children(6), 64);
  EXPECT_EQ(asyncio::all_tasks().size(), 1U);
}

// TASK-102
ASYNC_TEST(EagerTask, RecursiveGroupsOfEagerTasksLeaveNoneBehind) {
  int count = 0;
  co_await group_of_eager_children(5, count);
  EXPECT_EQ(count, 63);
  EXPECT_EQ(asyncio::all_tasks().size(), 1U);
}

// TASK-102
ASYNC_TEST(EagerTask, AChainOfEagerTasksLeavesNoneBehind) {
  EXPECT_EQ(co_await chain_of_eager_children(100), 100);
  EXPECT_EQ(asyncio::all_tasks().size(), 1U);
}

// TASK-103
ASYNC_TEST(EagerTask, HasItsNameInItsFirstStep) {
  std::string name;
  const auto body = [&]() -> asyncio::Coro<> {
    name = asyncio::current_task()->get_name();
    co_return;
  };
  asyncio::create_task(body, {.name = "given", .eager_start = true});
  EXPECT_EQ(name, "given");
  co_return;
}

// TASK-104
ASYNC_TEST(EagerTask, ItsStepMayCreateTasksAndAddCallbacksAndCancelItsCreator) {
  asyncio::Future<> f;
  Log log;
  const auto child = [&](asyncio::AnyTask creator) -> asyncio::Coro<> {
    f.add_done_callback([&] { log.emplace_back("callback"); });
    asyncio::create_task(return_at_once(1));
    creator.cancel("by the child");
    co_return;
  };
  const auto body = [&]() -> asyncio::Coro<> {
    asyncio::create_task(eager, child, *asyncio::current_task());
    log.emplace_back("went on");
    co_await asyncio::sleep(1h);
  };
  auto task = asyncio::create_task(body);
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  f.set_result();
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"went on", "callback"}));
}
