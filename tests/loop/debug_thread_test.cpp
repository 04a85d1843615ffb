// Debug mode refuses what belongs to the loop's thread on other threads. In these tests the loop's
// thread waits for the other one meanwhile, so that nothing is a data race even where nothing is
// refused.

#include <asyncio/event_loop.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/threads.hpp>
#include <asyncio/with.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using namespace std::chrono_literals;

namespace {

// In debug mode. Threads take a while to start: that is not to be reported as slow.
std::unique_ptr<asyncio::EventLoop> debug_loop(bool debug = true) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(debug);
  loop->slow_callback_duration = 1h;
  return loop;
}

// What `call` throws as a RuntimeError on another thread; "" if nothing.
std::string from_another_thread(const auto& call) {
  std::string text;
  std::thread([&] {
    try {
      call();
    } catch (const asyncio::RuntimeError& e) {
      text = e.what();
    }
  }).join();
  return text;
}

// The same while the loop runs.
std::string from_another_thread_of(asyncio::EventLoop& loop, const auto& call) {
  std::string text;
  loop.call_soon([&] {
    text = from_another_thread(call);
    loop.stop();
  });
  loop.run_forever();
  return text;
}

void run_iteration(asyncio::EventLoop& loop) {
  loop.stop();
  loop.run_forever();
}

bool is_refusal(const std::string& text) {
  return text.find(
             "non-thread-safe operation invoked on an event loop other than the current one") !=
         std::string::npos;
}

asyncio::Coro<int> answer() { co_return 42; }
asyncio::Coro<> sleeps() { co_await asyncio::sleep(1h); }

// Says on which thread it is destroyed.
class Witness {
 public:
  explicit Witness(std::thread::id& where) : where_(where) {}
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  ~Witness() { where_ = std::this_thread::get_id(); }

 private:
  std::thread::id& where_;
};

asyncio::Coro<> with_a_witness(std::thread::id& where) {
  const Witness witness(where);
  co_await asyncio::sleep(1s);
}

}  // namespace

// --- refused ---

// LOOP-097, DBG-007, failure 17: and the coroutine is closed, so that nothing is reported
TEST(DebugThread, MayNotMakeATaskOfACoroutine) {
  auto loop = debug_loop();
  const std::string text =
      from_another_thread_of(*loop, [&] { (void)loop->create_task(answer()); });
  EXPECT_TRUE(is_refusal(text)) << text;
  EXPECT_TRUE(text.starts_with("create_task(): ")) << text;
  EXPECT_TRUE(asyncio::all_tasks(*loop).empty());
  loop->close();
}

// LOOP-097, failure 17
TEST(DebugThread, MayNotMakeATaskOfACallableWhichIsNotCalled) {
  auto loop = debug_loop();
  const auto captured = std::make_shared<int>(1);
  bool called = false;
  const auto fn = [&called, captured]() -> asyncio::Coro<> {
    called = true;
    co_return;
  };
  EXPECT_TRUE(is_refusal(from_another_thread_of(*loop, [&] { (void)loop->create_task(fn); })));
  EXPECT_FALSE(called);
  EXPECT_EQ(captured.use_count(), 2);
  loop->close();
}

// LOOP-097, failure 17
TEST(DebugThread, MayNotMakeATaskInATaskGroup) {
  std::string text;
  const auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    text = from_another_thread([&] { (void)group.create_task(answer()); });
    co_return;
  };
  const auto main = [&]() -> asyncio::Coro<> {
    co_await asyncio::with(asyncio::TaskGroup(), body);
  };
  asyncio::testing::run(main, {.debug = true});
  EXPECT_TRUE(is_refusal(text)) << text;
}

// DBG-007, failure 17
TEST(DebugThread, MayNotCompleteAFutureWhichStaysPending) {
  auto loop = debug_loop();
  const auto future = loop->create_future<int>();
  const std::string value = from_another_thread_of(*loop, [&] { future.set_result(1); });
  EXPECT_TRUE(is_refusal(value)) << value;
  EXPECT_TRUE(value.starts_with("set_result")) << value;
  EXPECT_FALSE(future.done());
  const std::string error = from_another_thread_of(
      *loop, [&] { future.set_exception(std::runtime_error("of a thread")); });
  EXPECT_TRUE(is_refusal(error)) << error;
  EXPECT_TRUE(error.starts_with("set_exception")) << error;
  EXPECT_FALSE(future.done());
  future.set_result(2);
  EXPECT_EQ(loop->run_until_complete(future), 2);
  loop->close();
}

