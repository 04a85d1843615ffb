#include <asyncio/task.hpp>

#include <asyncio/as_completed.hpp>
#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/run.hpp>
#include <asyncio/shield.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

asyncio::Coro<> log_turns(Log& log, std::string name, int turns) {
  for (int i = 0; i < turns; ++i) {
    log.push_back(name + std::to_string(i));
    co_await asyncio::sleep(0s);
  }
}

asyncio::Coro<int> twice(int n) {
  co_await asyncio::sleep(0s);
  co_return 2 * n;
}

/// Adds an entry when it is destroyed.
struct LogsItsEnd {
  Log* log;
  explicit LogsItsEnd(Log& l) : log(&l) {}
  LogsItsEnd(LogsItsEnd&& other) noexcept : log(std::exchange(other.log, nullptr)) {}
  LogsItsEnd& operator=(LogsItsEnd&&) = delete;
  ~LogsItsEnd() {
    if (log != nullptr) log->emplace_back("destroyed");
  }
};

/// An awaitable that is neither a coroutine nor a future.
struct Answer {
  [[nodiscard]] bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  [[nodiscard]] int await_resume() const noexcept { return 42; }
};

std::vector<std::string> names_of(const std::vector<asyncio::AnyTask>& tasks) {
  std::vector<std::string> names;
  for (const auto& task : tasks) names.push_back(task.get_name());
  return names;
}

std::string current_name() {
  const auto task = asyncio::current_task();
  return task ? task->get_name() : "none";
}

}  // namespace

// --- stepping
// -------------------------------------------------------------------------------------

// TASK-038
ASYNC_TEST(Task, DoesNotStartBeforeTheNextPass) {
  auto& loop = asyncio::get_running_loop();
  Log log;
  loop.call_soon([&] { log.emplace_back("scheduled before"); });
  auto task = asyncio::create_task(log_turns(log, "step", 1));
  loop.call_soon([&] { log.emplace_back("scheduled after"); });
  log.emplace_back("created");
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"created", "scheduled before", "step0", "scheduled after"}));
  co_await task;
}

// TASK-039, TASK-044
ASYNC_TEST(Task, TasksStartInTheOrderOfTheirCreationAndTakeTurns) {
  Log log;
  auto a = asyncio::create_task(log_turns(log, "a", 2));
  auto b = asyncio::create_task(log_turns(log, "b", 2));
  auto c = asyncio::create_task(log_turns(log, "c", 2));
  co_await asyncio::gather(a, b, c);
  EXPECT_EQ(log, (Log{"a0", "b0", "c0", "a1", "b1", "c1"}));
}

// TASK-043
ASYNC_TEST(Task, AStepGoesOnUntilSomethingPendingIsAwaited) {
  asyncio::Future<int> done;
  asyncio::Future<int> pending;
  done.set_result(1);
  Log log;
  const auto body = [&]() -> asyncio::Coro<> {
    log.emplace_back("begin");
    co_await done;
    log.emplace_back("after a done future");
    co_await pending;
    log.emplace_back("after a pending future");
  };
  auto task = asyncio::create_task(body);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"begin", "after a done future"}));
  pending.set_result(1);
  co_await task;
  EXPECT_EQ(log.back(), "after a pending future");
}

// TASK-045
ASYNC_TEST(Task, EndsWithTheValueOfItsCoroutine) {
  auto task = asyncio::create_task(twice(21));
  EXPECT_FALSE(task.done());
  EXPECT_EQ(co_await task, 42);
  EXPECT_EQ(task.result(), 42);
  EXPECT_EQ(task.exception(), nullptr);
}

// TASK-045, TASK-054
ASYNC_TEST(Task, KeepsTheErrorOfItsCoroutine) {
  const std::exception_ptr boom = std::make_exception_ptr(std::runtime_error("boom"));
  const auto fail = [&]() -> asyncio::Coro<int> {
    co_await asyncio::sleep(0s);
    std::rethrow_exception(boom);
  };
  auto task = asyncio::create_task(fail);
  co_await asyncio::sleep(1s);
  EXPECT_TRUE(task.done());
  EXPECT_EQ(task.exception(), boom);
  EXPECT_THROW((void)task.result(), std::runtime_error);
}

