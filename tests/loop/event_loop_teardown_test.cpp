// What happens inside close(): destructors, handlers and other threads that go on using the loop.

#include <asyncio/asyncio.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <coroutine>
#include <memory>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// Wakes everybody who waits for `future` as the frame that it lives in is destroyed.
struct WakesAtItsEnd {
  asyncio::Future<> future;
  explicit WakesAtItsEnd(asyncio::Future<> f) : future(std::move(f)) {}
  ~WakesAtItsEnd() { future.set_result(); }
};

asyncio::Coro<> wake_at_the_end(asyncio::Future<> future) {
  const WakesAtItsEnd waker(future);
  co_await asyncio::sleep(1h);
}

asyncio::Coro<> wait_for_it(asyncio::Future<> future) { co_await future; }

asyncio::Coro<> sleepers_in_a_group(int n) {
  co_await asyncio::with(asyncio::TaskGroup(), [n](asyncio::TaskGroup& group) {
    for (int i = 0; i < n; ++i) group.create_task(asyncio::sleep(1h));
  });
}

/// A foreign awaiter: keeps the handle for whoever wants to resume it.
struct Parked {
  std::coroutine_handle<>* place;
  static bool await_ready() noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) const noexcept { *place = h; }
  static void await_resume() noexcept {}
};

asyncio::Coro<> park(std::coroutine_handle<>& place) { co_await Parked{&place}; }

}  // namespace

// LOOP-047, failure 96
TEST(EventLoopTeardown, ADestructorMayWakeTasksThatAreDestroyedAfterIt) {
  const support::LogCapture log;
  auto counted = std::make_shared<int>();
  {
    auto loop = asyncio::new_event_loop();
    asyncio::Future<> future(*loop);
    loop->create_task(wake_at_the_end(future));
    for (int i = 0; i < 200; ++i) loop->create_task(wait_for_it(future));
    loop->poll_once();
    loop->set_exception_handler([counted](asyncio::EventLoop& l, const asyncio::ExceptionContext&) {
      for (int i = 0; i < 3; ++i) l.call_soon([counted] {});
    });
    loop->close();
  }
  EXPECT_EQ(counted.use_count(), 1);
}

// LOOP-047
TEST(EventLoopTeardown, AGroupCancelsItsChildrenWhileTheHandlerSchedules) {
  const support::LogCapture log;
  auto counted = std::make_shared<int>();
  {
    auto loop = asyncio::new_event_loop();
    loop->create_task(sleepers_in_a_group(100));
    loop->poll_once();
    loop->poll_once();
    loop->set_exception_handler([counted](asyncio::EventLoop& l, const asyncio::ExceptionContext&) {
      l.call_soon([counted] {});
    });
    loop->close();
  }
  EXPECT_EQ(counted.use_count(), 1);
}

// LOOP-046
TEST(EventLoopTeardown, CloseInsideCloseDoesNothing) {
  const support::LogCapture log;
  auto loop = asyncio::new_event_loop();
  loop->create_task(asyncio::sleep(1h));
  loop->poll_once();
  loop->set_exception_handler(
      [](asyncio::EventLoop& l, const asyncio::ExceptionContext&) { l.close(); });
  loop->close();
  EXPECT_TRUE(loop->is_closed());
}

// failure 96: a foreign thread has resumed the task, but the loop is closed before it sees that
TEST(EventLoopTeardown, AForeignResumptionThatIsStillInTheInboxIsDropped) {
  const support::LogCapture log;
  auto loop = asyncio::new_event_loop();
  std::coroutine_handle<> handle;
  loop->create_task(park(handle));
  loop->poll_once();
  std::thread([&] { handle.resume(); }).join();
  loop->close();
  EXPECT_EQ(log.count("Task was destroyed but it is pending!"), 1);
}

// LOOP-032, LOOP-025
TEST(EventLoopTeardown, ACallableIsDestroyedAlsoIfItThrowsAKeyboardInterrupt) {
  auto counted = std::make_shared<int>();
  auto loop = asyncio::new_event_loop();
  loop->call_soon([counted] { throw asyncio::KeyboardInterrupt(); });
  EXPECT_THROW(loop->run_forever(), asyncio::KeyboardInterrupt);
  EXPECT_EQ(counted.use_count(), 1);
  EXPECT_THROW(loop->add_reader(-1, [counted] {}), std::invalid_argument);
  EXPECT_EQ(counted.use_count(), 1);
  loop->close();
}

// LOOP-020
TEST(EventLoopTeardown, NothingOvertakesAThreadsafeCallOfItsThreadBeforeTheLoopRuns) {
  auto loop = asyncio::new_event_loop();
  std::vector<int> order;
  loop->call_soon_threadsafe([&] { order.push_back(1); });
  auto second = [&]() -> asyncio::Coro<> {
    order.push_back(2);
    co_return;
  };
  loop->create_task(second);
  loop->poll_once();
  loop->close();
  EXPECT_EQ(order, (std::vector{1, 2}));
}
