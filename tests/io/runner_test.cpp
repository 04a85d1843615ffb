// Runner, and the hosts of loops other than run().

#include <asyncio/run.hpp>

#include <asyncio/context.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

asyncio::ContextVar<int> level("level", 0);

asyncio::Coro<> set_level(int value) {
  level.set(value);
  co_return;
}
asyncio::Coro<int> get_level() { co_return level.get(); }
asyncio::Coro<asyncio::EventLoop*> own_loop() { co_return &asyncio::get_running_loop(); }
asyncio::Coro<> fail(const char* text) {
  co_await asyncio::sleep(0s);
  throw std::range_error(text);
}

int factory_calls = 0;
std::unique_ptr<asyncio::EventLoop> count_and_make() {
  ++factory_calls;
  return asyncio::new_event_loop();
}

template <class F>
bool throws_runtime_error(F call) {
  try {
    call();
  } catch (const asyncio::RuntimeError&) {
    return true;
  }
  return false;
}

bool has_current_loop() {
  return !throws_runtime_error([] { (void)asyncio::get_event_loop(); });
}

/// Forks; in the child the exit code is what `body` returns. Returns: that code, or -1.
template <class F>
int exit_code_of_fork(F body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);
    int code = 100;
    try {
      code = body();
    } catch (...) {
      code = 101;
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

// RUN-031
TEST(Runner, MakesItsLoopAtTheFirstUse) {
  factory_calls = 0;
  asyncio::Runner runner({.loop_factory = &count_and_make});
  EXPECT_EQ(factory_calls, 0);
  auto& loop = runner.get_loop();
  EXPECT_EQ(factory_calls, 1);
  EXPECT_EQ(runner.run(own_loop()), &loop);
  EXPECT_EQ(factory_calls, 1);
}

// RUN-032
TEST(Runner, RunsSeveralMainsInOneLoop) {
  asyncio::Runner runner;
  auto* first = runner.run(own_loop());
  EXPECT_EQ(runner.run(own_loop()), first);
  EXPECT_FALSE(first->is_closed());
}

// RUN-032
TEST(Runner, GoesOnAfterAMainThatFailed) {
  asyncio::Runner runner;
  EXPECT_THROW(runner.run(fail("first")), std::range_error);
  EXPECT_EQ(&runner.get_loop(), runner.run(own_loop()));
}

// RUN-032: tasks of the first run go on in the second
TEST(Runner, KeepsTasksBetweenItsRuns) {
  asyncio::Runner runner;
  std::optional<asyncio::Task<>> task;
  runner.run([&]() -> asyncio::Coro<> {
    task = asyncio::create_task(asyncio::sleep(0s));
    co_return;
  });
  EXPECT_FALSE(task->done());
  runner.run([&]() -> asyncio::Coro<> { co_await *task; });
  EXPECT_TRUE(task->done());
}

// RUN-033
TEST(Runner, RunsAllItsMainsInOneContextThatTheCallerDoesNotShare) {
  asyncio::Runner runner;
  runner.run(set_level(3));
  EXPECT_EQ(runner.run(get_level()), 3);
  EXPECT_EQ(level.get(), 0);
}

// RUN-034
TEST(Runner, RunsMainInTheContextItIsGiven) {
  asyncio::Runner runner;
  const asyncio::Context context;
  runner.run(set_level(5), &context);
  EXPECT_EQ(context.run([] { return level.get(); }), 5);
  EXPECT_EQ(runner.run(get_level()), 0);
  EXPECT_EQ(runner.run(get_level(), &context), 5);
}

// RUN-035
TEST(Runner, InsideARunningLoopIsARuntimeErrorAndDoesNotRunTheCoroutine) {
  asyncio::run([]() -> asyncio::Coro<> {
    asyncio::Runner inner;
    EXPECT_THROW(inner.run(set_level(9)), asyncio::RuntimeError);
    co_return;
  });
  EXPECT_EQ(level.get(), 0);
}

// RUN-036
TEST(Runner, IsAtItsEndWhenClosed) {
  asyncio::Runner runner;
  runner.run(get_level());
  runner.close();
  EXPECT_THROW(runner.run(asyncio::sleep(0s)), asyncio::RuntimeError);
  EXPECT_THROW((void)runner.get_loop(), asyncio::RuntimeError);
}

// RUN-030
TEST(Runner, ClosedTwiceDoesNothingTheSecondTime) {
  asyncio::Runner runner;
  runner.run(get_level());
  runner.close();
  runner.close();
}

// RUN-037
TEST(Runner, ClosedBeforeItsFirstUseMakesNoLoop) {
  factory_calls = 0;
  {
    asyncio::Runner runner({.loop_factory = &count_and_make});
    runner.close();
  }
  {
    const asyncio::Runner unused({.loop_factory = &count_and_make});
  }
  EXPECT_EQ(factory_calls, 0);
}

// RUN-018
TEST(Runner, WithALoopFactoryDoesNotSetTheThreadsCurrentLoop) {
  asyncio::Runner runner({.loop_factory = &count_and_make});
  (void)runner.get_loop();
  EXPECT_FALSE(has_current_loop());
}

// RUN-019
TEST(Runner, WithoutALoopFactorySetsTheThreadsCurrentLoopUntilItIsClosed) {
  asyncio::Runner runner;
  EXPECT_FALSE(has_current_loop());
  auto& loop = runner.get_loop();
  EXPECT_EQ(&asyncio::get_event_loop(), &loop);
  runner.run(get_level());
  EXPECT_EQ(&asyncio::get_event_loop(), &loop);
  runner.close();
  EXPECT_FALSE(has_current_loop());
}

// RUN-052
TEST(GetRunningLoop, IsTheLoopOfThisThreadOrARuntimeError) {
  EXPECT_THROW((void)asyncio::get_running_loop(), asyncio::RuntimeError);
  asyncio::Runner runner;
  EXPECT_EQ(runner.run(own_loop()), &runner.get_loop());
  EXPECT_THROW((void)asyncio::get_running_loop(), asyncio::RuntimeError);
}

// RUN-052
TEST(GetRunningLoop, IsNotTheLoopOfAnotherThread) {
  asyncio::run([]() -> asyncio::Coro<> {
    bool refused = false;
    std::thread([&] {
      refused = throws_runtime_error([] { (void)asyncio::get_running_loop(); });
    }).join();
    EXPECT_TRUE(refused);
    co_return;
  });
}

// RUN-053
TEST(GetEventLoop, IsTheRunningLoopThenTheOneThatWasSetThenARuntimeError) {
  EXPECT_FALSE(has_current_loop());
  const auto set = asyncio::new_event_loop();
  asyncio::set_event_loop(set.get());
  EXPECT_EQ(&asyncio::get_event_loop(), set.get());
  const auto other = asyncio::new_event_loop();
  other->run_until_complete([](asyncio::EventLoop* expected) -> asyncio::Coro<> {
    EXPECT_EQ(&asyncio::get_event_loop(), expected);
    co_return;
  }(other.get()));
  EXPECT_EQ(&asyncio::get_event_loop(), set.get());
  asyncio::set_event_loop(nullptr);
  EXPECT_FALSE(has_current_loop());
  set->close();
  other->close();
}

// RUN-053
TEST(GetEventLoop, IsPerThread) {
  const auto set = asyncio::new_event_loop();
  asyncio::set_event_loop(set.get());
  bool elsewhere = true;
  std::thread([&] { elsewhere = has_current_loop(); }).join();
  EXPECT_FALSE(elsewhere);
  asyncio::set_event_loop(nullptr);
  set->close();
}

// RUN-054, failure 79
TEST(Fork, LeavesTheChildWithoutARunningLoop) {
  const int code = asyncio::run([]() -> asyncio::Coro<int> {
    co_return exit_code_of_fork(
        [] { return throws_runtime_error([] { (void)asyncio::get_running_loop(); }) ? 7 : 8; });
  });
  EXPECT_EQ(code, 7);
}

// RUN-054
TEST(Fork, LeavesTheChildWithoutTheCurrentLoopOfItsParent) {
  asyncio::Runner runner;
  (void)runner.get_loop();
  EXPECT_EQ(exit_code_of_fork([] { return has_current_loop() ? 8 : 7; }), 7);
}

// RUN-054
TEST(Fork, LeavesAChildOfARunningLoopWithoutACurrentLoop) {
  const int code = asyncio::run([]() -> asyncio::Coro<int> {
    co_return exit_code_of_fork([] { return has_current_loop() ? 8 : 7; });
  });
  EXPECT_EQ(code, 7);
}

// RUN-054, failure 79
TEST(Fork, ChildOfARunningLoopMayRunALoopOfItsOwnAndTheParentGoesOn) {
  const int code = asyncio::run([]() -> asyncio::Coro<int> {
    const int child = exit_code_of_fork([] {
      return asyncio::run([]() -> asyncio::Coro<int> {
        co_await asyncio::sleep(1ms);
        co_return 9;
      });
    });
    co_await asyncio::sleep(1ms);
    co_return child;
  });
  EXPECT_EQ(code, 9);
}
