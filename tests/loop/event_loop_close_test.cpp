#include <asyncio/event_loop.hpp>

#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <thread>

using namespace std::chrono_literals;

// close(), destruction, and the descriptors of a loop.

namespace {

asyncio::Coro<> sets_at_exit(bool& unwound, asyncio::Future<> never) {
  struct Guard {
    bool& flag;
    ~Guard() { flag = true; }
  };
  const Guard guard{unwound};
  co_await never;
}

asyncio::Coro<> does_nothing() { co_return; }

std::set<int> descriptors() {
  std::set<int> open;
  for (int fd = 0; fd < 1024; ++fd) {
    if (::access(("/proc/self/fd/" + std::to_string(fd)).c_str(), F_OK) == 0) open.insert(fd);
  }
  return open;
}

std::string refusal_of_closed(const auto& call) {
  try {
    call();
  } catch (const asyncio::RuntimeError& e) {
    return std::string(e.what()).find("event loop is closed") != std::string::npos ? "closed"
                                                                                   : e.what();
  }
  return "not refused";
}

}  // namespace

// LOOP-046
ASYNC_TEST(EventLoopClose, OfARunningLoopIsRefused) {
  auto& loop = asyncio::get_running_loop();
  EXPECT_THROW(loop.close(), asyncio::RuntimeError);
  EXPECT_FALSE(loop.is_closed());
  co_await asyncio::sleep(0s);
}

// LOOP-046
TEST(EventLoopClose, OfAClosedLoopDoesNothing) {
  auto loop = asyncio::new_event_loop();
  EXPECT_FALSE(loop->is_closed());
  loop->close();
  EXPECT_TRUE(loop->is_closed());
  EXPECT_NO_THROW(loop->close());
  EXPECT_TRUE(loop->is_closed());
}

// LOOP-021, LOOP-073
TEST(EventLoopClose, MakesEverySchedulingCallThrow) {
  auto loop = asyncio::new_event_loop();
  auto future = loop->create_future<>();
  loop->close();
  const auto nothing = [] {};
  EXPECT_EQ(refusal_of_closed([&] { loop->call_soon(nothing); }), "closed");
  EXPECT_EQ(refusal_of_closed([&] { loop->call_soon_threadsafe(nothing); }), "closed");
  EXPECT_EQ(refusal_of_closed([&] { loop->call_later(1s, nothing); }), "closed");
  EXPECT_EQ(refusal_of_closed([&] { loop->call_at(loop->time(), nothing); }), "closed");
  EXPECT_EQ(refusal_of_closed([&] { loop->add_reader(0, nothing); }), "closed");
  EXPECT_EQ(refusal_of_closed([&] { loop->add_writer(0, nothing); }), "closed");
  EXPECT_EQ(refusal_of_closed([&] { loop->run_forever(); }), "closed");
  EXPECT_EQ(refusal_of_closed([&] { loop->run_until_complete(future); }), "closed");
  EXPECT_EQ(refusal_of_closed([&] { loop->poll_once(); }), "closed");
}

// LOOP-021
TEST(EventLoopClose, MakesCallSoonThreadsafeThrowOnOtherThreads) {
  auto loop = asyncio::new_event_loop();
  loop->close();
  std::string outcome;
  std::thread([&] {
    outcome = refusal_of_closed([&] { loop->call_soon_threadsafe([] {}); });
  }).join();
  EXPECT_EQ(outcome, "closed");
}

// LOOP-092, LOOP-021
TEST(EventLoopClose, MakesCreateTaskThrowAndTheCoroutineIsNotReportedAsForgotten) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  loop->close();
  EXPECT_EQ(refusal_of_closed([&] { loop->create_task(does_nothing()); }), "closed");
  EXPECT_EQ(refusal_of_closed([&] { loop->run_until_complete(does_nothing()); }), "closed");
  EXPECT_TRUE(logged.empty());
}

// LOOP-047
TEST(EventLoopClose, DiscardsWhatIsScheduledWithoutRunningIt) {
  auto loop = asyncio::new_event_loop();
  int ran = 0;
  const auto captured = std::make_shared<int>(0);
  const auto callback = [&ran, captured] { ++ran; };
  loop->call_soon(callback);
  loop->call_later(0s, callback);
  loop->call_later(1h, callback);
  loop->call_soon_threadsafe(callback);
  std::thread([&] { loop->call_soon_threadsafe(callback); }).join();
  EXPECT_EQ(captured.use_count(), 7);
  loop->close();
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(captured.use_count(), 2);  // here and in `callback`
}

