#include <asyncio/coroutine.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/with.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <coroutine>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

// User-defined awaiters that know nothing of asyncio.
namespace foreign {

/// Resumes from a thread of its own.
class FromThread {
 public:
  explicit FromThread(int value) noexcept : value_(value) {}
  FromThread(FromThread&&) = default;
  ~FromThread() {
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) {
    thread_ = std::thread([h] { h.resume(); });
  }
  [[nodiscard]] int await_resume() const noexcept { return value_; }

 private:
  int value_;
  std::thread thread_;
};

/// Resumes before await_suspend() returns.
struct AtOnce {
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  static void await_suspend(std::coroutine_handle<> h) { h.resume(); }
  [[nodiscard]] static int await_resume() noexcept { return 1; }
};

/// await_suspend() gives bool; if it suspends, it resumes at once.
struct Maybe {
  bool suspends;
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  [[nodiscard]] bool await_suspend(std::coroutine_handle<> h) const {
    if (suspends) h.resume();
    return suspends;
  }
  [[nodiscard]] static int await_resume() noexcept { return 2; }
};

/// await_suspend() gives the handle to go on with: the awaiting one.
struct BackToMe {
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  static std::coroutine_handle<> await_suspend(std::coroutine_handle<> h) noexcept { return h; }
  [[nodiscard]] static int await_resume() noexcept { return 3; }
};

/// Keeps the handle until somebody lets it go.
struct Gate {
  std::coroutine_handle<> waiting;
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) noexcept { waiting = h; }
  static void await_resume() noexcept {}
};

/// await_suspend() gives the noop handle; somebody resumes later.
struct ParkedGate : Gate {
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> h) noexcept {
    waiting = h;
    return std::noop_coroutine();
  }
};

/// Another library's lazy coroutine, started by symmetric transfer.
class Lazy {
 public:
  struct promise_type {
    std::coroutine_handle<> continuation;
    int value = 0;
    Lazy get_return_object() noexcept {
      return Lazy(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct Back {
        static bool await_ready() noexcept { return false; }
        static std::coroutine_handle<> await_suspend(
            std::coroutine_handle<promise_type> h) noexcept {
          return h.promise().continuation;
        }
        static void await_resume() noexcept {}
      };
      return Back{};
    }
    void return_value(int v) noexcept { value = v; }
    static void unhandled_exception() noexcept { std::terminate(); }
  };

  Lazy(Lazy&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  ~Lazy() {
    if (handle_) handle_.destroy();
  }
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> h) noexcept {
    handle_.promise().continuation = h;
    return handle_;
  }
  [[nodiscard]] int await_resume() const noexcept { return handle_.promise().value; }

 private:
  explicit Lazy(std::coroutine_handle<promise_type> h) noexcept : handle_(h) {}
  std::coroutine_handle<promise_type> handle_;
};

Lazy lazy_answer() { co_return 42; }

struct MemberOperator {
  int value;
  [[nodiscard]] auto operator co_await() const {
    struct Awaiter : AtOnce {
      int result;
      explicit Awaiter(int r) noexcept : result(r) {}
      [[nodiscard]] int await_resume() const noexcept { return result; }
    };
    return Awaiter(value);
  }
};

struct FreeOperator {
  int value;
};
inline auto operator co_await(FreeOperator free) {
  return MemberOperator{free.value}.operator co_await();
}

struct ThrowsOnSuspend {
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  static void await_suspend(std::coroutine_handle<>) { throw std::domain_error("suspend"); }
  static void await_resume() noexcept {}
};

struct ThrowsOnResume {
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  static void await_suspend(std::coroutine_handle<> h) { h.resume(); }
  static void await_resume() { throw std::domain_error("resume"); }
};

struct ToReference {
  int* target;
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  static void await_suspend(std::coroutine_handle<> h) { h.resume(); }
  [[nodiscard]] int& await_resume() const noexcept { return *target; }
};

/// Takes any handle by template, as many libraries do.
struct AnyHandle {
  [[nodiscard]] static bool await_ready() noexcept { return false; }
  template <class P>
  static void await_suspend(std::coroutine_handle<P> h) {
    h.resume();
  }
  [[nodiscard]] static std::unique_ptr<int> await_resume() { return std::make_unique<int>(8); }
};

}  // namespace foreign

