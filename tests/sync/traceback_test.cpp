// What tracebacks say of errors that came through the library's own coroutines.

#include <asyncio/traceback.hpp>

#include <asyncio/as_completed.hpp>
#include <asyncio/as_result.hpp>
#include <asyncio/async_timed.hpp>
#include <asyncio/detail/failure.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/finally.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/shield.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/wait.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/log_capture.hpp"
#include "support/outline.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::after;
using support::at;
using support::at_start;
using support::caught;
using support::lines;
using support::Outline;
using support::outline;

namespace {

// One coroutine per line and one co_await per line: g++ gives the last line of a longer one.

asyncio::Coro<int> parse() {
  co_await asyncio::sleep(1s);
  throw std::runtime_error("no such tag");
}
constexpr unsigned parse_line = __LINE__ - 3;

constexpr unsigned fetch_line = __LINE__ + 1;
asyncio::Coro<int> fetch() { co_return co_await parse(); }

/// Of an error of fetch(), below the frames that it was seen from.
template <class... Frames>
Outline fetched(const Frames&... above) {
  return lines(above..., at("fetch", fetch_line), after("parse", parse_line),
               "runtime_error: no such tag");
}

asyncio::Coro<> store() {
  co_await asyncio::sleep(1s);
  throw std::domain_error("no space");
}
constexpr unsigned store_line = __LINE__ - 3;

/// Of an error of a task that is store() itself, which no co_await has thrown.
const Outline stored = lines(after("store", store_line), "domain_error: no space");

constexpr unsigned save_line = __LINE__ + 1;
asyncio::Coro<> save() { co_await store(); }

template <class... Frames>
Outline saved(const Frames&... above) {
  return lines(above..., at("save", save_line), after("store", store_line),
               "domain_error: no space");
}

asyncio::Coro<int> give_value() {
  co_await asyncio::sleep(1s);
  co_return 1;
}

constexpr unsigned sleeper_line = __LINE__ + 1;
asyncio::Coro<> sleeper() { co_await asyncio::sleep(1h); }
constexpr unsigned sleeps_line = __LINE__ + 1;
asyncio::Coro<> sleeps() { co_await sleeper(); }

/// Of a cancellation of sleeps().
template <class... Frames>
Outline slept(const Frames&... above) {
  return lines(above..., at("sleeps", sleeps_line), at("sleeper", sleeper_line), "CancelledError");
}

bool has(const Outline& outline, const std::string& line) {
  return std::find(outline.begin(), outline.end(), line) != outline.end();
}

}  // namespace

// --- wait_for, timeout ---

namespace {

constexpr unsigned limited_fetch_line = __LINE__ + 1;
asyncio::Coro<int> limited_fetch() { co_return co_await asyncio::wait_for(fetch(), 1h); }
constexpr unsigned unlimited_fetch_line = __LINE__ + 1;
asyncio::Coro<int> unlimited_fetch() { co_return co_await asyncio::wait_for(fetch(), {}); }
constexpr unsigned limited_sleep_line = __LINE__ + 1;
asyncio::Coro<> limited_sleep() { co_await asyncio::wait_for(sleeps(), 1s); }
constexpr unsigned no_time_line = __LINE__ + 1;
asyncio::Coro<> no_time() { co_await asyncio::wait_for(sleeps(), 0s); }
constexpr unsigned limited_task_line = __LINE__ + 1;
asyncio::Coro<> limited_task(asyncio::Task<> task) { co_await asyncio::wait_for(task, 1s); }
constexpr unsigned no_time_for_task_line = __LINE__ + 1;
asyncio::Coro<> no_time_for_task(asyncio::Task<> task) { co_await asyncio::wait_for(task, 0s); }
constexpr unsigned limited_scope_line = __LINE__ + 1;
asyncio::Coro<> limited_scope() { co_await asyncio::with(asyncio::timeout(1s), sleeps); }

}  // namespace

ASYNC_TEST(TracebackOfWaitFor, HasNoFramesOfTheLibrary) {
  EXPECT_EQ(co_await caught(limited_fetch()), fetched(at("limited_fetch", limited_fetch_line)));
  EXPECT_EQ(co_await caught(unlimited_fetch()),
            fetched(at("unlimited_fetch", unlimited_fetch_line)));
}

