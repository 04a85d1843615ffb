#include <asyncio/run.hpp>

#include <asyncio/context.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

asyncio::Coro<int> answer() {
  co_await asyncio::sleep(0s);
  co_return 42;
}

asyncio::Coro<> note_run(bool& ran) {
  ran = true;
  co_return;
}

asyncio::Coro<bool> debug_of_running_loop() { co_return asyncio::get_running_loop().get_debug(); }

// What a loop factory, a plain function pointer, has to say.
int loops_made = 0;
std::unique_ptr<asyncio::EventLoop> counting_factory() {
  ++loops_made;
  return asyncio::new_event_loop();
}

const asyncio::RunOptions counted{.loop_factory = &counting_factory};

/// Sets an environment variable while it lives.
class ScopedEnvironment {
 public:
  ScopedEnvironment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;  // NOLINT(concurrency-mt-unsafe)
    if (value == nullptr) {
      ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe)
    } else {
      ::setenv(name, value, 1);  // NOLINT(concurrency-mt-unsafe)
    }
  }
  ScopedEnvironment(const ScopedEnvironment&) = delete;
  ~ScopedEnvironment() {
    if (old_) {
      ::setenv(name_, old_->c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    } else {
      ::unsetenv(name_);  // NOLINT(concurrency-mt-unsafe)
    }
  }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

template <class M>
concept Runnable = requires(M&& m) { asyncio::run(std::forward<M>(m)); };

}  // namespace

// RUN-013
TEST(Run, GivesWhatMainReturns) { EXPECT_EQ(asyncio::run(answer()), 42); }

// RUN-013
TEST(Run, TakesACallableAndKeepsItWhileItRuns) {
  const auto text = std::make_shared<std::string>("captured");
  EXPECT_EQ(asyncio::run([text]() -> asyncio::Coro<std::string> {
              co_await asyncio::sleep(0s);
              co_return *text;
            }),
            "captured");
  EXPECT_EQ(text.use_count(), 1);
}

// RUN-013
TEST(Run, GivesAMoveOnlyResult) {
  const auto p = asyncio::run(
      []() -> asyncio::Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(7); });
  EXPECT_EQ(*p, 7);
}

// RUN-013
TEST(Run, RunsMainAsATaskInALoopThatIsClosedAfterwards) {
  std::optional<asyncio::Future<>> future;
  asyncio::run([&]() -> asyncio::Coro<> {
    EXPECT_TRUE(asyncio::current_task().has_value());
    EXPECT_TRUE(asyncio::get_running_loop().is_running());
    future.emplace();
    co_return;
  });
  EXPECT_THROW((void)asyncio::get_running_loop(), asyncio::RuntimeError);
  EXPECT_THROW((void)future->get_loop(), asyncio::RuntimeError);  // destroyed
}

// RUN-014
TEST(Run, ThrowsWhatMainThrows) {
  const auto error = std::make_exception_ptr(std::range_error("main"));
  std::exception_ptr caught;
  try {
    asyncio::run([&]() -> asyncio::Coro<> {
      co_await asyncio::sleep(0s);
      std::rethrow_exception(error);
    });
  } catch (...) {
    caught = std::current_exception();
  }
  EXPECT_EQ(caught, error);
}

// RUN-014
TEST(Run, ThrowsCancelledErrorIfMainCancelsItself) {
  EXPECT_THROW(asyncio::run([]() -> asyncio::Coro<> {
                 asyncio::current_task()->cancel();
                 co_await asyncio::sleep(1h);
               }),
               asyncio::CancelledError);
}

// RUN-015, failure 17: the coroutine that is not run is closed, so nothing is reported
TEST(Run, InsideARunningLoopIsARuntimeErrorAndDoesNotRunTheCoroutine) {
  bool ran = false;
  asyncio::run([&]() -> asyncio::Coro<> {
    EXPECT_THROW(asyncio::run(note_run(ran)), asyncio::RuntimeError);
    co_await asyncio::sleep(0s);
  });
  EXPECT_FALSE(ran);
}

// RUN-015
TEST(Run, InsideACallbackOfARunningLoopIsARuntimeError) {
  bool ran = false;
  asyncio::run([&]() -> asyncio::Coro<> {
    asyncio::get_running_loop().call_soon(
        [&] { EXPECT_THROW(asyncio::run(note_run(ran)), asyncio::RuntimeError); });
    co_await asyncio::sleep(0s);
  });
  EXPECT_FALSE(ran);
}

