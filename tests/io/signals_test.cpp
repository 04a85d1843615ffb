// ^C under run(). What kills a process is tried in a forked child.

#include <asyncio/run.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/with.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

// Long enough that only a signal ends it in time, short enough to fail instead of hanging.
constexpr auto long_sleep = 20s;

using Handler = void (*)(int);

Handler handler_of(int signal) {
  struct sigaction now{};
  ::sigaction(signal, nullptr, &now);
  return now.sa_handler;
}

/// Sets a signal's handler while it lives.
class ScopedHandler {
 public:
  ScopedHandler(int signal, Handler handler)
      : signal_(signal), old_(std::signal(signal, handler)) {}
  ScopedHandler(const ScopedHandler&) = delete;
  ~ScopedHandler() { std::signal(signal_, old_); }

 private:
  int signal_;
  Handler old_;
};

volatile std::sig_atomic_t handled = 0;
void count_signal(int) { handled = handled + 1; }

asyncio::Coro<> interrupted_while_sleeping() {
  std::raise(SIGINT);
  co_await asyncio::sleep(long_sleep);
}

asyncio::Coro<> spin_for_ever() {
  std::raise(SIGINT);
  for (;;) co_await asyncio::sleep(0s);
}

asyncio::Coro<asyncio::Result<void>> first_interrupt() {
  std::raise(SIGINT);
  co_return co_await asyncio::as_result(asyncio::sleep(long_sleep));
}

