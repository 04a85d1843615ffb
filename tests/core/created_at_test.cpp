// Where futures, tasks and handles were made: in their reprs in debug mode, in reports always.

#include <asyncio/future.hpp>
#include <asyncio/task.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/exception_context.hpp>
#include <asyncio/run.hpp>
#include <asyncio/shield.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// As a repr ends.
std::string created_at(unsigned line) {
  return " created at created_at_test.cpp:" + std::to_string(line) + ">";
}

asyncio::Coro<> nothing() { co_return; }
asyncio::Coro<std::string> own_repr() { co_return asyncio::current_task()->repr(); }
asyncio::Coro<> fails() {
  co_await asyncio::sleep(0s);
  throw std::runtime_error("nobody asks");
}
asyncio::Coro<> sleeps() { co_await asyncio::sleep(1h); }

// A callable that makes a coroutine, with a name.
struct calls_nothing {
  asyncio::Coro<> operator()() const { return nothing(); }
};

constexpr asyncio::RunOptions debug{.debug = true,
                                    .loop_factory = &asyncio::testing::new_virtual_loop};
constexpr asyncio::RunOptions no_debug{.debug = false,
                                       .loop_factory = &asyncio::testing::new_virtual_loop};

// The line of a report that begins with "created at "; empty if there is none.
std::string creation_in(const std::string& report) {
  const auto begin = report.find("\ncreated at ");
  if (begin == std::string::npos) return {};
  return report.substr(begin + 1, report.find('\n', begin + 1) - begin - 1);
}

bool names_line(const std::string& creation, unsigned line) {
  return creation.starts_with("created at ") &&
         creation.ends_with("created_at_test.cpp:" + std::to_string(line));
}

}  // namespace

// --- reprs in debug mode ---

// DBG-005
TEST(CreatedAt, IsInTheReprOfAFuture) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  const auto by_loop = loop->create_future<>();
  EXPECT_TRUE(by_loop.repr().ends_with(created_at(__LINE__ - 1))) << by_loop.repr();
  const asyncio::Future<int> by_hand(*loop);
  EXPECT_TRUE(by_hand.repr().ends_with(created_at(__LINE__ - 1))) << by_hand.repr();
  const auto main = []() -> asyncio::Coro<> {
    const asyncio::Future<> of_running_loop;
    EXPECT_TRUE(of_running_loop.repr().ends_with(created_at(__LINE__ - 1)))
        << of_running_loop.repr();
    co_return;
  };
  loop->run_until_complete(main());
  loop->close();
}

// DBG-005
TEST(CreatedAt, StaysInTheReprOfAFutureThatIsDone) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  const auto done = loop->create_future<>();
  done.set_result();
  EXPECT_EQ(done.repr(), "<Future finished" + created_at(__LINE__ - 2));
  const auto cancelled = loop->create_future<>();
  cancelled.cancel();
  EXPECT_EQ(cancelled.repr(), "<Future cancelled" + created_at(__LINE__ - 2));
  loop->close();
}

// DBG-005
TEST(CreatedAt, IsInTheReprOfATaskHoweverItIsMade) {
  const auto main = []() -> asyncio::Coro<> {
    auto& loop = asyncio::get_running_loop();
    const auto of_coro = asyncio::create_task(nothing());
    EXPECT_TRUE(of_coro.repr().ends_with(created_at(__LINE__ - 1))) << of_coro.repr();
    const auto of_callable = asyncio::create_task(calls_nothing(), {.name = "named"});
    EXPECT_TRUE(of_callable.repr().ends_with(created_at(__LINE__ - 1))) << of_callable.repr();
    const auto of_awaitable = asyncio::create_task(asyncio::sleep(0s));
    EXPECT_TRUE(of_awaitable.repr().ends_with(created_at(__LINE__ - 1))) << of_awaitable.repr();
    const auto of_loop = loop.create_task(nothing());
    EXPECT_TRUE(of_loop.repr().ends_with(created_at(__LINE__ - 1))) << of_loop.repr();
    const auto ensured = asyncio::ensure_future(nothing());
    EXPECT_TRUE(ensured.repr().ends_with(created_at(__LINE__ - 1))) << ensured.repr();
    const auto ensured_sleep = asyncio::ensure_future(asyncio::sleep(0s));
    EXPECT_TRUE(ensured_sleep.repr().ends_with(created_at(__LINE__ - 1))) << ensured_sleep.repr();
    co_await asyncio::sleep(1s);
    EXPECT_TRUE(contains(of_coro.repr(), "<Task finished ")) << of_coro.repr();
    EXPECT_TRUE(contains(of_coro.repr(), " created at created_at_test.cpp:")) << of_coro.repr();
  };
  asyncio::run(main, debug);
}