// LOOP-047
TEST(EventLoopClose, GivesUpItsWatchersAndForgetsTheirCallbacks) {
  auto loop = asyncio::new_event_loop();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const auto captured = std::make_shared<int>(0);
  loop->add_reader(ends[0], [captured] {});
  loop->add_writer(ends[1], [captured] {});
  EXPECT_EQ(captured.use_count(), 3);
  loop->close();
  EXPECT_EQ(captured.use_count(), 1);
  EXPECT_FALSE(loop->remove_reader(ends[0]));
  ::close(ends[0]);
  ::close(ends[1]);
}

// LOOP-047, LOOP-048
TEST(EventLoopClose, DestroysPendingTasksWithAReport) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  auto never = loop->create_future<>();
  bool unwound = false;
  auto task = loop->create_task(sets_at_exit(unwound, never));
  loop->stop();
  loop->run_forever();
  EXPECT_FALSE(unwound);
  loop->close();
  EXPECT_TRUE(unwound);
  EXPECT_EQ(logged.count("Task was destroyed but it is pending"), 1);
}

// LOOP-047
TEST(EventLoopClose, AlsoDiscardsWhatDestructorsScheduleMeanwhile) {
  auto loop = asyncio::new_event_loop();
  int ran = 0;
  struct SchedulesAtTheEnd {
    asyncio::EventLoop& loop;
    int& ran;
    ~SchedulesAtTheEnd() {
      loop.call_soon([&r = ran] { ++r; });
    }
  };
  auto object = std::make_shared<SchedulesAtTheEnd>(*loop, ran);
  loop->call_soon([object] {});
  object.reset();
  loop->close();
  EXPECT_EQ(ran, 0);
}

// LOOP-048
TEST(EventLoopDestruction, OfAnUnclosedLoopClosesItWithAReport) {
  const support::LogCapture logged;
  const auto captured = std::make_shared<int>(0);
  {
    auto loop = asyncio::new_event_loop();
    loop->call_soon([captured] {});
  }
  EXPECT_EQ(captured.use_count(), 1);
  EXPECT_EQ(logged.count("unclosed event loop"), 1);
  EXPECT_EQ(logged.lines().size(), 1U);
}

// LOOP-048
TEST(EventLoopDestruction, OfAClosedLoopReportsNothingAndFuturesMayOutliveIt) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  auto future = loop->create_future<int>();
  loop->close();
  loop.reset();
  EXPECT_FALSE(future.done());
  EXPECT_THROW((void)future.get_loop(), asyncio::RuntimeError);
  EXPECT_TRUE(logged.empty());
}

// LOOP-024, LOOP-047
TEST(EventLoopDescriptors, AreThePollersAndTheWakeUpOnesAndAllAreGivenBack) {
  const std::set<int> before = descriptors();
  auto loop = asyncio::new_event_loop();
  EXPECT_EQ(descriptors().size(), before.size() + 2);
  loop->call_soon_threadsafe([&] { loop->stop(); });
  loop->run_forever();
  EXPECT_EQ(descriptors().size(), before.size() + 2);
  loop->close();
  loop.reset();
  EXPECT_EQ(descriptors(), before);
}

// LOOP-022, LOOP-023
TEST(EventLoopDescriptors, AFullWakeUpCounterStillWakes) {
  const std::set<int> before = descriptors();
  auto loop = asyncio::new_event_loop();
  int wake = -1;
  for (const int fd : descriptors()) {
    std::error_code ignored;
    const auto link = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored);
    if (!before.contains(fd) && link == "anon_inode:[eventfd]") wake = fd;
  }
  ASSERT_GE(wake, 0);
  const std::uint64_t most = ~std::uint64_t{0} - 1;
  ASSERT_EQ(::write(wake, &most, sizeof most), static_cast<ssize_t>(sizeof most));
  loop->poll_once();  // this wake-up is taken, and the counter is full
  bool ran = false;
  std::thread([&] { loop->call_soon_threadsafe([&] { ran = true; }); }).join();
  pollfd embedded{loop->fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&embedded, 1, 0), 1);
  loop->poll_once();
  EXPECT_TRUE(ran);
  EXPECT_EQ(::poll(&embedded, 1, 0), 0);
  loop->close();
}
