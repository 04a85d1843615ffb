// What is refused, with the whole text that people see; docs/errors.md lists these texts.

#include <asyncio/context.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::thrown_by;
using support::thrown_by_await;

namespace {

using Call = std::function<void()>;

asyncio::Coro<int> gives(int value) {
  co_await asyncio::sleep(0s);
  co_return value;
}
asyncio::Coro<std::unique_ptr<int>> gives_unique(int value) {
  co_return std::make_unique<int>(value);
}
asyncio::Coro<> waits_for(asyncio::Future<> future) { co_await future; }

std::string consumed(const std::string& who) {
  return "RuntimeError: " + who +
         ": this Coro<int> was moved from, awaited or closed already; a coroutine runs once: call "
         "its function again, or share it by create_task()";
}
std::string no_loop(const std::string& who) {
  return "RuntimeError: " + who +
         ": no running event loop on this thread; call it in a coroutine under asyncio::run(), or "
         "reach a loop of another thread by run_coroutine_threadsafe()";
}
const std::string moved_from =
    "RuntimeError: Future object is not initialized: the handle was moved from; use the handle "
    "that it was moved to, or copy it";

}  // namespace

// --- coroutines ---------------------------------------------------------------------------------

// RUN-003, failure 100
ASYNC_TEST(CoroMisuse, AwaitingAConsumedOneSaysHowToGoOn) {
  auto awaited = gives(1);
  EXPECT_EQ(co_await std::move(awaited), 1);
  auto moved = gives(2);
  auto taken = std::move(moved);
  auto closed = gives(3);
  closed.close();
  EXPECT_EQ(co_await thrown_by_await(std::move(awaited)), consumed("co_await"));
  EXPECT_EQ(co_await thrown_by_await(std::move(moved)), consumed("co_await"));
  EXPECT_EQ(co_await thrown_by_await(std::move(closed)), consumed("co_await"));
  EXPECT_EQ(co_await std::move(taken), 2);
}

// RUN-004
ASYNC_TEST(CoroMisuse, ASecondAwaiterIsRefusedAndTheFirstOneGoesOn) {
  auto coro = gives(4);
  auto first =
      asyncio::create_task([&]() -> asyncio::Coro<int> { co_return co_await std::move(coro); });
  co_await asyncio::sleep(0s);  // it is suspended in there
  EXPECT_EQ(co_await thrown_by_await(std::move(coro)), consumed("co_await"));
  EXPECT_EQ(co_await first, 4);
}

// RUN-003, failure 100
ASYNC_TEST(CoroMisuse, NoTaskIsMadeOfAConsumedOne) {
  auto coro = gives(1);
  coro.close();
  const std::size_t tasks = asyncio::all_tasks().size();
  EXPECT_EQ(thrown_by([&] { (void)asyncio::create_task(std::move(coro)); }),
            consumed("create_task()"));
  EXPECT_EQ(thrown_by([&] { (void)asyncio::get_running_loop().create_task(std::move(coro)); }),
            consumed("create_task()"));
  EXPECT_EQ(asyncio::all_tasks().size(), tasks);
  co_return;
}

// --- without a loop -----------------------------------------------------------------------------

namespace {

// What needs a running loop; on a thread that has none.
void expect_refusals_without_a_loop() {
  EXPECT_EQ(thrown_by([] { (void)asyncio::create_task(gives(1)); }), no_loop("create_task()"));
  EXPECT_EQ(thrown_by([] { (void)asyncio::create_task(gives, 1); }), no_loop("create_task()"));
  EXPECT_EQ(thrown_by([] { (void)asyncio::Future<int>(); }), no_loop("Future()"));
  EXPECT_EQ(thrown_by([] { (void)asyncio::current_task(); }), no_loop("current_task()"));
  EXPECT_EQ(thrown_by([] { (void)asyncio::all_tasks(); }), no_loop("all_tasks()"));
  EXPECT_EQ(thrown_by([] { (void)asyncio::get_running_loop(); }), no_loop("get_running_loop()"));
}

}  // namespace

