#include <asyncio/event_loop.hpp>

#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <concepts>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

using namespace std::chrono_literals;

// What debug mode checks on the loop.

namespace {

using CoroutineFunction = asyncio::Coro<> (*)();

template <class F>
concept CallSoonTakes = requires(asyncio::EventLoop& loop, F fn) { loop.call_soon(fn); };
template <class F>
concept CallLaterTakes = requires(asyncio::EventLoop& loop, F fn) { loop.call_later(1s, fn); };
template <class F>
concept CallAtTakes =
    requires(asyncio::EventLoop& loop, F fn) { loop.call_at(asyncio::TimePoint(), fn); };
template <class F>
concept CallSoonThreadsafeTakes =
    requires(asyncio::EventLoop& loop, F fn) { loop.call_soon_threadsafe(fn); };
template <class F>
concept AddReaderTakes = requires(asyncio::EventLoop& loop, F fn) { loop.add_reader(0, fn); };

// What `call` throws as a RuntimeError on another thread, while the loop runs.
std::string from_another_thread(asyncio::EventLoop& loop, const auto& call) {
  std::string text;
  loop.call_soon([&] {
    std::thread([&] {
      try {
        call();
      } catch (const asyncio::RuntimeError& e) {
        text = e.what();
      }
    }).join();
    loop.stop();
  });
  loop.run_forever();
  return text;
}

bool is_refusal(const std::string& text) {
  return text.find(
             "non-thread-safe operation invoked on an event loop other than the current one") !=
         std::string::npos;
}

}  // namespace

// LOOP-096
TEST(LoopDebug, IsSwitchedBySetDebugAlsoWhileTheLoopRuns) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  EXPECT_TRUE(loop->get_debug());
  loop->set_debug(false);
  EXPECT_FALSE(loop->get_debug());
  std::string before;
  std::string after;
  loop->call_soon([&] {
    before = loop->call_soon([] {}).repr();
    loop->set_debug(true);  // from here on creation places are kept
    after = loop->call_soon([] {}).repr();
    loop->stop();
  });
  loop->run_forever();
  EXPECT_TRUE(loop->get_debug());
  EXPECT_EQ(before.find("created at"), std::string::npos) << before;
  EXPECT_NE(after.find("created at debug_test.cpp:"), std::string::npos) << after;
  loop->close();
}

// LOOP-096
TEST(LoopDebug, IsWhatRunWasAskedFor) {
  const auto debug_of_loop = []() -> asyncio::Coro<bool> {
    co_return asyncio::get_running_loop().get_debug();
  };
  EXPECT_TRUE(asyncio::run(debug_of_loop, {.debug = true}));
  EXPECT_FALSE(asyncio::run(debug_of_loop, {.debug = false}));
}

// LOOP-097, failure 17
TEST(LoopDebug, RefusesCallsOfAnotherThreadWhileTheLoopRuns) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  const auto nothing = [] {};
  EXPECT_TRUE(is_refusal(from_another_thread(*loop, [&] { loop->call_soon(nothing); })));
  EXPECT_TRUE(is_refusal(from_another_thread(*loop, [&] { loop->call_later(0s, nothing); })));
  EXPECT_TRUE(
      is_refusal(from_another_thread(*loop, [&] { loop->call_at(loop->time(), nothing); })));
  loop->close();
}

// LOOP-097, LOOP-019
TEST(LoopDebug, AllowsCallSoonThreadsafeOfAnotherThread) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  int ran = 0;
  EXPECT_EQ(from_another_thread(*loop, [&] { loop->call_soon_threadsafe([&] { ++ran; }); }), "");
  loop->poll_once();
  EXPECT_EQ(ran, 1);
  loop->close();
}

// LOOP-097
TEST(LoopDebug, ChecksNothingWhileTheLoopDoesNotRun) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  int ran = 0;
  std::thread([&] {
    loop->call_soon([&] { ++ran; });
    loop->call_later(0s, [&] { ++ran; });
  }).join();
  loop->poll_once();
  EXPECT_EQ(ran, 2);
  loop->close();
}

// LOOP-098
TEST(LoopDebug, CoroutineFunctionsAndWhatCannotBeCalledAreNoCallbacksToTheCompiler) {
  const auto plain = [] {};
  using Plain = decltype(plain);
  EXPECT_TRUE(CallSoonTakes<Plain> && CallLaterTakes<Plain> && CallAtTakes<Plain> &&
              CallSoonThreadsafeTakes<Plain> && AddReaderTakes<Plain>);
  using F = CoroutineFunction;
  EXPECT_FALSE(CallSoonTakes<F> || CallLaterTakes<F> || CallAtTakes<F> ||
               CallSoonThreadsafeTakes<F> || AddReaderTakes<F>);
  using Coroutine = asyncio::Coro<>;
  EXPECT_FALSE(CallSoonTakes<Coroutine> || CallLaterTakes<Coroutine> || CallAtTakes<Coroutine>);
  EXPECT_FALSE(CallSoonTakes<int> || CallSoonTakes<void (*)(int)> || CallLaterTakes<std::string>);
}
