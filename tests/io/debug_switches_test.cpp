// How debug mode is turned on from outside.

#include <asyncio/event_loop.hpp>
#include <asyncio/run.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

using namespace std::chrono_literals;

namespace {

// Sets ASYNCIODEBUG, or takes it away, for a scope.
class ScopedDebugVariable {
 public:
  explicit ScopedDebugVariable(const char* value) {
    // NOLINTBEGIN(concurrency-mt-unsafe)
    if (const char* before = std::getenv("ASYNCIODEBUG")) before_ = before;
    set(value);
    // NOLINTEND(concurrency-mt-unsafe)
  }
  ScopedDebugVariable(const ScopedDebugVariable&) = delete;
  ScopedDebugVariable& operator=(const ScopedDebugVariable&) = delete;
  ~ScopedDebugVariable() { set(before_ ? before_->c_str() : nullptr); }

 private:
  static void set(const char* value) {
    // NOLINTBEGIN(concurrency-mt-unsafe)
    if (value == nullptr) {
      ::unsetenv("ASYNCIODEBUG");
    } else {
      ::setenv("ASYNCIODEBUG", value, 1);
    }
    // NOLINTEND(concurrency-mt-unsafe)
  }
  std::optional<std::string> before_;
};

bool debug_of_new_loop() {
  auto loop = asyncio::new_event_loop();
  const bool debug = loop->get_debug();
  loop->close();
  return debug;
}

asyncio::Coro<bool> debug_of_running_loop() { co_return asyncio::get_running_loop().get_debug(); }

}  // namespace

// DBG-001, DBG-003
TEST(DebugSwitches, OfTheEnvironmentIsTheDefaultOfEveryNewLoop) {
  {
    const ScopedDebugVariable unset(nullptr);
    EXPECT_FALSE(debug_of_new_loop());
  }
  {
    const ScopedDebugVariable empty("");
    EXPECT_FALSE(debug_of_new_loop());
  }
  const ScopedDebugVariable set("1");
  EXPECT_TRUE(debug_of_new_loop());
}

// DBG-001: any text that is not empty, as in Python
TEST(DebugSwitches, OfTheEnvironmentIsOnWhateverItsTextIs) {
  const ScopedDebugVariable zero("0");
  EXPECT_TRUE(debug_of_new_loop());
}

// DBG-001
TEST(DebugSwitches, OfTheEnvironmentIsReadWhenALoopIsMade) {
  const ScopedDebugVariable unset(nullptr);
  auto early = asyncio::new_event_loop();
  const ScopedDebugVariable set("1");
  EXPECT_FALSE(early->get_debug());
  EXPECT_TRUE(debug_of_new_loop());
  early->close();
}

// DBG-001, DBG-002
TEST(DebugSwitches, OfTheEnvironmentIsOverruledByOptionsAndByTheLoop) {
  const ScopedDebugVariable set("1");
  EXPECT_TRUE(asyncio::testing::run(debug_of_running_loop));
  EXPECT_FALSE(asyncio::testing::run(debug_of_running_loop, {.debug = false}));
  asyncio::Runner runner({.debug = false});
  EXPECT_FALSE(runner.run(debug_of_running_loop()));
  runner.get_loop().set_debug(true);
  EXPECT_TRUE(runner.run(debug_of_running_loop()));
}

// DBG-001, DBG-009: what it is for
TEST(DebugSwitches, OfTheCommandLineLetsSlowStepsBeReported) {
  const ScopedDebugVariable unset(nullptr);
  const support::LogCapture logged;
  const auto main = []() -> asyncio::Coro<> {
    asyncio::get_running_loop().slow_callback_duration = 0s;
    co_return;
  };
  std::string program = "prog";
  std::string x = "-X";
  std::string dev = "dev";
  std::array<char*, 4> argv{program.data(), x.data(), dev.data(), nullptr};
  EXPECT_EQ(asyncio::run_main(1, argv.data(), main), 0);
  EXPECT_EQ(logged.count("Executing <Task "), 0);
  EXPECT_EQ(asyncio::run_main(3, argv.data(), main), 0);
  EXPECT_GT(logged.count("Executing <Task "), 0);
}
