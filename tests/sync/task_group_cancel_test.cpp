#include <asyncio/task_group.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

/// "what()", "CancelledError(message)", or "[member, member]" for a group.
std::string shape_of(const std::exception_ptr& error) {
  if (error == nullptr) return "value";
  try {
    std::rethrow_exception(error);
  } catch (const asyncio::BaseExceptionGroup& group) {
    std::string text;
    for (const auto& e : group.exceptions()) text += (text.empty() ? "" : ", ") + shape_of(e);
    return "[" + text + "]";
  } catch (const asyncio::CancelledError& e) {
    return "CancelledError(" + std::string(e.message()) + ")";
  } catch (const asyncio::KeyboardInterrupt&) {
    return "KeyboardInterrupt";
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "something";
  }
}

std::uint32_t parents_cancels() { return asyncio::current_task()->cancelling(); }

asyncio::Coro<> fails_after(asyncio::Duration delay, std::string text) {
  co_await asyncio::sleep(delay);
  throw std::domain_error(text);
}

asyncio::Coro<> fails_when_cancelled(std::string text) {
  (void)co_await asyncio::as_result(asyncio::sleep(1h));
  throw std::domain_error(text);
}

asyncio::Coro<> logs_cancels(Log& log, std::string name, asyncio::Duration cleanup = {}) {
  auto end = co_await asyncio::as_result(asyncio::sleep(1h));
  if (end.cancelled()) log.push_back(name + " cancelled");
  if (cleanup > asyncio::Duration()) {
    auto again = co_await asyncio::as_result(asyncio::sleep(cleanup));
    log.push_back(name + (again.cancelled() ? " cancelled again" : " cleaned up"));
  }
  end.value();
}

// Logs how the task has ended and with which count of cancels.
asyncio::Coro<> report_end(asyncio::Task<> task, Log& log) {
  auto end = co_await asyncio::as_result(task);
  log.push_back(shape_of(end.error()) + " " + std::to_string(task.cancelling()));
}

// What the next suspension of this task gives.
asyncio::Coro<std::string> next_suspension() {
  auto next = co_await asyncio::as_result(asyncio::sleep(0s));
  co_return next.cancelled() ? "CancelledError" : "nothing";
}

}  // namespace

// COMB-117
ASYNC_TEST(TaskGroupBodyFailure, CancelsTheChildrenWaitsForThemAndThrowsAGroup) {
  Log log;
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
        group.create_task(logs_cancels(log, "child", 2s));
        co_await asyncio::sleep(1s);
        throw std::domain_error("body");
      }));
  EXPECT_EQ(shape_of(end.error()), "[body]");
  EXPECT_EQ(log, (Log{"child cancelled", "child cleaned up"}));
  EXPECT_EQ(loop.time() - start, asyncio::Duration(3s));
}

// COMB-117, TASK-066
ASYNC_TEST(TaskGroupBodyFailure, AtOnceCancelsChildrenThatHaveNotBegun) {
  Log log;
  std::vector<asyncio::Task<>> children;
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
        children.push_back(group.create_task(logs_cancels(log, "one")));
        children.push_back(group.create_task(logs_cancels(log, "two")));
        throw std::domain_error("body");
      }));
  EXPECT_EQ(shape_of(end.error()), "[body]");
  EXPECT_EQ(log, Log{});
  for (const auto& child : children) EXPECT_TRUE(child.cancelled());
}

// COMB-117, COMB-112
ASYNC_TEST(TaskGroupBodyFailure, GroupsTheBodysErrorAfterThoseOfTheCancelledChildren) {
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
        group.create_task(fails_when_cancelled("child"));
        co_await asyncio::sleep(1s);
        throw std::domain_error("body");
      }));
  EXPECT_EQ(shape_of(end.error()), "[child, body]");
  EXPECT_EQ(parents_cancels(), 0u);
}

// COMB-121
ASYNC_TEST(TaskGroupBodyFailure, ACancelledErrorOfTheBodyItselfIsThrownBare) {
  Log log;
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
        group.create_task(logs_cancels(log, "child"));
        co_await asyncio::sleep(1s);
        throw asyncio::CancelledError("mine");
      }));
  EXPECT_EQ(shape_of(end.error()), "CancelledError(mine)");
  EXPECT_EQ(log, (Log{"child cancelled"}));
}

// COMB-118
ASYNC_TEST(TaskGroupCancellation, InTheBodyCancelsTheChildrenAndIsThrownBare) {
  Log log;
  auto parent = asyncio::create_task([&]() -> asyncio::Coro<> {
    co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
      group.create_task(logs_cancels(log, "child", 1s));
      co_await asyncio::sleep(1h);
    });
  });
  co_await asyncio::sleep(1s);
  parent.cancel("stop");
  co_await report_end(parent, log);
  EXPECT_EQ(log, (Log{"child cancelled", "child cleaned up", "CancelledError(stop) 1"}));
  EXPECT_TRUE(parent.cancelled());
}

