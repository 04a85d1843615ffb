// Where reports go, and how they are counted.

#include <asyncio/log.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/exception_context.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include "base/log.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using asyncio::LogLevel;
using asyncio::LogSink;
using asyncio::ReportCounts;

// What a sink was given last. Sinks are plain functions.
LogLevel last_level = LogLevel::debug;
std::string last_text;
std::thread::id last_thread;

void remember(LogLevel level, std::string_view text) {
  last_level = level;
  last_text = text;
  last_thread = std::this_thread::get_id();
}

void throws(LogLevel, std::string_view) { throw std::runtime_error("the sink is full"); }

// Sets a sink for a scope.
class ScopedSink {
 public:
  explicit ScopedSink(LogSink sink) : before_(asyncio::set_log_sink(sink)) {}
  ScopedSink(const ScopedSink&) = delete;
  ScopedSink& operator=(const ScopedSink&) = delete;
  ~ScopedSink() { asyncio::set_log_sink(before_); }

 private:
  LogSink before_;
};

// What `call` writes to standard error.
std::string stderr_of(const auto& call) {
  testing::internal::CaptureStderr();
  call();
  return testing::internal::GetCapturedStderr();
}

asyncio::Coro<> forgotten() { co_return; }
asyncio::Coro<> sleeps() { co_await asyncio::sleep(1h); }
asyncio::Coro<> fails_after(asyncio::Duration delay) {
  co_await asyncio::sleep(delay);
  throw std::runtime_error("out of luck");
}
asyncio::Coro<> fails_when_cancelled() {
  (void)co_await asyncio::as_result(asyncio::sleep(1h));
  throw std::runtime_error("out of luck at the end");
}

void run_iteration(asyncio::EventLoop& loop) {
  loop.stop();
  loop.run_forever();
}

// What was added since `before`.
ReportCounts since(const ReportCounts& before) {
  ReportCounts added = asyncio::report_counts();
  for (auto kind :
       {&ReportCounts::never_awaited, &ReportCounts::never_retrieved,
        &ReportCounts::destroyed_pending, &ReportCounts::unclosed, &ReportCounts::lost_errors,
        &ReportCounts::callback_errors, &ReportCounts::slow_callbacks}) {
    added.*kind -= before.*kind;
  }
  return added;
}

// `call` adds `expected` of this kind, and nothing of another one.
void expect_counted(std::uint64_t ReportCounts::* kind, std::uint64_t expected, const auto& call) {
  const support::LogCapture logged;
  const ReportCounts before = asyncio::report_counts();
  call();
  const ReportCounts added = since(before);
  EXPECT_EQ(added.*kind, expected);
  EXPECT_EQ(added.total(), expected);
}

}  // namespace

// --- the sink ---

// DBG-017
TEST(LogSink, IsGivenReportsInsteadOfStandardError) {
  const ScopedSink sink(&remember);
  const std::string printed = stderr_of([] { const auto dropped = forgotten(); });
  EXPECT_EQ(printed, "");
  EXPECT_TRUE(last_text.starts_with("coroutine 'forgotten' was never awaited")) << last_text;
  EXPECT_FALSE(last_text.ends_with('\n'));
  EXPECT_EQ(last_level, LogLevel::warning);
}

// DBG-017
TEST(LogSink, IsStandardErrorWhenNoneIsSet) {
  const ScopedSink sink(nullptr);
  const std::string printed = stderr_of([] { const auto dropped = forgotten(); });
  EXPECT_TRUE(printed.starts_with("coroutine 'forgotten' was never awaited")) << printed;
  EXPECT_TRUE(printed.ends_with('\n'));
  EXPECT_FALSE(printed.ends_with("\n\n"));
}

// DBG-017
TEST(LogSink, IsReplacedByTheNextOneWhichIsGivenTheOneBefore) {
  const LogSink before = asyncio::set_log_sink(&remember);
  EXPECT_EQ(asyncio::set_log_sink(nullptr), &remember);
  EXPECT_EQ(asyncio::set_log_sink(before), nullptr);
}

