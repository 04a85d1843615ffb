// What a pool of processes does with jobs, results and errors.

#include <asyncio/process_pool.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/descriptors.hpp"
#include "support/processes.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

int add(int a, int b) { return a + b; }
int own_pid() { return ::getpid(); }
std::string echo(std::string text) { return text; }
std::size_t length(std::string_view text) { return text.size(); }
void nothing() {}
int after_nap(int milliseconds) {
  ::usleep(static_cast<unsigned>(milliseconds) * 1000);
  return milliseconds;
}

struct Point {
  int x = 0;
  double y = 0;
};

struct NotStandard {};

std::string throw_kind(int kind) {
  if (kind == 0) throw std::out_of_range("no such element");
  if (kind == 1) throw std::string("a text");
  if (kind == 2) throw 7;
  if (kind == 3) throw NotStandard();
  throw asyncio::CancelledError("stop");
}

/// Cannot be sent: elements without bytes.
struct Ghost {};
[[maybe_unused]] void asyncio_encode(asyncio::codec::Encoder&, const Ghost&) {}
[[maybe_unused]] Ghost asyncio_decode(asyncio::codec::Decoder&, asyncio::codec::Type<Ghost>) {
  return {};
}
std::vector<Ghost> ghosts() { return std::vector<Ghost>(3); }

int calls_of_initializer = 0;
void initialize() { ++calls_of_initializer; }
int read_calls() { return calls_of_initializer; }
void fail_to_initialize() { throw std::runtime_error("no licence"); }
void die_in_initializer() { ::_exit(9); }

template <class E, class A>
std::string text_of(asyncio::Result<A> result) {
  try {
    result.value();
  } catch (const E& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("another error: ") + error.what();
  }
  return "no error";
}

}  // namespace

ASYNC_TEST(ProcessPool, CallsFunctionsAndLambdasInAnotherProcess) {
  asyncio::ProcessPoolExecutor pool(2);
  auto& loop = asyncio::get_running_loop();
  EXPECT_EQ(co_await loop.run_in_executor(pool, add, 2, 3), 5);
  EXPECT_EQ(co_await loop.run_in_executor(&pool, [](int a) { return a * a; }, 7), 49);
  EXPECT_NE(co_await loop.run_in_executor(pool, own_pid), ::getpid());
  EXPECT_EQ(co_await loop.run_in_executor(pool, echo, "a literal"), "a literal");
  EXPECT_EQ(co_await loop.run_in_executor(pool, length, std::string("four")), 4U);
  const auto generic = [](auto a, auto b) { return a + std::to_string(b); };
  EXPECT_EQ(co_await loop.run_in_executor(pool, generic, "x", 3), "x3");
  co_await loop.run_in_executor(pool, nothing);
  const auto point = co_await loop.run_in_executor(
      pool, [](const Point& p) { return Point{p.x + 1, p.y * 2}; }, Point{1, 2.5});
  EXPECT_EQ(point.x, 2);
  EXPECT_EQ(point.y, 5.0);
}

ASYNC_TEST(ProcessPool, SendsContainersBothWays) {
  using Table = std::map<std::string, std::vector<double>>;
  asyncio::ProcessPoolExecutor pool(1);
  const auto turn = [](const Table& table) {
    std::vector<std::tuple<std::string, double>> sums;
    for (const auto& [name, values] : table) {
      double sum = 0;
      for (const double value : values) sum += value;
      sums.emplace_back(name, sum);
    }
    return sums;
  };
  const Table table{{"a", {1, 2}}, {"b", {}}, {"c", {0.5}}};
  const auto sums = co_await asyncio::get_running_loop().run_in_executor(pool, turn, table);
  EXPECT_EQ(sums, (std::vector<std::tuple<std::string, double>>{{"a", 3}, {"b", 0}, {"c", 0.5}}));
}