// COMB-043, EXC-017
ASYNC_TEST(TracebackOfWaitFor, OfATimeoutHasTheCancellationAsItsCause) {
  EXPECT_EQ(co_await caught(limited_sleep()),
            lines(slept(), support::caused, at("limited_sleep", limited_sleep_line),
                  "TimeoutError: timed out"));
}

// COMB-043, EXC-017
ASYNC_TEST(TracebackOfWaitFor, OfATimeoutOfATaskHasTheTasksFramesInItsCause) {
  auto task = asyncio::create_task(sleeps());
  co_await asyncio::sleep(0s);
  EXPECT_EQ(co_await caught(limited_task(task)),
            lines(slept(), support::caused, at("limited_task", limited_task_line),
                  "TimeoutError: timed out"));
}

// EXC-017
ASYNC_TEST(TracebackOfWaitFor, WithoutAnyTimeHasTheCancellationAsItsCause) {
  EXPECT_EQ(co_await caught(no_time()),
            lines("CancelledError", support::caused, at("no_time", no_time_line),
                  "TimeoutError: timed out"));
  auto task = asyncio::create_task(sleeps());
  co_await asyncio::sleep(0s);
  EXPECT_EQ(co_await caught(no_time_for_task(task)),
            lines(slept(), support::caused, at("no_time_for_task", no_time_for_task_line),
                  "TimeoutError: timed out"));
}

// COMB-061, EXC-017
ASYNC_TEST(TracebackOfTimeout, HasTheCancellationAsItsCause) {
  EXPECT_EQ(co_await caught(limited_scope()),
            lines(slept(), support::caused, at("limited_scope", limited_scope_line),
                  "TimeoutError: timed out"));
}

namespace {

asyncio::Coro<> clean_up_badly() {
  try {
    co_await sleeper();
  } catch (const asyncio::CancelledError&) {
    throw std::domain_error("cleanup");
  }
}
constexpr unsigned clean_up_badly_line = __LINE__ - 5;

asyncio::Coro<> limited_by(asyncio::Timeout& limit) {
  co_await asyncio::with(limit, clean_up_badly);
}
constexpr unsigned limited_by_line = __LINE__ - 2;

}  // namespace

// COMB-064
ASYNC_TEST(TracebackOfTimeout, OfAnotherErrorOfTheBodyIsTheBodys) {
  asyncio::Timeout limit = asyncio::timeout(1s);
  EXPECT_EQ(co_await caught(limited_by(limit)),
            lines(at("limited_by", limited_by_line), after("clean_up_badly", clean_up_badly_line),
                  "domain_error: cleanup"));
  EXPECT_TRUE(limit.expired());
}

namespace {

asyncio::Coro<> outer_limit() {
  const auto inner = [] { return limited_sleep(); };
  co_await asyncio::with(asyncio::timeout(1h), inner);
}
constexpr unsigned outer_limit_line = __LINE__ - 2;

}  // namespace

// COMB-071, EXC-017
ASYNC_TEST(TracebackOfTimeout, OfAnInnerOneKeepsItsCauseOnItsWayOut) {
  EXPECT_EQ(co_await caught(outer_limit()),
            lines(slept(), support::caused, at("outer_limit", outer_limit_line),
                  at("limited_sleep", limited_sleep_line), "TimeoutError: timed out"));
}

namespace {

asyncio::Coro<> recurse_by_wait_for(int depth) {
  if (depth == 0) throw std::range_error("at the bottom");
  co_await asyncio::wait_for(recurse_by_wait_for(depth - 1), 1h);
}
constexpr unsigned by_wait_for_line = __LINE__ - 2;

}  // namespace

// The frames that are left out do not stand between those that are shown
ASYNC_TEST(TracebackOfWaitFor, CollapsesARecursion) {
  const std::string frame = at("recurse_by_wait_for", by_wait_for_line);
  EXPECT_EQ(co_await caught(recurse_by_wait_for(10)),
            lines(frame, frame, frame, support::more(7), at_start("recurse_by_wait_for"),
                  "range_error: at the bottom"));
}

ASYNC_TEST(TracebackOfAsyncTimed, HasNoFramesOfTheLibrary) {
  const auto timed = []() -> asyncio::Coro<int> {
    co_return co_await asyncio::async_timed(fetch());
  };
  testing::internal::CaptureStdout();
  const Outline seen = co_await caught(timed());
  (void)testing::internal::GetCapturedStdout();
  EXPECT_EQ(seen.size(), fetched().size() + 1);
  EXPECT_EQ(Outline(seen.begin() + 1, seen.end()), fetched());
}

