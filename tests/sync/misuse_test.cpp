// What combinators, groups and limits refuse, with the whole texts; docs/errors.md lists them.

#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::thrown_by;
using support::thrown_by_await;

namespace {

using Call = std::function<void()>;
using Future = asyncio::Future<int>;
using Futures = std::vector<Future>;

asyncio::Coro<int> gives(int value) {
  co_await asyncio::sleep(0s);
  co_return value;
}
asyncio::Coro<> waits() { co_await asyncio::sleep(1h); }
asyncio::Coro<> fails() {
  co_await asyncio::sleep(0s);
  throw std::runtime_error("no");
}
asyncio::Coro<int> consumed() {
  auto coro = gives(1);
  coro.close();
  return coro;
}

struct Swallows {
  asyncio::Coro<> aenter() { co_return; }
  asyncio::Coro<bool> aexit(std::exception_ptr) { co_return true; }
};

const std::string was_consumed =
    "RuntimeError: create_task(): this Coro<int> was moved from, awaited or closed already; a "
    "coroutine runs once: call its function again, or share it by create_task()";
const std::string way_out = "; use run_coroutine_threadsafe() to reach another loop";

}  // namespace

// --- coroutines ---------------------------------------------------------------------------------

// RUN-003, failure 100: create_task() is what each of these calls
ASYNC_TEST(CombinatorMisuse, AConsumedCoroutineIsRefusedAndTheOthersAreNotForgotten) {
  EXPECT_EQ(thrown_by([] { (void)asyncio::gather(consumed(), gives(2)); }), was_consumed);
  EXPECT_EQ(thrown_by([] { (void)asyncio::shield(consumed()); }), was_consumed);
  std::vector<asyncio::Coro<int>> several;
  several.push_back(consumed());
  several.push_back(gives(2));
  EXPECT_EQ(thrown_by([&] { (void)asyncio::gather(std::move(several)); }), was_consumed);
  EXPECT_EQ(co_await thrown_by_await(asyncio::wait_for(consumed(), 0s)), was_consumed);
  auto body = [](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    EXPECT_EQ(thrown_by([&] { (void)group.create_task(consumed()); }), was_consumed);
    EXPECT_EQ(co_await group.create_task(gives(3)), 3);  // the group goes on
  };
  co_await asyncio::with(asyncio::TaskGroup(), body);
  EXPECT_EQ(asyncio::all_tasks().size(), 1U);
}

// --- futures of another loop --------------------------------------------------------------------

// COMB-011, EXC-010
ASYNC_TEST(CombinatorMisuse, FuturesOfTwoLoopsAreRefusedWithTheNamesOfBoth) {
  auto loop = asyncio::new_event_loop();
  asyncio::detail::scheduler_of(*loop).name = "theirs";
  {
    const Future theirs(*loop);
    const Future mine;
    const Futures both = {mine, theirs};
    const std::string text =
        ": argument 2 belongs to loop \"theirs\", argument 1 to loop \"main\"" + way_out;
    EXPECT_EQ(thrown_by([&] { (void)asyncio::gather(mine, theirs); }),
              "invalid_argument: gather()" + text);
    EXPECT_EQ(thrown_by([&] { (void)asyncio::gather(both); }), "invalid_argument: gather()" + text);
    EXPECT_EQ(thrown_by([&] { (void)asyncio::wait(both); }), "invalid_argument: wait()" + text);
    EXPECT_EQ(thrown_by([&] { (void)asyncio::as_completed(both); }),
              "invalid_argument: as_completed()" + text);
    EXPECT_EQ(mine.repr() + theirs.repr(), "<Future pending><Future pending>");
  }
  loop->close();
  co_return;
}

// TASK-029, COMB-011
ASYNC_TEST(CombinatorMisuse, FuturesOfOneOtherLoopAreRefusedWhenTheyAreAwaited) {
  auto loop = asyncio::new_event_loop();
  asyncio::detail::scheduler_of(*loop).name = "theirs";
  auto self = *asyncio::current_task();
  self.set_name("mine");
  {
    const Futures theirs(1, Future(*loop));
    const std::string text =
        "its futures belong to loop \"theirs\", the awaiting task 'mine' to loop \"main\"" +
        way_out;
    EXPECT_EQ(co_await thrown_by_await(asyncio::wait(theirs)), "RuntimeError: wait(): " + text);
    auto completed = asyncio::as_completed(theirs);
    EXPECT_EQ(co_await thrown_by_await(completed.next()), "RuntimeError: as_completed(): " + text);
    EXPECT_EQ(co_await thrown_by_await(asyncio::shield(theirs[0])),
              "RuntimeError: co_await: Task 'mine' of loop \"main\" got a Future attached to a "
              "different loop, \"theirs\"" +
                  way_out);
  }
  loop->close();
}

