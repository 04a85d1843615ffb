// What stands inside a co_await expression is destroyed exactly once, and what a function was given
// by view may be gone before its result is awaited. g++ before 15 destroys some temporaries twice:
// the forms that it cannot do are refused at compile time or, where they are the user's own, left
// out.

#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 15
#define CLOSURES_IN_CO_AWAIT 0
#else
#define CLOSURES_IN_CO_AWAIT 1
#endif

namespace {

/// Counts itself and notices when it is destroyed twice.
class Counted {
 public:
  Counted() { born(); }
  Counted(const Counted&) { born(); }
  Counted(Counted&&) noexcept { born(); }
  Counted& operator=(const Counted&) = default;
  ~Counted() {
    if (state_ != alive_mark) {
      ++twice;
      return;
    }
    state_ = 0;
    --alive;
  }
  static inline int alive = 0;
  static inline int twice = 0;

 private:
  static constexpr unsigned alive_mark = 0x600dcafe;
  void born() {
    state_ = alive_mark;
    ++alive;
  }
  volatile unsigned state_ = 0;
};

/// At its end everything counted is gone, and was destroyed once.
struct Balance {
  Balance() {
    Counted::alive = 0;
    Counted::twice = 0;
  }
  ~Balance() {
    EXPECT_EQ(Counted::alive, 0);
    EXPECT_EQ(Counted::twice, 0);
  }
};

asyncio::Coro<int> take(Counted, const Counted&, int value) { co_return value; }
asyncio::Coro<int> take_text(std::string text) { co_return static_cast<int>(text.size()); }
asyncio::Coro<Counted> give() { co_return Counted(); }
asyncio::Coro<> nothing() { co_return; }

std::string long_text() { return std::string(100, 'x'); }

struct Manager {
  explicit Manager(Counted c) : counted(std::move(c)) {}
  asyncio::Coro<> aenter() { co_return; }
  asyncio::Coro<> aexit(std::exception_ptr) { co_return; }
  Counted counted;
};

}  // namespace

ASYNC_TEST(Temporaries, ArgumentsOfACoroutine) {
  const Balance balance;
  EXPECT_EQ(co_await take(Counted(), Counted(), 3), 3);
  EXPECT_EQ(co_await take_text(long_text()), 100);
  (void)co_await give();
}

ASYNC_TEST(Temporaries, ResultsOfTasksAndFutures) {
  const Balance balance;
  (void)co_await asyncio::create_task(give());
  auto task = asyncio::create_task(give());
  (void)co_await task;
  (void)co_await std::move(task);
  asyncio::Future<Counted> future;
  future.set_result(Counted());
  (void)co_await future;
}

ASYNC_TEST(Temporaries, CreateTaskWithOptionsAndArguments) {
  const Balance balance;
  auto named = co_await asyncio::create_task(take(Counted(), Counted(), 1), {.name = long_text()});
  EXPECT_EQ(named, 1);
  EXPECT_EQ(co_await asyncio::create_task(take, Counted(), Counted(), 2), 2);
  EXPECT_EQ(co_await asyncio::create_task(asyncio::TaskOptions{.name = "x"}, take, Counted(),
                                          Counted(), 3),
            3);
  auto body = [counted = Counted()]() -> asyncio::Coro<int> { co_return 4; };
  EXPECT_EQ(co_await asyncio::create_task(asyncio::moved(body)), 4);
#if CLOSURES_IN_CO_AWAIT
  EXPECT_EQ(
      co_await asyncio::create_task([counted = Counted()]() -> asyncio::Coro<int> { co_return 5; }),
      5);
#endif
}

ASYNC_TEST(Temporaries, CreateTaskKeepsTheCallableAndTheNameButNotTheArguments) {
  const Balance balance;
  auto task = [] {
    const std::string name = long_text();
    auto body = [text = long_text()](const std::string& more) -> asyncio::Coro<std::size_t> {
      co_await asyncio::sleep(1s);
      co_return text.size() + more.size();
    };
    return asyncio::create_task(asyncio::TaskOptions{.name = name}, std::move(body), long_text());
  }();
  EXPECT_EQ(task.get_name(), long_text());
  EXPECT_EQ(co_await task, 200U);
}

ASYNC_TEST(Temporaries, AsResult) {
  const Balance balance;
  EXPECT_TRUE((co_await asyncio::as_result(take(Counted(), Counted(), 1))).has_value());
  EXPECT_TRUE((co_await asyncio::as_result(give())).has_value());
  EXPECT_TRUE((co_await asyncio::as_result(asyncio::sleep(1ms, Counted()))).has_value());
  auto stored = asyncio::as_result(take_text(long_text()));
  EXPECT_EQ((co_await std::move(stored)).value(), 100);
}

ASYNC_TEST(Temporaries, SleepWithAValue) {
  const Balance balance;
  (void)co_await asyncio::sleep(1ms, Counted());
  auto stored = asyncio::sleep(1ms, long_text());
  EXPECT_EQ((co_await std::move(stored)).size(), 100U);
}

ASYNC_TEST(Temporaries, Gather) {
  const Balance balance;
  auto [a, b] = co_await asyncio::gather(give(), take(Counted(), Counted(), 2));
  EXPECT_EQ(b, 2);
  (void)a;
  auto stored = asyncio::gather(take_text(long_text()), give());
  EXPECT_EQ(std::get<0>(co_await stored), 100);
  auto results = co_await asyncio::gather(asyncio::return_exceptions, give(), nothing());
  EXPECT_TRUE(std::get<0>(results).has_value());
  std::vector<asyncio::Coro<Counted>> coros;
  coros.push_back(give());
  coros.push_back(give());
  EXPECT_EQ((co_await asyncio::gather(std::move(coros))).size(), 2U);
}

