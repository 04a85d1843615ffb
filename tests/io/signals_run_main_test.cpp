// run_main(): arguments, exit codes, ^C and SIGTERM.

#include <asyncio/run.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr auto long_sleep = 20s;
using Args = std::vector<std::string_view>;

/// run_main() with "prog" and these arguments.
template <class F>
int run_with(std::initializer_list<const char*> args, F&& async_main) {
  std::vector<std::string> texts{"prog"};
  texts.insert(texts.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (std::string& text : texts) argv.push_back(text.data());
  argv.push_back(nullptr);
  return asyncio::run_main(static_cast<int>(texts.size()), argv.data(),
                           std::forward<F>(async_main));
}

/// What `call` writes to standard error.
template <class F>
std::string stderr_of(F call) {
  testing::internal::CaptureStderr();
  call();
  return testing::internal::GetCapturedStderr();
}

asyncio::Coro<> do_nothing() { co_return; }

/// Raises a signal and waits for what comes of it.
asyncio::Coro<> hit_by(int signal) {
  std::raise(signal);
  co_await asyncio::sleep(long_sleep);
}

bool has_default_handlers() {
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction now{};
    ::sigaction(signal, nullptr, &now);
    if (now.sa_handler != SIG_DFL) return false;
  }
  return true;
}

std::string end_of_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

TEST(RunMain, ExitsWithZeroAfterAMainWithoutAResult) { EXPECT_EQ(run_with({}, do_nothing), 0); }

TEST(RunMain, ExitsWithMainsResult) {
  EXPECT_EQ(run_with({},
                     []() -> asyncio::Coro<int> {
                       co_await asyncio::sleep(0s);
                       co_return 3;
                     }),
            3);
}

TEST(RunMain, GivesMainTheArgumentsWithoutTheProgramsName) {
  std::vector<std::string> seen;
  EXPECT_EQ(run_with({"-v", "file", ""},
                     [&](Args args) -> asyncio::Coro<int> {
                       seen.assign(args.begin(), args.end());
                       co_return static_cast<int>(args.size());
                     }),
            3);
  EXPECT_EQ(seen, (std::vector<std::string>{"-v", "file", ""}));
}

TEST(RunMain, GivesMainNothingWhenThereIsNotEvenAProgramName) {
  char* none[] = {nullptr};
  EXPECT_EQ(asyncio::run_main(
                0, none,
                [](Args args) -> asyncio::Coro<int> { co_return static_cast<int>(args.size()); }),
            0);
}

// DBG-001
TEST(RunMain, TakesTheDevSwitchOutAndTurnsDebugModeOn) {
  std::vector<std::string> seen;
  bool debug = false;
  const auto main = [&](Args args) -> asyncio::Coro<> {
    seen.assign(args.begin(), args.end());
    debug = asyncio::get_running_loop().get_debug();
    co_return;
  };
  EXPECT_EQ(run_with({"-X", "dev", "file"}, main), 0);
  EXPECT_TRUE(debug);
  EXPECT_EQ(seen, std::vector<std::string>{"file"});
  EXPECT_EQ(run_with({"file", "-Xdev"}, main), 0);
  EXPECT_TRUE(debug);
  EXPECT_EQ(seen, std::vector<std::string>{"file"});
}

// DBG-001
TEST(RunMain, LeavesOtherSwitchesAlone) {
  std::vector<std::string> seen;
  bool debug = true;
  ::unsetenv("ASYNCIODEBUG");  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(run_with({"-X", "other", "dev", "-X"},
                     [&](Args args) -> asyncio::Coro<> {
                       seen.assign(args.begin(), args.end());
                       debug = asyncio::get_running_loop().get_debug();
                       co_return;
                     }),
            0);
  EXPECT_FALSE(debug);
  EXPECT_EQ(seen, (std::vector<std::string>{"-X", "other", "dev", "-X"}));
}

TEST(RunMain, PrintsAnErrorAndExitsWithOne) {
  int code = 0;
  const std::string printed = stderr_of([&] {
    code = run_with({}, []() -> asyncio::Coro<> {
      co_await asyncio::sleep(0s);
      throw std::range_error("out of luck");
    });
  });
  EXPECT_EQ(code, 1);
  EXPECT_NE(printed.find("range_error: out of luck"), std::string::npos) << printed;
}

TEST(RunMain, PrintsACancelledErrorOfMainAndExitsWithOne) {
  int code = 0;
  const std::string printed = stderr_of([&] {
    code = run_with({}, []() -> asyncio::Coro<> {
      asyncio::current_task()->cancel("gave up");
      co_await asyncio::sleep(long_sleep);
    });
  });
  EXPECT_EQ(code, 1);
  EXPECT_NE(printed.find("CancelledError: gave up"), std::string::npos) << printed;
}

