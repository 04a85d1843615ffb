// What run() does after main, in its order.

#include <asyncio/run.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/threads.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/log_capture.hpp"

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

/// Hangs until it is cancelled, then cleans up, awaiting.
asyncio::Coro<> hang_and_clean_up(Log& log, std::string name, asyncio::Duration cleanup) {
  auto end = co_await asyncio::as_result(asyncio::sleep(1h));
  log.push_back(name + (end.cancelled() ? " cancelled" : " ended"));
  co_await asyncio::sleep(cleanup);
  log.push_back(name + " clean");
  end.value();
}

asyncio::Coro<> hang_and_fail(const char* text) {
  (void)co_await asyncio::as_result(asyncio::sleep(1h));
  throw std::range_error(text);
}

asyncio::Coro<> hang_and_interrupt() {
  (void)co_await asyncio::as_result(asyncio::sleep(1h));
  throw asyncio::KeyboardInterrupt();
}

asyncio::Coro<> refuse_to_end() {
  for (;;) (void)co_await asyncio::as_result(asyncio::sleep(1h));
}

/// A task that may start a thread's work in its cleanup: jobs must still be possible then.
asyncio::Coro<> use_a_thread_in_cleanup(Log& log) {
  (void)co_await asyncio::as_result(asyncio::sleep(1h));
  const int value = co_await asyncio::to_thread([] { return 5; });
  log.push_back("thread gave " + std::to_string(value));
}

}  // namespace

// RUN-022, failure 95
TEST(RunShutdown, CancelsTheTasksThatAreLeftAndRunsThemToTheirEnd) {
  Log log;
  std::optional<asyncio::Task<>> task;
  const int result = asyncio::testing::run([&]() -> asyncio::Coro<int> {
    task = asyncio::create_task(hang_and_clean_up(log, "a", 0s));
    co_await asyncio::sleep(0s);
    co_return 1;
  });
  EXPECT_EQ(result, 1);
  EXPECT_EQ(log, (Log{"a cancelled", "a clean"}));
  EXPECT_TRUE(task->cancelled());
}

// RUN-022: the loop stops one iteration after main's end
TEST(RunShutdown, LetsATaskOfMainsLastStepBeginBeforeItIsCancelled) {
  Log log;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    (void)asyncio::create_task(hang_and_clean_up(log, "a", 0s));
    co_return;
  });
  EXPECT_EQ(log, (Log{"a cancelled", "a clean"}));
}

// RUN-023
TEST(RunShutdown, WaitsWithoutLimitForCleanupThatAwaits) {
  Log log;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    (void)asyncio::create_task(hang_and_clean_up(log, "slow", 48h));
    (void)asyncio::create_task(hang_and_clean_up(log, "quick", 1s));
    co_await asyncio::sleep(0s);
  });
  EXPECT_EQ(log, (Log{"slow cancelled", "quick cancelled", "quick clean", "slow clean"}));
}

// RUN-023 [PITFALL], failure 95
TEST(RunShutdown, NamesAndDestroysTheTasksThatOutstayTheShutdownTimeout) {
  const support::LogCapture capture;
  asyncio::run(
      []() -> asyncio::Coro<> {
        (void)asyncio::create_task(refuse_to_end(), {.name = "stubborn"});
        co_await asyncio::sleep(0s);
      },
      {.loop_factory = &asyncio::testing::new_virtual_loop, .shutdown_timeout = 5s});
  EXPECT_EQ(capture.count("'stubborn'"), 2);  // it did not end, and: destroyed while pending
  EXPECT_EQ(capture.count("did not end within the shutdown timeout"), 1);
}

// RUN-023 [PITFALL]
TEST(RunShutdown, ReportsNothingAboutTasksThatKeepTheShutdownTimeout) {
  Log log;
  asyncio::run(
      [&]() -> asyncio::Coro<> {
        (void)asyncio::create_task(hang_and_clean_up(log, "a", 4s));
        co_await asyncio::sleep(0s);
      },
      {.loop_factory = &asyncio::testing::new_virtual_loop, .shutdown_timeout = 5s});
  EXPECT_EQ(log.back(), "a clean");
}