namespace {

static_assert(asyncio::Awaitable<foreign::FromThread>);
static_assert(asyncio::Awaitable<foreign::MemberOperator>);
static_assert(asyncio::Awaitable<foreign::FreeOperator>);
static_assert(asyncio::Awaitable<std::suspend_never>);
static_assert(!asyncio::Awaitable<int>);

std::string text_of(const std::exception_ptr& error) {
  if (error == nullptr) return "no error";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "another error";
  }
}

asyncio::Coro<> pass(foreign::Gate& gate, std::vector<std::string>& log) {
  co_await gate;
  log.push_back("passed");
}

}  // namespace

// api: Awaitable is anything with await_*
ASYNC_TEST(Interop, AnAwaiterThatResumesFromAnotherThreadResumesTheTaskOnTheLoopsThread) {
  const auto here = std::this_thread::get_id();
  EXPECT_EQ(co_await foreign::FromThread(5), 5);
  EXPECT_EQ(std::this_thread::get_id(), here);
  EXPECT_TRUE(asyncio::current_task().has_value());
}

// api: Awaitable; the bridge must survive until the resuming thread has left it (ASan, TSan)
ASYNC_TEST(Interop, AwaitersMayResumeFromThreadsManyTimes) {
  int sum = 0;
  for (int i = 0; i < 200; ++i) sum += co_await foreign::FromThread(1);
  EXPECT_EQ(sum, 200);
}

// api: Awaitable
ASYNC_TEST(Interop, AnAwaiterThatResumesBeforeItReturnsYieldsOnce) {
  bool others_ran = false;
  asyncio::get_running_loop().call_soon([&] { others_ran = true; });
  EXPECT_EQ(co_await foreign::AtOnce(), 1);
  EXPECT_TRUE(others_ran);
}