ASYNC_TEST(ProcessPool, AnswersTenThousandJobs) {
  asyncio::ProcessPoolExecutor pool(2);
  auto& loop = asyncio::get_running_loop();
  std::vector<asyncio::Future<int>> futures;
  futures.reserve(10'000);
  for (int i = 0; i < 10'000; ++i) futures.push_back(loop.run_in_executor(pool, add, i, 1));
  const std::vector<int> results = co_await asyncio::gather(std::move(futures));
  for (int i = 0; i < 10'000; ++i) {
    if (results[static_cast<std::size_t>(i)] != i + 1) ADD_FAILURE() << "job " << i;
  }
}

ASYNC_TEST(ProcessPool, MovesLargeArgumentsAndResultsOnAllWorkersAtOnce) {
  asyncio::ProcessPoolExecutor pool(3);
  auto& loop = asyncio::get_running_loop();
  constexpr std::size_t size = 10'000'000;
  std::vector<asyncio::Future<std::string>> futures;
  for (int i = 0; i < 6; ++i) {
    const std::string text(size + static_cast<std::size_t>(i), static_cast<char>('a' + i));
    futures.push_back(loop.run_in_executor(pool, echo, text));
  }
  const std::vector<std::string> results = co_await asyncio::gather(std::move(futures));
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].size(), size + i);
    EXPECT_EQ(results[i].back(), static_cast<char>('a' + i));
  }
}

ASYNC_TEST(ProcessPool, GivesTheTypeAndTextOfWhatTheFunctionThrows) {
  asyncio::ProcessPoolExecutor pool(1);
  auto& loop = asyncio::get_running_loop();
  const std::vector<std::pair<std::string, std::string>> expected{
      {"out_of_range", "no such element"},
      {"__cxx11::basic_string", "a text"},
      {"int", ""},
      {"NotStandard", ""},
      {"CancelledError", "stop"}};
  for (int kind = 0; kind < 5; ++kind) {
    const auto& [type, text] = expected[static_cast<std::size_t>(kind)];
    auto job = loop.run_in_executor(pool, throw_kind, kind);
    try {
      co_await job;
      ADD_FAILURE() << "no error of kind " << kind;
    } catch (const asyncio::RemoteError& error) {
      EXPECT_NE(error.type().find(type), std::string::npos) << error.type();
      EXPECT_EQ(error.text(), text);
      const std::string both = text.empty() ? error.type() : error.type() + ": " + text;
      EXPECT_EQ(error.what(), both);
      EXPECT_EQ(error.traceback(), "");
    }
  }
  EXPECT_EQ(co_await loop.run_in_executor(pool, add, 1, 1), 2);
}

ASYNC_TEST(ProcessPool, ReportsAResultThatCannotBeSent) {
  asyncio::ProcessPoolExecutor pool(1);
  auto& loop = asyncio::get_running_loop();
  auto job = loop.run_in_executor(pool, ghosts);
  const std::string text = text_of<asyncio::RuntimeError>(co_await asyncio::as_result(job));
  EXPECT_NE(text.find("its result cannot be sent"), std::string::npos) << text;
  EXPECT_EQ(co_await loop.run_in_executor(pool, add, 1, 1), 2);
}

// failure 80
ASYNC_TEST(ProcessPool, NeverRunsAJobThatWasCancelledInTheQueue) {
  asyncio::ProcessPoolExecutor pool(1);
  auto& loop = asyncio::get_running_loop();
  support::SharedCounter calls;
  static std::atomic<int>* counter = nullptr;
  counter = &*calls;
  auto first = loop.run_in_executor(pool, after_nap, 50);
  (void)co_await loop.run_in_executor(pool, add, 0, 0);  // the worker is there
  auto busy = loop.run_in_executor(pool, after_nap, 30);
  auto queued = loop.run_in_executor(
      pool, [](std::uintptr_t at) { ++*reinterpret_cast<std::atomic<int>*>(at); },
      reinterpret_cast<std::uintptr_t>(counter));
  EXPECT_TRUE(queued.cancel());
  EXPECT_EQ(co_await busy, 30);
  EXPECT_EQ(co_await loop.run_in_executor(pool, add, 1, 1), 2);
  EXPECT_EQ(*calls, 0);
  EXPECT_TRUE(queued.cancelled());
  EXPECT_EQ(co_await first, 50);
}

// failure 80
ASYNC_TEST(ProcessPool, LeavesAJobThatIsCancelledWhileItRunsToItsEnd) {
  asyncio::ProcessPoolExecutor pool(1);
  auto& loop = asyncio::get_running_loop();
  const int pid = co_await loop.run_in_executor(pool, own_pid);
  auto running = loop.run_in_executor(pool, after_nap, 30);
  EXPECT_TRUE(running.cancel());
  EXPECT_EQ(co_await loop.run_in_executor(pool, own_pid), pid);
  EXPECT_TRUE(running.cancelled());
}

