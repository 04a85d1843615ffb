// What run(), executors and threads refuse, with the whole texts; docs/errors.md lists them.

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/executor.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/threads.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <thread>
#include <utility>

using namespace std::chrono_literals;
using support::thrown_by;

namespace {

asyncio::Coro<int> gives(int value) {
  co_await asyncio::sleep(0s);
  co_return value;
}

std::string nested(const std::string& who) {
  return "RuntimeError: " + who +
         " cannot be called from a running event loop, \"mine\"; co_await the coroutine instead";
}

}  // namespace

// --- run ----------------------------------------------------------------------------------------

// RUN-015, RUN-035, EXC-018, failure 17
TEST(RunMisuse, InsideARunningLoopIsRefusedAndThatGoesOn) {
  const auto main = []() -> asyncio::Coro<int> {
    asyncio::EventLoop& loop = asyncio::get_running_loop();
    EXPECT_EQ(thrown_by([] { (void)asyncio::run(gives(1)); }), nested("asyncio::run()"));
    EXPECT_EQ(thrown_by([] { (void)asyncio::testing::run(gives(1)); }), nested("asyncio::run()"));
    asyncio::Runner runner;
    EXPECT_EQ(thrown_by([&] { (void)runner.run(gives(1)); }), nested("Runner.run()"));
    EXPECT_EQ(&asyncio::get_running_loop(), &loop);
    co_return co_await asyncio::create_task(gives(2));
  };
  EXPECT_EQ(asyncio::run(main, {.name = "mine"}), 2);
}

// RUN-015: run_main() prints what it catches
TEST(RunMisuse, OfAProgramInsideARunningLoopIsPrintedAndFails) {
  const auto main = []() -> asyncio::Coro<> {
    testing::internal::CaptureStderr();
    EXPECT_EQ(asyncio::run_main(0, nullptr, [] { return gives(0); }), 1);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), nested("run_main()") + "\n");
    co_await asyncio::sleep(0s);
  };
  asyncio::run(main, {.name = "mine"});
}

// RUN-036, EXC-018
TEST(RunMisuse, AClosedRunnerSaysToMakeANewOne) {
  asyncio::Runner runner;
  EXPECT_EQ(runner.run(gives(3)), 3);
  runner.close();
  EXPECT_EQ(thrown_by([&] { (void)runner.run(gives(4)); }),
            "RuntimeError: Runner.run(): Runner is closed; make a new one");
  EXPECT_EQ(thrown_by([&] { (void)runner.get_loop(); }),
            "RuntimeError: get_loop(): Runner is closed; make a new one");
}

// RUN-003, RUN-016
TEST(RunMisuse, OfAConsumedCoroutineSaysHowToGoOn) {
  const std::string text =
      "RuntimeError: create_task(): this Coro<int> was moved from, awaited or closed already; a "
      "coroutine runs once: call its function again, or share it by create_task()";
  auto coro = gives(5);
  EXPECT_EQ(asyncio::run(std::move(coro)), 5);
  EXPECT_EQ(thrown_by([&] { (void)asyncio::run(std::move(coro)); }), text);
  asyncio::Runner runner;
  EXPECT_EQ(thrown_by([&] { (void)runner.run(std::move(coro)); }), text);
  EXPECT_EQ(runner.run(gives(6)), 6);
}

// RUN-021
TEST(RunMisuse, AFutureOfAnEarlierRunIsNamedWithItsLoop) {
  std::optional<asyncio::Future<int>> earlier;
  asyncio::run(
      [&]() -> asyncio::Coro<> {
        earlier.emplace();
        co_return;
      },
      {.name = "first"});
  const auto main = [&]() -> asyncio::Coro<std::string> {
    asyncio::current_task()->set_name("mine");
    const auto result = co_await asyncio::as_result(*earlier);
    co_return asyncio::detail::describe(result.error());
  };
  EXPECT_EQ(asyncio::run(main, {.name = "second"}),
            "RuntimeError: co_await: Task 'mine' of loop \"second\" got a Future attached to a "
            "different loop, \"first\"; use run_coroutine_threadsafe() to reach another loop");
}