// DBG-005
TEST(CreatedAt, IsInTheReprOfATaskOfAGroup) {
  const auto body = [](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    const auto task = group.create_task(nothing());
    EXPECT_TRUE(task.repr().ends_with(created_at(__LINE__ - 1))) << task.repr();
    co_return;
  };
  const auto main = [&]() -> asyncio::Coro<> {
    co_await asyncio::with(asyncio::TaskGroup(), body);
  };
  asyncio::run(main, debug);
}

// DBG-005
TEST(CreatedAt, IsInTheReprOfAShieldAndOfTheTaskInIt) {
  const auto main = []() -> asyncio::Coro<> {
    auto outer = asyncio::shield(sleeps());
    const std::string place = created_at(__LINE__ - 1);
    EXPECT_TRUE(outer.repr().ends_with(place)) << outer.repr();
    for (const auto& task : asyncio::all_tasks()) {
      if (task == *asyncio::current_task()) continue;
      EXPECT_TRUE(task.repr().ends_with(place)) << task.repr();
      task.cancel();
    }
    EXPECT_TRUE((co_await asyncio::as_result(outer)).cancelled());
  };
  asyncio::run(main, debug);
}

// DBG-005
TEST(CreatedAt, OfAMainTaskIsWhereItIsRun) {
  const std::string by_run = asyncio::run(own_repr(), debug);
  EXPECT_TRUE(by_run.ends_with(created_at(__LINE__ - 1))) << by_run;
  const std::string by_testing = asyncio::testing::run(own_repr, {.debug = true});
  EXPECT_TRUE(by_testing.ends_with(created_at(__LINE__ - 1))) << by_testing;
  asyncio::Runner runner(debug);
  const std::string by_runner = runner.run(own_repr());
  EXPECT_TRUE(by_runner.ends_with(created_at(__LINE__ - 1))) << by_runner;
  const std::string by_loop = runner.get_loop().run_until_complete(own_repr());
  EXPECT_TRUE(by_loop.ends_with(created_at(__LINE__ - 1))) << by_loop;
}

// DBG-005
TEST(CreatedAt, IsInTheReprOfEachKindOfHandle) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  const auto soon = loop->call_soon([] {});
  EXPECT_TRUE(soon.repr().ends_with(created_at(__LINE__ - 1))) << soon.repr();
  const auto later = loop->call_later(1h, [] {});
  EXPECT_TRUE(later.repr().ends_with(created_at(__LINE__ - 1))) << later.repr();
  const auto at = loop->call_at(loop->time(), [] {});
  EXPECT_TRUE(at.repr().ends_with(created_at(__LINE__ - 1))) << at.repr();
  const auto threadsafe = loop->call_soon_threadsafe([] {});
  EXPECT_TRUE(threadsafe.repr().ends_with(created_at(__LINE__ - 1))) << threadsafe.repr();
  loop->close();
}

// DBG-011
TEST(CreatedAt, StaysInTheReprOfAHandleThatIsCancelled) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  const auto later = loop->call_later(1h, [] {});
  later.cancel();
  EXPECT_TRUE(later.repr().starts_with("<TimerHandle cancelled when=")) << later.repr();
  EXPECT_TRUE(later.repr().ends_with(created_at(__LINE__ - 3))) << later.repr();
  loop->close();
}

// DBG-005
TEST(CreatedAt, IsInNoReprWithoutDebugMode) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(false);
  const auto future = loop->create_future<>();
  auto task = loop->create_task(nothing());
  EXPECT_EQ(future.repr(), "<Future pending>");
  EXPECT_FALSE(contains(task.repr(), "created at")) << task.repr();
  EXPECT_FALSE(contains(loop->call_later(0s, [] {}).repr(), "created at"));
  loop->run_until_complete(task);
  loop->close();
}

// DBG-002, DBG-005: better than in Python, what was made before is told, too
TEST(CreatedAt, IsInReprsFromTheMomentWhenDebugModeIsSwitchedOn) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(false);
  const auto future = loop->create_future<>();
  loop->set_debug(true);
  EXPECT_EQ(future.repr(), "<Future pending" + created_at(__LINE__ - 2));
  loop->set_debug(false);
  EXPECT_EQ(future.repr(), "<Future pending>");
  loop->close();
}

// DBG-005: the one that it waits for, too
TEST(CreatedAt, IsInTheReprOfATaskForTheFutureThatItWaitsFor) {
  const auto main = []() -> asyncio::Coro<> {
    const asyncio::Future<> future;
    const unsigned line = __LINE__ - 1;
    const auto waits = [&]() -> asyncio::Coro<> { co_await future; };
    auto task = asyncio::create_task(waits);
    const unsigned task_line = __LINE__ - 1;
    co_await asyncio::sleep(1s);
    const std::string repr = task.repr();
    EXPECT_TRUE(contains(repr, " wait_for=<Future pending cb=[wakeup of " + task.get_name() + "]" +
                                   created_at(line)))
        << repr;
    EXPECT_TRUE(repr.ends_with(created_at(task_line))) << repr;
    future.set_result();
    co_await task;
  };
  asyncio::run(main, debug);
}

