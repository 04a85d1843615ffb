#include <asyncio/async_timed.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

namespace {

asyncio::Coro<int> timed_delay(asyncio::Duration delay) {
  co_await asyncio::sleep(delay);
  co_return 3;
}

asyncio::Coro<> timed_failure() {
  co_await asyncio::sleep(1500ms);
  throw std::runtime_error("late");
}

asyncio::Coro<std::unique_ptr<int>> timed_unique(std::unique_ptr<int> value) { co_return value; }

/// Takes standard output while it lives.
class TimedOutput {
 public:
  TimedOutput() { testing::internal::CaptureStdout(); }
  TimedOutput(const TimedOutput&) = delete;
  TimedOutput& operator=(const TimedOutput&) = delete;
  ~TimedOutput() {
    if (!taken_) (void)take();
  }
  std::string take() {
    taken_ = true;
    return testing::internal::GetCapturedStdout();
  }

 private:
  bool taken_ = false;
};

bool timed_matches(const std::string& text, const std::string& pattern) {
  return std::regex_match(text, std::regex(pattern));
}

}  // namespace

// async_timed: the lines that the decorator of every tutorial prints
ASYNC_TEST(AsyncTimed, AFunctionPrintsItsArgumentsAndHowLongItTook) {
  TimedOutput output;
  EXPECT_EQ(co_await asyncio::async_timed("timed_delay", timed_delay)(2s), 3);
  const std::string text = output.take();
  EXPECT_TRUE(timed_matches(text,
                            "starting (<function timed_delay at 0x[0-9a-f]+>) with args: \\(2s\\)\n"
                            "finished \\1 in 2\\.00 seconds\n"))
      << text;
}

// api: async_timed
ASYNC_TEST(AsyncTimed, AFunctionMayBeCalledOften) {
  TimedOutput output;
  const auto timed = asyncio::async_timed("timed_delay", timed_delay);
  co_await timed(1s);
  co_await timed(3s);
  const std::string text = output.take();
  EXPECT_NE(text.find("in 1.00 seconds"), std::string::npos) << text;
  EXPECT_NE(text.find("in 3.00 seconds"), std::string::npos) << text;
}

// api: async_timed
ASYNC_TEST(AsyncTimed, NamesTheArgumentsAsPythonWouldAsFarAsItKnowsThem) {
  auto f = [](int, double, const std::string&, bool) -> asyncio::Coro<> { co_return; };
  const std::string text_argument = "text";
  TimedOutput output;
  co_await asyncio::async_timed("f", f)(1, 2.5, text_argument, true);
  const std::string text = output.take();
  EXPECT_NE(text.find(" with args: (1, 2.5, 'text', true)\n"), std::string::npos) << text;
}

// api: async_timed
ASYNC_TEST(AsyncTimed, ACoroutinePrintsItselfAndHowLongItTook) {
  TimedOutput output;
  EXPECT_EQ(co_await asyncio::async_timed(timed_delay(2s)), 3);
  const std::string text = output.take();
  EXPECT_TRUE(timed_matches(text,
                            "starting (<coroutine object timed_delay at 0x[0-9a-f]+>)\n"
                            "finished \\1 in 2\\.00 seconds\n"))
      << text;
}

// api: async_timed
ASYNC_TEST(AsyncTimed, ATaskPrintsItself) {
  auto task = asyncio::create_task(timed_delay(1s), {.name = "mine"});
  TimedOutput output;
  EXPECT_EQ(co_await asyncio::async_timed(task), 3);
  const std::string text = output.take();
  EXPECT_NE(text.find("starting <Task pending name='mine'"), std::string::npos) << text;
  EXPECT_NE(text.find(" in 1.00 seconds\n"), std::string::npos) << text;
}

// api: async_timed
ASYNC_TEST(AsyncTimed, TheEndIsPrintedAlsoAfterAnErrorWhichIsThrown) {
  TimedOutput output;
  auto r = co_await asyncio::as_result(asyncio::async_timed(timed_failure()));
  const std::string text = output.take();
  EXPECT_THROW(r.value(), std::runtime_error);
  EXPECT_NE(text.find("finished <coroutine object timed_failure"), std::string::npos) << text;
  EXPECT_NE(text.find(" in 1.50 seconds\n"), std::string::npos) << text;
}

// api: async_timed
ASYNC_TEST(AsyncTimed, TheEndIsPrintedAlsoAfterACancellation) {
  TimedOutput output;
  auto task = asyncio::create_task(asyncio::async_timed(asyncio::sleep(1h)));
  co_await asyncio::sleep(1s);
  task.cancel();
  auto r = co_await asyncio::as_result(task);
  const std::string text = output.take();
  EXPECT_TRUE(r.cancelled());
  EXPECT_NE(text.find(" in 1.00 seconds\n"), std::string::npos) << text;
}

// api: async_timed
ASYNC_TEST(AsyncTimed, NothingIsPrintedBeforeItRuns) {
  TimedOutput before;
  auto timed = asyncio::async_timed(timed_delay(1s));
  EXPECT_EQ(before.take(), "");
  const TimedOutput during;
  co_await std::move(timed);
}

// api: async_timed
ASYNC_TEST(AsyncTimed, ArgumentsAndValuesMayBeMoveOnly) {
  TimedOutput output;
  auto value =
      co_await asyncio::async_timed("timed_unique", timed_unique)(std::make_unique<int>(5));
  (void)output.take();
  EXPECT_EQ(*value, 5);
}