// COMB-118
ASYNC_TEST(TaskGroupCancellation, WhileTheGroupWaitsCancelsTheChildrenAndIsThrownBare) {
  Log log;
  auto parent = asyncio::create_task([&]() -> asyncio::Coro<> {
    co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
      group.create_task(logs_cancels(log, "one", 1s));
      group.create_task(logs_cancels(log, "two"));
    });
  });
  co_await asyncio::sleep(1s);
  parent.cancel("stop");
  co_await report_end(parent, log);
  EXPECT_EQ(log,
            (Log{"one cancelled", "two cancelled", "one cleaned up", "CancelledError(stop) 1"}));
}

// COMB-118, COMB-104
ASYNC_TEST(TaskGroupCancellation, InTheBodyOfAGroupWithoutChildrenIsThrownBare) {
  Log log;
  auto parent = asyncio::create_task([&]() -> asyncio::Coro<> {
    co_await asyncio::with(asyncio::TaskGroup(), [&]() -> asyncio::Coro<> {
      auto end = co_await asyncio::as_result(asyncio::sleep(1h));
      log.push_back("body cancelled");
      end.value();
    });
  });
  co_await asyncio::sleep(1s);
  parent.cancel("stop");
  co_await report_end(parent, log);
  EXPECT_EQ(log, (Log{"body cancelled", "CancelledError(stop) 1"}));
}

// COMB-119
ASYNC_TEST(TaskGroupCancellation, WithChildErrorsGivesTheGroupAndStaysPending) {
  Log log;
  auto parent = asyncio::create_task([&]() -> asyncio::Coro<> {
    auto end = co_await asyncio::as_result(asyncio::with(
        asyncio::TaskGroup(),
        [&](asyncio::TaskGroup& group) { group.create_task(fails_when_cancelled("child")); }));
    log.push_back(shape_of(end.error()) + " " + std::to_string(parents_cancels()));
    log.push_back(co_await next_suspension() + " " + std::to_string(parents_cancels()));
  });
  co_await asyncio::sleep(1s);
  parent.cancel();
  co_await parent;
  EXPECT_EQ(log, (Log{"[child] 1", "CancelledError 1"}));
}

// COMB-119
ASYNC_TEST(TaskGroupCancellation, InTheBodyWithChildErrorsGivesTheGroupAndStaysPending) {
  Log log;
  auto parent = asyncio::create_task([&]() -> asyncio::Coro<> {
    auto end = co_await asyncio::as_result(
        asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
          group.create_task(fails_when_cancelled("child"));
          co_await asyncio::sleep(1h);
        }));
    log.push_back(shape_of(end.error()) + " " + std::to_string(parents_cancels()));
    log.push_back(co_await next_suspension() + " " + std::to_string(parents_cancels()));
  });
  co_await asyncio::sleep(1s);
  parent.cancel();
  co_await parent;
  EXPECT_EQ(log, (Log{"[child] 1", "CancelledError 1"}));
}

// COMB-119
ASYNC_TEST(TaskGroupCancellation, AfterAChildErrorWhileItWaitsGivesTheGroupAndStaysPending) {
  Log log;
  auto parent = asyncio::create_task([&]() -> asyncio::Coro<> {
    auto end = co_await asyncio::as_result(
        asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
          group.create_task(fails_after(1s, "child"));
          group.create_task(logs_cancels(log, "other", 10s));
        }));
    log.push_back(shape_of(end.error()) + " " + std::to_string(parents_cancels()));
    log.push_back(co_await next_suspension() + " " + std::to_string(parents_cancels()));
  });
  co_await asyncio::sleep(2s);
  parent.cancel();
  co_await parent;
  EXPECT_EQ(log, (Log{"other cancelled", "other cleaned up", "[child] 1", "CancelledError 1"}));
}

// COMB-119, COMB-109: the child's error interrupts the cleanup, too
ASYNC_TEST(TaskGroupCancellation, MeetingAChildErrorWhileTheBodyCleansUpGivesTheGroup) {
  Log log;
  auto in_group = [&]() -> asyncio::Coro<> {
    co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
      group.create_task(fails_after(3s, "child"));
      co_await logs_cancels(log, "body", 10s);
    });
  };
  auto around = [&]() -> asyncio::Coro<> { co_await asyncio::create_task(in_group); };
  for (const bool through_another_task : {false, true}) {
    auto parent =
        through_another_task ? asyncio::create_task(around) : asyncio::create_task(in_group);
    co_await asyncio::sleep(1s);
    parent.cancel();
    co_await report_end(parent, log);
    EXPECT_EQ(log, (Log{"body cancelled", "body cancelled again", "[child] 1"}));
    log.clear();
  }
}