// RUN-014
TEST(RunMain, CleansUpBeforeItExits) {
  std::string log;
  EXPECT_EQ(run_with({},
                     [&]() -> asyncio::Coro<int> {
                       const auto left = [&]() -> asyncio::Coro<> {
                         auto end = co_await asyncio::as_result(asyncio::sleep(long_sleep));
                         log += end.cancelled() ? "cancelled" : "ended";
                         end.value();
                       };
                       (void)asyncio::create_task(left);
                       co_await asyncio::sleep(0s);
                       co_return 4;
                     }),
            4);
  EXPECT_EQ(log, "cancelled");
}

// RUN-048
TEST(RunMain, ExitsWith130AfterSigint) {
  std::string printed =
      stderr_of([] { EXPECT_EQ(run_with({}, [] { return hit_by(SIGINT); }), 130); });
  EXPECT_EQ(printed, "");
  EXPECT_TRUE(has_default_handlers());
}

// RUN-048
TEST(RunMain, ExitsWith143AfterSigterm) {
  std::string printed =
      stderr_of([] { EXPECT_EQ(run_with({}, [] { return hit_by(SIGTERM); }), 143); });
  EXPECT_EQ(printed, "");
  EXPECT_TRUE(has_default_handlers());
}

// RUN-048, RUN-022
TEST(RunMain, CancelsMainAndTheTasksThatAreLeftAfterSigterm) {
  std::vector<std::string> log;
  EXPECT_EQ(run_with({},
                     [&]() -> asyncio::Coro<> {
                       const auto left = [&]() -> asyncio::Coro<> {
                         auto end = co_await asyncio::as_result(asyncio::sleep(long_sleep));
                         log.push_back("task");
                         end.value();
                       };
                       (void)asyncio::create_task(left);
                       co_await asyncio::sleep(0s);
                       auto end = co_await asyncio::as_result(hit_by(SIGTERM));
                       log.push_back("main");
                       end.value();
                     }),
            143);
  EXPECT_EQ(log, (std::vector<std::string>{"main", "task"}));
}

// RUN-043, RUN-048
TEST(RunMain, ExitsWithTheResultOfAMainThatCatchesTheCancellation) {
  for (const int signal : {SIGINT, SIGTERM}) {
    EXPECT_EQ(run_with({},
                       [signal]() -> asyncio::Coro<int> {
                         const auto end = co_await asyncio::as_result(hit_by(signal));
                         co_return end.cancelled() ? 5 : 6;
                       }),
              5);
  }
}

// RUN-044, RUN-048
TEST(RunMain, ExitsWithOneWhenMainFailsAfterTheSignal) {
  int code = 0;
  const std::string printed = stderr_of([&] {
    code = run_with({}, []() -> asyncio::Coro<> {
      (void)co_await asyncio::as_result(hit_by(SIGTERM));
      throw std::range_error("cleanup failed");
    });
  });
  EXPECT_EQ(code, 1);
  EXPECT_NE(printed.find("cleanup failed"), std::string::npos) << printed;
}

// RUN-049
TEST(RunMain, ExitsWith130AfterAKeyboardInterruptOfMain) {
  EXPECT_EQ(run_with({},
                     []() -> asyncio::Coro<> {
                       co_await asyncio::sleep(0s);
                       throw asyncio::KeyboardInterrupt();
                     }),
            130);
}

// RUN-040
TEST(RunMain, LeavesAnIgnoredSigtermIgnored) {
  const auto old = std::signal(SIGTERM, SIG_IGN);
  EXPECT_EQ(run_with({},
                     []() -> asyncio::Coro<int> {
                       std::raise(SIGTERM);
                       co_await asyncio::sleep(1ms);
                       co_return 2;
                     }),
            2);
  EXPECT_EQ(std::signal(SIGTERM, old), SIG_IGN);
}

// RUN-046
TEST(RunMain, IsKilledByASecondSignalOfEitherKind) {
  for (const int second : {SIGINT, SIGTERM}) {
    EXPECT_EQ(end_of_child([second] {
                return run_with({}, [second]() -> asyncio::Coro<> {
                  (void)co_await asyncio::as_result(hit_by(SIGINT));
                  co_await hit_by(second);
                });
              }),
              "signal " + std::to_string(second));
  }
}

// RUN-048: as a whole process sees it
TEST(RunMain, OfAProcessSentSigtermExitsWith143) {
  EXPECT_EQ(end_of_child([] {
              return run_with({}, []() -> asyncio::Coro<> {
                ::kill(::getpid(), SIGTERM);
                co_await asyncio::sleep(long_sleep);
              });
            }),
            "exit 143");
}
