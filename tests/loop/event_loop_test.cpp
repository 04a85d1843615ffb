#include <asyncio/event_loop.hpp>

#include <asyncio/context.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "support/shuffled.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <limits>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using support::shuffled;

// What one iteration does, in which order; and the calls that schedule callbacks.

namespace {

using Log = std::vector<std::string>;

// One iteration that does not wait.
void iterate_once(asyncio::EventLoop& loop) {
  loop.stop();
  loop.run_forever();
}

class ConnectedSockets {
 public:
  ConnectedSockets() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds_), 0); }
  ConnectedSockets(const ConnectedSockets&) = delete;
  ConnectedSockets& operator=(const ConnectedSockets&) = delete;
  ~ConnectedSockets() {
    ::close(fds_[0]);
    ::close(fds_[1]);
  }
  [[nodiscard]] int ours() const { return fds_[0]; }
  void make_readable() const { EXPECT_EQ(::write(fds_[1], "x", 1), 1); }

 private:
  int fds_[2] = {-1, -1};
};

asyncio::ContextVar<int> colour("colour", 0);

}  // namespace

// --- the order within an iteration ---

// LOOP-003, LOOP-004, LOOP-006, LOOP-012
TEST(EventLoopIteration, RunsWhatWasQueuedThenIoThenTimers) {
  auto loop = asyncio::new_event_loop();
  ConnectedSockets sockets;
  sockets.make_readable();
  Log log;
  loop->call_later(0s, [&] { log.push_back("timer"); });
  loop->add_reader(sockets.ours(), [&] { log.push_back("reader"); });
  loop->call_soon([&] { log.push_back("soon"); });
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"soon", "reader", "timer"}));
  loop->close();
}

// LOOP-003
TEST(EventLoopIteration, RunsTheReaderOfADescriptorBeforeItsWriter) {
  auto loop = asyncio::new_event_loop();
  ConnectedSockets sockets;
  sockets.make_readable();
  Log log;
  loop->add_writer(sockets.ours(), [&] { log.push_back("writer"); });
  loop->add_reader(sockets.ours(), [&] { log.push_back("reader"); });
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"reader", "writer"}));
  loop->close();
}

// LOOP-005
TEST(EventLoopIteration, LeavesWhatItsCallbacksAddToTheNextOne) {
  auto loop = asyncio::new_event_loop();
  Log log;
  loop->call_soon([&] {
    log.push_back("first");
    loop->call_soon([&] { log.push_back("added"); });
  });
  loop->call_soon([&] { log.push_back("second"); });
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"first", "second"}));
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"first", "second", "added"}));
  loop->close();
}

// LOOP-004
TEST(EventLoopIteration, RunsDueTimersInTheOrderOfTheirDeadlines) {
  auto loop = asyncio::new_event_loop();
  const asyncio::TimePoint now = loop->time();
  Log log;
  loop->call_at(now - 1s, [&] { log.push_back("late"); });
  loop->call_at(now - 3s, [&] { log.push_back("latest"); });
  loop->call_at(now - 2s, [&] { log.push_back("later"); });
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"latest", "later", "late"}));
  loop->close();
}

// LOOP-007
TEST(EventLoopIteration, SkipsACallbackThatAnEarlierOneOfItHasCancelled) {
  auto loop = asyncio::new_event_loop();
  Log log;
  std::vector<asyncio::Handle> victims;
  loop->call_soon([&] {
    log.push_back("killer");
    for (const asyncio::Handle& victim : victims) victim.cancel();
  });
  victims.push_back(loop->call_soon([&] { log.push_back("soon"); }));
  victims.push_back(loop->call_later(0s, [&] { log.push_back("timer"); }));
  loop->call_soon([&] { log.push_back("survivor"); });
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"killer", "survivor"}));
  loop->close();
}

// LOOP-008, LOOP-009, failure 14
TEST(EventLoopIteration, ServesIoAndTimersThoughACallbackReschedulesItselfForEver) {
  struct Spinner {
    asyncio::EventLoop& loop;
    int turns = 0;
    void operator()() {
      ++turns;
      loop.call_soon([this] { (*this)(); });
    }
  };
  auto loop = asyncio::new_event_loop();
  ConnectedSockets sockets;
  sockets.make_readable();
  Spinner spinner{*loop};
  int reads = 0;
  int timers = 0;
  spinner();
  loop->add_reader(sockets.ours(), [&] { ++reads; });
  loop->call_later(0s, [&] { ++timers; });
  for (int i = 0; i < 5; ++i) iterate_once(*loop);
  EXPECT_EQ(spinner.turns, 6);
  EXPECT_EQ(reads, 5);
  EXPECT_EQ(timers, 1);
  loop->close();
}

