// What a year in production brings: many threads, signals, clocks, and an end in the middle of it.

#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

constexpr int threads = 8;
constexpr int calls_each = 125'000;

/// Notes that the frame it lives in was destroyed.
struct Witness {
  explicit Witness(int& n) : count(&n) {}
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { ++*count; }
  int* count;
};

template <class A>
asyncio::Coro<> suspended_on(A awaitable, int& destroyed) {
  const Witness witness(destroyed);
  (void)co_await std::move(awaitable);
}

asyncio::Coro<> in_group(int& destroyed) {
  const Witness witness(destroyed);
  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(suspended_on(asyncio::sleep(1h), destroyed));
    co_await asyncio::sleep(1h);
  });
}

asyncio::Coro<> in_timeout(int& destroyed) {
  const Witness witness(destroyed);
  co_await asyncio::with(asyncio::timeout(2h), [&](asyncio::Timeout&) -> asyncio::Coro<> {
    co_await asyncio::sleep(1h);
  });
}

asyncio::Coro<> next_of(asyncio::AsCompleted<asyncio::Task<>, true>& completed, int& destroyed) {
  const Witness witness(destroyed);
  (void)co_await completed.next();
}

}  // namespace

// failure 8, LOOP-019, LOOP-023
TEST(Stress, AMillionCallsFromEightThreadsAreAllRunInEachThreadsOrder) {
  auto loop = asyncio::new_event_loop();
  std::vector<int> next(threads, 0);
  int total = 0;
  bool in_order = true;
  std::vector<std::thread> callers;
  for (int t = 0; t < threads; ++t) {
    callers.emplace_back([&, t] {
      for (int i = 0; i < calls_each; ++i) {
        loop->call_soon_threadsafe([&, t, i] {
          in_order = in_order && next[static_cast<std::size_t>(t)]++ == i;
          if (++total == threads * calls_each) loop->stop();
        });
        if (i % 10'000 == 0) std::this_thread::yield();
      }
    });
  }
  loop->run_forever();
  for (std::thread& caller : callers) caller.join();
  loop->close();
  EXPECT_EQ(total, threads * calls_each);
  EXPECT_TRUE(in_order);
}

// failure 10, PROC-057
TEST(Stress, CallsFromAThreadWhileTheLoopClosesRunOrAreRefused) {
  for (int round = 0; round < 50; ++round) {
    auto loop = asyncio::new_event_loop();
    std::atomic<int> accepted = 0;
    std::atomic<bool> refused = false;
    std::atomic<int> dropped = 0;
    std::thread caller([&] {
      while (!refused) {
        try {
          loop->call_soon_threadsafe(
              [guard = std::shared_ptr<void>(nullptr, [&](void*) { ++dropped; })] {});
          ++accepted;
        } catch (const asyncio::RuntimeError&) {
          refused = true;
        }
      }
    });
    loop->poll_once(1ms);
    loop->close();
    caller.join();
    EXPECT_EQ(dropped, accepted + 1);  // the refused one, too
  }
}

// failure 3
TEST(Stress, SignalsWhilePollingLoseNothingAndMakeNothingEarly) {
  struct sigaction old{};
  struct sigaction without_restart{};
  without_restart.sa_handler = [](int) {};
  sigaction(SIGUSR1, &without_restart, &old);
  const pthread_t self = pthread_self();
  std::atomic<bool> stop = false;
  std::thread sender([&] {
    while (!stop) {
      pthread_kill(self, SIGUSR1);
      std::this_thread::sleep_for(1ms);
    }
  });
  asyncio::run([&]() -> asyncio::Coro<> {
    auto& loop = asyncio::get_running_loop();
    for (int i = 0; i < 5; ++i) {
      const auto before = loop.time();
      co_await asyncio::sleep(10ms);
      EXPECT_GE(loop.time() - before, asyncio::Duration(10ms));
    }
  });
  stop = true;
  sender.join();
  sigaction(SIGUSR1, &old, nullptr);
}

// failure 3, failure 12
TEST(Stress, AStoppedAndContinuedProcessGoesOn) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    int ticks = 0;
    asyncio::run([&]() -> asyncio::Coro<> {
      for (; ticks < 10; ++ticks) co_await asyncio::sleep(5ms);
    });
    _exit(ticks == 10 ? 0 : 1);
  }
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(10ms);
    kill(child, SIGSTOP);
    std::this_thread::sleep_for(5ms);
    kill(child, SIGCONT);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// failure 11