ASYNC_TEST(ProcessPool, ReplacesAWorkerThatHasDoneItsNumberOfJobs) {
  asyncio::ProcessPoolExecutor pool({.max_workers = 1, .max_tasks_per_child = 2});
  auto& loop = asyncio::get_running_loop();
  std::vector<int> pids;
  for (int i = 0; i < 6; ++i) pids.push_back(co_await loop.run_in_executor(pool, own_pid));
  EXPECT_EQ(pids[0], pids[1]);
  EXPECT_EQ(pids[2], pids[3]);
  EXPECT_EQ(std::set<int>(pids.begin(), pids.end()).size(), 3U);
}

ASYNC_TEST(ProcessPool, CallsTheInitializerOnceInEachWorker) {
  asyncio::ProcessPoolExecutor pool({.max_workers = 1, .initializer = &initialize});
  auto& loop = asyncio::get_running_loop();
  EXPECT_EQ(co_await loop.run_in_executor(pool, read_calls), 1);
  EXPECT_EQ(co_await loop.run_in_executor(pool, read_calls), 1);
  EXPECT_EQ(calls_of_initializer, 0);
}

ASYNC_TEST(ProcessPool, IsBrokenByAnInitializerThatFails) {
  asyncio::ProcessPoolExecutor pool({.max_workers = 2, .initializer = &fail_to_initialize});
  auto& loop = asyncio::get_running_loop();
  auto one = loop.run_in_executor(pool, add, 1, 1);
  auto two = loop.run_in_executor(pool, add, 1, 1);
  const std::string text = text_of<asyncio::BrokenProcessPool>(co_await asyncio::as_result(one));
  EXPECT_NE(text.find("no licence"), std::string::npos) << text;
  EXPECT_EQ(text_of<asyncio::BrokenProcessPool>(co_await asyncio::as_result(two)), text);
  EXPECT_THROW(loop.run_in_executor(pool, add, 1, 1), asyncio::BrokenProcessPool);
}

ASYNC_TEST(ProcessPool, IsBrokenByWorkersThatDieBeforeTheirFirstJob) {
  asyncio::ProcessPoolExecutor pool({.max_workers = 1, .initializer = &die_in_initializer});
  auto job = asyncio::get_running_loop().run_in_executor(pool, add, 1, 1);
  const std::string text = text_of<asyncio::BrokenProcessPool>(co_await asyncio::as_result(job));
  EXPECT_NE(text.find("exit code 9"), std::string::npos) << text;
}

ASYNC_TEST(ProcessPool, BelongsToTheLoopThatUsedItFirst) {
  asyncio::ProcessPoolExecutor pool(1);
  EXPECT_EQ(co_await asyncio::get_running_loop().run_in_executor(pool, add, 1, 1), 2);
  const auto other = asyncio::new_event_loop();
  try {
    (void)other->run_in_executor(pool, add, 1, 1);
    ADD_FAILURE() << "taken";
  } catch (const asyncio::RuntimeError& error) {
    EXPECT_NE(std::string(error.what()).find("make one for each loop"), std::string::npos);
  }
  other->close();
}

ASYNC_TEST(ProcessPool, OfTheLoopIsMadeByToProcess) {
  EXPECT_EQ(co_await asyncio::to_process(add, 2, 2), 4);
  const int pid = co_await asyncio::to_process(own_pid);
  EXPECT_NE(pid, ::getpid());
  auto stored = asyncio::to_process(echo, std::string("a temporary"));
  EXPECT_EQ(co_await std::move(stored), "a temporary");
}

TEST(ProcessPool, OfTheLoopEndsWithRun) {
  const auto fds = support::open_descriptors();
  const int pid = asyncio::run([]() -> asyncio::Coro<int> {
    (void)asyncio::create_task(asyncio::to_process(after_nap, 60'000));
    co_return co_await asyncio::to_process(own_pid);
  });
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_EQ(support::children(), 0);
  EXPECT_EQ(support::open_descriptors(), fds);
}

TEST(ProcessPool, HasNoDescriptorOfItsParent) {
  std::vector<int> sockets;
  for (int i = 0; i < 50; ++i) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);  // inherited, unless they are closed
    sockets.insert(sockets.end(), {pair[0], pair[1]});
  }
  asyncio::run([&]() -> asyncio::Coro<> {
    asyncio::ProcessPoolExecutor pool(1);
    const auto open = co_await asyncio::get_running_loop().run_in_executor(
        pool, [] { return support::open_descriptors(); });
    EXPECT_EQ(open, (std::vector<int>{0, 1, 2, 3}));
  });
  for (const int fd : sockets) ::close(fd);
}