// RUN-015
TEST(Run, WorksOnAnotherThreadWhileALoopRunsHere) {
  int result = 0;
  asyncio::run([&]() -> asyncio::Coro<> {
    std::thread([&] { result = asyncio::run(answer()); }).join();
    co_return;
  });
  EXPECT_EQ(result, 42);
}

// RUN-016
TEST(Run, DoesNotCompileForWhatIsNotAwaitable) {
  static_assert(Runnable<asyncio::Coro<int>>);
  static_assert(Runnable<decltype(&answer)>);
  static_assert(!Runnable<asyncio::Future<int>>);  // as Python 3.13
  static_assert(!Runnable<int>);
  static_assert(!Runnable<int (*)()>);
  static_assert(!Runnable<std::string>);
}

// RUN-016: any awaitable, as in Python 3.14
TEST(Run, TakesAnyAwaitableOfOurs) {
  EXPECT_EQ(asyncio::run(asyncio::sleep(0s, 3)), 3);
  EXPECT_EQ(asyncio::testing::run(asyncio::sleep(1h, 4)), 4);
}

// RUN-016
TEST(Run, OfAConsumedCoroutineIsARuntimeError) {
  auto coro = answer();
  EXPECT_EQ(asyncio::run(std::move(coro)), 42);
  EXPECT_THROW((void)asyncio::run(std::move(coro)), asyncio::RuntimeError);
}

// RUN-017, DBG-002
TEST(Run, TakesDebugModeFromItsOptionsAndElseFromTheEnvironment) {
  {
    const ScopedEnvironment unset("ASYNCIODEBUG", nullptr);
    EXPECT_FALSE(asyncio::run(debug_of_running_loop()));
    EXPECT_TRUE(asyncio::run(debug_of_running_loop(), {.debug = true}));
  }
  const ScopedEnvironment set("ASYNCIODEBUG", "1");
  EXPECT_TRUE(asyncio::run(debug_of_running_loop()));
  EXPECT_FALSE(asyncio::run(debug_of_running_loop(), {.debug = false}));
}

// RUN-017: Python ignores an empty variable
TEST(Run, IgnoresAnEmptyDebugVariable) {
  const ScopedEnvironment empty("ASYNCIODEBUG", "");
  EXPECT_FALSE(asyncio::run(debug_of_running_loop()));
}

// RUN-018
TEST(Run, CallsTheLoopFactoryOnce) {
  loops_made = 0;
  EXPECT_EQ(asyncio::run(answer(), counted), 42);
  EXPECT_EQ(loops_made, 1);
}

// RUN-020
TEST(Run, NamesItsMainTaskByItself) {
  const std::string name = asyncio::run(
      []() -> asyncio::Coro<std::string> { co_return asyncio::current_task()->get_name(); });
  EXPECT_TRUE(name.starts_with("Task-")) << name;
}

// RUN-021
TEST(Run, RefusesToAwaitAFutureOfAnEarlierRun) {
  std::optional<asyncio::Future<>> old;
  asyncio::run([&]() -> asyncio::Coro<> {
    old.emplace();
    co_return;
  });
  asyncio::run([&]() -> asyncio::Coro<> { EXPECT_THROW(co_await *old, asyncio::RuntimeError); });
}

// RUN-021
TEST(Run, TakesTheValueOfAFinishedFutureOfAnEarlierRun) {
  std::optional<asyncio::Task<int>> old;
  asyncio::run([&]() -> asyncio::Coro<> {
    old = asyncio::create_task(answer());
    co_await *old;
  });
  EXPECT_EQ(asyncio::run([&]() -> asyncio::Coro<int> { co_return co_await *old; }), 42);
}

// RUN-038: a type that nothing could print
TEST(Run, DoesNotLookAtTheResult) {
  struct Opaque {
    int value;
  };
  EXPECT_EQ(asyncio::run([]() -> asyncio::Coro<Opaque> { co_return Opaque{3}; }).value, 3);
}

// PROC-053
TEST(Run, InSeveralThreadsHasALoopAndTasksOfItsOwnInEach) {
  const auto main = []() -> asyncio::Coro<bool> {
    auto task = asyncio::create_task(asyncio::sleep(1ms));
    const bool two = asyncio::all_tasks().size() == 2;
    co_await task;
    co_return two&& asyncio::all_tasks().size() == 1;
  };
  std::array<bool, 4> alone{};
  std::vector<std::thread> threads;
  for (bool& of_thread : alone) {
    threads.emplace_back([&of_thread, &main] { of_thread = asyncio::run(main); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(alone, (std::array{true, true, true, true}));
}