// --- reports, in every mode ---

// DBG-021, DBG-006, failure 30
TEST(CreatedAt, IsReportedWithTheErrorOfATaskThatNobodyAskedFor) {
  const support::LogCapture logged;
  unsigned line = 0;
  const auto main = [&]() -> asyncio::Coro<> {
    asyncio::create_task(fails());
    line = __LINE__ - 1;
    co_await asyncio::sleep(1s);
  };
  asyncio::run(main, no_debug);
  ASSERT_EQ(logged.lines().size(), 1U);
  const std::string report = logged.lines().front();
  EXPECT_TRUE(report.starts_with("Task exception was never retrieved\nfuture: <Task finished "))
      << report;
  EXPECT_TRUE(names_line(creation_in(report), line)) << report;
  EXPECT_TRUE(contains(report, "nobody asks")) << report;
}

// DBG-021, DBG-006
TEST(CreatedAt, IsReportedWithTheErrorOfAFutureThatNobodyAskedFor) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  loop->set_debug(false);
  loop->create_future<int>().set_exception(std::runtime_error("nobody asks"));
  const unsigned line = __LINE__ - 1;
  loop->close();
  ASSERT_EQ(logged.lines().size(), 1U);
  const std::string report = logged.lines().front();
  EXPECT_TRUE(report.starts_with("Future exception was never retrieved\nfuture: <Future finished "))
      << report;
  EXPECT_TRUE(names_line(creation_in(report), line)) << report;
}

// DBG-021, DBG-006
TEST(CreatedAt, IsReportedOfATaskThatIsDestroyedWhileItIsPending) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  loop->set_debug(false);
  loop->create_task(sleeps());
  const unsigned line = __LINE__ - 1;
  loop->stop();
  loop->run_forever();
  loop->close();
  ASSERT_EQ(logged.lines().size(), 1U);
  const std::string report = logged.lines().front();
  EXPECT_TRUE(report.starts_with("Task was destroyed but it is pending!\ntask: <Task pending "))
      << report;
  EXPECT_TRUE(names_line(creation_in(report), line)) << report;
}

// DBG-023, DBG-006
TEST(CreatedAt, IsReportedOfACallbackThatThrows) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  loop->set_debug(false);
  loop->call_later(0s, [] { throw std::runtime_error("broken on purpose"); });
  const unsigned line = __LINE__ - 1;
  loop->stop();
  loop->run_forever();
  loop->close();
  ASSERT_EQ(logged.lines().size(), 1U);
  EXPECT_TRUE(names_line(creation_in(logged.lines().front()), line)) << logged.lines().front();
}

// DBG-021, DBG-006
TEST(CreatedAt, IsReportedAlsoWhenTheLoopIsGone) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  auto future = std::make_optional(loop->create_future<int>());
  const unsigned line = __LINE__ - 1;
  future->set_exception(std::runtime_error("nobody asks"));
  loop->close();
  loop.reset();
  future.reset();
  ASSERT_EQ(logged.lines().size(), 1U);
  const std::string report = logged.lines().front();
  EXPECT_TRUE(contains(report, "Future exception was never retrieved")) << report;
  EXPECT_TRUE(contains(report, "created_at_test.cpp:" + std::to_string(line))) << report;
}

// DBG-006, LOOP-053
TEST(CreatedAt, IsGivenToTheExceptionHandler) {
  struct Told {
    std::string message;
    unsigned line;
    std::string file;
  };
  std::vector<Told> told;
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  loop->slow_callback_duration = 1h;
  loop->set_exception_handler([&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
    told.push_back({context.message, context.source.line(), context.source.file_name()});
  });
  const unsigned first = __LINE__ + 1;
  loop->create_future<int>().set_exception(std::runtime_error("nobody asks"));
  loop->create_task(sleeps());
  loop->call_soon([] { throw std::runtime_error("broken on purpose"); });
  loop->stop();
  loop->run_forever();
  loop->close();
  ASSERT_EQ(told.size(), 3U);
  for (const Told& t : told) EXPECT_TRUE(t.file.ends_with("created_at_test.cpp")) << t.file;
  EXPECT_EQ(told[0].message, "Future exception was never retrieved");
  EXPECT_EQ(told[0].line, first);
  EXPECT_TRUE(told[1].message.starts_with("Exception in callback ")) << told[1].message;
  EXPECT_EQ(told[1].line, first + 2);
  EXPECT_EQ(told[2].message, "Task was destroyed but it is pending!");
  EXPECT_EQ(told[2].line, first + 1);
}