ASYNC_TEST(Stress, TimersOfEveryLengthAreRightOrNeverDue) {
  auto& loop = asyncio::get_running_loop();
  std::vector<std::string> due;
  loop.call_later(0s, [&] { due.push_back("0"); });
  loop.call_later(-5s, [&] { due.push_back("negative"); });
  loop.call_later(std::chrono::duration<double>(-std::numeric_limits<double>::infinity()),
                  [&] { due.push_back("-inf"); });
  std::vector<asyncio::TimerHandle> never;
  never.push_back(
      loop.call_later(std::chrono::duration<double>(std::numeric_limits<double>::infinity()),
                      [&] { due.push_back("+inf"); }));
  never.push_back(
      loop.call_later(std::chrono::duration<double>(1e18), [&] { due.push_back("1e18"); }));
  never.push_back(loop.call_later(asyncio::Duration::max(), [&] { due.push_back("max"); }));
  loop.call_later(std::chrono::milliseconds(std::numeric_limits<int>::max()) + 1ms,
                  [&] { due.push_back("INT_MAX ms + 1"); });
  co_await asyncio::sleep(1s);
  // By deadline: the most negative delay has the earliest one.
  EXPECT_EQ(due, (std::vector<std::string>{"-inf", "negative", "0"}));
  co_await asyncio::sleep(30 * 24h);
  EXPECT_EQ(due.back(), "INT_MAX ms + 1");
  EXPECT_EQ(due.size(), 4U);
  for (const auto& timer : never) timer.cancel();
}

// failure 11: the real clock's timeouts do not overflow either
TEST(Stress, AFarTimerDoesNotMakeTheRealLoopSpinOrReturnEarly) {
  auto loop = asyncio::new_event_loop();
  loop->call_later(std::chrono::duration<double>(1e18), [] {});
  loop->call_later(1h, [] {});
  const auto before = loop->time();
  loop->poll_once(20ms);
  EXPECT_GE(loop->time() - before, asyncio::Duration(20ms));
  loop->close();
}

// failure 95, RUN-022, RUN-023
TEST(Stress, RunEndsWithTasksSuspendedOnEveryAwaitable) {
  int destroyed = 0;
  int expected = 0;
  const support::LogCapture log;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    // These die with main, before run() cancels who waits for them.
    asyncio::Future<int> future;
    asyncio::Future<int> shared;
    auto sleeper = asyncio::create_task(suspended_on(asyncio::sleep(1h), destroyed));
    std::vector<asyncio::Task<>> set(1, sleeper);
    asyncio::create_task(suspended_on(future, destroyed));
    asyncio::create_task(suspended_on(std::move(shared), destroyed));
    asyncio::create_task(suspended_on(sleeper, destroyed));
    asyncio::create_task(suspended_on(asyncio::gather(set), destroyed));
    asyncio::create_task(suspended_on(asyncio::gather(asyncio::sleep(2h), future), destroyed));
    asyncio::create_task(suspended_on(asyncio::wait(set), destroyed));
    asyncio::create_task(suspended_on(asyncio::wait(set, {.timeout = 1h}), destroyed));
    asyncio::create_task(suspended_on(asyncio::wait_for(asyncio::sleep(2h), 1h), destroyed));
    asyncio::create_task(suspended_on(asyncio::wait_for(sleeper, 1h), destroyed));
    asyncio::create_task(suspended_on(asyncio::shield(sleeper), destroyed));
    asyncio::create_task(suspended_on(asyncio::as_result(asyncio::sleep(1h)), destroyed));
    asyncio::create_task(suspended_on(asyncio::finally(asyncio::sleep(1h), [] {}), destroyed));
    asyncio::create_task(in_group(destroyed));
    asyncio::create_task(in_timeout(destroyed));
    asyncio::create_task(suspended_on(asyncio::sleep(0s), destroyed));
    expected = 17;  // sixteen created here, and the group's child
    co_await asyncio::sleep(0s);
    co_await asyncio::sleep(0s);
  });
  // The one that slept 0 s has ended by itself; each of the others was cancelled and unwound.
  EXPECT_EQ(destroyed, expected);
  EXPECT_TRUE(log.empty()) << log.lines().front();
}