// TASK-040, TASK-055, RUN-052, EXC-010
TEST(TaskMisuse, WithoutARunningLoopSaysWhereToCall) { expect_refusals_without_a_loop(); }

// TASK-040
ASYNC_TEST(TaskMisuse, OnAWorkerThreadThereIsNoLoopAndTheMainOneGoesOn) {
  std::thread(expect_refusals_without_a_loop).join();
  EXPECT_EQ(co_await asyncio::create_task(gives(1)), 1);
}

// --- futures and tasks --------------------------------------------------------------------------

// TASK-005, EXC-002
ASYNC_TEST(FutureMisuse, ASecondOutcomeIsRefusedAndTheFirstOneStays) {
  const std::string way_out =
      " is done already; ask done() first, or let one place only complete it";
  const asyncio::Future<int> set;
  set.set_result(1);
  EXPECT_EQ(thrown_by([&] { set.set_result(2); }),
            "InvalidStateError: set_result(): invalid state: <Future finished>" + way_out);
  EXPECT_EQ(set.result(), 1);
  const asyncio::Future<int> cancelled;
  cancelled.cancel();
  EXPECT_EQ(thrown_by([&] { cancelled.set_exception(std::runtime_error("late")); }),
            "InvalidStateError: set_exception(): invalid state: <Future cancelled>" + way_out);
  EXPECT_TRUE(cancelled.cancelled());
  co_return;
}

// TASK-008
ASYNC_TEST(FutureMisuse, ANullExceptionIsRefusedAndTheFutureStaysPending) {
  const asyncio::Future<int> future;
  EXPECT_EQ(thrown_by([&] { future.set_exception(nullptr); }),
            "invalid_argument: set_exception(): the exception_ptr is null; give what "
            "std::make_exception_ptr() or std::current_exception() returns");
  EXPECT_FALSE(future.done());
  co_return;
}

// TASK-003, TASK-004, EXC-002
ASYNC_TEST(FutureMisuse, AskedTooEarlyItSaysThatItIsNotDone) {
  const asyncio::Future<int> future;
  EXPECT_EQ(thrown_by([&] { (void)future.result(); }),
            "InvalidStateError: result(): <Future pending> has no result yet: it is not done; "
            "co_await it");
  EXPECT_EQ(thrown_by([&] { (void)future.exception(); }),
            "InvalidStateError: exception(): <Future pending> has no exception yet: it is not "
            "done; co_await it first");
  future.set_result(3);
  EXPECT_EQ(co_await future, 3);
}

// TASK-042
ASYNC_TEST(TaskMisuse, NobodyButItsCoroutineGivesItAResult) {
  const auto task = asyncio::create_task(gives(5), {.name = "worker"});
  const asyncio::Future<int> future = task;
  const std::string who = task.repr();
  EXPECT_EQ(thrown_by([&] { future.set_result(1); }),
            "RuntimeError: Task does not support set_result operation: only its coroutine ends " +
                who + "; co_return the value, or throw");
  EXPECT_EQ(
      thrown_by([&] { future.set_exception(std::runtime_error("no")); }),
      "RuntimeError: Task does not support set_exception operation: only its coroutine ends " +
          who + "; co_return the value, or throw");
  EXPECT_EQ(co_await task, 5);
}

// TASK-013, failure 100
ASYNC_TEST(FutureMisuse, AHandleThatWasMovedFromIsRefusedEverywhere) {
  auto task = asyncio::create_task(gives(6));
  const auto kept = std::move(task);
  const std::vector<Call> calls = {[&] { (void)task.done(); },
                                   [&] { (void)task.cancelled(); },
                                   [&] { (void)task.result(); },
                                   [&] { (void)task.exception(); },
                                   [&] { task.cancel(); },
                                   [&] { task.add_done_callback([] {}); },
                                   [&] { (void)task.get_name(); },
                                   [&] { task.set_name("name"); },
                                   [&] { (void)task.get_stack(); },
                                   [&] { (void)task.repr(); },
                                   [&] { (void)task.get_loop(); },
                                   [&] { (void)task.cancelling(); },
                                   [&] { task.remove_done_callback(1); }};
  for (const Call& call : calls) EXPECT_EQ(thrown_by(call), moved_from);
  EXPECT_EQ(co_await thrown_by_await(std::move(task)), moved_from);
  EXPECT_EQ(co_await kept, 6);
}