// COMB-011, COMB-049
TEST(CombinatorMisuse, AFutureOfAnotherThreadIsRefusedAtTheCallAndNotTouched) {
  const auto theirs = []() -> asyncio::Coro<> {
    const Future future;
    const Futures one(1, future);
    std::thread([&] {
      const auto refusals = [&]() -> asyncio::Coro<> {
        const std::string text =
            ": argument 1 belongs to loop \"theirs\" of another thread" + way_out;
        EXPECT_EQ(thrown_by([&] { (void)asyncio::gather(future); }),
                  "invalid_argument: gather()" + text);
        EXPECT_EQ(thrown_by([&] { (void)asyncio::wait(one); }), "invalid_argument: wait()" + text);
        EXPECT_EQ(thrown_by([&] { (void)asyncio::as_completed(one); }),
                  "invalid_argument: as_completed()" + text);
        EXPECT_EQ(thrown_by([&] { (void)asyncio::shield(future); }),
                  "invalid_argument: shield()" + text);
        EXPECT_EQ(co_await thrown_by_await(asyncio::wait_for(future, 0s)),
                  "invalid_argument: wait_for()" + text);
      };
      asyncio::run(refusals, {.name = "mine"});
    }).join();
    EXPECT_EQ(future.repr(), "<Future pending>");  // wait_for() has not cancelled it
    co_return;
  };
  asyncio::run(theirs, {.name = "theirs"});
}

// COMB-027, EXC-018
ASYNC_TEST(CombinatorMisuse, AWaitNeedsSomethingAndIsAwaitedOnce) {
  EXPECT_EQ(thrown_by([] { (void)asyncio::wait(Futures()); }),
            "invalid_argument: wait(): the set of Tasks/Futures is empty; skip the wait when there "
            "is nothing to wait for");
  auto waiting = asyncio::wait(std::vector<asyncio::Task<int>>(1, asyncio::create_task(gives(1))));
  EXPECT_EQ((co_await std::move(waiting)).done.size(), 1U);
  EXPECT_EQ(co_await thrown_by_await(std::move(waiting)),
            "RuntimeError: wait(): what it gave was awaited already or moved from; call wait() "
            "again");
}

// COMB-090
ASYNC_TEST(CombinatorMisuse, AnElementOfAsCompletedGivesOneResult) {
  auto completed = asyncio::as_completed(Futures(1, asyncio::create_task(gives(5))));
  for (auto& element : completed) {
    EXPECT_EQ(co_await element, 5);
    EXPECT_EQ(thrown_by([&] { (void)element.operator co_await(); }),
              "RuntimeError: as_completed(): this element was awaited already; each gives one "
              "result, go on to the next");
  }
  auto other = std::move(completed);
  EXPECT_EQ(thrown_by([&] { (void)completed.next(); }),
            "RuntimeError: as_completed(): next() on one that was moved from; use the new one");
}

// --- scopes --------------------------------------------------------------------------------------

// COMB-100, COMB-101, EXC-018
ASYNC_TEST(TaskGroupMisuse, ItIsEnteredOnceAndUsedWhileItIsEntered) {
  const std::string not_entered =
      " is not entered; use with(TaskGroup(), body), which enters and leaves it once";
  const auto error = std::make_exception_ptr(std::runtime_error("no"));
  asyncio::TaskGroup group;
  EXPECT_EQ(thrown_by([&] { (void)group.aexit(error); }),
            "RuntimeError: aexit(): <TaskGroup>" + not_entered);
  EXPECT_EQ(thrown_by([&] { (void)group.create_task(gives(1)); }),
            "RuntimeError: create_task(): <TaskGroup> has not been entered; use co_await "
            "with(TaskGroup(), ...)");
  co_await asyncio::with(group, [&]() -> asyncio::Coro<> {
    EXPECT_EQ(thrown_by([&] { (void)group.aenter(); }),
              "RuntimeError: <TaskGroup entered> has already been entered; make a new group");
    EXPECT_EQ(co_await group.create_task(gives(2)), 2);
  });
  EXPECT_EQ(thrown_by([&] { (void)group.create_task(gives(3)); }),
            "RuntimeError: create_task(): <TaskGroup entered> is finished; make a new group");
  EXPECT_EQ(thrown_by([&] { (void)group.aenter(); }),
            "RuntimeError: <TaskGroup entered> has already been entered; make a new group");
  EXPECT_EQ(thrown_by([&] { (void)group.aexit(error); }),
            "RuntimeError: aexit(): <TaskGroup entered>" + not_entered);
}

