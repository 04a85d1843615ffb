// Workers that die, in each phase of a job, and the fork server, which should not.

#include <asyncio/process_pool.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "io/fault.hpp"
#include "support/descriptors.hpp"
#include "support/processes.hpp"
#include "support/sanitizers.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr std::size_t large = 20'000'000;

int add(int a, int b) { return a + b; }
const support::SharedCounter added;  // of the workers, which are forked from here
int add_and_count(int a, int b) {
  ++*added;
  return a + b;
}
int own_pid() { return ::getpid(); }
int pid_of_fork_server() { return ::getppid(); }
std::size_t size_of(std::string text) { return text.size(); }
std::string make_text(std::size_t size) { return std::string(size, 'x'); }
int raise_signal(int signal) {
  std::signal(signal, SIG_DFL);
  return ::kill(::getpid(), signal);
}
int leave(int code) { ::_exit(code); }
int nap(int milliseconds) {
  ::usleep(static_cast<unsigned>(milliseconds) * 1000);
  return milliseconds;
}

template <class T>
std::string broken_text(const asyncio::Result<T>& result) {
  try {
    result.value();
  } catch (const asyncio::BrokenProcessPool& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("another error: ") + error.what();
  }
  return "no error";
}

void expect_within(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

}  // namespace

ASYNC_TEST(ProcessPoolDeath, OfAWorkerIsTheErrorOfItsJobAloneWithTheSignalOrTheCode) {
  asyncio::ProcessPoolExecutor pool(2);
  auto& loop = asyncio::get_running_loop();
  auto killed = loop.run_in_executor(pool, raise_signal, SIGKILL);
  auto crashed = loop.run_in_executor(pool, raise_signal, SIGSEGV);
  auto left = loop.run_in_executor(pool, leave, 3);
  std::vector<asyncio::Future<int>> others;
  for (int i = 0; i < 20; ++i) others.push_back(loop.run_in_executor(pool, add, i, i));
  expect_within(broken_text(co_await asyncio::as_result(killed)), "killed by signal 9 (Killed)");
  expect_within(broken_text(co_await asyncio::as_result(crashed)),
                "killed by signal 11 (Segmentation fault)");
  expect_within(broken_text(co_await asyncio::as_result(left)), "exit code 3");
  const std::vector<int> results = co_await asyncio::gather(std::move(others));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)], 2 * i);
}

ASYNC_TEST(ProcessPoolDeath, OfAnIdleWorkerCostsNoJob) {
  asyncio::ProcessPoolExecutor pool(1);
  auto& loop = asyncio::get_running_loop();
  for (int round = 0; round < 3; ++round) {
    const int pid = co_await loop.run_in_executor(pool, own_pid);
    EXPECT_EQ(::kill(pid, SIGKILL), 0);
    while (::kill(pid, 0) == 0) ::usleep(100);  // until the fork server has reaped it
    EXPECT_EQ(co_await loop.run_in_executor(pool, add, round, 1), round + 1);
  }
}

ASYNC_TEST(ProcessPoolDeath, InTheMiddleOfItsArgumentsIsTheErrorOfTheJob) {
  asyncio::ProcessPoolExecutor pool(1);
  auto& loop = asyncio::get_running_loop();
  const int pid = co_await loop.run_in_executor(pool, own_pid);
  EXPECT_EQ(::kill(pid, SIGSTOP), 0);
  auto job = loop.run_in_executor(pool, size_of, std::string(large, 'x'));
  co_await asyncio::sleep(1ms);
  EXPECT_FALSE(job.done());
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
  expect_within(broken_text(co_await asyncio::as_result(job)), "killed by signal 9");
  EXPECT_EQ(co_await loop.run_in_executor(pool, size_of, std::string(large, 'x')), large);
}

