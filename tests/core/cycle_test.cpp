// Tasks that await each other can never end: the await that would close the cycle is refused.

#include <asyncio/as_result.hpp>
#include <asyncio/future.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Tasks = std::vector<asyncio::Task<>>;

// "TYPE: TEXT" of what the await throws; "" if nothing.
constexpr unsigned awaiting_line = __LINE__ + 4;
template <class A>
asyncio::Coro<std::string> refusal(A awaitable) {
  try {
    co_await std::move(awaitable);
  } catch (...) {
    co_return asyncio::detail::describe(std::current_exception());
  }
  co_return "";
}

asyncio::Coro<> awaits(const Tasks& tasks, std::size_t which, std::string& text) {
  text = co_await refusal(tasks[which]);
}

// "'NAME' at FILE:LINE", as in the text.
std::string waiting(const std::string& name, unsigned line = awaiting_line) {
  return "'" + name + "' at cycle_test.cpp:" + std::to_string(line);
}

const std::string what = "RuntimeError: co_await: these tasks would wait for each other for ever: ";
const std::string way_out =
    "; one of them must wait for something else, such as a Future that the other sets";

// Tasks "0", "1", ..., of which each awaits the next and the last one the first. Returns what they
// were refused. The others are left alone: this waits for each of them.
asyncio::Coro<std::string> ring(std::size_t size) {
  Tasks tasks;
  std::vector<std::string> texts(size);
  for (std::size_t i = 0; i < size; ++i) {
    tasks.push_back(
        asyncio::create_task(awaits(tasks, (i + 1) % size, texts[i]), {.name = std::to_string(i)}));
  }
  for (const auto& task : tasks) co_await task;
  std::string all;
  for (const std::string& text : texts) all += text;
  co_return all;
}

// Tasks of which each awaits the one before, and one more that awaits the first.
asyncio::Coro<std::string> chain(std::size_t length) {
  const asyncio::Future<> end;
  std::vector<std::string> texts(length + 1);
  Tasks tasks;
  tasks.push_back(asyncio::create_task([&]() -> asyncio::Coro<> { co_await end; }));
  for (std::size_t i = 1; i <= length; ++i) {
    tasks.push_back(asyncio::create_task(awaits(tasks, i < length ? i - 1 : 0, texts[i])));
  }
  co_await asyncio::sleep(1s);
  end.set_result();
  for (const auto& task : tasks) co_await task;
  std::string all;
  for (const std::string& text : texts) all += text;
  co_return all;
}

}  // namespace

// TASK-046
ASYNC_TEST(Cycle, OfATaskWithItselfIsRefusedWithItsName) {
  auto self = *asyncio::current_task();
  self.set_name("narcissus");
  const std::string text = co_await refusal(self);
  EXPECT_EQ(text.substr(0, text.find(" coro=")),
            "RuntimeError: co_await: Task cannot await on itself: <Task pending name='narcissus'");
  EXPECT_EQ(text.substr(text.rfind(';')), "; await what it does, or return");
}

// DBG-048
TEST(Cycle, OfTwoTasksIsRefusedAtTheAwaitThatClosesIt) {
  const std::string text = what + waiting("1") + " -> " + waiting("0") + " -> '1'" + way_out;
  EXPECT_EQ(asyncio::testing::run(ring(2)), text);
  EXPECT_EQ(asyncio::run(ring(2)), text);  // the real clock would have waited for ever
}

// DBG-048
TEST(Cycle, OfThreeTasksIsRefusedInTheLastOne) {
  const std::string text =
      what + waiting("2") + " -> " + waiting("0") + " -> " + waiting("1") + " -> '2'" + way_out;
  EXPECT_EQ(asyncio::testing::run(ring(3)), text);
  EXPECT_EQ(asyncio::run(ring(3)), text);
}

// DBG-048
ASYNC_TEST(Cycle, ThroughTheMainTaskIsRefusedInTheChild) {
  auto self = *asyncio::current_task();
  self.set_name("main");
  const auto child = asyncio::create_task(refusal(self), {.name = "child"});
  const unsigned line = __LINE__ + 1;
  const std::string text = co_await child;
  EXPECT_EQ(text,
            what + waiting("child") + " -> " + waiting("main", line) + " -> 'child'" + way_out);
}

// DBG-048: a limit would end the wait, but not with what was wanted
ASYNC_TEST(Cycle, UnderATimeLimitIsRefusedAtOnce) {
  auto self = *asyncio::current_task();
  self.set_name("main");
  const asyncio::TimePoint before = asyncio::get_running_loop().time();
  const auto child = asyncio::create_task(refusal(asyncio::wait_for(self, 1s)), {.name = "child"});
  const std::string text = co_await child;
  EXPECT_TRUE(text.starts_with(what + "'child' at ")) << text;
  EXPECT_TRUE(text.ends_with(" -> 'child'" + way_out)) << text;
  EXPECT_EQ(asyncio::get_running_loop().time(), before);
}

// DBG-048
TEST(Cycle, OfAnyLengthIsFoundInDebugMode) {
  const std::string text = asyncio::testing::run(ring(1000), {.debug = true});
  EXPECT_TRUE(text.starts_with(what + waiting("999") + " -> " + waiting("0") + " -> ")) << text;
  EXPECT_TRUE(text.ends_with(" -> " + waiting("998") + " -> '999'" + way_out)) << text;
}

// DBG-048
TEST(Cycle, AChainIsNoneHoweverLongItIs) {
  EXPECT_EQ(asyncio::testing::run(chain(10'000)), "");
  EXPECT_EQ(asyncio::testing::run(chain(1'000), {.debug = true}), "");
}

// failure 26: cancel chain A -> B -> A; the check does not follow the way through a gather
ASYNC_TEST(Cycle, ThroughAGatherIsEndedByACancelOfEither) {
  const support::LogCapture log;  // as in Python: of the gather that nobody awaits any more
  for (std::size_t cancelled = 0; cancelled < 2; ++cancelled) {
    Tasks tasks;
    tasks.push_back(
        asyncio::create_task([&]() -> asyncio::Coro<> { co_await asyncio::gather(tasks[1]); }));
    tasks.push_back(asyncio::create_task([&]() -> asyncio::Coro<> { co_await tasks[0]; }));
    co_await asyncio::sleep(1s);
    tasks[cancelled].cancel();
    EXPECT_TRUE((co_await asyncio::as_result(tasks[0])).cancelled());
    EXPECT_TRUE((co_await asyncio::as_result(tasks[1])).cancelled());
    co_await asyncio::sleep(1s);
  }
}