// DBG-007, failure 17
TEST(DebugThread, MayNotCancelAFutureOrTask) {
  auto loop = debug_loop();
  const auto future = loop->create_future<>();
  auto task = loop->create_task(answer());
  const std::string text = from_another_thread_of(*loop, [&] { future.cancel("by a thread"); });
  EXPECT_TRUE(is_refusal(text)) << text;
  EXPECT_TRUE(text.starts_with("cancel()")) << text;
  EXPECT_FALSE(future.done());
  auto sleeping = loop->create_task(sleeps());
  EXPECT_TRUE(is_refusal(from_another_thread_of(*loop, [&] { sleeping.cancel(); })));
  EXPECT_EQ(sleeping.cancelling(), 0U);
  EXPECT_EQ(loop->run_until_complete(task), 42);
  sleeping.cancel();
  EXPECT_THROW(loop->run_until_complete(sleeping), asyncio::CancelledError);
  loop->close();
}

// DBG-007, failure 17
TEST(DebugThread, MayNotAddADoneCallbackWhichIsDestroyed) {
  auto loop = debug_loop();
  const auto future = loop->create_future<>();
  const auto captured = std::make_shared<int>(1);
  const std::string text = from_another_thread_of(
      *loop, [&] { future.add_done_callback([captured] { ADD_FAILURE() << "called"; }); });
  EXPECT_TRUE(is_refusal(text)) << text;
  EXPECT_TRUE(text.starts_with("add_done_callback()")) << text;
  EXPECT_EQ(captured.use_count(), 1);
  future.set_result();
  run_iteration(*loop);
  loop->close();
}

// LOOP-097, DBG-007: the callable is destroyed, and the loop is as it was
TEST(DebugThread, MayNotScheduleACallbackWhichIsDestroyed) {
  auto loop = debug_loop();
  const auto captured = std::make_shared<int>(1);
  const auto callback = [captured] { ADD_FAILURE() << "called"; };
  EXPECT_TRUE(is_refusal(from_another_thread_of(*loop, [&] { loop->call_soon(callback); })));
  EXPECT_TRUE(is_refusal(from_another_thread_of(*loop, [&] { loop->call_later(0s, callback); })));
  EXPECT_TRUE(
      is_refusal(from_another_thread_of(*loop, [&] { loop->call_at(loop->time(), callback); })));
  EXPECT_EQ(captured.use_count(), 2);
  run_iteration(*loop);
  loop->close();
}

// LOOP-097, failure 17: also where another loop runs on that thread
TEST(DebugThread, MayNotCompleteAFutureOfAnotherThreadsLoopFromItsOwn) {
  auto loop = debug_loop();
  const auto future = loop->create_future<>();
  const auto main = [&]() -> asyncio::Coro<> {
    future.set_result();
    co_return;
  };
  const std::string text =
      from_another_thread_of(*loop, [&] { asyncio::testing::run(main, {.debug = true}); });
  EXPECT_TRUE(is_refusal(text)) << text;
  EXPECT_FALSE(future.done());
  loop->close();
}

// LOOP-096, LOOP-097
TEST(DebugThread, IsCheckedFromTheMomentWhenDebugModeIsSwitchedOn) {
  auto loop = debug_loop(false);
  const auto future = loop->create_future<int>();
  loop->call_soon([&] { loop->set_debug(true); });
  EXPECT_TRUE(is_refusal(from_another_thread_of(*loop, [&] { future.set_result(1); })));
  loop->call_soon([&] { loop->set_debug(false); });
  EXPECT_EQ(from_another_thread_of(*loop, [&] { future.set_result(2); }), "");
  EXPECT_EQ(future.result(), 2);
  loop->close();
}

// --- allowed ---

// LOOP-097
TEST(DebugThread, IsNotCheckedWhileTheLoopDoesNotRun) {
  auto loop = debug_loop();
  const auto value = loop->create_future<int>();
  const auto error = loop->create_future<int>();
  const auto cancelled = loop->create_future<int>();
  int called = 0;
  std::optional<asyncio::Task<int>> task;
  EXPECT_EQ(from_another_thread([&] {
              value.add_done_callback([&] { ++called; });
              value.set_result(1);
              error.set_exception(std::runtime_error("of a thread"));
              cancelled.cancel();
              task = loop->create_task(answer());
            }),
            "");
  EXPECT_EQ(loop->run_until_complete(*task), 42);
  EXPECT_EQ(called, 1);
  EXPECT_EQ(value.result(), 1);
  EXPECT_NE(error.exception(), nullptr);
  EXPECT_TRUE(cancelled.cancelled());
  loop->close();
}

