// What a forked child may do with the loops of its parent, and that the parent does not notice.

#include <asyncio/event_loop.hpp>

#include <asyncio/log.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/threads.hpp>

#include "support/children.hpp"
#include "support/processes.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using support::end_of;
using support::end_of_child;

namespace {

constexpr int good = 7;

/// Says that the call is refused because of the fork.
template <class F>
bool is_refused(F call) {
  try {
    call();
  } catch (const asyncio::RuntimeError& error) {
    return std::string_view(error.what()).find("fork") != std::string_view::npos;
  }
  return false;
}

/// Whether something has happened to a loop that would wake it.
bool has_work(const asyncio::EventLoop& loop) {
  pollfd fd{loop.fd(), POLLIN, 0};
  return ::poll(&fd, 1, 0) != 0;
}

void iterate_once(asyncio::EventLoop& loop) {
  loop.stop();
  loop.run_forever();
}

asyncio::Coro<int> nine() {
  co_await asyncio::sleep(1ms);
  co_return 9;
}

// The tasks that it has of its parent are reported when it leaves them.
void be_quiet() {
  asyncio::set_log_sink([](asyncio::LogLevel, std::string_view) {});
}

const std::string good_end = "exit " + std::to_string(good);

}  // namespace

// failure 79, RUN-054
TEST(ForkedChild, CannotUseALoopOfItsParentAndIsToldWhatToDo) {
  const auto loop = asyncio::new_event_loop();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
  EXPECT_EQ(end_of_child([&] {
              const bool all = is_refused([&] { loop->run_forever(); }) &&
                               is_refused([&] { loop->poll_once(); }) &&
                               is_refused([&] { (void)loop->run_until_complete(nine()); }) &&
                               is_refused([&] { loop->add_reader(ends[0], [] {}); }) &&
                               is_refused([&] { loop->add_writer(ends[1], [] {}); }) &&
                               is_refused([&] { loop->add_signal_handler(SIGUSR1, [] {}); }) &&
                               is_refused([&] { loop->call_soon_threadsafe([] {}); });
              return all ? good : 1;
            }),
            good_end);
  EXPECT_FALSE(has_work(*loop));
  EXPECT_EQ(loop->run_until_complete(nine()), 9);
  loop->close();
  for (const int fd : ends) ::close(fd);
}

// failure 79
TEST(ForkedChild, ClosesALoopOfItsParentWhichStillHasItsReader) {
  const auto loop = asyncio::new_event_loop();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
  int reads = 0;
  loop->add_reader(ends[0], [&] { ++reads; });
  loop->call_soon_threadsafe([&] { ++reads; });
  EXPECT_EQ(end_of_child([&] {
              loop->close();
              return loop->is_closed() && is_refused([&] { loop->run_forever(); }) ? 1 : good;
            }),
            good_end);
  EXPECT_EQ(::write(ends[1], "x", 1), 1);
  iterate_once(*loop);
  iterate_once(*loop);
  EXPECT_EQ(reads, 3);
  loop->close();
  for (const int fd : ends) ::close(fd);
}

// failure 79: its threads are not there to be joined
TEST(ForkedChild, ClosesALoopOfItsParentWhichStillHasItsExecutor) {
  asyncio::Runner runner;
  const auto job = [] { return 3; };
  EXPECT_EQ(runner.run(asyncio::to_thread(job)), 3);
  EXPECT_EQ(end_of_child([&] {
              runner.get_loop().close();
              return asyncio::run(nine()) == 9 ? good : 1;
            }),
            good_end);
  EXPECT_EQ(runner.run(asyncio::to_thread(job)), 3);
}