// --- gather ---

namespace {

constexpr unsigned gather_two_line = __LINE__ + 1;
asyncio::Coro<> gather_two() { co_await asyncio::gather(give_value(), fetch()); }

asyncio::Coro<> gather_range() {
  std::vector<asyncio::Coro<int>> coros;
  coros.push_back(give_value());
  coros.push_back(fetch());
  co_await asyncio::gather(std::move(coros));
}
constexpr unsigned gather_range_line = __LINE__ - 2;

asyncio::Coro<> gather_gathers() {
  auto inner = asyncio::gather(give_value(), fetch());
  co_await asyncio::gather(std::move(inner), give_value());
}
constexpr unsigned gather_gathers_line = __LINE__ - 2;

asyncio::Coro<int> ask_for_value_of_two() {
  auto results = co_await asyncio::gather(asyncio::return_exceptions, give_value(), fetch());
  asyncio::detail::forget_failures();
  EXPECT_EQ(std::get<0>(results).value(), 1);
  co_return std::get<1>(results).value();
}
constexpr unsigned value_of_two_line = __LINE__ - 5;

asyncio::Coro<int> ask_for_value_of_range() {
  std::vector<asyncio::Task<int>> tasks(1, asyncio::create_task(fetch()));
  auto results = co_await asyncio::gather(asyncio::return_exceptions, tasks);
  asyncio::detail::forget_failures();
  co_return results.at(0).value();
}
constexpr unsigned value_of_range_line = __LINE__ - 4;

}  // namespace

// COMB-013
ASYNC_TEST(TracebackOfGather, HasTheFramesOfTheOneThatFailed) {
  EXPECT_EQ(co_await caught(gather_two()), fetched(at("gather_two", gather_two_line)));
  EXPECT_EQ(co_await caught(gather_range()), fetched(at("gather_range", gather_range_line)));
}

// COMB-013
ASYNC_TEST(TracebackOfGather, OfOneInAnotherIsTheSame) {
  EXPECT_EQ(co_await caught(gather_gathers()), fetched(at("gather_gathers", gather_gathers_line)));
}

// COMB-015
ASYNC_TEST(TracebackOfGather, GoesOnWhereAResultsValueIsAskedFor) {
  EXPECT_EQ(co_await caught(ask_for_value_of_two()),
            fetched(after("ask_for_value_of_two", value_of_two_line)));
  EXPECT_EQ(co_await caught(ask_for_value_of_range()),
            fetched(after("ask_for_value_of_range", value_of_range_line)));
}

// COMB-015
ASYNC_TEST(TracebackOfGather, OfManyResultsIsEachsOwn) {
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < 40; ++i) {
    tasks.push_back(i % 2 == 0 ? asyncio::create_task(save()) : asyncio::create_task(sleeps()));
  }
  co_await asyncio::sleep(0s);
  for (std::size_t i = 1; i < tasks.size(); i += 2) tasks[i].cancel();
  auto results = co_await asyncio::gather(asyncio::return_exceptions, tasks);
  asyncio::detail::forget_failures();
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(outline(results[i].error()), i % 2 == 0 ? saved() : slept()) << i;
  }
}

// --- shield, wait, as_completed ---

namespace {

constexpr unsigned shielded_line = __LINE__ + 1;
asyncio::Coro<int> shielded() { co_return co_await asyncio::shield(fetch()); }

asyncio::Coro<> wait_then_await() {
  std::vector<asyncio::Task<>> tasks(1, asyncio::create_task(save()));
  auto ended = co_await asyncio::wait(tasks);
  co_await ended.done.at(0);
}
constexpr unsigned wait_then_await_line = __LINE__ - 2;

asyncio::Coro<> await_completions() {
  std::vector<asyncio::Task<>> tasks(1, asyncio::create_task(save()));
  for (auto& next : asyncio::as_completed(tasks)) co_await next;
}
constexpr unsigned completions_line = __LINE__ - 2;

asyncio::Coro<> await_next_completed() {
  std::vector<asyncio::Task<>> tasks(1, asyncio::create_task(save()));
  auto completed = asyncio::as_completed(tasks);
  while (auto task = co_await completed.next()) {
    co_await *task;
  }
}
constexpr unsigned next_completed_line = __LINE__ - 3;

asyncio::Coro<> await_completions_in_time(const std::vector<asyncio::Task<>>& tasks) {
  for (auto& next : asyncio::as_completed(tasks, 1s)) co_await next;
}
constexpr unsigned in_time_line = __LINE__ - 2;

}  // namespace

