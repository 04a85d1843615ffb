// How the end of a child is noticed: once, always, and of the right one.

#include <asyncio/asyncio.hpp>
#include <asyncio/subprocess.hpp>
#include <asyncio/testing.hpp>

#include "io/fault.hpp"
#include "support/children.hpp"
#include "support/descriptors.hpp"
#include "support/errors.hpp"
#include "support/log_capture.hpp"
#include "support/pipe_ends.hpp"
#include "support/processes.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::create_subprocess_exec;
using asyncio::subprocess::Abandon;
using asyncio::subprocess::DEVNULL;
using asyncio::subprocess::PIPE;
using asyncio::subprocess::Process;
namespace sys = asyncio::detail::sys;
using support::children;
using support::state_of_process;

namespace {

;

Coro<> run_and_wait() {
  Process process = co_await create_subprocess_exec({"true"});
  const int code = co_await process.wait();
  EXPECT_EQ(code, 0);
}

}  // namespace

// PROC-033, PROC-035, PROC-039: no handler of SIGCHLD, and no thread.
ASYNC_TEST(Reaping, NeedsNoSignal) {
  struct sigaction before{};
  ::sigaction(SIGCHLD, nullptr, &before);
  Process process = co_await create_subprocess_exec({"cat"}, {.stdin_ = PIPE});
  struct sigaction now{};
  ::sigaction(SIGCHLD, nullptr, &now);
  EXPECT_EQ(now.sa_handler, before.sa_handler);
  process.stdin_->close();
  EXPECT_EQ(co_await process.wait(), 0);
  EXPECT_EQ(children(), 0);
}

// PROC-034, failure 72
ASYNC_TEST(Reaping, StatusThatSomebodyElseHasTakenIs255) {
  const support::LogCapture log;
  Process process = co_await create_subprocess_exec({"true"});
  EXPECT_EQ(::waitpid(process.pid(), nullptr, 0), process.pid());
  EXPECT_EQ(co_await process.wait(), 255);
  EXPECT_EQ(log.count("child process pid " + std::to_string(process.pid()) +
                      " exit status already read: will report returncode 255"),
            1);
  EXPECT_THROW(process.kill(), std::system_error);
}

// Failure 72
ASYNC_TEST(Reaping, WhoIgnoresSigchldIsTold255AndNothingHangs) {
  const support::LogCapture log;
  auto* const before = ::signal(SIGCHLD, SIG_IGN);
  for (int i = 0; i < 10; ++i) {
    Process process = co_await create_subprocess_exec({"true"});
    EXPECT_EQ(co_await process.wait(), 255);
    Process other = co_await create_subprocess_exec({"cat"}, {.stdin_ = PIPE, .stdout_ = PIPE});
    EXPECT_EQ((co_await other.communicate("x")).stdout_, "x");
    EXPECT_EQ(other.returncode(), 255);
  }
  ::signal(SIGCHLD, before);
  EXPECT_EQ(log.count("will report returncode 255"), 20);
}

// PROC-038
ASYNC_TEST(Reaping, TwoThatEndTogetherAreBothNoticed) {
  for (int i = 0; i < 20; ++i) {
    const support::PipeEnds ends;
    Process one = co_await create_subprocess_exec({"cat"}, {.stdin_ = ends.fds[0]});
    Process two = co_await create_subprocess_exec({"cat"}, {.stdin_ = ends.fds[0]});
    one.kill();
    two.terminate();
    auto both = co_await asyncio::gather(one.wait(), two.wait());
    EXPECT_EQ(std::get<0>(both), -SIGKILL);
    EXPECT_EQ(std::get<1>(both), -SIGTERM);
  }
}

// PROC-037, failure 71
ASYNC_TEST(Reaping, OneThatEndsAtOnceIsNoticedEachTime) {
  const std::vector<int> before = support::open_descriptors();
  constexpr int rounds = 100;
  constexpr int at_once = 10;
  for (int i = 0; i < rounds; ++i) {
    std::vector<Coro<>> all;
    for (int j = 0; j < at_once; ++j) all.push_back(run_and_wait());
    co_await asyncio::gather(std::move(all));
  }
  EXPECT_EQ(children(), 0);
  EXPECT_EQ(support::open_descriptors(), before);
}

// PROC-035
TEST(Reaping, EachThreadsLoopHasItsOwnChildren) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      asyncio::run([]() -> Coro<> {
        for (int j = 0; j < 20; ++j) co_await run_and_wait();
      });
    });
  }
  threads.clear();
  EXPECT_EQ(children(), 0);
}