ASYNC_TEST(ProcessPoolDeath, InTheMiddleOfItsAnswerIsTheErrorOfTheJob) {
  asyncio::ProcessPoolExecutor pool(1);
  auto& loop = asyncio::get_running_loop();
  const int pid = co_await loop.run_in_executor(pool, own_pid);
  auto job = loop.run_in_executor(pool, make_text, large);
  ::usleep(50'000);  // nobody reads: it has begun to write, and waits
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
  expect_within(broken_text(co_await asyncio::as_result(job)), "killed by signal 9");
  EXPECT_EQ((co_await loop.run_in_executor(pool, make_text, large)).size(), large);
}

ASYNC_TEST(ProcessPoolDeath, BehindAWholeAnswerLosesNothing) {
  asyncio::ProcessPoolExecutor pool(1);
  auto& loop = asyncio::get_running_loop();
  const int pid = co_await loop.run_in_executor(pool, own_pid);
  auto job = loop.run_in_executor(pool, add_and_count, 1, 2);
  // What it sleeps in after that is the wait for its next job.
  while (*added == 0 || support::state_of_process(pid) != 'S') ::usleep(100);
  EXPECT_EQ(::kill(pid, SIGKILL), 0);
  while (::kill(pid, 0) == 0) ::usleep(100);
  EXPECT_EQ(co_await job, 3);
  EXPECT_EQ(co_await loop.run_in_executor(pool, add, 2, 2), 4);
}

ASYNC_TEST(ProcessPoolDeath, OfTheForkServerBreaksThePool) {
  asyncio::ProcessPoolExecutor pool(2);
  auto& loop = asyncio::get_running_loop();
  const int server = co_await loop.run_in_executor(pool, pid_of_fork_server);
  auto running = loop.run_in_executor(pool, nap, 60'000);
  EXPECT_EQ(::kill(server, SIGKILL), 0);
  expect_within(broken_text(co_await asyncio::as_result(running)), "killed by signal 9");
  EXPECT_THROW(loop.run_in_executor(pool, add, 1, 1), asyncio::BrokenProcessPool);
  EXPECT_EQ(support::children(), 0);
}

TEST(ProcessPoolDeath, OfTheParentIsThatOfItsWorkers) {
  const support::SharedCounter worker;
  EXPECT_EQ(support::end_of_child([&] {
              const auto loop = asyncio::new_event_loop();
              asyncio::ProcessPoolExecutor pool(1);
              *worker = loop->run_until_complete(loop->run_in_executor(pool, own_pid));
              auto job = loop->run_in_executor(pool, nap, 60'000);
              loop->run_until_complete(asyncio::sleep(1ms));
              ::kill(::getpid(), SIGKILL);
              return 0;
            }),
            "signal 9");
  // Its fork server takes it along.
  for (int i = 0; i < 1000 && ::kill(*worker, 0) == 0; ++i) ::usleep(10'000);
  EXPECT_NE(::kill(*worker, 0), 0);
}

TEST(ProcessPoolFault, ThatForksNothingSaysSo) {
  const auto fds = support::open_descriptors();
  const asyncio::detail::sys::Fault fault(asyncio::detail::sys::Call::fork, EAGAIN);
  try {
    const asyncio::ProcessPoolExecutor pool;
    ADD_FAILURE() << "made";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EAGAIN);
    expect_within(error.what(), "ProcessPoolExecutor: fork");
  }
  EXPECT_EQ(support::open_descriptors(), fds);
}

ASYNC_TEST(ProcessPoolFault, WithoutASocketForAWorkerFailsTheJobAndNotThePool) {
  asyncio::ProcessPoolExecutor pool(1);
  auto& loop = asyncio::get_running_loop();
  {
    const asyncio::detail::sys::Fault fault(asyncio::detail::sys::Call::socket, EMFILE);
    auto job = loop.run_in_executor(pool, add, 1, 1);
    EXPECT_THROW(co_await job, std::system_error);
  }
  EXPECT_EQ(co_await loop.run_in_executor(pool, add, 1, 1), 2);
}

// failure 92: of each call of a job
ASYNC_TEST(ProcessPoolFault, OfACallIsAnErrorOfTheJobOrNothingAtAll) {
  using asyncio::detail::sys::Call;
  for (const Call call : {Call::send, Call::receive}) {
    for (std::uint64_t nth = 0; nth < 4; ++nth) {
      asyncio::ProcessPoolExecutor pool(1);
      auto& loop = asyncio::get_running_loop();
      const asyncio::detail::sys::Fault fault(call, ECONNRESET, nth);
      auto job = loop.run_in_executor(pool, add, 1, 1);
      const auto result = co_await asyncio::as_result(job);
      if (result) {
        EXPECT_EQ(result.value(), 2);
      }
    }
  }
}

// failure 91
TEST(ProcessPoolFault, OfAnAllocationIsAnErrorOfTheJobOrNothingAtAll) {
  const auto scenario = []() -> asyncio::Coro<> {
    asyncio::ProcessPoolExecutor pool(1);
    auto& loop = asyncio::get_running_loop();
    auto job = loop.run_in_executor(pool, add, 1, 1);
    const int sum = co_await std::move(job);
    EXPECT_EQ(sum, 2);
  };
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation(scenario), "");
  EXPECT_EQ(support::children(), 0);
}

// A worker whose answer could not be taken is given up, and the next job has another one.
TEST(ProcessPoolFault, OfAnAllocationForAnAnswerIsNotPaidByTheNextJob) {
  const auto scenario = []() -> asyncio::Coro<> {
    asyncio::ProcessPoolExecutor pool(1);
    auto& loop = asyncio::get_running_loop();
    auto large_one = loop.run_in_executor(pool, make_text, std::size_t{200'000});
    const auto text = co_await asyncio::as_result(large_one);
    if (text) {
      EXPECT_EQ(text.value().size(), 200'000U);
    }
    auto job = loop.run_in_executor(pool, add, 1, 1);
    const int sum = co_await std::move(job);
    EXPECT_EQ(sum, 2);
  };
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation(scenario), "");
  EXPECT_EQ(support::children(), 0);
}

TEST(ProcessPoolFault, OfACancellationLeavesNothing) {
  const auto scenario = []() -> asyncio::Coro<> {
    EXPECT_EQ(co_await asyncio::to_process(add, 1, 1), 2);
    EXPECT_EQ(co_await asyncio::to_process(add, 1, 2), 3);
  };
  EXPECT_EQ(asyncio::testing::cancel_at_each_await(scenario), "");
  EXPECT_EQ(support::children(), 0);
}