// COMB-120
ASYNC_TEST(TaskGroupCancellation, ThatTheBodyTurnsIntoAnErrorGivesAGroupOfThat) {
  Log log;
  auto parent = asyncio::create_task([&]() -> asyncio::Coro<> {
    auto end = co_await asyncio::as_result(
        asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
          group.create_task(logs_cancels(log, "child"));
          (void)co_await asyncio::as_result(asyncio::sleep(1h));
          throw std::domain_error("instead");
        }));
    log.push_back(shape_of(end.error()) + " " + std::to_string(parents_cancels()));
    log.push_back(co_await next_suspension());
  });
  co_await asyncio::sleep(1s);
  parent.cancel();
  co_await parent;
  EXPECT_EQ(log, (Log{"child cancelled", "[instead] 1", "CancelledError"}));
}

// COMB-122
ASYNC_TEST(TaskGroupCancellation, RepeatedWhileItWaitsReachesTheChildrenOnceAndGivesTheFirst) {
  Log log;
  auto parent = asyncio::create_task([&]() -> asyncio::Coro<> {
    co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
      group.create_task(logs_cancels(log, "child", 10s));
    });
  });
  co_await asyncio::sleep(1s);
  parent.cancel("first");
  co_await asyncio::sleep(1s);
  parent.cancel("second");
  co_await asyncio::sleep(1s);
  EXPECT_FALSE(parent.done());
  co_await report_end(parent, log);
  EXPECT_EQ(log, (Log{"child cancelled", "child cleaned up", "CancelledError(first) 2"}));
}

// COMB-123, COMB-124
ASYNC_TEST(TaskGroupCancellation, AKeyboardInterruptOfTheBodyIsThrownBareWhenAllChildrenAreDone) {
  const support::LogCapture reports;
  Log log;
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
        group.create_task(fails_when_cancelled("lost"));
        group.create_task(logs_cancels(log, "child", 1s));
        co_await asyncio::sleep(1s);
        throw asyncio::KeyboardInterrupt();
      }));
  EXPECT_EQ(shape_of(end.error()), "KeyboardInterrupt");
  EXPECT_EQ(log, (Log{"child cancelled", "child cleaned up"}));
  EXPECT_EQ(parents_cancels(), 0u);
  EXPECT_EQ(reports.count("lost"), 1);
}

// COMB-123, COMB-124
ASYNC_TEST(TaskGroupCancellation, AKeyboardInterruptAfterAChildErrorLeavesNoCancelBehind) {
  const support::LogCapture reports;
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
        group.create_task(fails_after(1s, "lost"));
        (void)co_await asyncio::as_result(asyncio::sleep(1h));
        throw asyncio::KeyboardInterrupt();
      }));
  EXPECT_EQ(shape_of(end.error()), "KeyboardInterrupt");
  EXPECT_EQ(parents_cancels(), 0u);
  EXPECT_EQ(reports.count("lost"), 1);
}

// COMB-123
TEST(TaskGroupCancellation, AKeyboardInterruptOfAChildLeavesTheLoopAndThenTheGroupBare) {
  Log log;
  auto loop = asyncio::testing::new_virtual_loop();
  auto child = []() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    throw asyncio::KeyboardInterrupt();
  };
  auto main = [&]() -> asyncio::Coro<> {
    auto end = co_await asyncio::as_result(
        asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
          group.create_task(logs_cancels(log, "other"));
          group.create_task(child());
        }));
    log.push_back(shape_of(end.error()));
  };
  auto task = loop->create_task(main());
  EXPECT_THROW(loop->run_until_complete(task), asyncio::KeyboardInterrupt);
  EXPECT_EQ(log, Log{});
  loop->run_until_complete(task);
  EXPECT_EQ(log, (Log{"other cancelled", "KeyboardInterrupt"}));
  loop->close();
}

// COMB-126
ASYNC_TEST(NestedTaskGroups, AnInnerFailureIsAGroupInTheGroupOfTheOuter) {
  Log log;
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& outer) -> asyncio::Coro<> {
        outer.create_task(logs_cancels(log, "outer child"));
        co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& inner) {
          inner.create_task(logs_cancels(log, "inner child"));
          inner.create_task(fails_after(1s, "no"));
        });
      }));
  EXPECT_EQ(shape_of(end.error()), "[[no]]");
  EXPECT_EQ(log, (Log{"inner child cancelled", "outer child cancelled"}));
}