// failure 79: what stands in the queue is the parent's to run
TEST(ForkedChild, ThatReturnsIntoTheRunningLoopLeavesItAtOnce) {
  const auto loop = asyncio::new_event_loop();
  const support::SharedCounter calls;
  pid_t child = -1;
  loop->call_soon([&] { child = ::fork(); });
  loop->call_soon([&] { ++*calls; });
  loop->call_soon([&] { ++*calls; });
  loop->call_later(1ms, [&] { loop->stop(); });
  try {
    loop->run_forever();
  } catch (const asyncio::RuntimeError&) {
    if (child == 0) ::_exit(good);
    throw;
  }
  if (child == 0) ::_exit(1);
  EXPECT_EQ(end_of(child), good_end);
  EXPECT_EQ(*calls, 2);
  loop->close();
}

// failure 79: nor does it poll
TEST(ForkedChild, ThatReturnsIntoAnEmptyRunningLoopLeavesItAtOnce) {
  const auto loop = asyncio::new_event_loop();
  pid_t child = -1;
  loop->call_later(0s, [&] { child = ::fork(); });
  loop->call_later(50ms, [&] { loop->stop(); });
  try {
    loop->run_forever();
  } catch (const asyncio::RuntimeError&) {
    ::_exit(child == 0 ? good : 1);
  }
  if (child == 0) ::_exit(1);
  EXPECT_EQ(end_of(child), good_end);
  loop->close();
}

// failure 79
TEST(ForkedChild, ThatReturnsIntoRunGetsAnErrorFromItAndTheParentItsResult) {
  const support::SharedCounter children;
  const auto main = [&](pid_t& child) -> asyncio::Coro<int> {
    child = ::fork();
    if (child == 0) {
      be_quiet();
      ++*children;
    }
    co_await asyncio::sleep(5ms);
    co_return 5;
  };
  pid_t child = -1;
  int result = 0;
  try {
    result = asyncio::run(main(child));
  } catch (const asyncio::RuntimeError&) {
    ::_exit(child == 0 ? good : 1);
  }
  if (child == 0) ::_exit(2);
  EXPECT_EQ(result, 5);
  EXPECT_EQ(end_of(child), good_end);
  EXPECT_EQ(*children, 1);
}

// failure 79, RUN-054: a step that has forked goes on to its next await, after a loop of the
// child's
TEST(ForkedChild, ThatReturnsIntoACoroutineAfterARunOfItsOwnGetsAnErrorThere) {
  const support::SharedCounter steps;
  const auto inner = [&](pid_t& child) -> asyncio::Coro<int> {
    child = ::fork();
    if (child == 0) be_quiet();
    co_return child == 0 ? asyncio::run(nine()) : 1;
  };
  pid_t child = -1;
  const auto main = [&]() -> asyncio::Coro<int> {
    const int own = co_await inner(child);
    *steps += own;
    co_await asyncio::sleep(5ms);
    *steps += 100;
    co_return 5;
  };
  try {
    EXPECT_EQ(asyncio::run(main), 5);
  } catch (const asyncio::RuntimeError&) {
    ::_exit(child == 0 ? good : 1);
  }
  if (child == 0) ::_exit(2);
  EXPECT_EQ(end_of(child), good_end);
  EXPECT_EQ(*steps, 9 + 1 + 100);
}

// failure 79
TEST(ForkedChild, CannotCloseALoopThatIsRunningInItsParent) {
  const auto loop = asyncio::new_event_loop();
  std::atomic<bool> running = false;
  loop->call_soon([&] { running = true; });
  std::thread runner([&] { loop->run_forever(); });
  while (!running) std::this_thread::yield();
  EXPECT_EQ(end_of_child([&] {
              const bool refused =
                  is_refused([&] { loop->close(); }) && is_refused([&] { loop->run_forever(); });
              return refused && asyncio::run(nine()) == 9 ? good : 1;
            }),
            good_end);
  loop->call_soon_threadsafe([&] { loop->stop(); });
  runner.join();
  loop->close();
}