// COMB-101, EXC-018
ASYNC_TEST(TaskGroupMisuse, WhileItShutsDownItTakesNoTask) {
  std::string text;
  const auto result = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
        group.create_task(fails());
        (void)co_await asyncio::as_result(waits());
        text = thrown_by([&] { (void)group.create_task(gives(1)); });
      }));
  EXPECT_EQ(text,
            "RuntimeError: create_task(): <TaskGroup errors=1 cancelling> is shutting down after "
            "an error or a cancellation; what it is to run must start before that");
  EXPECT_EQ(asyncio::detail::describe(result.error()),
            "ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)");
}

// COMB-099, COMB-057
TEST(TaskGroupMisuse, GroupsAndLimitsAreEnteredInATask) {
  const auto in_callback = []() -> asyncio::Coro<> {
    asyncio::get_running_loop().call_soon([] {
      EXPECT_EQ(thrown_by([] { (void)asyncio::TaskGroup().aenter(); }),
                "RuntimeError: <TaskGroup> cannot determine the parent task: enter it in a "
                "coroutine");
      EXPECT_EQ(thrown_by([] { (void)asyncio::timeout(1s).aenter(); }),
                "RuntimeError: Timeout should be used inside a task; enter it in a coroutine");
    });
    co_await asyncio::sleep(0s);
  };
  asyncio::testing::run(in_callback);
}

// failure 29
ASYNC_TEST(TaskGroupMisuse, DestroyedWhileItsTasksRunItCancelsThemAndSaysSo) {
  const support::LogCapture log;
  std::optional<asyncio::Task<>> child;
  {
    asyncio::TaskGroup group;
    co_await group.aenter();
    child = group.create_task(waits());
  }
  EXPECT_EQ(log.lines(),
            std::vector<std::string>(
                1,
                "<TaskGroup tasks=1 entered> was destroyed while its tasks run; they are "
                "cancelled. Leave a group by co_await with(TaskGroup(), ...)"));
  EXPECT_TRUE((co_await asyncio::as_result(*child)).cancelled());
}

// COMB-058, COMB-069, EXC-018
ASYNC_TEST(TimeoutMisuse, ItIsEnteredOnceAndRescheduledWhileItIsEntered) {
  asyncio::Timeout limit = asyncio::timeout(1s);
  const std::string twice =
      "RuntimeError: Timeout has already been entered; make a new one by timeout()";
  const auto reschedule = [&] { limit.reschedule(std::nullopt); };
  const auto aexit = [&] { (void)limit.aexit(nullptr); };
  const std::string not_entered =
      " is not entered; use with(timeout(...), body), which enters and leaves it once";
  EXPECT_EQ(thrown_by(reschedule),
            "RuntimeError: reschedule(): Timeout has not been entered; enter it by "
            "with(timeout(...), body)");
  EXPECT_EQ(thrown_by(aexit), "RuntimeError: aexit(): <Timeout [created]>" + not_entered);
  co_await asyncio::with(limit, [&]() -> asyncio::Coro<> {
    EXPECT_EQ(thrown_by([&] { (void)limit.aenter(); }), twice);
    co_return;
  });
  EXPECT_EQ(thrown_by([&] { (void)limit.aenter(); }), twice);
  EXPECT_EQ(thrown_by(aexit), "RuntimeError: aexit(): <Timeout [finished]>" + not_entered);
  EXPECT_EQ(thrown_by(reschedule),
            "RuntimeError: reschedule(): cannot change state of finished Timeout <Timeout "
            "[finished]>; make a new one by timeout()");
}

// api.md: with()
ASYNC_TEST(WithMisuse, ABodyWhoseErrorIsSwallowedHasNoValue) {
  auto body = []() -> asyncio::Coro<int> {
    throw std::runtime_error("no");
    co_return 1;
  };
  EXPECT_EQ(co_await thrown_by_await(asyncio::with(Swallows(), body)),
            "RuntimeError: with(): Swallows swallowed the body's exception, so there is no value "
            "to return; let the body return void or a std::optional");
}