// PROC-040
TEST(Reaping, AForkedChildStartsItsOwn) {
  asyncio::run([]() -> Coro<> {
    Process ours = co_await create_subprocess_exec({"cat"}, {.stdin_ = PIPE, .stdout_ = PIPE});
    EXPECT_EQ(support::end_of_child([] {
                asyncio::run(run_and_wait());
                return 0;
              }),
              "exit 0");
    EXPECT_EQ((co_await ours.communicate("still there")).stdout_, "still there");
  });
}

// PROC-040, failure 79: what a forked child does to the loop that it has inherited, and to the
// handles, is nothing to its parent's children.
TEST(Reaping, AForkedChildLeavesItsParentsAlone) {
  asyncio::run([]() -> Coro<> {
    std::optional<Process> ours =
        co_await create_subprocess_exec({"cat"}, {.stdin_ = PIPE, .stdout_ = PIPE});
    EXPECT_EQ(support::end_of_child([&] {
                ours->terminate();
                ours.reset();
                return 0;
              }),
              "exit 0");
    EXPECT_EQ((co_await ours->communicate("still there")).stdout_, "still there");
    EXPECT_EQ(ours->returncode(), 0);
  });
}

// --- the end of the loop ------------------------------------------------------------------------

TEST(Reaping, LoopThatEndsKillsWhoIsLeftAndReapsHim) {
  std::vector<Process> outliving;
  const std::vector<int> before = support::open_descriptors();
  std::vector<int> pids;
  asyncio::run([&]() -> Coro<> {
    for (int i = 0; i < 20; ++i) {
      outliving.push_back(
          co_await create_subprocess_exec({"sleep", "100"}, {.stdin_ = PIPE, .stdout_ = PIPE}));
      pids.push_back(outliving.back().pid());
    }
  });
  for (const int pid : pids) EXPECT_EQ(state_of_process(pid), 0);
  EXPECT_EQ(outliving.front().returncode(), -SIGKILL);
  outliving.clear();
  EXPECT_EQ(children(), 0);
  EXPECT_EQ(support::open_descriptors(), before);
}

TEST(Reaping, WhoIsLeftAloneIsReapedAlthoughTheLoopHasGone) {
  for (int i = 0; i < 3; ++i) {
    support::PipeEnds ends;
    int pid = 0;
    asyncio::run([&]() -> Coro<> {
      const Process process = co_await create_subprocess_exec(
          {"cat"}, {.stdin_ = ends.fds[0], .stdout_ = DEVNULL, .abandon = Abandon::leave});
      pid = process.pid();
    });
    EXPECT_NE(state_of_process(pid), 0);
    ends.close_writing();
    while (state_of_process(pid) != 0) std::this_thread::sleep_for(1ms);
  }
}

// --- what fails ---------------------------------------------------------------------------------

TEST(Reaping, EachSystemCallThatFailsIsAnErrorAndLeavesNothing) {
  for (const sys::Call call : {sys::Call::pipe, sys::Call::spawn, sys::Call::pidfd, sys::Call::open,
                               sys::Call::epoll_control}) {
    for (std::uint64_t nth = 0; nth < 6; ++nth) {
      const std::vector<int> before = support::open_descriptors();
      std::uint64_t injected = 0;
      asyncio::run([&]() -> Coro<> {
        co_await asyncio::sleep(0s);
        const sys::Fault fault(call, EMFILE, nth);
        const auto result = co_await asyncio::as_result(
            create_subprocess_exec({"cat"}, {.stdin_ = PIPE, .stdout_ = PIPE, .stderr_ = DEVNULL}));
        injected = fault.injected();
        EXPECT_EQ(static_cast<bool>(result), injected == 0) << static_cast<int>(call) << " " << nth;
      });
      EXPECT_EQ(children(), 0);
      EXPECT_EQ(support::open_descriptors(), before);
      if (injected == 0) break;
    }
  }
}

TEST(Reaping, CancelledAnywhereNothingIsLeft) {
  EXPECT_EQ(asyncio::testing::cancel_at_each_await([]() -> Coro<> {
              Process process =
                  co_await create_subprocess_exec({"cat"}, {.stdin_ = PIPE, .stdout_ = PIPE});
              const auto output = co_await process.communicate(std::string(300'000, 'x'));
              EXPECT_EQ(output.stdout_->size(), 300'000U);
            }),
            "");
  EXPECT_EQ(children(), 0);
}

TEST(Reaping, WithoutMemoryNothingIsLeft) {
  const support::LogCapture log;
  const std::vector<int> before = support::open_descriptors();
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation([]() -> Coro<> {
              Process process =
                  co_await create_subprocess_exec({"cat"}, {.stdin_ = PIPE, .stdout_ = PIPE});
              const auto output = co_await process.communicate("text");
              EXPECT_EQ(output.stdout_, "text");
            }),
            "");
  EXPECT_EQ(children(), 0);
  EXPECT_EQ(support::open_descriptors(), before);
}