// LOOP-002
TEST(EventLoopIteration, DoesNotWaitForATimerWhileSomethingIsReady) {
  auto loop = asyncio::new_event_loop();
  Log log;
  loop->call_later(1h, [&] { log.push_back("timer"); });
  loop->call_soon([&] {
    log.push_back("first");
    loop->call_soon([&] {
      log.push_back("second");
      loop->stop();
    });
  });
  loop->run_forever();
  EXPECT_EQ(log, (Log{"first", "second"}));
  loop->close();
}

// LOOP-002
ASYNC_TEST(EventLoopIteration, WaitsForTheEarliestTimerEvenForDays) {
  auto& loop = asyncio::get_running_loop();
  const asyncio::TimePoint start = loop.time();
  asyncio::Future<asyncio::TimePoint> fired;
  const auto late = loop.call_later(100h, [] {});
  loop.call_later(50h, [&] { fired.set_result(loop.time()); });
  const asyncio::TimePoint when = co_await fired;
  EXPECT_EQ(when - start, asyncio::Duration(50h));
  late.cancel();
}

// LOOP-002, LOOP-004, LOOP-011: ten would do
TEST(EventLoopIteration, IsNotRepeatedInVainForADeadlineThatIsNear) {
  auto loop = asyncio::new_event_loop();
  const auto sleeps = []() -> asyncio::Coro<> {
    co_await asyncio::sleep(10ms);
    co_await asyncio::sleep(100us);
    co_await asyncio::sleep(1us);
    co_await asyncio::sleep(10ns);
    co_await asyncio::sleep(1ns);
  };
  auto task = loop->create_task(sleeps);
  int iterations = 0;
  for (; !task.done() && iterations < 100'000; ++iterations) loop->poll_once(1h);
  EXPECT_TRUE(task.done());
  EXPECT_LE(iterations, 20);
  loop->close();
}

// --- scheduling ---

// LOOP-013
TEST(EventLoopScheduling, TimeIsTheMonotonicClocks) {
  auto loop = asyncio::new_event_loop();
  const auto before = asyncio::Duration(std::chrono::steady_clock::now().time_since_epoch());
  const asyncio::TimePoint first = loop->time();
  const asyncio::TimePoint second = loop->time();
  const auto after = asyncio::Duration(std::chrono::steady_clock::now().time_since_epoch());
  EXPECT_LE(before, first.since_epoch());
  EXPECT_LE(first, second);
  EXPECT_LE(second.since_epoch(), after);
  loop->close();
}

// LOOP-014
TEST(EventLoopScheduling, CallSoonRunsEachCallbackOnceInTheOrderOfTheCalls) {
  auto loop = asyncio::new_event_loop();
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) loop->call_soon([&order, i] { order.push_back(i); });
  iterate_once(*loop);
  iterate_once(*loop);
  std::vector<int> expected(100);
  for (int i = 0; i < 100; ++i) expected[static_cast<std::size_t>(i)] = i;
  EXPECT_EQ(order, expected);
  loop->close();
}

// LOOP-015, LOOP-017, LOOP-027
ASYNC_TEST(EventLoopScheduling, CallLaterIsCallAtFromNow) {
  auto& loop = asyncio::get_running_loop();
  const asyncio::TimePoint now = loop.time();
  const auto later = loop.call_later(3s, [] {});
  const auto at = loop.call_at(now + 3s, [] {});
  EXPECT_EQ(later.when(), now + 3s);
  EXPECT_EQ(at.when(), later.when());
  later.cancel();
  at.cancel();
  co_return;
}

// LOOP-015, failure 11
ASYNC_TEST(EventLoopScheduling, ADelayThatIsNotPositiveIsDueNow) {
  if (shuffled()) co_return;
  auto& loop = asyncio::get_running_loop();
  const asyncio::TimePoint now = loop.time();
  Log log;
  loop.call_later(0s, [&] { log.push_back("zero"); });
  loop.call_later(-1s, [&] { log.push_back("negative"); });
  loop.call_later(asyncio::Duration::nanoseconds(std::numeric_limits<std::int64_t>::min()),
                  [&] { log.push_back("most negative"); });
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"most negative", "negative", "zero"}));
  EXPECT_EQ(loop.time(), now);
}

// failure 11
ASYNC_TEST(EventLoopScheduling, HugeDelaysAreClampedAndNeverFireEarly) {
  auto& loop = asyncio::get_running_loop();
  using Seconds = std::chrono::duration<double>;
  int fired = 0;
  std::vector<asyncio::TimerHandle> handles;
  handles.push_back(loop.call_later(Seconds(1e18), [&] { ++fired; }));
  handles.push_back(
      loop.call_later(Seconds(std::numeric_limits<double>::infinity()), [&] { ++fired; }));
  handles.push_back(loop.call_later(asyncio::Duration::max(), [&] { ++fired; }));
  co_await asyncio::sleep(1000h);
  EXPECT_EQ(fired, 0);
  for (const auto& handle : handles) {
    EXPECT_EQ(handle.when(), asyncio::TimePoint::max());
    handle.cancel();
  }
}