// COMB-079
ASYNC_TEST(TracebackOfShield, HasTheFramesOfWhatIsShielded) {
  EXPECT_EQ(co_await caught(shielded()), fetched(at("shielded", shielded_line)));
}

// COMB-083
ASYNC_TEST(TracebackOfShield, OfAnErrorNobodySeesGoesToTheExceptionHandler) {
  std::vector<Outline> told;
  asyncio::get_running_loop().set_exception_handler(
      [&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
        told.push_back(outline(context.exception));
      });
  auto task = asyncio::create_task(shielded());
  co_await asyncio::sleep(0s);
  task.cancel();
  EXPECT_EQ(co_await caught(task), lines(at("shielded", shielded_line), "CancelledError"));
  co_await asyncio::sleep(1h);
  EXPECT_EQ(told, std::vector<Outline>{fetched()});
}

ASYNC_TEST(TracebackOfWait, IsTheTasksWithTheFramesOfWhoAwaitsIt) {
  EXPECT_EQ(co_await caught(wait_then_await()), saved(at("wait_then_await", wait_then_await_line)));
  std::vector<asyncio::Task<>> tasks(1, asyncio::create_task(save()));
  auto ended = co_await asyncio::wait(tasks);
  EXPECT_EQ(outline(ended.done.at(0).exception()), saved());
}

ASYNC_TEST(TracebackOfAsCompleted, HasTheFramesOfTheTaskThatFailed) {
  EXPECT_EQ(co_await caught(await_completions()), saved(at("await_completions", completions_line)));
  EXPECT_EQ(co_await caught(await_next_completed()),
            saved(at("await_next_completed", next_completed_line)));
}

ASYNC_TEST(TracebackOfAsCompleted, OfATimeoutHasTheFramesOfWhoAwaits) {
  const std::vector<asyncio::Task<>> tasks(1, asyncio::create_task(sleeps()));
  const Outline seen = co_await caught(await_completions_in_time(tasks));
  EXPECT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen.front(), at("await_completions_in_time", in_time_line));
  EXPECT_EQ(seen.back().find("TimeoutError: "), 0U);
  tasks.front().cancel();
  (void)co_await asyncio::as_result(tasks.front());
}

// --- TaskGroup ---

namespace {

void start_both(asyncio::TaskGroup& group) {
  group.create_task(fetch());
  group.create_task(save());
}
constexpr unsigned both_line = __LINE__ + 1;
asyncio::Coro<> both() { co_await asyncio::with(asyncio::TaskGroup(), start_both); }
constexpr unsigned around_both_line = __LINE__ + 1;
asyncio::Coro<> around_both() { co_await both(); }

const std::string unhandled = "ExceptionGroup: unhandled errors in a TaskGroup ";

}  // namespace

// COMB-112, COMB-113, TASK-054
ASYNC_TEST(TracebackOfTaskGroup, HasTheFramesOfTheGroupAndOfEachMember) {
  EXPECT_EQ(co_await caught(around_both()),
            lines(at("around_both", around_both_line), at("both", both_line),
                  unhandled + "(2 sub-exceptions)", "1", fetched(), "2", saved()));
}

namespace {

asyncio::Coro<> fail_in_body(asyncio::TaskGroup& group) {
  group.create_task(clean_up_badly());
  co_await save();
}
constexpr unsigned in_body_line = __LINE__ - 2;

constexpr unsigned body_and_child_line = __LINE__ + 1;
asyncio::Coro<> body_and_child() { co_await asyncio::with(asyncio::TaskGroup(), fail_in_body); }

}  // namespace

// COMB-112, COMB-113, COMB-117
ASYNC_TEST(TracebackOfTaskGroup, HasTheBodysErrorAsAMemberAndNotAsContext) {
  EXPECT_EQ(co_await caught(body_and_child()),
            lines(at("body_and_child", body_and_child_line), unhandled + "(2 sub-exceptions)", "1",
                  after("clean_up_badly", clean_up_badly_line), "domain_error: cleanup", "2",
                  saved(at("fail_in_body", in_body_line))));
}