// TASK-049; api.md: the virtual clock tells of a deadlock
TEST(RunMisuse, ADeadlockOnTheVirtualClockNamesWhoWaitsForWhat) {
  const unsigned line = __LINE__ + 4;
  const auto main = []() -> asyncio::Coro<> {
    const asyncio::Future<int> never;
    asyncio::current_task()->set_name("mine");
    co_await never;
  };
  const std::string text = thrown_by([&] { asyncio::testing::run(main); });
  EXPECT_EQ(text.substr(0, text.find(" coro=")),
            "RuntimeError: deadlock: nothing is ready, no timer is set and nothing outside can "
            "wake the loop; waiting are:\n  <Task pending name='mine'");
  EXPECT_EQ(
      text.substr(text.find(" running at ")),
      " running at misuse_test.cpp:" + std::to_string(line) +
          "> wait_for=<Future pending cb=[wakeup of mine]> "
          "cb=[asyncio::run_until_complete_callback]>\n      "
          "RunMisuse_ADeadlockOnTheVirtualClockNamesWhoWaitsForWhat_Test::TestBody.<lambda>() "
          "at misuse_test.cpp:" +
          std::to_string(line));
}

// api.md: ASYNCIO_BACKEND
TEST(RunMisuse, AnUnknownBackendIsRefusedWithTheKnownOnes) {
  ::setenv("ASYNCIO_BACKEND", "select", 1);
  const std::string text = thrown_by([] { (void)asyncio::new_event_loop(); });
  ::unsetenv("ASYNCIO_BACKEND");
  EXPECT_EQ(text,
            "invalid_argument: ASYNCIO_BACKEND=select: unknown; it is \"epoll\", \"io_uring\" or "
            "\"virtual\", or not set");
}

// --- executors and threads ----------------------------------------------------------------------

// LOOP-063, EXC-018
ASYNC_TEST(ExecutorMisuse, TheDefaultOneTakesNothingAfterItsShutdown) {
  asyncio::EventLoop& loop = asyncio::get_running_loop();
  EXPECT_EQ(co_await asyncio::to_thread([] { return 1; }), 1);
  co_await loop.shutdown_default_executor();
  const std::string text =
      "RuntimeError: run_in_executor(): executor shutdown has been called; submit jobs before it, "
      "or give an executor of your own";
  EXPECT_EQ(thrown_by([&] { (void)loop.run_in_executor(nullptr, [] {}); }), text);
  const auto result = co_await asyncio::as_result(asyncio::to_thread([] {}));
  EXPECT_EQ(asyncio::detail::describe(result.error()), text);
  asyncio::ThreadPoolExecutor own(1);
  EXPECT_EQ(co_await loop.run_in_executor(&own, [] { return 2; }), 2);
}

// LOOP-063
ASYNC_TEST(ExecutorMisuse, APoolTakesNothingAfterItsShutdown) {
  asyncio::ThreadPoolExecutor pool(1);
  pool.shutdown();
  EXPECT_EQ(thrown_by([&] { (void)asyncio::get_running_loop().run_in_executor(&pool, [] {}); }),
            "RuntimeError: ThreadPoolExecutor: cannot schedule new futures after shutdown(); make "
            "a new pool");
  co_await asyncio::sleep(1s);  // no job is left that the clock would wait for
}

// COMB-139
ASYNC_TEST(ThreadMisuse, WaitingOnTheLoopsOwnThreadIsRefused) {
  const auto future = asyncio::run_coroutine_threadsafe(gives(1), asyncio::get_running_loop());
  const std::string text =
      "RuntimeError: concurrent::Future: waiting for it here would block the event loop that must "
      "complete it; co_await the coroutine instead";
  EXPECT_EQ(thrown_by([&] { (void)future.result(); }), text);
  EXPECT_EQ(thrown_by([&] { (void)future.result(1s); }), text);
  EXPECT_EQ(thrown_by([&] { (void)future.exception(); }), text);
  while (!future.done()) co_await asyncio::sleep(0s);
  EXPECT_EQ(future.result(), 1);
}

// COMB-140
TEST(ThreadMisuse, ALoopThatIsClosedFirstEndsTheFuture) {
  auto loop = asyncio::new_event_loop();
  const auto future = asyncio::run_coroutine_threadsafe(gives(1), *loop);
  loop->close();
  EXPECT_EQ(thrown_by([&] { (void)future.result(); }),
            "RuntimeError: run_coroutine_threadsafe(): the event loop was closed before the "
            "coroutine had ended; join the threads that wait before it is closed");
}

// RUN-003
ASYNC_TEST(ThreadMisuse, AConsumedCoroutineEndsTheFuture) {
  const support::LogCapture log;  // the exception handler is told as well
  auto coro = gives(1);
  coro.close();
  const auto future =
      asyncio::run_coroutine_threadsafe(std::move(coro), asyncio::get_running_loop());
  while (!future.done()) co_await asyncio::sleep(0s);
  EXPECT_EQ(
      thrown_by([&] { (void)future.result(); }),
      "RuntimeError: create_task(): this Coro<int> was moved from, awaited or closed already; "
      "a coroutine runs once: call its function again, or share it by create_task()");
  EXPECT_EQ(log.lines().size(), 1U);
}