// api: Awaitable, no recursion of the native stack
ASYNC_TEST(Interop, ManyAwaitersThatResumeAtOnceNeedNoStack) {
  int sum = 0;
  for (int i = 0; i < 100'000; ++i) sum += co_await foreign::AtOnce();
  EXPECT_EQ(sum, 100'000);
}

// api: Awaitable
ASYNC_TEST(Interop, ABoolOfAwaitSuspendIsHeeded) {
  bool others_ran = false;
  asyncio::get_running_loop().call_soon([&] { others_ran = true; });
  EXPECT_EQ(co_await foreign::Maybe{.suspends = false}, 2);
  EXPECT_FALSE(others_ran);
  EXPECT_EQ(co_await foreign::Maybe{.suspends = true}, 2);
  EXPECT_TRUE(others_ran);
}

// api: Awaitable
ASYNC_TEST(Interop, AHandleOfAwaitSuspendIsResumed) {
  EXPECT_EQ(co_await foreign::BackToMe(), 3);
  EXPECT_EQ(co_await foreign::lazy_answer(), 42);
}

// api: Awaitable
ASYNC_TEST(Interop, TheNoopHandleOfAwaitSuspendLeavesTheTaskWaiting) {
  foreign::ParkedGate gate;
  asyncio::get_running_loop().call_soon([&] { gate.waiting.resume(); });
  co_await gate;
  EXPECT_TRUE(gate.waiting != nullptr);
}

// api: Awaitable
ASYNC_TEST(Interop, SuspendNeverDoesNotYield) {
  bool others_ran = false;
  asyncio::get_running_loop().call_soon([&] { others_ran = true; });
  co_await std::suspend_never();
  EXPECT_FALSE(others_ran);
  co_await asyncio::sleep(0s);
}

// api: Awaitable is anything with operator co_await
ASYNC_TEST(Interop, MemberAndFreeOperatorsCoAwaitAreUsed) {
  EXPECT_EQ(co_await foreign::MemberOperator{10}, 10);
  EXPECT_EQ(co_await foreign::FreeOperator{11}, 11);
  const foreign::MemberOperator named{12};
  EXPECT_EQ(co_await named, 12);
}

// api: Awaitable; values of every kind pass
ASYNC_TEST(Interop, ReferencesAndMoveOnlyValuesPass) {
  int target = 0;
  int& reference = co_await foreign::ToReference{&target};
  EXPECT_EQ(&reference, &target);
  const std::unique_ptr<int> owned = co_await foreign::AnyHandle();
  EXPECT_EQ(*owned, 8);
}

// api: Awaitable
ASYNC_TEST(Interop, ErrorsOfSuspendingAndResumingReachTheAwaitingCoroutine) {
  std::vector<std::string> log;
  try {
    co_await foreign::ThrowsOnSuspend();
  } catch (const std::domain_error& e) {
    log.push_back(e.what());
  }
  try {
    co_await foreign::ThrowsOnResume();
  } catch (const std::domain_error& e) {
    log.push_back(e.what());
  }
  EXPECT_EQ(log, (std::vector<std::string>{"suspend", "resume"}));
  co_await asyncio::sleep(0s);  // and nothing is scheduled twice
}

// api: as_result never throws
ASYNC_TEST(Interop, AsResultTakesErrorsOfSuspendingAndResuming) {
  auto resume = co_await asyncio::as_result(foreign::ThrowsOnResume());
  EXPECT_EQ(text_of(resume.error()), "resume");
  auto suspend = co_await asyncio::as_result(foreign::ThrowsOnSuspend());
  EXPECT_EQ(text_of(suspend.error()), "suspend");
}

// api: as_result, create_task and gather take any awaitable
ASYNC_TEST(Interop, ForeignAwaitablesGoWhereverAwaitablesGo) {
  auto result = co_await asyncio::as_result(foreign::AtOnce());
  EXPECT_EQ(result.value(), 1);
  auto task = asyncio::create_task(foreign::FromThread(4));
  EXPECT_EQ(co_await task, 4);
  auto [a, b] = co_await asyncio::gather(foreign::FromThread(5), foreign::MemberOperator{6});
  EXPECT_EQ(a + b, 11);
  auto moved = co_await asyncio::as_result(foreign::AnyHandle());
  EXPECT_EQ(*moved.value(), 8);
}

// api: the foreign awaiter cannot be told to stop; the cancellation comes when it resumes
ASYNC_TEST(Interop, ACancelIsDeliveredWhenTheForeignAwaiterResumes) {
  foreign::Gate gate;
  std::vector<std::string> log;
  auto task = asyncio::create_task(pass(gate, log));
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(task.cancel());
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_FALSE(task.done());
  gate.waiting.resume();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_TRUE(log.empty());
}

// api: several tasks wait for foreign awaiters at the same time
ASYNC_TEST(Interop, TasksThatWaitForForeignAwaitersAreResumedInTheOrderOfTheResumptions) {
  foreign::Gate first;
  foreign::Gate second;
  std::vector<std::string> log;
  auto named = [&](foreign::Gate& gate, std::string name) -> asyncio::Coro<> {
    co_await gate;
    log.push_back(name);
  };
  auto one = asyncio::create_task(named(first, "first"));
  auto two = asyncio::create_task(named(second, "second"));
  co_await asyncio::sleep(0s);
  second.waiting.resume();
  first.waiting.resume();
  EXPECT_TRUE(log.empty());  // never inside resume()
  co_await one;
  co_await two;
  EXPECT_EQ(log, (std::vector<std::string>{"second", "first"}));
}

// api: the virtual clock waits in real time for a foreign awaiter
ASYNC_TEST(Interop, TheVirtualClockDoesNotJumpOverAForeignWait) {
  auto& loop = asyncio::get_running_loop();
  const auto start = loop.time();
  const int value = co_await asyncio::with(asyncio::timeout(1h), []() -> asyncio::Coro<int> {
    co_return co_await foreign::FromThread(7);
  });
  EXPECT_EQ(value, 7);
  EXPECT_LT(loop.time() - start, asyncio::Duration(1h));
}