namespace {

asyncio::Coro<> nest(asyncio::TaskGroup& group) {
  group.create_task(fetch());
  co_await both();
}
constexpr unsigned nest_line = __LINE__ - 2;
constexpr unsigned nested_line = __LINE__ + 1;
asyncio::Coro<> nested() { co_await asyncio::with(asyncio::TaskGroup(), nest); }

asyncio::Coro<> nest_task(asyncio::TaskGroup& group) {
  group.create_task(both());
  co_await sleeps();
}
constexpr unsigned nested_in_task_line = __LINE__ + 1;
asyncio::Coro<> nested_in_task() { co_await asyncio::with(asyncio::TaskGroup(), nest_task); }

}  // namespace

// COMB-126
ASYNC_TEST(TracebackOfTaskGroup, OfANestedOneIsATreeInTheTree) {
  EXPECT_EQ(
      co_await caught(nested_in_task()),
      lines(at("nested_in_task", nested_in_task_line), unhandled + "(1 sub-exception)", "1",
            at("both", both_line), unhandled + "(2 sub-exceptions)", "1", fetched(), "2", saved()));
}

// COMB-126
ASYNC_TEST(TracebackOfTaskGroup, OfANestedOneThatTheBodyAwaitsHasTheBodysFrames) {
  EXPECT_EQ(co_await caught(nested()),
            lines(at("nested", nested_line), unhandled + "(2 sub-exceptions)", "1", fetched(), "2",
                  at("nest", nest_line), at("both", both_line), unhandled + "(2 sub-exceptions)",
                  "1", fetched(), "2", saved()));
}

namespace {

void start_forty(asyncio::TaskGroup& group) {
  for (int i = 0; i < 20; ++i) group.create_task(fetch());
  for (int i = 0; i < 20; ++i) group.create_task(save());
}

}  // namespace

// COMB-112, EXC-009
ASYNC_TEST(TracebackOfTaskGroup, HasTheFramesOfMoreMembersThanTheThreadRemembers) {
  auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), start_forty));
  asyncio::detail::forget_failures();
  Outline seen;
  try {
    end.value();
  } catch (const asyncio::ExceptionGroup& group) {
    EXPECT_EQ(group.exceptions().size(), 40U);
    seen = outline(std::make_exception_ptr(*group.subgroup<std::domain_error>()));
  }
  Outline expected = lines(unhandled + "(20 sub-exceptions)");
  for (int i = 1; i <= 15; ++i) expected = lines(expected, std::to_string(i), saved());
  EXPECT_EQ(seen, lines(expected, "...", "and 5 more exceptions"));
}

namespace {

asyncio::Coro<> sleep_in_body(asyncio::TaskGroup& group) {
  group.create_task(sleeps());
  co_await sleeps();
}
constexpr unsigned sleep_in_body_line = __LINE__ - 2;
constexpr unsigned sleeping_group_line = __LINE__ + 1;
asyncio::Coro<> sleeping_group() { co_await asyncio::with(asyncio::TaskGroup(), sleep_in_body); }

}  // namespace

// COMB-118
ASYNC_TEST(TracebackOfTaskGroup, OfACancellationIsTheBodys) {
  auto task = asyncio::create_task(sleeping_group());
  co_await asyncio::sleep(1s);
  task.cancel();
  EXPECT_EQ(co_await caught(task), slept(at("sleeping_group", sleeping_group_line),
                                         at("sleep_in_body", sleep_in_body_line)));
}

namespace {

constexpr unsigned limited_group_line = __LINE__ + 1;
asyncio::Coro<> limited_group() { co_await asyncio::wait_for(sleeping_group(), 1s); }

asyncio::Coro<> interrupt() {
  co_await asyncio::sleep(1s);
  throw asyncio::KeyboardInterrupt();
}

}  // namespace

// COMB-076, EXC-017
ASYNC_TEST(TracebackOfTaskGroup, InATimeoutIsItsCause) {
  EXPECT_EQ(
      co_await caught(limited_group()),
      lines(
          slept(at("sleeping_group", sleeping_group_line), at("sleep_in_body", sleep_in_body_line)),
          support::caused, at("limited_group", limited_group_line), "TimeoutError: timed out"));
}

