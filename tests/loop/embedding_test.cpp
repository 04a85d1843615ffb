#include <asyncio/event_loop.hpp>

#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

// A loop driven from outside: poll_once(), next_deadline() and fd(). LOOP-050

namespace {

using Log = std::vector<std::string>;

bool readable(int fd) {
  pollfd p{fd, POLLIN, 0};
  return ::poll(&p, 1, 0) == 1;
}

// As a foreign loop would do it: waits for fd() until next_deadline().
void drive(asyncio::EventLoop& loop, const auto& done) {
  while (!done()) {
    int wait = -1;
    if (const auto deadline = loop.next_deadline()) {
      const auto left = static_cast<std::chrono::milliseconds>(*deadline - loop.time()) + 1ms;
      wait = left > 0ms ? static_cast<int>(left.count()) : 0;
    }
    pollfd p{loop.fd(), POLLIN, 0};
    ::poll(&p, 1, wait);
    loop.poll_once();
  }
}

asyncio::Coro<int> adds_up(int turns) {
  int sum = 0;
  for (int i = 0; i < turns; ++i) {
    co_await asyncio::sleep(1ms);
    sum += i;
  }
  co_return sum;
}

}  // namespace

// LOOP-050
TEST(Embedding, PollOnceRunsOneIteration) {
  auto loop = asyncio::new_event_loop();
  Log log;
  loop->call_soon([&] {
    log.push_back("first");
    loop->call_soon([&] { log.push_back("second"); });
  });
  loop->poll_once();
  EXPECT_EQ(log, Log{"first"});
  loop->poll_once();
  EXPECT_EQ(log, (Log{"first", "second"}));
  loop->close();
}

// LOOP-050
TEST(Embedding, PollOnceDoesNotWaitUnlessAsked) {
  auto loop = asyncio::new_event_loop();
  int ran = 0;
  loop->call_later(1h, [&] { ++ran; });
  loop->poll_once();  // would last an hour
  EXPECT_EQ(ran, 0);
  loop->close();
}

// LOOP-050
TEST(Embedding, PollOnceWaitsNoLongerThanItsLimitAndNoLongerThanTheNextTimer) {
  auto loop = asyncio::new_event_loop();
  int ran = 0;
  const auto far = loop->call_later(1h, [&] { ++ran; });
  loop->poll_once(2ms);
  EXPECT_EQ(ran, 0);
  loop->call_later(2ms, [&] { ++ran; });
  for (int i = 0; ran == 0 && i < 100; ++i) loop->poll_once(1h);
  EXPECT_EQ(ran, 1);
  loop->close();
}

// LOOP-050
TEST(Embedding, PollOnceIsARunningLoopToItsCallbacksAndLeavesNoneBehind) {
  auto loop = asyncio::new_event_loop();
  asyncio::EventLoop* seen = nullptr;
  loop->call_soon([&] { seen = &asyncio::get_running_loop(); });
  loop->poll_once();
  EXPECT_EQ(seen, loop.get());
  EXPECT_FALSE(loop->is_running());
  EXPECT_THROW((void)asyncio::get_running_loop(), asyncio::RuntimeError);
  loop->close();
}

// LOOP-050, LOOP-032
TEST(Embedding, PollOnceLetsAKeyboardInterruptThroughAndCanGoOn) {
  auto loop = asyncio::new_event_loop();
  int ran = 0;
  loop->call_soon([] { throw asyncio::KeyboardInterrupt(); });
  loop->call_soon([&] { ++ran; });
  EXPECT_THROW(loop->poll_once(), asyncio::KeyboardInterrupt);
  EXPECT_FALSE(loop->is_running());
  loop->poll_once();
  EXPECT_EQ(ran, 1);
  loop->close();
}

// LOOP-050
TEST(Embedding, NextDeadlineIsNothingWithoutTimersAndThePastIfSomethingIsReady) {
  auto loop = asyncio::new_event_loop();
  EXPECT_EQ(loop->next_deadline(), std::nullopt);
  loop->call_soon([] {});
  ASSERT_TRUE(loop->next_deadline().has_value());
  EXPECT_LE(*loop->next_deadline(), loop->time());
  loop->poll_once();
  EXPECT_EQ(loop->next_deadline(), std::nullopt);
  loop->close();
}

// LOOP-050
TEST(Embedding, NextDeadlineIsThatOfTheEarliestTimerThatIsNotCancelled) {
  auto loop = asyncio::new_event_loop();
  const asyncio::TimePoint now = loop->time();
  const auto late = loop->call_at(now + 3h, [] {});
  const auto early = loop->call_at(now + 1h, [] {});
  EXPECT_EQ(loop->next_deadline(), now + 1h);
  early.cancel();
  EXPECT_EQ(loop->next_deadline(), now + 3h);
  late.cancel();
  EXPECT_EQ(loop->next_deadline(), std::nullopt);
  loop->close();
}

// LOOP-050
TEST(Embedding, TheDescriptorIsReadableWhenAWatchedOneIs) {
  auto loop = asyncio::new_event_loop();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  int calls = 0;
  loop->add_reader(ends[0], [&] {
    char c = 0;
    EXPECT_EQ(::read(ends[0], &c, 1), 1);
    ++calls;
  });
  EXPECT_FALSE(readable(loop->fd()));
  EXPECT_EQ(::write(ends[1], "x", 1), 1);
  EXPECT_TRUE(readable(loop->fd()));
  loop->poll_once();
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(readable(loop->fd()));
  loop->close();
  ::close(ends[0]);
  ::close(ends[1]);
}

// LOOP-050, LOOP-019
TEST(Embedding, TheDescriptorIsReadableAfterACallOfAnotherThreadUntilItHasRun) {
  auto loop = asyncio::new_event_loop();
  int calls = 0;
  loop->poll_once();
  EXPECT_FALSE(readable(loop->fd()));
  std::thread([&] { loop->call_soon_threadsafe([&] { ++calls; }); }).join();
  EXPECT_TRUE(readable(loop->fd()));
  EXPECT_LE(loop->next_deadline(), loop->time());
  loop->poll_once();
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(readable(loop->fd()));
  loop->close();
}

// LOOP-050
TEST(Embedding, AForeignLoopCanDriveTimersTasksThreadsAndDescriptors) {
  auto loop = asyncio::new_event_loop();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  bool read = false;
  bool called = false;
  loop->add_reader(ends[0], [&] {
    read = true;
    loop->remove_reader(ends[0]);
  });
  auto task = loop->create_task(adds_up(5));
  std::thread other([&] {
    loop->call_soon_threadsafe([&] { called = true; });
    EXPECT_EQ(::write(ends[1], "x", 1), 1);
  });
  drive(*loop, [&] { return task.done() && read && called; });
  other.join();
  EXPECT_EQ(task.result(), 10);
  loop->close();
  ::close(ends[0]);
  ::close(ends[1]);
}