// RUN-024
TEST(RunShutdown, TellsTheHandlerOfTasksThatFailWhenCancelled) {
  std::vector<std::string> told;
  std::optional<asyncio::Task<>> task;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    asyncio::get_running_loop().set_exception_handler(
        [&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
          EXPECT_TRUE(context.task == *task);
          told.push_back(context.message + "/" + asyncio::detail::describe(context.exception));
        });
    task = asyncio::create_task(hang_and_fail("at the end"));
    (void)asyncio::create_task(asyncio::sleep(1h));
    co_await asyncio::sleep(0s);
  });
  EXPECT_EQ(told, (std::vector<std::string>{"unhandled exception during asyncio::run() shutdown/"
                                            "range_error: at the end"}));
}

// RUN-024
TEST(RunShutdown, LogsTheErrorsOfShutdownWithoutAHandlerOnce) {
  const support::LogCapture capture;
  asyncio::testing::run([]() -> asyncio::Coro<> {
    (void)asyncio::create_task(hang_and_fail("at the end"));
    co_await asyncio::sleep(0s);
  });
  EXPECT_EQ(capture.lines().size(), 1U);
  EXPECT_EQ(capture.count("range_error: at the end"), 1);
}

// RUN-024
TEST(RunShutdown, SaysNothingOfATaskThatReturnsWhenCancelled) {
  const support::LogCapture capture;
  asyncio::testing::run([]() -> asyncio::Coro<> {
    const auto body = []() -> asyncio::Coro<> {
      (void)co_await asyncio::as_result(asyncio::sleep(1h));
    };
    (void)asyncio::create_task(body);
    co_await asyncio::sleep(0s);
  });
  EXPECT_TRUE(capture.empty());
}

// RUN-026, PROC-055
TEST(RunShutdown, JoinsTheThreadsOfTheDefaultExecutor) {
  std::atomic<bool> ended = false;
  asyncio::run([&]() -> asyncio::Coro<> {
    const auto job = [&] {
      std::this_thread::sleep_for(20ms);
      ended = true;
    };
    (void)asyncio::get_running_loop().run_in_executor(nullptr, job);
    co_return;
  });
  EXPECT_TRUE(ended);
}

// RUN-026
TEST(RunShutdown, JoinsTheExecutorAfterTheCleanupOfTheTasks) {
  Log log;
  asyncio::run([&]() -> asyncio::Coro<> {
    (void)asyncio::create_task(use_a_thread_in_cleanup(log));
    co_await asyncio::sleep(0s);
  });
  EXPECT_EQ(log, Log{"thread gave 5"});
}

// RUN-026: the limit of run() is 300 s; here it is a short one
TEST(RunShutdown, AbandonsAnExecutorThatDoesNotEndInTimeWithAReport) {
  const support::LogCapture capture;
  std::atomic<bool> go = false;
  asyncio::run([&]() -> asyncio::Coro<> {
    auto& loop = asyncio::get_running_loop();
    const auto job = [&] {
      while (!go) std::this_thread::sleep_for(1ms);
    };
    auto running = loop.run_in_executor(nullptr, job);
    co_await loop.shutdown_default_executor(5ms);
    EXPECT_EQ(capture.count("did not finish joining its threads"), 1);
    EXPECT_THROW((void)loop.run_in_executor(nullptr, [] {}), asyncio::RuntimeError);
    go = true;
    co_await running;
    co_await asyncio::sleep(20ms);  // the joining thread ends while the loop lives; see the next
  });
}

// RUN-026, failure 96: in a child, since it may crash
TEST(RunShutdown, AnAbandonedExecutorMayEndAfterItsLoop) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);
    static std::atomic<bool> go = false;
    asyncio::set_log_sink([](asyncio::LogLevel, std::string_view) {});
    for (int i = 0; i < 3; ++i) {
      go = false;
      asyncio::run([]() -> asyncio::Coro<> {
        auto& loop = asyncio::get_running_loop();
        const auto job = [] {
          while (!go) std::this_thread::sleep_for(1ms);
        };
        (void)loop.run_in_executor(nullptr, job);
        co_await loop.shutdown_default_executor(1ms);
      });
      // Whoever touches the loop's memory now finds another's.
      const std::vector<std::string> reused(64, std::string(300, 'x'));
      go = true;
      std::this_thread::sleep_for(10ms);
    }
    ::_exit(7);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << "status " << status;
}