// COMB-125
ASYNC_TEST(TracebackOfTaskGroup, OfAChildThatFailsAfterTheParentGoesToTheExceptionHandler) {
  const support::LogCapture log;
  std::vector<Outline> told;
  asyncio::get_running_loop().set_exception_handler(
      [&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
        told.push_back(outline(context.exception));
      });
  asyncio::TaskGroup group;
  const auto enter = [&]() -> asyncio::Coro<> {
    co_await group.aenter();
    group.create_task(store());
  };
  co_await asyncio::create_task(enter);
  co_await asyncio::sleep(1h);
  EXPECT_EQ(told, std::vector<Outline>{stored});
}

// COMB-123
TEST(TracebackOfTaskGroup, OfAnErrorHiddenByAKeyboardInterruptGoesToTheExceptionHandler) {
  const support::LogCapture log;
  const auto start = [](asyncio::TaskGroup& group) {
    group.create_task(store());
    group.create_task(interrupt());
  };
  const auto main = [&]() -> asyncio::Coro<> {
    co_await asyncio::with(asyncio::TaskGroup(), start);
  };
  EXPECT_THROW(asyncio::testing::run(main), asyncio::KeyboardInterrupt);
  int told = 0;
  for (const std::string& text : log.lines()) {
    if (text.find("is hidden by a KeyboardInterrupt") == text.npos) continue;
    ++told;
    EXPECT_TRUE(has(outline(text), after("store", store_line))) << text;
  }
  EXPECT_EQ(told, 1);
}

// --- finally ---

namespace {

asyncio::Coro<> tidy() { co_await asyncio::sleep(1s); }

asyncio::Coro<> forget() {
  co_await asyncio::sleep(1s);
  asyncio::detail::forget_failures();
}
constexpr unsigned forgotten_line = __LINE__ + 1;
asyncio::Coro<int> forgotten() { co_return co_await asyncio::finally(fetch(), forget); }

constexpr unsigned tidied_line = __LINE__ + 1;
asyncio::Coro<int> tidied() { co_return co_await asyncio::finally(fetch(), tidy); }
constexpr unsigned badly_tidied_line = __LINE__ + 1;
asyncio::Coro<int> badly_tidied() { co_return co_await asyncio::finally(fetch(), save); }
constexpr unsigned only_tidying_fails_line = __LINE__ + 1;
asyncio::Coro<> only_tidying_fails() { co_await asyncio::finally(tidy(), save); }
constexpr unsigned tidied_later_line = __LINE__ + 1;
asyncio::Coro<> tidied_later() { co_await asyncio::finally(sleeps(), save); }

asyncio::Coro<int> shielded_tidied() {
  co_return co_await asyncio::finally(fetch(), asyncio::shielded, tidy);
}
constexpr unsigned shielded_tidied_line = __LINE__ - 2;

asyncio::Coro<int> shielded_badly_tidied() {
  co_return co_await asyncio::finally(fetch(), asyncio::shielded, save);
}
constexpr unsigned shielded_badly_tidied_line = __LINE__ - 2;

}  // namespace

ASYNC_TEST(TracebackOfFinally, IsTheErrorsIfTheCleanupSucceeds) {
  EXPECT_EQ(co_await caught(tidied()), fetched(at("tidied", tidied_line)));
  EXPECT_EQ(co_await caught(forgotten()), fetched(at("forgotten", forgotten_line)));
  EXPECT_EQ(co_await caught(shielded_tidied()),
            fetched(at("shielded_tidied", shielded_tidied_line)));
}

ASYNC_TEST(TracebackOfFinally, OfACleanupThatFailsAloneIsTheCleanups) {
  EXPECT_EQ(co_await caught(only_tidying_fails()),
            saved(at("only_tidying_fails", only_tidying_fails_line)));
}

ASYNC_TEST(TracebackOfFinally, OfACleanupThatFailsAfterAnErrorHasThatAsItsContext) {
  EXPECT_EQ(co_await caught(badly_tidied()), lines(fetched(), support::while_handling,
                                                   saved(at("badly_tidied", badly_tidied_line))));
  EXPECT_EQ(co_await caught(shielded_badly_tidied()),
            lines(fetched(), support::while_handling,
                  saved(at("shielded_badly_tidied", shielded_badly_tidied_line))));
}