// failure 100
ASYNC_TEST(FutureMisuse, AValueThatIsSharedAndCannotBeCopiedStaysWhereItIs) {
  auto task = asyncio::create_task(gives_unique(7));
  const auto other = task;
  EXPECT_EQ(co_await thrown_by_await(std::move(task)),
            "RuntimeError: co_await: the value cannot be copied and cannot be moved out, since "
            "another handle to the same future exists; drop that one, or await an lvalue and use "
            "the reference");
  EXPECT_EQ(*co_await other, 7);
}

// TASK-029, EXC-010
ASYNC_TEST(FutureMisuse, OfAnotherLoopIsNotAwaitedAndStaysAsItWas) {
  auto loop = asyncio::new_event_loop();
  asyncio::detail::scheduler_of(*loop).name = "theirs";
  asyncio::current_task()->set_name("mine");
  {
    const asyncio::Future<> future(*loop);
    const auto task = loop->create_task(waits_for(future));
    const std::string text = "RuntimeError: co_await: Task 'mine' of loop \"main\" got a ";
    const std::string rest =
        " attached to a different loop, \"theirs\"; use run_coroutine_threadsafe() to reach "
        "another loop";
    EXPECT_EQ(co_await thrown_by_await(future), text + "Future" + rest);
    EXPECT_EQ(co_await thrown_by_await(task), text + "Task" + rest);
    EXPECT_EQ(future.repr(), "<Future pending>");  // nobody waits, nothing was cancelled
    future.set_result();
    // Its own loop can still run it, elsewhere.
    std::thread([&] { loop->run_until_complete(task); }).join();
    EXPECT_TRUE(task.done());
  }
  loop->close();
}

// --- contexts -----------------------------------------------------------------------------------

namespace {

asyncio::ContextVar<int> user("user");
asyncio::ContextVar<int> other("other");

asyncio::Coro<std::string> resets(asyncio::ContextVar<int>::Token token) {
  co_return thrown_by([&] { user.reset(token); });
}

}  // namespace

// contextvars.ContextVar
ASYNC_TEST(ContextMisuse, EachRefusalNamesTheVariableAndChangesNothing) {
  EXPECT_EQ(thrown_by([] { (void)user.get(); }),
            "out_of_range: ContextVar 'user' has no value here and no default; set() it, or call "
            "get(fallback)");
  const auto token = user.set(1);
  EXPECT_EQ(thrown_by([&] { other.reset(token); }),
            "invalid_argument: ContextVar 'other': reset(): the token was made by another "
            "variable; give it to that one");
  EXPECT_EQ(co_await asyncio::create_task(resets(token)),
            "invalid_argument: ContextVar 'user': reset(): the token was made in another context; "
            "reset in the task that has called set()");
  EXPECT_EQ(user.get(), 1);
  user.reset(token);  // the refusals have not used it up
  EXPECT_EQ(user.get(0), 0);
  EXPECT_EQ(thrown_by([&] { user.reset(token); }),
            "RuntimeError: ContextVar 'user': reset(): the token has been used; each one undoes "
            "one set()");
}

// contextvars.Context.run
TEST(ContextMisuse, EnteringAContextTwiceIsRefusedAndItsCopyCanBeEntered) {
  const asyncio::Context context;
  context.run([&] {
    user.set(2);
    EXPECT_EQ(thrown_by([&] { context.run([] {}); }),
              "RuntimeError: Context.run(): cannot enter the context: it is already entered; run "
              "in a copy of it");
    EXPECT_EQ(context.copy().run([] { return user.get(); }), 2);
    EXPECT_EQ(user.get(), 2);
  });
}