ASYNC_TEST(Temporaries, WaitAndWaitFor) {
  const Balance balance;
  std::vector<asyncio::Task<Counted>> tasks;
  tasks.push_back(asyncio::create_task(give()));
  auto waiting = asyncio::wait(tasks, {.timeout = 1s, .return_when = asyncio::FIRST_COMPLETED});
  EXPECT_EQ((co_await std::move(waiting)).done.size(), 1U);
  EXPECT_EQ((co_await asyncio::wait(std::vector<asyncio::Task<Counted>>(tasks))).done.size(), 1U);
  EXPECT_EQ(co_await asyncio::wait_for(take(Counted(), Counted(), 1), 1s), 1);
  (void)co_await asyncio::wait_for(give(), std::nullopt);
  auto stored = asyncio::wait_for(take_text(long_text()), 1s);
  EXPECT_EQ(co_await std::move(stored), 100);
}

ASYNC_TEST(Temporaries, ShieldAndEnsureFuture) {
  const Balance balance;
  (void)co_await asyncio::shield(give());
  (void)co_await asyncio::shield(asyncio::create_task(give()));
  (void)co_await asyncio::ensure_future(give());
}

ASYNC_TEST(Temporaries, AsCompleted) {
  const Balance balance;
  std::vector<asyncio::Coro<Counted>> coros;
  coros.push_back(give());
  coros.push_back(give());
  for (auto& next : asyncio::as_completed(std::move(coros), 1s)) (void)co_await next;
  std::vector<asyncio::Task<Counted>> tasks;
  tasks.push_back(asyncio::create_task(give()));
  auto completed = asyncio::as_completed(tasks);
  EXPECT_TRUE((co_await completed.next()).has_value());
}

ASYNC_TEST(Temporaries, WithItsManagerAndItsBody) {
  const Balance balance;
  const Counted captured;
  co_await asyncio::with(Manager(Counted()), [&]() -> asyncio::Coro<> {
    (void)captured;
    co_return;
  });
  auto body = [counted = Counted(), only = std::make_unique<int>(5)](
                  Manager&) -> asyncio::Coro<int> { co_return *only; };
  EXPECT_EQ(co_await asyncio::with(Manager(Counted()), asyncio::moved(body)), 5);
#if CLOSURES_IN_CO_AWAIT
  co_await asyncio::with(Manager(Counted()), [counted = Counted()] { (void)counted; });
#endif
  auto stored = asyncio::with(Manager(Counted()), [] { return Counted(); });
  (void)co_await std::move(stored);
}

ASYNC_TEST(Temporaries, TaskGroupAndTimeout) {
  const Balance balance;
  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    (void)group.create_task(take, Counted(), Counted(), 1);
    (void)co_await group.create_task(give());
  });
  co_await asyncio::with(asyncio::timeout(1s),
                         [&](asyncio::Timeout&) -> asyncio::Coro<> { (void)co_await give(); });
}

ASYNC_TEST(Temporaries, Finally) {
  const Balance balance;
  const Counted captured;
  (void)co_await asyncio::finally(give(), [&]() -> asyncio::Coro<> {
    (void)captured;
    co_return;
  });
  auto cleanup = [counted = Counted()]() -> asyncio::Coro<> { co_return; };
  (void)co_await asyncio::finally(give(), asyncio::shielded, asyncio::moved(cleanup));
#if CLOSURES_IN_CO_AWAIT
  (void)co_await asyncio::finally(give(), [counted = Counted()] { (void)counted; });
#endif
}

ASYNC_TEST(Temporaries, ToThreadAndRunInExecutor) {
  const Balance balance;
  const auto length = [](const std::string& text, const Counted&) { return text.size(); };
  EXPECT_EQ(co_await asyncio::to_thread(length, long_text(), Counted()), 100U);
  auto stored = asyncio::to_thread(length, long_text(), Counted());
  EXPECT_EQ(co_await std::move(stored), 100U);
  auto job = [counted = Counted()] { return 7; };
  EXPECT_EQ(co_await asyncio::to_thread(asyncio::moved(job)), 7);
  auto& loop = asyncio::get_running_loop();
  EXPECT_EQ(co_await loop.run_in_executor(nullptr, length, long_text(), Counted()), 100U);
  // The thread drops its arguments after it has given the result.
  co_await loop.shutdown_default_executor();
}

ASYNC_TEST(Temporaries, AsyncTimed) {
  const Balance balance;
  testing::internal::CaptureStdout();
  (void)co_await asyncio::async_timed(give());
  EXPECT_EQ(co_await asyncio::async_timed(long_text(), take)(Counted(), Counted(), 4), 4);
  EXPECT_NE(testing::internal::GetCapturedStdout().find("finished"), std::string::npos);
}

TEST(Temporaries, RunKeepsItsCallable) {
  const Balance balance;
  EXPECT_EQ(asyncio::run([counted = Counted(), text = long_text()]() -> asyncio::Coro<std::size_t> {
              co_await asyncio::sleep(1ms);
              co_return text.size();
            }),
            100U);
}

ASYNC_TEST(Temporaries, CallbacksAreDestroyedOnce) {
  const Balance balance;
  auto& loop = asyncio::get_running_loop();
  loop.call_soon([counted = Counted()] {});
  loop.call_soon([counted = Counted()] {}).cancel();
  loop.call_later(1s, [counted = Counted()] {}).cancel();
  loop.call_later(1ms, [counted = Counted()] {});
  loop.call_soon_threadsafe([counted = Counted()] {});
  asyncio::Future<> future;
  future.add_done_callback([counted = Counted()] {});
  const auto removed = future.add_done_callback([counted = Counted()] {});
  EXPECT_TRUE(future.remove_done_callback(removed));
  future.set_result();
  co_await asyncio::sleep(1s);
}
