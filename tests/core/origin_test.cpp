// Where a coroutine that was never awaited was made, in debug mode.

#include <asyncio/coroutine.hpp>

#include <asyncio/event_loop.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>  // program_invocation_short_name
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Stack = std::vector<std::string>;  // a line for each frame, innermost last

constexpr std::string_view head = "\nCoroutine created at (most recent call last):\n";
constexpr std::string_view dropped = "\nCoroutine dropped at (most recent call last):\n";

asyncio::Coro<> forgotten() { co_return; }

// Keeps the compiler from making a call the last thing that a function does, which would leave that
// function out of the stack.
void stay() { asm volatile("" ::: "memory"); }

[[gnu::noinline]] asyncio::Coro<> made_here() {
  auto coro = forgotten();
  stay();
  return coro;
}

[[gnu::noinline]] asyncio::Coro<> made_there() {
  stay();
  auto coro = forgotten();
  stay();
  return coro;
}

[[gnu::noinline]] asyncio::Coro<> made_deep_down(int levels) {
  auto coro = levels == 0 ? forgotten() : made_deep_down(levels - 1);
  stay();
  return coro;
}

// Where these two go back to, as the stack has it.
void* maker_returns_to = nullptr;
void* calls_maker_returns_to = nullptr;

[[gnu::noinline]] asyncio::Coro<> maker() {
  maker_returns_to = __builtin_return_address(0);
  auto coro = forgotten();
  stay();
  return coro;
}

[[gnu::noinline]] asyncio::Coro<> calls_maker() {
  calls_maker_returns_to = __builtin_return_address(0);
  auto coro = maker();
  stay();
  return coro;
}

// In this program.
std::uintptr_t offset_of(const void* address) {
  Dl_info info{};
  if (::dladdr(address, &info) == 0) return 0;
  return reinterpret_cast<std::uintptr_t>(address) -
         reinterpret_cast<std::uintptr_t>(info.dli_fbase);
}

// That a line of a stack has.
std::uintptr_t offset_in(const std::string& line) {
  const auto at = line.rfind("+0x");
  constexpr int hexadecimal = 16;
  return at == std::string::npos ? 0 : std::stoull(line.substr(at + 1), nullptr, hexadecimal);
}

// The index of the line for this address, or for the call before it; the size if there is none.
std::ptrdiff_t place_of(const Stack& stack, const void* address) {
  const std::uintptr_t offset = offset_of(address);
  const auto found = std::find_if(stack.begin(), stack.end(), [&](const std::string& line) {
    return offset_in(line) == offset || offset_in(line) == offset - 1;
  });
  return found - stack.begin();
}

// Calls both from one place, so that only the innermost frames tell them apart.
[[gnu::noinline]] asyncio::Coro<> made_at(std::size_t which) {
  static constexpr std::array makers{&made_here, &made_there};
  auto coro = makers[which]();
  stay();
  return coro;
}

// Of the report; empty if it tells none.
Stack stack_in(const std::string& report) {
  Stack stack;
  // "dropped": the compiler has put the frame on the stack of the function that drops it.
  auto found = report.find(head);
  if (found == std::string::npos) found = report.find(dropped);
  if (found == std::string::npos) return stack;
  std::string_view rest = std::string_view(report).substr(report.find('\n', found + 1) + 1);
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    stack.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return stack;
}

// Only where it was made.
Stack origin_in(const std::string& report) {
  return report.find(head) == std::string::npos ? Stack() : stack_in(report);
}

// What is reported of a coroutine that `make` makes in a callback of a loop in debug mode.
[[gnu::noinline]] Stack stack_of_what(const auto& make) {
  const support::LogCapture logged;
  auto loop = asyncio::testing::new_virtual_loop();
  loop->set_debug(true);
  loop->call_soon([&] { const asyncio::Coro<> dropped = make(); });
  loop->stop();
  loop->run_forever();
  loop->close();
  EXPECT_EQ(logged.lines().size(), 1U);
  return logged.empty() ? Stack() : stack_in(logged.lines().front());
}

// In a loop in debug mode, or not.
void run_callback(bool debug, const auto& callback) {
  auto loop = asyncio::testing::new_virtual_loop();
  loop->set_debug(debug);
  loop->call_soon([&] { callback(*loop); });
  loop->stop();
  loop->run_forever();
  loop->close();
}

}  // namespace