// RUN-027, RUN-049
TEST(RunShutdown, ClosesTheLoopEvenWhenATaskInterruptsIt) {
  const support::LogCapture capture;
  std::optional<asyncio::Future<>> future;
  EXPECT_THROW(asyncio::run([&]() -> asyncio::Coro<> {
                 future.emplace();
                 (void)asyncio::create_task(hang_and_interrupt());
                 co_await asyncio::sleep(0s);
               }),
               asyncio::KeyboardInterrupt);
  EXPECT_THROW((void)future->get_loop(), asyncio::RuntimeError);  // destroyed
  EXPECT_THROW((void)asyncio::get_event_loop(), asyncio::RuntimeError);
}

// RUN-028 [PITFALL]
TEST(RunShutdown, CancelsAndAwaitsAlsoTheTasksThatCleanupHasMade) {
  Log log;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    const auto root = [&]() -> asyncio::Coro<> {
      auto end = co_await asyncio::as_result(asyncio::sleep(1h));
      (void)asyncio::create_task(hang_and_clean_up(log, "child", 1s));
      co_await asyncio::sleep(0s);
      end.value();
    };
    (void)asyncio::create_task(root);
    co_await asyncio::sleep(0s);
  });
  EXPECT_EQ(log, (Log{"child cancelled", "child clean"}));
}

// RUN-028 [PITFALL]: bounded
TEST(RunShutdown, EndsAlthoughCleanupMakesNewTasksForEver) {
  const support::LogCapture capture;
  int made = 0;
  struct Maker {
    static asyncio::Coro<> run(int& n) {
      if (++n > 1'000'000) co_return;
      const auto end = co_await asyncio::as_result(asyncio::sleep(1h));
      const auto next = asyncio::create_task(run(n));
      co_await asyncio::sleep(0s);  // so that the new one has begun
      end.value();
    }
  };
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    (void)asyncio::create_task(Maker::run(made));
    co_await asyncio::sleep(0s);
  });
  EXPECT_GT(made, 2);
  EXPECT_EQ(capture.count("Task was destroyed but it is pending!"), 1);
}

// RUN-029
TEST(RunShutdown, ComesBeforeMainsErrorIsThrown) {
  Log log;
  try {
    asyncio::testing::run([&]() -> asyncio::Coro<> {
      (void)asyncio::create_task(hang_and_clean_up(log, "a", 1s));
      co_await asyncio::sleep(0s);
      throw std::range_error("main");
    });
  } catch (const std::range_error&) {
    log.push_back("caught");
  }
  EXPECT_EQ(log, (Log{"a cancelled", "a clean", "caught"}));
}

// RUN-050
TEST(RunShutdown, FollowsAKeyboardInterruptOfATaskAndCancelsMain) {
  const support::LogCapture capture;  // the task's error is never retrieved, as in Python
  Log log;
  EXPECT_THROW(asyncio::testing::run([&]() -> asyncio::Coro<> {
                 const auto interrupt = []() -> asyncio::Coro<> {
                   co_await asyncio::sleep(0s);
                   throw asyncio::KeyboardInterrupt();
                 };
                 (void)asyncio::create_task(interrupt);
                 (void)asyncio::create_task(hang_and_clean_up(log, "other", 1s));
                 co_await hang_and_clean_up(log, "main", 0s);
               }),
               asyncio::KeyboardInterrupt);
  EXPECT_EQ(log, (Log{"main cancelled", "other cancelled", "main clean", "other clean"}));
}

// RUN-030
TEST(RunShutdown, OfARunnerHappensOnceInClose) {
  Log log;
  asyncio::Runner runner({.loop_factory = &asyncio::testing::new_virtual_loop});
  runner.run([&]() -> asyncio::Coro<> {
    (void)asyncio::create_task(hang_and_clean_up(log, "a", 0s));
    co_await asyncio::sleep(0s);
  });
  EXPECT_TRUE(log.empty());
  runner.close();
  EXPECT_EQ(log, (Log{"a cancelled", "a clean"}));
  runner.close();
  EXPECT_EQ(log.size(), 2U);
}