// failure 95: as_completed() dies before those who wait for it
TEST(Stress, RunEndsWithTasksThatWaitForAnAsCompletedThatIsGone) {
  int destroyed = 0;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    std::vector<asyncio::Task<>> set;
    set.push_back(asyncio::create_task(suspended_on(asyncio::sleep(1h), destroyed)));
    auto completed = asyncio::as_completed(set);
    asyncio::create_task(next_of(completed, destroyed));
    co_await asyncio::sleep(0s);
    co_await asyncio::sleep(0s);
  });
  EXPECT_EQ(destroyed, 2);
}

// failure 96
TEST(Stress, ClosingALoopDestroysWhatIsSuspendedWithoutRunningIt) {
  int destroyed = 0;
  const support::LogCapture log;
  auto loop = asyncio::new_event_loop();
  loop->create_task(in_group(destroyed));
  loop->create_task(in_timeout(destroyed));
  loop->create_task(suspended_on(asyncio::sleep(1h), destroyed));
  loop->create_task(suspended_on(asyncio::wait_for(asyncio::sleep(2h), 1h), destroyed));
  for (int i = 0; i < 5; ++i) loop->poll_once();
  loop->call_soon([] {});
  loop->close();
  EXPECT_EQ(destroyed, 5);
  EXPECT_EQ(log.count("Task was destroyed but it is pending!"), 5);
}

// TASK-009: handles may be copied and dropped anywhere
TEST(Stress, HandlesAreCopiedAndDroppedOnForeignThreads) {
  asyncio::run([]() -> asyncio::Coro<> {
    std::vector<asyncio::Task<std::string>> tasks;
    auto make = [](int i) -> asyncio::Coro<std::string> {
      co_await asyncio::sleep(std::chrono::microseconds(i % 7 * 100));
      co_return std::string(100, 'x');
    };
    for (int i = 0; i < 2'000; ++i) tasks.push_back(asyncio::create_task(make, i));
    std::vector<std::thread> droppers;
    for (int t = 0; t < 4; ++t) {
      droppers.emplace_back([copies = tasks]() mutable {
        while (!copies.empty()) {
          auto extra = copies.back();
          copies.pop_back();
          if (copies.size() % 100 == 0) std::this_thread::yield();
        }
      });
    }
    // Each handle here is gone as soon as its task is done: the last one is often a thread's.
    while (!tasks.empty()) {
      const std::string text = co_await tasks.back();
      EXPECT_EQ(text.size(), 100U);
      tasks.pop_back();
    }
    for (std::thread& dropper : droppers) dropper.join();
  });
}

TEST(Stress, HandlesOutliveTheirLoopAndAreDroppedOnSeveralThreads) {
  for (int round = 0; round < 20; ++round) {
    std::vector<asyncio::Task<std::string>> tasks;
    asyncio::run([&]() -> asyncio::Coro<> {
      auto make = []() -> asyncio::Coro<std::string> { co_return std::string(100, 'x'); };
      for (int i = 0; i < 200; ++i) tasks.push_back(asyncio::create_task(make));
      co_await asyncio::sleep(0s);
    });
    std::vector<std::thread> droppers;
    for (int t = 0; t < 3; ++t) {
      droppers.emplace_back([copies = tasks]() mutable {
        EXPECT_EQ(copies.front().result().size(), 100U);
        copies.clear();
      });
    }
    tasks.clear();
    for (std::thread& dropper : droppers) dropper.join();
  }
}

// failure 79, RUN-054
TEST(Stress, AForkedChildHasNoRunningLoopAndMayRunItsOwn) {
  asyncio::run([]() -> asyncio::Coro<> {
    const pid_t child = fork();
    if (child == 0) {
      bool refused = false;
      try {
        (void)asyncio::get_running_loop();
      } catch (const asyncio::RuntimeError&) {
        refused = true;
      }
      auto answer = []() -> asyncio::Coro<int> { co_return co_await asyncio::sleep(1ms, 42); };
      const int result = asyncio::run(answer());
      _exit(refused && result == 42 ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    co_await asyncio::sleep(1ms);  // the parent's loop is undisturbed
  });
}