// failure 79: a thread of the parent's may be in the middle of taking memory for its tasks
TEST(ForkedChild, OfAProcessWithBusyThreadsMayRunALoop) {
  std::atomic<bool> over = false;
  const auto burst = []() -> asyncio::Coro<> {
    std::vector<asyncio::Task<int>> tasks;
    for (int i = 0; i < 200; ++i) tasks.push_back(asyncio::create_task(nine()));
    for (auto& task : tasks) EXPECT_EQ(co_await task, 9);
  };
  std::vector<std::thread> threads;
  threads.reserve(3);
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (!over) asyncio::run(burst);
    });
  }
  for (int i = 0; i < 30; ++i) {
    const auto body = [&] {
      asyncio::run(burst);
      return asyncio::run(nine()) == 9 && asyncio::detail::live_blocks() >= 0 ? good : 1;
    };
    ASSERT_EQ(end_of_child(body), good_end);
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
}

// failure 79: in Python the child writes to the pipe that wakes the parent
TEST(ForkedChild, HasItsSignalsAsIfItsParentHandledNone) {
  const auto loop = asyncio::new_event_loop();
  int calls = 0;
  loop->add_signal_handler(SIGUSR1, [&] { ++calls; });
  loop->add_signal_handler(SIGUSR2, [&] { ++calls; });
  const auto ends_by = [](int signal) {
    return end_of_child([signal] {
      std::raise(signal);
      return good;
    });
  };
  EXPECT_EQ(ends_by(SIGUSR1), "signal " + std::to_string(SIGUSR1));
  EXPECT_EQ(ends_by(SIGUSR2), "signal " + std::to_string(SIGUSR2));
  EXPECT_FALSE(has_work(*loop));
  iterate_once(*loop);
  EXPECT_EQ(calls, 0);
  std::raise(SIGUSR1);
  iterate_once(*loop);
  EXPECT_EQ(calls, 1);
  loop->close();
}

#ifdef SYS_fork
// failure 79: one that no atfork handler has seen
TEST(ForkedChild, MadeBehindTheLibrarysBackDoesNotPostToItsParentEither) {
  const auto loop = asyncio::new_event_loop();
  int calls = 0;
  loop->add_signal_handler(SIGUSR1, [&] { ++calls; });
  const auto child = static_cast<pid_t>(::syscall(SYS_fork));
  if (child == 0) {
    ::alarm(10);
    ::kill(::getpid(), SIGUSR1);
    ::_exit(good);
  }
  EXPECT_EQ(end_of(child), "signal " + std::to_string(SIGUSR1));
  EXPECT_FALSE(has_work(*loop));
  iterate_once(*loop);
  EXPECT_EQ(calls, 0);
  loop->close();
}
#endif

// failure 79
TEST(ForkedChild, MayHandleTheSameSignalsOnALoopOfItsOwn) {
  const auto loop = asyncio::new_event_loop();
  int calls = 0;
  loop->add_signal_handler(SIGUSR1, [&] { ++calls; });
  EXPECT_EQ(end_of_child([] {
              const auto own = asyncio::new_event_loop();
              int code = 1;
              own->add_signal_handler(SIGUSR1, [&] {
                code = good;
                own->stop();
              });
              std::raise(SIGUSR1);
              own->run_forever();
              own->close();
              return code;
            }),
            good_end);
  EXPECT_FALSE(has_work(*loop));
  EXPECT_TRUE(loop->remove_signal_handler(SIGUSR1));
  loop->close();
  EXPECT_EQ(calls, 0);
}

// failure 79, failure 78: ^C of a child's own run() while the parent's is guarded, too
TEST(ForkedChild, OfARunHasAnInterruptOfItsOwn) {
  const std::string end = asyncio::run([]() -> asyncio::Coro<std::string> {
    auto& loop = asyncio::get_running_loop();
    loop.add_signal_handler(SIGINT, [] { ADD_FAILURE() << "the parent's was called"; });
    std::string child_end = end_of_child([] {
      try {
        asyncio::run([]() -> asyncio::Coro<> {
          std::raise(SIGINT);
          co_await asyncio::sleep(5s);
        });
      } catch (const asyncio::KeyboardInterrupt&) {
        return good;
      }
      return 1;
    });
    co_await asyncio::sleep(1ms);
    co_return child_end;
  });
  EXPECT_EQ(end, good_end);
}