// TASK-078
ASYNC_TEST(TracebackOfFinally, OfACleanupThatFailsAfterACancellationHasThatAsItsContext) {
  auto task = asyncio::create_task(tidied_later());
  co_await asyncio::sleep(1s);
  task.cancel();
  EXPECT_EQ(co_await caught(task),
            lines(slept(), support::while_handling, saved(at("tidied_later", tidied_later_line))));
}

// As a CancelledError that Python raises in a finally block
ASYNC_TEST(TracebackOfFinally, OfACancellationDuringAShieldedCleanupHasTheErrorAsItsContext) {
  auto task = asyncio::create_task(shielded_tidied());
  co_await asyncio::sleep(1500ms);  // in the cleanup
  task.cancel();
  EXPECT_EQ(co_await caught(task),
            lines(fetched(), support::while_handling, at("shielded_tidied", shielded_tidied_line),
                  "CancelledError"));
}

namespace {

asyncio::Coro<> save_for(int depth) {
  if (depth == 0) throw std::range_error("first");
  const auto again = [] { return save(); };
  co_await asyncio::finally(save_for(depth - 1), again);
}
constexpr unsigned save_for_line = __LINE__ - 2;

asyncio::Coro<> nest_in_cleanup() {
  try {
    co_await save();
  } catch (const std::domain_error&) {
    std::throw_with_nested(std::logic_error("cleanup"));
  }
}
constexpr unsigned nest_in_cleanup_line = __LINE__ - 5;

asyncio::Coro<int> nested_cleanup() {
  co_return co_await asyncio::finally(fetch(), nest_in_cleanup);
}
constexpr unsigned nested_cleanup_line = __LINE__ - 2;

asyncio::Coro<> clean_up_with(asyncio::Task<> task) {
  const auto again = [&]() -> asyncio::Coro<> { co_await task; };
  co_await asyncio::finally(task, again);
}
constexpr unsigned clean_up_with_line = __LINE__ - 2;

}  // namespace

ASYNC_TEST(TracebackOfFinally, OfCleanupsThatFailOneAfterAnotherIsAChain) {
  const std::string frame = at("save_for", save_for_line);
  EXPECT_EQ(co_await caught(save_for(2)),
            lines(at_start("save_for"), "range_error: first", support::while_handling, saved(frame),
                  support::while_handling, saved(frame)));
}

// As in Python, where `raise ... from` goes before what was being handled
ASYNC_TEST(TracebackOfFinally, OfACleanupThatThrowsWithNestedHasTheNestedErrorAsItsCause) {
  const Outline seen = co_await caught(nested_cleanup());
  const Outline expected =
      lines(saved(at("nest_in_cleanup", nest_in_cleanup_line)), support::caused,
            at("nested_cleanup", nested_cleanup_line),
            after("nest_in_cleanup", nest_in_cleanup_line), "logic_error: cleanup");
  EXPECT_GE(seen.size(), expected.size());
  const auto tail =
      seen.end() - static_cast<std::ptrdiff_t>(std::min(seen.size(), expected.size()));
  EXPECT_EQ(Outline(tail, seen.end()), expected);
}

// EXC-016
ASYNC_TEST(TracebackOfFinally, OfACleanupThatFailsWithTheSameErrorHasNoContext) {
  auto task = asyncio::create_task(save());
  const Outline seen = co_await caught(clean_up_with(task));
  EXPECT_EQ(seen.front(), at("clean_up_with", clean_up_with_line));
  EXPECT_FALSE(has(seen, support::while_handling));
  EXPECT_EQ(seen.back(), "domain_error: no space");
}

// --- with ---

namespace {

/// A manager whose methods do what they are told.
struct Manager {
  bool enters = true;
  bool leaves = true;
  bool swallows = false;
  bool forgets = false;
  Outline* told = nullptr;

  asyncio::Coro<> aenter() {
    co_await asyncio::sleep(1s);
    if (!enters) throw std::range_error("no entry");
  }
  asyncio::Coro<bool> aexit(std::exception_ptr error) {
    co_await asyncio::sleep(1s);
    if (told != nullptr) *told = outline(error);
    if (forgets) asyncio::detail::forget_failures();
    if (!leaves) co_await save();
    co_return swallows;
  }
};
constexpr unsigned aenter_line = __LINE__ - 11;
constexpr unsigned aexit_line = __LINE__ - 5;

asyncio::Coro<> fetch_and_drop() { co_await fetch(); }
constexpr unsigned fetch_and_drop_line = __LINE__ - 1;

constexpr unsigned managed_line = __LINE__ + 1;
asyncio::Coro<> managed(Manager& manager) { co_await asyncio::with(manager, fetch_and_drop); }
constexpr unsigned managed_tidy_line = __LINE__ + 1;
asyncio::Coro<> managed_tidy(Manager& manager) { co_await asyncio::with(manager, tidy); }

}  // namespace

