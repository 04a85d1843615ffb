// A child that runs: what it is told, what it says, and its end.

#include <asyncio/asyncio.hpp>
#include <asyncio/subprocess.hpp>

#include "support/descriptors.hpp"
#include "support/errors.hpp"
#include "support/log_capture.hpp"
#include "support/pattern.hpp"
#include "support/processes.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::create_subprocess_exec;
using asyncio::create_subprocess_shell;
using asyncio::subprocess::Abandon;
using asyncio::subprocess::DEVNULL;
using asyncio::subprocess::Output;
using asyncio::subprocess::PIPE;
using asyncio::subprocess::Process;
using support::state_of_process;
using support::thrown_by_await;

namespace {

// It has ended, and nobody has reaped it.
void wait_for_zombie(int pid) {
  siginfo_t info{};
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
}

// It has become that program.
Coro<> until_runs(int pid, std::string program) {
  std::string name;
  while (name != program) {
    co_await asyncio::sleep(1ms);
    std::ifstream("/proc/" + std::to_string(pid) + "/comm") >> name;
  }
}

Coro<> until_gone(int pid) {
  while (state_of_process(pid) != 0) co_await asyncio::sleep(1ms);
}

}  // namespace

// PROC-011, PROC-026
ASYNC_TEST(Process, ShowsItsPidAndHowItHasEnded) {
  Process process = co_await create_subprocess_shell("exit 17");
  EXPECT_GT(process.pid(), 0);
  EXPECT_EQ(process.repr(), "<Process " + std::to_string(process.pid()) + ">");
  EXPECT_EQ(process.returncode(), std::nullopt);
  EXPECT_EQ(co_await process.wait(), 17);
  EXPECT_EQ(process.returncode(), 17);
  Process killed = co_await create_subprocess_exec({"sleep", "100"});
  killed.kill();
  EXPECT_EQ(co_await killed.wait(), -SIGKILL);
  Process ended = co_await create_subprocess_exec({"sleep", "100"});
  ended.terminate();
  EXPECT_EQ(co_await ended.wait(), -SIGTERM);
  Process told = co_await create_subprocess_exec({"sleep", "100"});
  told.send_signal(SIGHUP);
  EXPECT_EQ(co_await told.wait(), -SIGHUP);
}

// PROC-012, PROC-037: it had ended before the loop looked for the first time.
ASYNC_TEST(Process, EndIsSeenByTheLoopAndNotBefore) {
  Process process = co_await create_subprocess_exec({"true"});
  wait_for_zombie(process.pid());
  EXPECT_EQ(process.returncode(), std::nullopt);
  EXPECT_EQ(state_of_process(process.pid()), 'Z');
  EXPECT_EQ(co_await process.wait(), 0);
  EXPECT_EQ(state_of_process(process.pid()), 0);
}

// PROC-013
ASYNC_TEST(Process, ManyMayWait) {
  Process process = co_await create_subprocess_exec({"cat"}, {.stdin_ = PIPE});
  std::vector<asyncio::Task<int>> waiting;
  for (int i = 0; i < 10; ++i) waiting.push_back(asyncio::create_task(process.wait()));
  co_await asyncio::sleep(0s);
  process.stdin_->close();
  for (asyncio::Task<int>& one : waiting) EXPECT_EQ(co_await one, 0);
  EXPECT_EQ(co_await process.wait(), 0);
}

// PROC-014
ASYNC_TEST(Process, CancelledWaitLeavesItAlone) {
  Process process = co_await create_subprocess_exec({"cat"}, {.stdin_ = PIPE});
  EXPECT_EQ(co_await thrown_by_await(asyncio::wait_for(process.wait(), 5ms)),
            "TimeoutError: timed out");
  EXPECT_EQ(process.returncode(), std::nullopt);
  process.stdin_->close();
  EXPECT_EQ(co_await process.wait(), 0);
}

// PROC-032, PROC-013: who holds its output open does not hold up its end.
ASYNC_TEST(Process, WaitDoesNotWaitForThePipes) {
  Process process =
      co_await create_subprocess_shell("sleep 100 & echo $!; exit 4", {.stdout_ = PIPE});
  EXPECT_EQ(co_await process.wait(), 4);
  const std::string left = co_await process.stdout_->readline();
  ::kill(std::stoi(left), SIGKILL);
  EXPECT_EQ(co_await process.stdout_->read(), "");
}