// DBG-017
TEST(LogSink, ThatThrowsIsPassedOverAndTheReportPrinted) {
  const ScopedSink sink(&throws);
  const std::string printed = stderr_of([] { const auto dropped = forgotten(); });
  EXPECT_TRUE(printed.starts_with("coroutine 'forgotten' was never awaited")) << printed;
}

// DBG-017
TEST(LogSink, IsCalledOnTheThreadThatReports) {
  const ScopedSink sink(&remember);
  std::thread thread([] { const auto dropped = forgotten(); });
  const auto id = thread.get_id();
  thread.join();
  EXPECT_EQ(last_thread, id);
}

// DBG-017, LOOP-058, DBG-023
TEST(LogSink, IsGivenWhatTheDefaultExceptionHandlerSaysAsAnError) {
  const ScopedSink sink(&remember);
  auto loop = asyncio::new_event_loop();
  loop->call_soon([] { throw std::runtime_error("broken on purpose"); });
  run_iteration(*loop);
  loop->close();
  EXPECT_TRUE(last_text.starts_with("Exception in callback ")) << last_text;
  EXPECT_EQ(last_level, LogLevel::error);
}

// DBG-009, DBG-017
TEST(LogSink, IsGivenWhatIsSlowAsAWarning) {
  const ScopedSink sink(&remember);
  auto loop = asyncio::testing::new_virtual_loop();
  loop->set_debug(true);
  loop->slow_callback_duration = 0s;
  loop->call_soon([] {});
  run_iteration(*loop);
  loop->close();
  EXPECT_TRUE(last_text.starts_with("Executing <Handle ")) << last_text;
  EXPECT_EQ(last_level, LogLevel::warning);
}

// DBG-022, LOOP-048
TEST(LogSink, IsToldOfALoopThatWasNotClosedAsAWarning) {
  const ScopedSink sink(&remember);
  {
    auto loop = asyncio::new_event_loop();
    loop->set_debug(true);
  }
  EXPECT_TRUE(last_text.starts_with(
      "unclosed event loop <EventLoop running=false closed=false debug=true>"))
      << last_text;
  EXPECT_EQ(last_level, LogLevel::warning);
}

// --- the counts ---

// DBG-020
TEST(ReportCounts, CountACoroutineThatWasNeverAwaited) {
  expect_counted(&ReportCounts::never_awaited, 2, [] {
    const auto first = forgotten();
    const auto second = forgotten();
  });
}

// DBG-021
TEST(ReportCounts, CountAnErrorThatWasNeverRetrieved) {
  expect_counted(&ReportCounts::never_retrieved, 2, [] {
    const auto main = []() -> asyncio::Coro<> {
      asyncio::create_task(fails_after(0s));
      asyncio::Future<>().set_exception(std::runtime_error("nobody asks"));
      co_await asyncio::sleep(1s);
    };
    asyncio::testing::run(main);
  });
}

// DBG-021
TEST(ReportCounts, CountATaskThatWasDestroyedWhilePending) {
  expect_counted(&ReportCounts::destroyed_pending, 2, [] {
    auto loop = asyncio::new_event_loop();
    loop->create_task(sleeps());
    run_iteration(*loop);
    loop->create_task(sleeps());  // has not even begun
    loop->close();
  });
}

// DBG-022
TEST(ReportCounts, CountALoopThatWasNotClosed) {
  expect_counted(&ReportCounts::unclosed, 1, [] { asyncio::new_event_loop().reset(); });
}

// DBG-023
TEST(ReportCounts, CountACallbackThatThrows) {
  expect_counted(&ReportCounts::callback_errors, 4, [] {
    const auto broken = [] { throw std::runtime_error("broken on purpose"); };
    auto loop = asyncio::new_event_loop();
    loop->call_soon(broken);
    loop->call_later(0s, broken);
    loop->call_soon_threadsafe(broken);
    const auto future = loop->create_future<>();
    future.add_done_callback(broken);
    future.set_result();
    run_iteration(*loop);
    loop->close();
  });
}