// failure 11
TEST(EventLoopScheduling, HugeDelaysAreNotDueAtOnceOnTheRealClock) {
  auto loop = asyncio::new_event_loop();
  const auto millis_above_int = std::chrono::milliseconds(std::int64_t{1} << 31);
  int fired = 0;
  loop->call_later(millis_above_int, [&] { ++fired; });
  loop->call_later(std::chrono::duration<double>(1e18), [&] { ++fired; });
  loop->poll_once(1ms);
  EXPECT_EQ(fired, 0);
  loop->close();
}

// failure 11
TEST(EventLoopScheduling, NaNIsRefusedWhereTheDelayIsMade) {
  auto loop = asyncio::new_event_loop();
  const std::chrono::duration<double> nan(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THROW(loop->call_later(nan, [] {}), std::invalid_argument);
  loop->close();
}

// LOOP-016, LOOP-006
ASYNC_TEST(EventLoopScheduling, CallLaterZeroRunsBehindWhatWasQueuedForTheSameIteration) {
  if (shuffled()) co_return;
  auto& loop = asyncio::get_running_loop();
  Log log;
  loop.call_later(0s, [&] { log.push_back("timer"); });
  loop.call_soon([&] {
    log.push_back("soon");
    loop.call_soon([&] { log.push_back("next iteration"); });
  });
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"soon", "timer", "next iteration"}));
}

// LOOP-018
ASYNC_TEST(EventLoopScheduling, ACallbackRunsInACopyOfTheContextOfItsScheduling) {
  if (shuffled()) co_return;
  auto& loop = asyncio::get_running_loop();
  std::vector<int> seen;
  colour.set(1);
  loop.call_soon([&] {
    seen.push_back(colour.get());
    colour.set(50);  // in the copy
  });
  colour.set(2);
  loop.call_later(0s, [&] { seen.push_back(colour.get()); });
  colour.set(3);
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(seen, (std::vector{1, 2}));
  EXPECT_EQ(colour.get(), 3);
}

// LOOP-018
ASYNC_TEST(EventLoopScheduling, ACallbackRunsInTheContextThatItIsGiven) {
  if (shuffled()) co_return;
  auto& loop = asyncio::get_running_loop();
  asyncio::Context context;
  context.run([] { colour.set(7); });
  std::vector<int> seen;
  loop.call_soon(
      [&] {
        seen.push_back(colour.get());
        colour.set(8);
      },
      &context);
  loop.call_later(0s, [&] { seen.push_back(colour.get()); }, &context);
  loop.call_at(loop.time(), [&] { seen.push_back(colour.get()); }, &context);
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(seen, (std::vector{7, 8, 8}));
}

// LOOP-019
TEST(EventLoopScheduling, CallSoonThreadsafeWakesALoopThatWaits) {
  auto loop = asyncio::new_event_loop();
  std::vector<int> order;
  std::thread other([&] {
    for (int i = 0; i < 3; ++i) loop->call_soon_threadsafe([&order, i] { order.push_back(i); });
    loop->call_soon_threadsafe([&] { loop->stop(); });
  });
  loop->run_forever();
  other.join();
  EXPECT_EQ(order, (std::vector{0, 1, 2}));
  loop->close();
}

// LOOP-020
ASYNC_TEST(EventLoopScheduling, CallSoonThreadsafeOnTheLoopsThreadKeepsItsPlaceAmongCallSoon) {
  if (shuffled()) co_return;
  auto& loop = asyncio::get_running_loop();
  Log log;
  loop.call_soon([&] { log.push_back("soon 1"); });
  loop.call_soon_threadsafe([&] { log.push_back("threadsafe 2"); });
  loop.call_soon([&] { log.push_back("soon 3"); });
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"soon 1", "threadsafe 2", "soon 3"}));
}

// LOOP-020
TEST(EventLoopScheduling, CallSoonThreadsafeKeepsItsPlaceAlsoBeforeTheLoopRuns) {
  auto loop = asyncio::new_event_loop();
  Log log;
  loop->call_soon([&] { log.push_back("soon 1"); });
  loop->call_soon_threadsafe([&] { log.push_back("threadsafe 2"); });
  loop->call_soon([&] { log.push_back("soon 3"); });
  iterate_once(*loop);
  EXPECT_EQ(log, (Log{"soon 1", "threadsafe 2", "soon 3"}));
  loop->close();
}