// PROC-023, PROC-025
ASYNC_TEST(Process, OutputCanBeReadAfterItsEnd) {
  Process process = co_await create_subprocess_shell("echo one; echo two", {.stdout_ = PIPE});
  EXPECT_EQ(co_await process.wait(), 0);
  EXPECT_EQ(co_await process.stdout_->readline(), "one\n");
  EXPECT_EQ((co_await process.communicate()).stdout_, "two\n");
  EXPECT_EQ(co_await process.wait(), 0);
}

// PROC-022
ASYNC_TEST(Process, StreamsGoBothWays) {
  Process process = co_await create_subprocess_shell(
      "while read line; do echo \"got $line\"; echo \"err $line\" >&2; done",
      {.stdin_ = PIPE, .stdout_ = PIPE, .stderr_ = PIPE, .limit = 100});
  EXPECT_EQ(process.stdout_->limit(), 100U);
  for (const char* word : {"one", "two"}) {
    process.stdin_->write(std::string(word) + "\n");
    co_await process.stdin_->drain();
    EXPECT_EQ(co_await process.stdout_->readline(), std::string("got ") + word + "\n");
    EXPECT_EQ(co_await process.stderr_->readline(), std::string("err ") + word + "\n");
  }
  EXPECT_TRUE(process.stdin_->can_write_eof());
  process.stdin_->write_eof();
  EXPECT_EQ(co_await process.wait(), 0);
  EXPECT_EQ(co_await process.stdout_->read(), "");
}

// PROC-024: what nobody reads stays in the pipe.
ASYNC_TEST(Process, WhoWritesMoreThanIsReadIsSlowedDown) {
  Process process = co_await create_subprocess_exec({"yes"}, {.stdout_ = PIPE});
  EXPECT_EQ(co_await process.stdout_->readline(), "y\n");
  while (state_of_process(process.pid()) != 'S') co_await asyncio::sleep(1ms);
  EXPECT_EQ(process.returncode(), std::nullopt);
  process.kill();
  EXPECT_EQ(co_await process.wait(), -SIGKILL);
}

// --- communicate() ------------------------------------------------------------------------------

// PROC-016, failure 74
ASYNC_TEST(Process, MuchGoesBothWaysWithoutADeadlock) {
  const std::string input = support::pattern(10 << 20);
  Process process = co_await create_subprocess_shell(
      "tee /dev/stderr", {.stdin_ = PIPE, .stdout_ = PIPE, .stderr_ = PIPE});
  const Output output = co_await process.communicate(input);
  EXPECT_TRUE(output.stdout_ == input);
  EXPECT_TRUE(output.stderr_ == input);
}

// PROC-018, failure 74
ASYNC_TEST(Process, ThatItReadsNoInputIsNoError) {
  Process process = co_await create_subprocess_exec({"true"}, {.stdin_ = PIPE, .stdout_ = PIPE});
  EXPECT_EQ((co_await process.communicate(std::string(10 << 20, 'x'))).stdout_, "");
  EXPECT_EQ(process.returncode(), 0);
  Process some =
      co_await create_subprocess_exec({"head", "-c", "3"}, {.stdin_ = PIPE, .stdout_ = PIPE});
  EXPECT_EQ((co_await some.communicate(std::string(10 << 20, 'x'))).stdout_, "xxx");
}

// PROC-017
ASYNC_TEST(Process, WithoutInputItsInputEndsAtOnce) {
  Process process =
      co_await create_subprocess_shell("cat; echo end", {.stdin_ = PIPE, .stdout_ = PIPE});
  EXPECT_EQ((co_await process.communicate()).stdout_, "end\n");
  Process closed = co_await create_subprocess_exec({"cat"}, {.stdin_ = PIPE});
  closed.stdin_->close();
  EXPECT_EQ((co_await closed.communicate("too late")).stdout_, std::nullopt);
}

ASYNC_TEST(Process, InputWithoutAPipeIsAnError) {
  Process process = co_await create_subprocess_exec({"true"}, {.stdin_ = DEVNULL});
  EXPECT_EQ(co_await thrown_by_await(process.communicate("lost")),
            "RuntimeError: communicate(): there is input, and stdin_ is no PIPE; start the process "
            "with {.stdin_ = asyncio::subprocess::PIPE}");
  EXPECT_EQ(co_await process.wait(), 0);
}