// TASK-042
ASYNC_TEST(Task, RefusesAnOutcomeFromOutside) {
  auto task = asyncio::create_task(twice(1));
  const asyncio::Future<int> future = task;
  EXPECT_THROW(future.set_result(5), asyncio::RuntimeError);
  EXPECT_THROW(future.set_exception(std::runtime_error("boom")), asyncio::RuntimeError);
  EXPECT_EQ(co_await task, 2);
  EXPECT_THROW(future.set_result(5), asyncio::RuntimeError);
}

// TASK-046
ASYNC_TEST(Task, CannotAwaitItself) {
  std::string text;
  std::optional<asyncio::Task<>> self;
  const auto body = [&]() -> asyncio::Coro<> {
    try {
      co_await *self;
    } catch (const asyncio::RuntimeError& e) {
      text = e.what();
    }
  };
  self = asyncio::create_task(body);
  co_await *self;
  EXPECT_EQ(text.find("co_await: Task cannot await on itself: <Task "), 0U);
}

// TASK-045
ASYNC_TEST(Task, ItsCoroutinesLocalsAreDestroyedBeforeAnybodyHearsOfTheEnd) {
  Log log;
  const auto body = [&](LogsItsEnd) -> asyncio::Coro<> {
    co_await asyncio::sleep(0s);
    log.emplace_back("returning");
  };
  auto task = asyncio::create_task(body, LogsItsEnd(log));
  task.add_done_callback([&] { log.emplace_back("callback"); });
  co_await task;
  log.emplace_back("awaited");
  EXPECT_EQ(log, (Log{"returning", "destroyed", "callback", "awaited"}));
}

// --- ownership
// ------------------------------------------------------------------------------------

// TASK-048
ASYNC_TEST(Task, GoesOnWhenNobodyHoldsAHandle) {
  Log log;
  const auto body = [&]() -> asyncio::Coro<> {
    asyncio::Future<> wakes;
    asyncio::get_running_loop().call_later(1s, [&] { wakes.set_result(); });
    co_await wakes;
    log.emplace_back("done");
  };
  asyncio::create_task(body);
  co_await asyncio::sleep(2s);
  EXPECT_EQ(log, (Log{"done"}));
}

// TASK-048
ASYNC_TEST(Task, WaitingForAFutureThatNobodyElseHoldsStaysAmongTheTasks) {
  const auto body = []() -> asyncio::Coro<> {
    const asyncio::Future<> never;
    co_await never;
  };
  asyncio::create_task(body, {.name = "forgotten"});
  co_await asyncio::sleep(1s);
  auto tasks = asyncio::all_tasks();
  EXPECT_EQ(tasks.size(), 2U);
  auto forgotten = tasks.back();
  EXPECT_EQ(forgotten.get_name(), "forgotten");
  forgotten.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(forgotten)).cancelled());
}

// TASK-047
TEST(Task, PendingWhenItsLoopIsClosedIsReportedAndItsLocalsAreDestroyed) {
  const support::LogCapture capture;
  auto loop = asyncio::new_event_loop();
  Log log;
  const auto body = [](LogsItsEnd) -> asyncio::Coro<> { co_await asyncio::sleep(1h); };
  auto task = loop->create_task(asyncio::TaskOptions{.name = "left"}, body, LogsItsEnd(log));
  loop->poll_once();
  EXPECT_TRUE(log.empty());
  loop->close();
  EXPECT_EQ(log, (Log{"destroyed"}));
  EXPECT_EQ(capture.count("Task was destroyed but it is pending!"), 1);
  EXPECT_EQ(capture.count("name='left'"), 1);
}

// --- where there is no loop
// -----------------------------------------------------------------------