// RUN-006, DBG-004
TEST(CoroutineOrigin, IsToldInDebugMode) {
  const support::LogCapture logged;
  const auto main = []() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    const auto dropped = forgotten();
  };
  asyncio::testing::run(main, {.debug = true});
  ASSERT_EQ(logged.lines().size(), 1U);
  const std::string report = logged.lines().front();
  EXPECT_TRUE(report.starts_with("coroutine 'forgotten' was never awaited (origin_test.cpp:"))
      << report;
  const Stack stack = stack_in(report);
  EXPECT_GE(stack.size(), 1U) << report;
  EXPECT_LE(stack.size(), 10U) << report;
}

// RUN-006: a line for each frame, which names the program and the place in it
TEST(CoroutineOrigin, HasALineForEachFrame) {
  const Stack stack = stack_of_what(made_here);
  ASSERT_FALSE(stack.empty());
  const std::regex form(R"(  (\S.* \()?\S+\+0x[0-9a-f]+\)?)");
  for (const std::string& line : stack) EXPECT_TRUE(std::regex_match(line, form)) << line;
  EXPECT_NE(stack.back().find(std::string(program_invocation_short_name) + "+0x"),
            std::string::npos)
      << stack.back();
}

// RUN-006, DBG-004
TEST(CoroutineOrigin, HasTenFramesAtMost) {
  constexpr int levels = 30;
  EXPECT_EQ(stack_of_what([] { return made_deep_down(levels); }).size(), 10U);
}

// RUN-006
TEST(CoroutineOrigin, IsTheSameForTheSamePlace) {
  const Stack first = stack_of_what([] { return made_at(0); });
  const Stack second = stack_of_what([] { return made_at(0); });
  ASSERT_FALSE(first.empty());
  ASSERT_FALSE(second.empty());
  EXPECT_EQ(first.back(), second.back());
}

// RUN-006: the most recent call is the last one
TEST(CoroutineOrigin, HasTheInnermostFrameLast) {
  const Stack stack = stack_of_what(calls_maker);
  const auto caller = place_of(stack, calls_maker_returns_to);
  const auto callee = place_of(stack, maker_returns_to);
  EXPECT_LT(caller, std::ssize(stack)) << testing::PrintToString(stack);
  EXPECT_LT(callee, std::ssize(stack)) << testing::PrintToString(stack);
  EXPECT_LT(caller, callee) << testing::PrintToString(stack);
}

// RUN-006: not only its callers, which is the point of it all
TEST(CoroutineOrigin, TellsTheFunctionThatCallsTheCoroutine) {
  const Stack stack = stack_of_what(calls_maker);
  const auto callee = place_of(stack, maker_returns_to);
  ASSERT_LT(callee, std::ssize(stack));
  ASSERT_LT(callee + 1, std::ssize(stack)) << testing::PrintToString(stack);
  constexpr std::uintptr_t most = 1024;  // bytes of its code
  const std::uintptr_t begin = offset_of(reinterpret_cast<void*>(&maker));
  const std::uintptr_t at = offset_in(stack[static_cast<std::size_t>(callee) + 1]);
  EXPECT_GT(at, begin);
  EXPECT_LT(at, begin + most);
}

// RUN-006
TEST(CoroutineOrigin, GoesWithACoroutineThatIsMoved) {
  const support::LogCapture logged;
  run_callback(true, [](asyncio::EventLoop&) {
    auto coro = made_here();
    const auto moved = std::move(coro);
  });
  ASSERT_EQ(logged.lines().size(), 1U);
  EXPECT_FALSE(stack_in(logged.lines().front()).empty());
}

// RUN-006, DBG-004
TEST(CoroutineOrigin, IsNotToldWithoutDebugMode) {
  const support::LogCapture logged;
  run_callback(false, [](asyncio::EventLoop&) { const auto dropped = made_here(); });
  EXPECT_EQ(logged.count("was never awaited"), 1);
  EXPECT_EQ(logged.count("created at"), 0);
}

// RUN-007
TEST(CoroutineOrigin, IsNotRecordedWhileNoLoopRuns) {
  const support::LogCapture logged;
  auto loop = asyncio::testing::new_virtual_loop();
  loop->set_debug(true);
  {
    const auto before = made_here();
  }
  loop->stop();
  loop->run_forever();
  {
    const auto after = made_here();
  }
  loop->close();
  {
    const auto at_the_end = made_here();
  }
  EXPECT_EQ(logged.count("was never awaited"), 3);
  EXPECT_EQ(logged.count("created at"), 0);
}

// LOOP-096, RUN-007, DBG-004
TEST(CoroutineOrigin, IsSwitchedOnAndOffWhileTheLoopRuns) {
  const support::LogCapture logged;
  run_callback(false, [](asyncio::EventLoop& loop) {
    loop.set_debug(true);
    {
      const auto traced = made_here();
    }
    loop.set_debug(false);
    {
      const auto not_traced = made_here();
    }
  });
  ASSERT_EQ(logged.lines().size(), 2U);
  EXPECT_FALSE(stack_in(logged.lines()[0]).empty());
  EXPECT_TRUE(stack_in(logged.lines()[1]).empty());
}