/// What a forked child's end was: "exit N" or "signal N".
std::string end_of_child(const std::function<void()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);
    try {
      body();
    } catch (const asyncio::KeyboardInterrupt&) {
      ::_exit(77);
    } catch (...) {
      ::_exit(78);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

// RUN-039
TEST(Sigint, HasAHandlerOnlyWhileMainRuns) {
  ASSERT_EQ(handler_of(SIGINT), SIG_DFL);
  asyncio::Runner runner;
  (void)runner.get_loop();
  EXPECT_EQ(handler_of(SIGINT), SIG_DFL);
  runner.run([]() -> asyncio::Coro<> {
    EXPECT_NE(handler_of(SIGINT), SIG_DFL);
    co_return;
  });
  EXPECT_EQ(handler_of(SIGINT), SIG_DFL);
}

// RUN-039
TEST(Sigint, HasItsDefaultHandlerBackAfterAMainThatFailed) {
  EXPECT_THROW(asyncio::run([]() -> asyncio::Coro<> {
                 co_await asyncio::sleep(0s);
                 throw std::range_error("main");
               }),
               std::range_error);
  EXPECT_EQ(handler_of(SIGINT), SIG_DFL);
}

// RUN-040
TEST(Sigint, IsLeftToAHandlerThatIsThereAlready) {
  const ScopedHandler mine(SIGINT, &count_signal);
  handled = 0;
  asyncio::run([]() -> asyncio::Coro<> {
    EXPECT_EQ(handler_of(SIGINT), &count_signal);
    std::raise(SIGINT);
    co_await asyncio::sleep(1ms);
  });
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(handler_of(SIGINT), &count_signal);
}

// RUN-040
TEST(Sigint, StaysIgnoredWhereItIsIgnored) {
  const ScopedHandler ignored(SIGINT, SIG_IGN);
  asyncio::run([]() -> asyncio::Coro<> {
    std::raise(SIGINT);
    co_await asyncio::sleep(1ms);
  });
  EXPECT_EQ(handler_of(SIGINT), SIG_IGN);
}

// RUN-040
TEST(Sigint, IsLeftAloneByARunOnAnotherThread) {
  bool untouched = false;
  std::thread([&] {
    asyncio::run([&]() -> asyncio::Coro<> {
      untouched = handler_of(SIGINT) == SIG_DFL;
      co_return;
    });
  }).join();
  EXPECT_TRUE(untouched);
}

// RUN-041, RUN-042
TEST(Sigint, CancelsMainAndBecomesKeyboardInterrupt) {
  EXPECT_THROW(asyncio::run(interrupted_while_sleeping()), asyncio::KeyboardInterrupt);
}

// RUN-041
TEST(Sigint, OnAnotherThreadWakesTheLoopFromItsPoll) {
  std::thread raiser;
  EXPECT_THROW(asyncio::run([&]() -> asyncio::Coro<> {
                 raiser = std::thread([] {
                   std::this_thread::sleep_for(10ms);
                   std::raise(SIGINT);
                 });
                 co_await asyncio::sleep(long_sleep);
               }),
               asyncio::KeyboardInterrupt);
  raiser.join();
}

// RUN-041
TEST(Sigint, SentToTheProcessWakesTheLoopFromItsPoll) {
  std::thread sender;
  EXPECT_THROW(asyncio::run([&]() -> asyncio::Coro<> {
                 sender = std::thread([] {
                   std::this_thread::sleep_for(10ms);
                   ::kill(::getpid(), SIGINT);
                 });
                 co_await asyncio::sleep(long_sleep);
               }),
               asyncio::KeyboardInterrupt);
  sender.join();
}

// RUN-041: nothing is thrown where the signal arrives
TEST(Sigint, LetsTheStepThatItComesInGoOn) {
  Log log;
  EXPECT_THROW(asyncio::run([&]() -> asyncio::Coro<> {
                 std::raise(SIGINT);
                 log.push_back("went on");
                 auto end = co_await asyncio::as_result(asyncio::sleep(long_sleep));
                 log.push_back(end.cancelled() ? "cancelled" : "slept");
                 end.value();
               }),
               asyncio::KeyboardInterrupt);
  EXPECT_EQ(log, (Log{"went on", "cancelled"}));
}

// RUN-041, RUN-022
TEST(Sigint, LeavesTheOtherTasksToTheShutdown) {
  Log log;
  EXPECT_THROW(asyncio::run([&]() -> asyncio::Coro<> {
                 const auto other = [&]() -> asyncio::Coro<> {
                   auto end = co_await asyncio::as_result(asyncio::sleep(long_sleep));
                   log.push_back("other");
                   end.value();
                 };
                 (void)asyncio::create_task(other);
                 std::raise(SIGINT);
                 auto end = co_await asyncio::as_result(asyncio::sleep(long_sleep));
                 co_await asyncio::sleep(1ms);
                 log.push_back("main");
                 end.value();
               }),
               asyncio::KeyboardInterrupt);
  EXPECT_EQ(log, (Log{"main", "other"}));
}

// RUN-042
TEST(Sigint, CountsAsOneCancelOfMain) {
  const auto counts = asyncio::run([]() -> asyncio::Coro<std::vector<int>> {
    std::vector<int> seen;
    seen.push_back(static_cast<int>(asyncio::current_task()->cancelling()));
    auto first = co_await first_interrupt();
    EXPECT_TRUE(first.cancelled());
    seen.push_back(static_cast<int>(asyncio::current_task()->cancelling()));
    co_return seen;
  });
  EXPECT_EQ(counts, (std::vector{0, 1}));
}

// RUN-042
TEST(Sigint, GoesThroughATaskGroupAndItsChildrenCleanUp) {
  Log log;
  EXPECT_THROW(asyncio::run([&]() -> asyncio::Coro<> {
                 const auto child = [&]() -> asyncio::Coro<> {
                   std::raise(SIGINT);
                   auto end = co_await asyncio::as_result(asyncio::sleep(long_sleep));
                   log.push_back("child clean");
                   end.value();
                 };
                 const auto body = [&](asyncio::TaskGroup& group) { group.create_task(child); };
                 co_await asyncio::with(asyncio::TaskGroup(), body);
               }),
               asyncio::KeyboardInterrupt);
  EXPECT_EQ(log, Log{"child clean"});
}

// RUN-042
TEST(Sigint, GoesThroughATimeoutThatHasNotExpired) {
  EXPECT_THROW(asyncio::run([]() -> asyncio::Coro<> {
                 const auto body = [](asyncio::Timeout&) { return interrupted_while_sleeping(); };
                 co_await asyncio::with(asyncio::timeout(long_sleep), body);
               }),
               asyncio::KeyboardInterrupt);
}

// RUN-042: uncancel() by main does not hide it, as in CPython
TEST(Sigint, TurnsACancelledErrorOfMainsOwnIntoKeyboardInterrupt) {
  EXPECT_THROW(asyncio::run([]() -> asyncio::Coro<> {
                 (void)co_await first_interrupt();
                 asyncio::current_task()->uncancel();
                 throw asyncio::CancelledError("own");
               }),
               asyncio::KeyboardInterrupt);
}

// RUN-043
TEST(Sigint, CaughtByMainWhichReturnsAValueGivesTheValue) {
  EXPECT_EQ(asyncio::run([]() -> asyncio::Coro<int> {
              const auto end = co_await first_interrupt();
              co_return end.cancelled() ? 5 : 6;
            }),
            5);
}

// RUN-044
TEST(Sigint, CaughtByMainWhichThrowsAnotherErrorGivesThat) {
  EXPECT_THROW(asyncio::run([]() -> asyncio::Coro<> {
                 (void)co_await first_interrupt();
                 throw std::range_error("cleanup failed");
               }),
               std::range_error);
}

// RUN-045
TEST(Sigint, CancelsAMainThatIsBusyWithSleepZero) {
  EXPECT_THROW(asyncio::run(spin_for_ever()), asyncio::KeyboardInterrupt);
}

// RUN-045, RUN-046: in CPython a main that returns in the step in which ^C comes ends by it, too
TEST(Sigint, InMainsLastStepIsNotLost) {
  EXPECT_THROW((void)asyncio::run([]() -> asyncio::Coro<int> {
                 std::raise(SIGINT);
                 co_return 6;
               }),
               asyncio::KeyboardInterrupt);
}

// RUN-046
TEST(Sigint, BetweenMainsEndAndTheLoopsIsNotLost) {
  EXPECT_THROW((void)asyncio::run([]() -> asyncio::Coro<int> {
                 asyncio::get_running_loop().call_soon([] { std::raise(SIGINT); });
                 co_return 6;
               }),
               asyncio::KeyboardInterrupt);
}

// RUN-039: what one run did not take up does not keep the next from seeing its own
TEST(Sigint, AtTheEndOfOneRunnersMainDoesNotHideTheNextRunners) {
  asyncio::Runner first;
  try {
    first.run([]() -> asyncio::Coro<> {
      asyncio::get_running_loop().call_soon([] { std::raise(SIGINT); });
      co_return;
    });
  } catch (const asyncio::KeyboardInterrupt&) {
    // As it should be; BetweenMainsEndAndTheLoopsIsNotLost checks that.
  }
  asyncio::Runner second;
  EXPECT_THROW(second.run([]() -> asyncio::Coro<> {
    std::raise(SIGINT);
    co_await asyncio::sleep(50ms);
  }),
               asyncio::KeyboardInterrupt);
}

// RUN-039
TEST(Sigint, IsTakenUpByEveryRunOfARunner) {
  asyncio::Runner runner;
  EXPECT_THROW(runner.run(spin_for_ever()), asyncio::KeyboardInterrupt);
  EXPECT_EQ(runner.run(asyncio::sleep(0s, 3)), 3);
  EXPECT_THROW(runner.run(interrupted_while_sleeping()), asyncio::KeyboardInterrupt);
}

// RUN-047
TEST(Sigint, WithAnotherCancelOfMainIsACancelledError) {
  EXPECT_THROW(asyncio::run([]() -> asyncio::Coro<> {
                 asyncio::current_task()->cancel("somebody else");
                 co_await interrupted_while_sleeping();
               }),
               asyncio::CancelledError);
}

// RUN-046, failure 78
TEST(Sigint, ASecondTimeKillsTheProcess) {
  EXPECT_EQ(end_of_child([] {
              asyncio::run([]() -> asyncio::Coro<> {
                (void)co_await first_interrupt();
                std::raise(SIGINT);
                co_await asyncio::sleep(long_sleep);
              });
            }),
            "signal " + std::to_string(SIGINT));
}

// RUN-046: a stuck step, which no cancellation reaches
TEST(Sigint, ASecondTimeKillsAProcessWhoseMainNeverYields) {
  EXPECT_EQ(end_of_child([] {
              asyncio::run([]() -> asyncio::Coro<> {
                std::raise(SIGINT);
                std::raise(SIGINT);
                co_return;
              });
            }),
            "signal " + std::to_string(SIGINT));
}

// RUN-046
TEST(Sigint, DuringTheShutdownKillsTheProcess) {
  EXPECT_EQ(end_of_child([] {
              asyncio::run([]() -> asyncio::Coro<> {
                const auto cleanup = []() -> asyncio::Coro<> {
                  (void)co_await asyncio::as_result(asyncio::sleep(long_sleep));
                  std::raise(SIGINT);
                };
                (void)asyncio::create_task(cleanup);
                co_await asyncio::sleep(0s);
              });
            }),
            "signal " + std::to_string(SIGINT));
}

// RUN-039, failure 78
TEST(Sigint, LeavesACaughtKeyboardInterruptToTheProgram) {
  EXPECT_EQ(end_of_child([] { asyncio::run(interrupted_while_sleeping()); }), "exit 77");
}

// RUN-040, RUN-048
TEST(Sigterm, IsNotTouchedByRun) {
  asyncio::run([]() -> asyncio::Coro<> {
    EXPECT_EQ(handler_of(SIGTERM), SIG_DFL);
    co_return;
  });
}