// TASK-040, TASK-053
TEST(Task, WithoutARunningLoopNothingIsCreatedAndTheCoroutineIsClosed) {
  const support::LogCapture capture;
  EXPECT_THROW(asyncio::create_task(twice(1)), asyncio::RuntimeError);
  EXPECT_THROW(asyncio::create_task(twice, 1), asyncio::RuntimeError);
  EXPECT_THROW((void)asyncio::ensure_future(twice(1)), asyncio::RuntimeError);
  EXPECT_THROW((void)asyncio::shield(twice(1)), asyncio::RuntimeError);
  EXPECT_TRUE(capture.empty());
}

// TASK-053
TEST(Task, CombinatorsOfCoroutinesNeedARunningLoop) {
  const support::LogCapture capture;  // what to say of the other coroutines is not settled
  std::vector<asyncio::Coro<int>> coros;
  coros.push_back(twice(1));
  EXPECT_THROW((void)asyncio::gather(twice(1), twice(2)), asyncio::RuntimeError);
  EXPECT_THROW((void)asyncio::as_completed(std::move(coros)), asyncio::RuntimeError);
}

// TASK-040
TEST(Task, TheLoopsOwnCreateTaskNeedsNoRunningLoop) {
  auto loop = asyncio::new_event_loop();
  auto task = loop->create_task(twice(4));
  EXPECT_EQ(loop->run_until_complete(task), 8);
  loop->close();
}

// TASK-040
TEST(Task, AClosedLoopRefusesTasksAndTheCoroutineIsClosed) {
  const support::LogCapture capture;
  auto loop = asyncio::new_event_loop();
  loop->close();
  EXPECT_THROW(loop->create_task(twice(4)), asyncio::RuntimeError);
  EXPECT_TRUE(capture.empty());
}

// --- ensure_future
// --------------------------------------------------------------------------------

// TASK-051
ASYNC_TEST(EnsureFuture, GivesAFutureOrTaskAsItIs) {
  asyncio::Future<int> future;
  auto task = asyncio::create_task(twice(1));
  EXPECT_EQ(asyncio::ensure_future(future), future);
  EXPECT_EQ(asyncio::ensure_future(task), task);
  static_assert(std::is_same_v<decltype(asyncio::ensure_future(task)), asyncio::Task<int>>);
  co_await task;
}

// TASK-051
ASYNC_TEST(EnsureFuture, MakesACoroutineATask) {
  auto task = asyncio::ensure_future(twice(4));
  static_assert(std::is_same_v<decltype(task), asyncio::Task<int>>);
  EXPECT_EQ(asyncio::all_tasks().size(), 2U);
  EXPECT_EQ(co_await task, 8);
}

// TASK-051, TASK-052
ASYNC_TEST(EnsureFuture, WrapsAnyOtherAwaitable) {
  auto sleeping = asyncio::ensure_future(asyncio::sleep(1s, 3));
  auto answer = asyncio::ensure_future(Answer());
  EXPECT_EQ(co_await sleeping, 3);
  EXPECT_EQ(co_await answer, 42);
}

// TASK-052
ASYNC_TEST(EnsureFuture, CombinatorsTakeAnyAwaitableToo) {
  const auto [a, b] = co_await asyncio::gather(Answer(), asyncio::sleep(1s, 3));
  EXPECT_EQ(a, 42);
  EXPECT_EQ(b, 3);
  EXPECT_EQ(co_await asyncio::shield(Answer()), 42);
  std::vector<Answer> answers(2);
  int sum = 0;
  for (auto& next : asyncio::as_completed(answers)) sum += co_await next;
  EXPECT_EQ(sum, 84);
}

// --- current_task, all_tasks
// ----------------------------------------------------------------------