// PROC-055 has the same for threads
ASYNC_TEST(ProcessPool, AnswersAllThatIsQueuedWhenItIsShutDown) {
  asyncio::ProcessPoolExecutor pool(2);
  auto& loop = asyncio::get_running_loop();
  std::vector<asyncio::Future<int>> futures;
  for (int i = 0; i < 20; ++i) futures.push_back(loop.run_in_executor(pool, after_nap, 1));
  pool.shutdown();
  for (const auto& future : futures) EXPECT_TRUE(future.done());
  EXPECT_THROW(loop.run_in_executor(pool, add, 1, 1), asyncio::RuntimeError);
  EXPECT_EQ((co_await asyncio::gather(std::move(futures))).size(), 20U);
}

ASYNC_TEST(ProcessPool, GoesOnWithTheLoopWhenShutdownDoesNotWait) {
  asyncio::ProcessPoolExecutor pool(1);
  auto& loop = asyncio::get_running_loop();
  auto one = loop.run_in_executor(pool, after_nap, 5);
  auto two = loop.run_in_executor(pool, add, 1, 1);
  pool.shutdown(false);
  EXPECT_FALSE(one.done());
  EXPECT_EQ(co_await one, 5);
  EXPECT_EQ(co_await two, 2);
  EXPECT_EQ(support::children(), 0);
}

ASYNC_TEST(ProcessPool, CancelsWhatIsQueuedIfShutdownIsToldSo) {
  asyncio::ProcessPoolExecutor pool(1);
  auto& loop = asyncio::get_running_loop();
  (void)co_await loop.run_in_executor(pool, add, 0, 0);
  auto running = loop.run_in_executor(pool, after_nap, 5);
  auto queued = loop.run_in_executor(pool, add, 1, 1);
  pool.shutdown(true, true);
  EXPECT_TRUE(running.done());
  EXPECT_TRUE(queued.cancelled());
  EXPECT_EQ(co_await running, 5);
}

ASYNC_TEST(ProcessPool, DoesNotWaitForAJobThatNobodyWants) {
  asyncio::ProcessPoolExecutor pool(1);
  auto& loop = asyncio::get_running_loop();
  (void)co_await loop.run_in_executor(pool, add, 0, 0);
  auto endless = loop.run_in_executor(pool, after_nap, 600'000);
  endless.cancel();
  pool.shutdown();
  EXPECT_EQ(support::children(), 0);
}

// failure 96
TEST(ProcessPool, LeavesNothingWhenItsLoopIsClosedWithJobsUnderWay) {
  const auto fds = support::open_descriptors();
  {
    const auto loop = asyncio::new_event_loop();
    asyncio::ProcessPoolExecutor pool(2);
    EXPECT_EQ(loop->run_until_complete(loop->run_in_executor(pool, add, 1, 1)), 2);
    std::vector<asyncio::Future<int>> futures;
    for (int i = 0; i < 5; ++i) futures.push_back(loop->run_in_executor(pool, after_nap, 60'000));
    loop->run_until_complete(asyncio::sleep(5ms));
    loop->close();
    EXPECT_EQ(support::children(), 0);
    EXPECT_FALSE(futures.front().done());
  }
  EXPECT_EQ(support::open_descriptors(), fds);
}

TEST(ProcessPool, ThatWasNeverUsedLeavesNothing) {
  const auto fds = support::open_descriptors();
  {
    const asyncio::ProcessPoolExecutor pool;
    EXPECT_GE(pool.max_workers(), 1U);
    EXPECT_EQ(support::children(), 1);
  }
  EXPECT_EQ(support::children(), 0);
  EXPECT_EQ(support::open_descriptors(), fds);
}

TEST(ProcessPool, IsTheParentsInAForkedChild) {
  asyncio::Runner runner;
  asyncio::ProcessPoolExecutor pool(1);
  auto& loop = runner.get_loop();
  EXPECT_EQ(loop.run_until_complete(loop.run_in_executor(pool, add, 1, 1)), 2);
  EXPECT_EQ(support::end_of_child([&] {
              try {
                (void)runner.get_loop().run_in_executor(pool, add, 1, 1);
              } catch (const asyncio::RuntimeError&) {
                pool.shutdown();
                return 7;
              }
              return 1;
            }),
            "exit 7");
  EXPECT_EQ(loop.run_until_complete(loop.run_in_executor(pool, add, 1, 2)), 3);
  pool.shutdown();
}