// RUN-006, RUN-007: it was recorded when the coroutine was made
TEST(CoroutineOrigin, IsToldAlsoOfACoroutineThatIsDroppedAfterTheLoopHasStopped) {
  const support::LogCapture logged;
  std::vector<asyncio::Coro<>> kept;
  run_callback(true, [&](asyncio::EventLoop&) { kept.push_back(made_here()); });
  kept.clear();
  ASSERT_EQ(logged.lines().size(), 1U);
  EXPECT_FALSE(stack_in(logged.lines().front()).empty()) << logged.lines().front();
}

// RUN-006, RUN-007
TEST(CoroutineOrigin, IsToldAlsoOfACoroutineThatIsDroppedAfterDebugModeWasSwitchedOff) {
  const support::LogCapture logged;
  run_callback(true, [](asyncio::EventLoop& loop) {
    const auto dropped = made_here();
    loop.set_debug(false);
  });
  ASSERT_EQ(logged.lines().size(), 1U);
  EXPECT_FALSE(stack_in(logged.lines().front()).empty()) << logged.lines().front();
}

// RUN-006: a frame may stand where another one stood before, which is not its origin
TEST(CoroutineOrigin, IsNotThatOfAnEarlierCoroutineAtTheSamePlace) {
  const support::LogCapture logged;
  run_callback(true, [](asyncio::EventLoop& loop) {
    made_here().close();
    loop.set_debug(false);
    const auto dropped = made_there();
    loop.set_debug(true);
  });
  ASSERT_EQ(logged.lines().size(), 1U);
  EXPECT_TRUE(origin_in(logged.lines().front()).empty()) << logged.lines().front();
}

// RUN-006, RUN-007
TEST(CoroutineOrigin, IsNotThatOfAnEarlierCoroutineOfAnotherLoop) {
  const support::LogCapture logged;
  run_callback(true, [](asyncio::EventLoop&) { made_here().close(); });
  std::vector<asyncio::Coro<>> made_outside;
  made_outside.push_back(made_there());
  run_callback(true, [&](asyncio::EventLoop&) { made_outside.clear(); });
  ASSERT_EQ(logged.lines().size(), 1U);
  EXPECT_TRUE(origin_in(logged.lines().front()).empty()) << logged.lines().front();
}

// RUN-005, RUN-006: memory for origins is bounded; some may not be told, none is wrong
TEST(CoroutineOrigin, OfVeryManyCoroutinesIsRightOrNotTold) {
  constexpr std::size_t many = 20'000;
  const std::array<Stack, 2> expected{stack_of_what([] { return made_at(0); }),
                                      stack_of_what([] { return made_at(1); })};
  const support::LogCapture logged;
  std::size_t told = 0;
  run_callback(true, [&](asyncio::EventLoop&) {
    std::vector<asyncio::Coro<>> coros;
    for (std::size_t i = 0; i < many; ++i) coros.push_back(made_at(i % 2));
  });
  const auto reports = logged.lines();
  ASSERT_EQ(reports.size(), many);
  std::size_t i = 0;
  for (const std::string& report : reports) {
    const std::size_t which = i++ % 2;
    const Stack stack = origin_in(report);
    if (stack.empty()) continue;
    ++told;
    ASSERT_EQ(stack.back(), expected[which].back());
  }
  EXPECT_GT(told, 0U);
}

// RUN-006
TEST(CoroutineOrigin, IsRecordedByEachThreadForItself) {
  const support::LogCapture logged;
  const auto main = []() -> asyncio::Coro<> {
    {
      const auto dropped = made_here();
    }
    co_return;
  };
  std::thread([&] { asyncio::testing::run(main, {.debug = true}); }).join();
  asyncio::testing::run(main, {.debug = true});
  ASSERT_EQ(logged.lines().size(), 2U);
  for (const std::string& report : logged.lines()) EXPECT_FALSE(stack_in(report).empty()) << report;
}

// RUN-005: no crash, and one report, where the thread is another one
TEST(CoroutineOrigin, OfACoroutineThatAnotherThreadDropsIsOneReport) {
  const support::LogCapture logged;
  run_callback(true, [](asyncio::EventLoop&) {
    auto coro = made_here();
    std::thread([&] { const auto dropped = std::move(coro); }).join();
  });
  EXPECT_EQ(logged.lines().size(), 1U);
  EXPECT_EQ(logged.count("coroutine 'forgotten' was never awaited"), 1);
}