// LOOP-097
TEST(DebugThread, IsNotCheckedAfterTheLoopWasStopped) {
  auto loop = debug_loop();
  run_iteration(*loop);
  int called = 0;
  EXPECT_EQ(from_another_thread([&] { loop->call_soon([&] { ++called; }); }), "");
  run_iteration(*loop);
  EXPECT_EQ(called, 1);
  loop->close();
}

// LOOP-097: a check of debug mode
TEST(DebugThread, IsNotCheckedWithoutDebugMode) {
  auto loop = debug_loop(false);
  const auto value = loop->create_future<int>();
  const auto error = loop->create_future<int>();
  const auto cancelled = loop->create_future<int>();
  int called = 0;
  std::optional<asyncio::Task<int>> task;
  EXPECT_EQ(from_another_thread_of(*loop,
                                   [&] {
                                     value.add_done_callback([&] { ++called; });
                                     value.set_result(1);
                                     error.set_exception(std::runtime_error("of a thread"));
                                     cancelled.cancel();
                                     loop->call_soon([&] { ++called; });
                                     task = loop->create_task(answer());
                                   }),
            "");
  EXPECT_EQ(loop->run_until_complete(*task), 42);
  EXPECT_EQ(called, 2);
  EXPECT_EQ(value.result(), 1);
  EXPECT_NE(error.exception(), nullptr);
  EXPECT_TRUE(cancelled.cancelled());
  loop->close();
}

// LOOP-097: the ways that are for other threads stay open
TEST(DebugThread, MayUseWhatIsMadeForOtherThreads) {
  auto loop = debug_loop();
  const auto main = [&]() -> asyncio::Coro<int> {
    auto& running = asyncio::get_running_loop();
    const auto in_thread = [&running] {
      running.call_soon_threadsafe([] {});
      return asyncio::run_coroutine_threadsafe(answer(), running).result();
    };
    const int first = co_await asyncio::to_thread(in_thread);
    const auto cancels = [&running] {
      auto future = asyncio::run_coroutine_threadsafe(sleeps(), running);
      return future.cancel();
    };
    const bool cancelled = co_await running.run_in_executor(nullptr, cancels);
    co_return cancelled ? first : 0;
  };
  EXPECT_EQ(loop->run_until_complete(main()), 42);
  loop->run_until_complete(loop->shutdown_default_executor());
  loop->close();
}

// LOOP-096, LOOP-019: no data race for ThreadSanitizer
TEST(DebugThread, MayCallCallSoonThreadsafeWhileDebugModeIsSwitched) {
  constexpr int calls = 20'000;
  auto loop = debug_loop();
  int called = 0;
  bool debug = true;
  std::thread poster([&] {
    for (int i = 0; i < calls; ++i) {
      loop->call_soon_threadsafe([&] {
        loop->set_debug(debug = !debug);
        if (++called == calls) loop->stop();
      });
    }
  });
  loop->run_forever();
  poster.join();
  EXPECT_EQ(called, calls);
  loop->close();
}

// --- frames ---

// failure 82: it does not come to that, since the loop's thread destroys what was dropped elsewhere
TEST(DebugThread, DestroysNoFrameOfATaskWhoseHandleItDrops) {
  std::thread::id destroyed_on;
  const auto main = [&]() -> asyncio::Coro<> {
    auto task = std::make_optional(asyncio::create_task(with_a_witness(destroyed_on)));
    co_await asyncio::sleep(1ms);
    EXPECT_EQ(from_another_thread([&] { task.reset(); }), "");
    EXPECT_EQ(destroyed_on, std::thread::id());
    co_await asyncio::sleep(2s);
    EXPECT_EQ(destroyed_on, std::this_thread::get_id());
  };
  asyncio::testing::run(main, {.debug = true});
}

// failure 82: and so with what a task has returned
TEST(DebugThread, DestroysNoResultOfATaskWhoseHandleItDrops) {
  std::thread::id destroyed_on;
  const auto returns = [&]() -> asyncio::Coro<std::unique_ptr<Witness>> {
    co_return std::make_unique<Witness>(destroyed_on);
  };
  const auto main = [&]() -> asyncio::Coro<> {
    auto task = std::make_optional(asyncio::create_task(returns));
    co_await asyncio::sleep(1ms);
    EXPECT_TRUE(task->done());
    EXPECT_EQ(from_another_thread([&] { task.reset(); }), "");
    co_await asyncio::sleep(1s);
    EXPECT_EQ(destroyed_on, std::this_thread::get_id());
  };
  asyncio::testing::run(main, {.debug = true});
}