// COMB-126, COMB-119
ASYNC_TEST(NestedTaskGroups, ACancelThatMakesInnerChildrenFailGivesAGroupInAGroup) {
  for (const bool outer_has_a_child : {false, true}) {
    Log log;
    auto in_outer = [&](asyncio::TaskGroup& outer) -> asyncio::Coro<> {
      if (outer_has_a_child) outer.create_task(logs_cancels(log, "outer child"));
      co_await asyncio::with(asyncio::TaskGroup(),
                             [&](asyncio::TaskGroup& inner) -> asyncio::Coro<> {
                               inner.create_task(fails_when_cancelled("one"));
                               inner.create_task(fails_when_cancelled("two"));
                               co_await asyncio::sleep(1h);
                             });
    };
    auto parent = asyncio::create_task(
        [&]() -> asyncio::Coro<> { co_await asyncio::with(asyncio::TaskGroup(), in_outer); });
    co_await asyncio::sleep(1s);
    parent.cancel();
    co_await report_end(parent, log);
    EXPECT_EQ(log.back(), "[[one, two]] 1");
    EXPECT_EQ(log.size(), outer_has_a_child ? 2U : 1U);
  }
}

// COMB-127
ASYNC_TEST(NestedTaskGroups, AnOuterFailureCancelsTheInnerGroupAndIsAFlatGroup) {
  Log log;
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& outer) -> asyncio::Coro<> {
        outer.create_task(fails_after(1s, "no"));
        auto inner_end = co_await asyncio::as_result(
            asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& inner) {
              inner.create_task(logs_cancels(log, "inner child"));
            }));
        log.push_back(shape_of(inner_end.error()));
        inner_end.value();
      }));
  EXPECT_EQ(shape_of(end.error()), "[no]");
  EXPECT_EQ(log, (Log{"inner child cancelled", "CancelledError()"}));
  EXPECT_EQ(parents_cancels(), 0u);
}

// COMB-128
ASYNC_TEST(NestedTaskGroups, FailingTogetherTheInnerIsThrownFirstAndTheOuterCancelStaysPending) {
  Log log;
  auto end = co_await asyncio::as_result(
      asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& outer) -> asyncio::Coro<> {
        outer.create_task(fails_after(1s, "outer"));
        auto inner_end = co_await asyncio::as_result(asyncio::with(
            asyncio::TaskGroup(),
            [&](asyncio::TaskGroup& inner) { inner.create_task(fails_when_cancelled("inner")); }));
        log.push_back(shape_of(inner_end.error()) + " " + std::to_string(parents_cancels()));
        log.push_back(co_await next_suspension() + " " + std::to_string(parents_cancels()));
      }));
  EXPECT_EQ(shape_of(end.error()), "[outer]");
  EXPECT_EQ(log, (Log{"[inner] 1", "CancelledError 1"}));
  EXPECT_EQ(parents_cancels(), 0u);
  EXPECT_EQ(co_await next_suspension(), "nothing");
}

namespace {

// Two nested groups; a child of the inner one fails with `trigger`.
asyncio::Coro<> two_groups(asyncio::Future<> trigger, Log& log) {
  auto failing = [&]() -> asyncio::Coro<> { co_await trigger; };
  auto in_outer = [&](asyncio::TaskGroup& outer) -> asyncio::Coro<> {
    outer.create_task(logs_cancels(log, "outer child"));
    auto end = co_await asyncio::as_result(
        asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& inner) -> asyncio::Coro<> {
          inner.create_task(failing());
          inner.create_task(logs_cancels(log, "inner child"));
          co_await asyncio::sleep(1h);
        }));
    log.push_back("inner " + shape_of(end.error()) + " " + std::to_string(parents_cancels()));
    end.value();
  };
  auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), in_outer));
  log.push_back("outer " + shape_of(end.error()) + " " + std::to_string(parents_cancels()));
  log.push_back("next: " + co_await next_suspension());
}

}  // namespace

// failure 19, COMB-119, COMB-126
ASYNC_TEST(NestedTaskGroups, AFailureThenACancelInOneTickGiveTheGroupsAndKeepTheCancel) {
  Log log;
  asyncio::Future<> trigger;
  auto parent = asyncio::create_task(two_groups(trigger, log));
  co_await asyncio::sleep(1s);
  trigger.set_exception(std::domain_error("no"));
  parent.cancel();
  co_await parent;
  EXPECT_EQ(log, (Log{"inner child cancelled", "inner [no] 1", "outer child cancelled",
                      "outer [[no]] 1", "next: CancelledError"}));
}

// failure 19, COMB-118
ASYNC_TEST(NestedTaskGroups, ACancelThenAFailureInOneTickGiveTheCancelOfTheParent) {
  Log log;
  asyncio::Future<> trigger;
  auto parent = asyncio::create_task(two_groups(trigger, log));
  co_await asyncio::sleep(1s);
  parent.cancel();
  trigger.set_exception(std::domain_error("no"));
  co_await parent;
  // The failing child is cancelled before it could take the error, which CPython drops, too.
  EXPECT_EQ(log, (Log{"inner child cancelled", "inner CancelledError() 1", "outer child cancelled",
                      "outer CancelledError() 1", "next: nothing"}));
}