// DBG-009
TEST(ReportCounts, CountWhatIsSlow) {
  expect_counted(&ReportCounts::slow_callbacks, 3, [] {
    auto loop = asyncio::testing::new_virtual_loop();
    loop->set_debug(true);
    loop->slow_callback_duration = 0s;
    for (int i = 0; i < 3; ++i) loop->call_soon([] {});
    run_iteration(*loop);
    loop->close();
  });
}

// COMB-014
TEST(ReportCounts, CountTheErrorsOfAGatherThatCameTooLate) {
  expect_counted(&ReportCounts::lost_errors, 2, [] {
    const auto main = []() -> asyncio::Coro<> {
      auto all = asyncio::gather(fails_after(1s), fails_after(2s), fails_after(3s));
      EXPECT_FALSE(co_await asyncio::as_result(all));
      co_await asyncio::sleep(1h);
    };
    asyncio::testing::run(main);
  });
}

// RUN-024
TEST(ReportCounts, CountTheErrorsOfTasksThatFailAtTheShutdown) {
  expect_counted(&ReportCounts::lost_errors, 2, [] {
    const auto main = []() -> asyncio::Coro<> {
      asyncio::create_task(fails_when_cancelled());
      asyncio::create_task(fails_when_cancelled());
      co_await asyncio::sleep(1s);
    };
    asyncio::testing::run(main);
  });
}

// DBG-021: whoever is told
TEST(ReportCounts, CountAlsoWhatAnExceptionHandlerIsTold) {
  const support::LogCapture logged;
  const ReportCounts before = asyncio::report_counts();
  int told = 0;
  auto loop = asyncio::new_event_loop();
  loop->set_exception_handler(
      [&](asyncio::EventLoop&, const asyncio::ExceptionContext&) { ++told; });
  loop->call_soon([] { throw std::runtime_error("broken on purpose"); });
  loop->create_future<>().set_exception(std::runtime_error("nobody asks"));
  loop->create_task(sleeps());
  run_iteration(*loop);
  loop->close();
  const ReportCounts added = since(before);
  EXPECT_EQ(told, 3);
  EXPECT_TRUE(logged.empty());
  EXPECT_EQ(added.callback_errors, 1U);
  EXPECT_EQ(added.never_retrieved, 1U);
  EXPECT_EQ(added.destroyed_pending, 1U);
  EXPECT_EQ(added.total(), 3U);
}

// DBG-020
TEST(ReportCounts, AreOfAllThreads) {
  constexpr std::uint64_t threads = 4;
  constexpr std::uint64_t each = 100;
  expect_counted(&ReportCounts::never_awaited, threads * each, [] {
    std::vector<std::thread> all;
    for (std::uint64_t t = 0; t < threads; ++t) {
      all.emplace_back([] {
        for (std::uint64_t i = 0; i < each; ++i) const auto dropped = forgotten();
      });
    }
    for (std::thread& thread : all) thread.join();
  });
}

// DBG-020 to DBG-023: what was looked at, awaited, cancelled and closed is nobody's fault
TEST(ReportCounts, StayAsTheyAreWhereNothingIsWrong) {
  expect_counted(&ReportCounts::never_awaited, 0, [] {
    const auto main = []() -> asyncio::Coro<> {
      auto failing = asyncio::create_task(fails_after(1s));
      EXPECT_FALSE(co_await asyncio::as_result(failing));
      auto cancelled = asyncio::create_task(sleeps());
      cancelled.cancel();
      EXPECT_TRUE((co_await asyncio::as_result(cancelled)).cancelled());
      asyncio::create_task(sleeps());  // run() cancels it
      co_await asyncio::sleep(1s);
    };
    asyncio::testing::run(main, {.debug = true});
  });
}

// DBG-017: other reports are not among the counted kinds
TEST(ReportCounts, DoNotCountWhatIsOnlyLogged) {
  expect_counted(&ReportCounts::lost_errors, 0,
                 [] { asyncio::detail::log(LogLevel::error, "something else"); });
}