// TASK-055
ASYNC_TEST(CurrentTask, IsTheTaskWhoseStepRunsAndNoneInACallback) {
  auto& loop = asyncio::get_running_loop();
  std::optional<asyncio::AnyTask> inside;
  const auto body = [&]() -> asyncio::Coro<> {
    inside = asyncio::current_task();
    co_return;
  };
  auto task = asyncio::create_task(body);
  bool callback_has_one = true;
  loop.call_soon([&] { callback_has_one = asyncio::current_task().has_value(); });
  bool done_callback_has_one = true;
  task.add_done_callback([&] { done_callback_has_one = asyncio::current_task().has_value(); });
  co_await task;
  co_await asyncio::sleep(0s);
  EXPECT_EQ(*inside, task);
  EXPECT_EQ(asyncio::current_task(loop), asyncio::current_task());
  EXPECT_FALSE(callback_has_one);
  EXPECT_FALSE(done_callback_has_one);
  inside.reset();
}

// TASK-055
TEST(CurrentTask, WithoutARunningLoopIsAnErrorUnlessALoopIsGiven) {
  EXPECT_THROW((void)asyncio::current_task(), asyncio::RuntimeError);
  EXPECT_THROW((void)asyncio::all_tasks(), asyncio::RuntimeError);
  auto loop = asyncio::new_event_loop();
  EXPECT_FALSE(asyncio::current_task(*loop).has_value());
  EXPECT_TRUE(asyncio::all_tasks(*loop).empty());
  loop->close();
}

// TASK-056
ASYNC_TEST(CurrentTask, InterleavingTasksEachSeeThemselves) {
  Log log;
  const auto body = [&]() -> asyncio::Coro<> {
    for (int i = 0; i < 2; ++i) {
      log.push_back(current_name());
      co_await asyncio::sleep(0s);
    }
  };
  auto a = asyncio::create_task(body, {.name = "a"});
  auto b = asyncio::create_task(body, {.name = "b"});
  co_await asyncio::gather(a, b);
  EXPECT_EQ(log, (Log{"a", "b", "a", "b"}));
}

// TASK-057
ASYNC_TEST(CurrentTask, AStepCannotRunTheLoopAndSoAnotherStepInsideItself) {
  auto& loop = asyncio::get_running_loop();
  Log log;
  auto task = asyncio::create_task(log_turns(log, "step", 1));
  EXPECT_THROW(loop.poll_once(), asyncio::RuntimeError);
  EXPECT_THROW(loop.run_until_complete(task), asyncio::RuntimeError);
  EXPECT_THROW(loop.run_forever(), asyncio::RuntimeError);
  EXPECT_TRUE(log.empty());
  EXPECT_TRUE(asyncio::current_task().has_value());
  co_await task;
}

// TASK-058
ASYNC_TEST(AllTasks, AreThoseThatAreNotDoneInTheOrderOfTheirCreation) {
  asyncio::Future<> gate;
  const auto body = [&]() -> asyncio::Coro<> { co_await gate; };
  asyncio::current_task()->set_name("self");
  auto a = asyncio::create_task(body, {.name = "a"});
  auto b = asyncio::create_task(twice(1), {.name = "b"});
  auto c = asyncio::create_task(body, {.name = "c"});
  EXPECT_EQ(names_of(asyncio::all_tasks()), (Log{"self", "a", "b", "c"}));
  co_await b;
  EXPECT_EQ(names_of(asyncio::all_tasks(asyncio::get_running_loop())), (Log{"self", "a", "c"}));
  auto d = asyncio::create_task(body, {.name = "d"});
  EXPECT_EQ(names_of(asyncio::all_tasks()), (Log{"self", "a", "c", "d"}));
  gate.set_result();
  co_await asyncio::gather(a, c, d);
  EXPECT_EQ(names_of(asyncio::all_tasks()), (Log{"self"}));
}

// TASK-058
ASYNC_TEST(AllTasks, ADoneTaskIsGoneBeforeItsCallbacksRun) {
  std::size_t seen = 0;
  auto task = asyncio::create_task(twice(1));
  task.add_done_callback([&] { seen = asyncio::all_tasks().size(); });
  co_await task;
  EXPECT_EQ(seen, 1U);
}