// PROC-019, PROC-020
ASYNC_TEST(Process, CancelledCommunicateLeavesItAloneAndLosesNothing) {
  Process process = co_await create_subprocess_shell("echo one; read line; echo \"two $line\"",
                                                     {.stdin_ = PIPE, .stdout_ = PIPE});
  auto reading = asyncio::create_task(process.stdout_->read());
  co_await asyncio::sleep(20ms);
  reading.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(reading)).cancelled());
  EXPECT_EQ(process.returncode(), std::nullopt);
  EXPECT_EQ((co_await process.communicate("x\n")).stdout_, "one\ntwo x\n");
  Process slow = co_await create_subprocess_shell("echo kept; exec sleep 100", {.stdout_ = PIPE});
  co_await until_runs(slow.pid(), "sleep");
  EXPECT_EQ(co_await thrown_by_await(asyncio::wait_for(slow.communicate(), 20ms)),
            "TimeoutError: timed out");
  EXPECT_EQ(slow.returncode(), std::nullopt);
  slow.kill();
  EXPECT_EQ((co_await slow.communicate()).stdout_, "kept\n");
  EXPECT_EQ(slow.returncode(), -SIGKILL);
}

// PROC-019: the better way.
ASYNC_TEST(Process, CancelledCommunicateDoesWhatWasAskedFor) {
  Process killed = co_await create_subprocess_exec({"sleep", "100"}, {.abandon = Abandon::kill});
  EXPECT_EQ(co_await thrown_by_await(asyncio::wait_for(killed.communicate(), 5ms)),
            "TimeoutError: timed out");
  EXPECT_EQ(co_await killed.wait(), -SIGKILL);
  Process told = co_await create_subprocess_exec({"sleep", "100"}, {.abandon = Abandon::terminate});
  EXPECT_EQ(co_await thrown_by_await(asyncio::wait_for(told.communicate(), 5ms)),
            "TimeoutError: timed out");
  EXPECT_EQ(co_await told.wait(), -SIGTERM);
  Process deaf = co_await create_subprocess_shell(
      "trap '' TERM; echo ready; while :; do sleep 0.01; done",
      {.stdout_ = PIPE, .abandon = Abandon::terminate, .terminate_delay = 30ms});
  EXPECT_EQ(co_await deaf.stdout_->readline(), "ready\n");
  EXPECT_EQ(co_await thrown_by_await(asyncio::wait_for(deaf.communicate(), 5ms)),
            "TimeoutError: timed out");
  EXPECT_EQ(co_await deaf.wait(), -SIGKILL);
}

// --- signals ------------------------------------------------------------------------------------

// PROC-021, failure 73
ASYNC_TEST(Process, SignalsReachItOrNobody) {
  Process process = co_await create_subprocess_exec({"true"});
  wait_for_zombie(process.pid());
  process.send_signal(SIGTERM);  // nobody has seen its end
  process.kill();
  EXPECT_EQ(co_await process.wait(), 0);
  const std::string ended = "system_error: send signal 9 to process " +
                            std::to_string(process.pid()) +
                            ", which has ended with 0: No such process";
  EXPECT_EQ(support::thrown_by([&] { process.kill(); }), ended);
  EXPECT_THROW(process.terminate(), std::system_error);
  Process other = co_await create_subprocess_exec({"cat"}, {.stdin_ = PIPE});
  EXPECT_EQ(support::thrown_by([&] { other.send_signal(1000); }),
            "system_error: send signal 1000 to process " + std::to_string(other.pid()) +
                ": Invalid argument");
}

// --- whom nobody waits for ----------------------------------------------------------------------

// PROC-031
ASYNC_TEST(Process, TheLastHandleThatGoesKillsIt) {
  int pid = 0;
  {
    Process process =
        co_await create_subprocess_exec({"sleep", "100"}, {.stdin_ = PIPE, .stdout_ = PIPE});
    pid = process.pid();
    const Process copy = process;
  }
  co_await until_gone(pid);  // reaped, too
}

ASYNC_TEST(Process, OneThatIsLeftGoesOnAndIsReaped) {
  int pid = 0;
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  {
    const Process process = co_await create_subprocess_exec(
        {"cat"}, {.stdin_ = ends[0], .stdout_ = DEVNULL, .abandon = Abandon::leave});
    pid = process.pid();
  }
  co_await asyncio::sleep(20ms);
  EXPECT_NE(state_of_process(pid), 0);
  ::close(ends[1]);
  co_await until_gone(pid);
  ::close(ends[0]);
}