ASYNC_TEST(TracebackOfWith, IsTheBodysErrorsAndKnownToTheManager) {
  Outline told;
  Manager manager{.told = &told};
  EXPECT_EQ(co_await caught(managed(manager)),
            fetched(at("managed", managed_line), at("fetch_and_drop", fetch_and_drop_line)));
  EXPECT_EQ(told, fetched(at("fetch_and_drop", fetch_and_drop_line)));
}

ASYNC_TEST(TracebackOfWith, IsKeptWhileTheManagerIsLeft) {
  Manager manager{.forgets = true};
  EXPECT_EQ(co_await caught(managed(manager)),
            fetched(at("managed", managed_line), at("fetch_and_drop", fetch_and_drop_line)));
}

ASYNC_TEST(TracebackOfWith, OfAManagerThatFailsAfterAnErrorHasThatAsItsContext) {
  Manager manager{.leaves = false};
  EXPECT_EQ(co_await caught(managed(manager)),
            lines(fetched(at("fetch_and_drop", fetch_and_drop_line)), support::while_handling,
                  saved(at("managed", managed_line), at("Manager::aexit", aexit_line))));
}

ASYNC_TEST(TracebackOfWith, OfAManagerThatFailsAloneIsTheManagers) {
  Manager leaves_badly{.leaves = false};
  EXPECT_EQ(co_await caught(managed_tidy(leaves_badly)),
            saved(at("managed_tidy", managed_tidy_line), at("Manager::aexit", aexit_line)));
  Manager enters_badly{.enters = false};
  EXPECT_EQ(co_await caught(managed_tidy(enters_badly)),
            lines(at("managed_tidy", managed_tidy_line), after("Manager::aenter", aenter_line),
                  "range_error: no entry"));
}

namespace {

/// Throws the body's error on from its aexit().
struct Rethrower {
  asyncio::Coro<> aenter() { co_return; }
  asyncio::Coro<> aexit(std::exception_ptr error) {
    co_await asyncio::sleep(1s);
    if (error != nullptr) std::rethrow_exception(error);
  }
};
constexpr unsigned rethrower_line = __LINE__ - 4;

constexpr unsigned rethrown_line = __LINE__ + 1;
asyncio::Coro<> rethrown() { co_await asyncio::with(Rethrower(), fetch_and_drop); }

}  // namespace

// EXC-016
ASYNC_TEST(TracebackOfWith, OfAManagerThatThrowsTheSameErrorHasNoContext) {
  EXPECT_EQ(co_await caught(rethrown()),
            fetched(at("rethrown", rethrown_line), after("Rethrower::aexit", rethrower_line),
                    at("fetch_and_drop", fetch_and_drop_line)));
}

// --- cost ---

ASYNC_TEST(TracebackOfTheLibrary, KeepsNoErrorAliveOnceItIsForgotten) {
  struct Counted : std::runtime_error {
    explicit Counted(int& alive) : std::runtime_error("counted"), count(&alive) { ++*count; }
    Counted(const Counted& other) : std::runtime_error(other), count(other.count) { ++*count; }
    Counted& operator=(const Counted&) = delete;
    ~Counted() override { --*count; }
    int* count;
  };
  int alive = 0;
  const auto fail = [&]() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    throw Counted(alive);
  };
  const auto start = [&](asyncio::TaskGroup& group) {
    group.create_task(fail());
    group.create_task(fail());
  };
  const auto grouped = [&]() -> asyncio::Coro<> {
    co_await asyncio::with(asyncio::TaskGroup(), start);
  };
  const auto cleaned = [&]() -> asyncio::Coro<> { co_await asyncio::finally(grouped(), fail); };
  const auto limited = [&]() -> asyncio::Coro<> { co_await asyncio::wait_for(cleaned(), 1h); };
  const Outline seen = co_await caught(limited());
  EXPECT_TRUE(has(seen, support::while_handling));
  EXPECT_EQ(alive, 3);
  asyncio::detail::forget_failures();
  EXPECT_EQ(alive, 0);
}
