// Handles that hold each other in a circle, and destructors that throw.

#include <asyncio/as_result.hpp>
#include <asyncio/detail/frame_allocator.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/handle.hpp>
#include <asyncio/shield.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

using namespace std::chrono_literals;

namespace {

/// Blocks that are left when `body` has run and its loop is closed.
template <class Body>
std::int64_t left_by(Body body) {
  const support::LogCapture reports;
  const std::int64_t before = asyncio::detail::live_blocks();
  asyncio::testing::run(body);
  asyncio::detail::forget_failures();
  return asyncio::detail::live_blocks() - before;
}

/// The same when the loop is closed while what `body` has made is pending.
template <class Body>
std::int64_t left_when_closed(Body body) {
  const support::LogCapture reports;
  const std::int64_t before = asyncio::detail::live_blocks();
  {
    auto loop = asyncio::testing::new_virtual_loop();
    loop->create_task(body);
    for (int i = 0; i < 5; ++i) loop->poll_once();
    loop->close();
  }
  return asyncio::detail::live_blocks() - before;
}

asyncio::Coro<> callback_holds_its_future() {
  const asyncio::Future<> future;
  future.add_done_callback([future] { (void)future.done(); });
  co_await asyncio::sleep(0s);
}

asyncio::Coro<> callbacks_hold_each_others_futures() {
  const asyncio::Future<> one;
  const asyncio::Future<> other;
  one.add_done_callback([other] { (void)other.done(); });
  other.add_done_callback([one] { (void)one.done(); });
  co_await asyncio::sleep(0s);
}

// The task awaits the future, whose callback holds the task.
asyncio::Coro<> callback_holds_the_task_that_awaits() {
  const asyncio::Future<> future;
  auto task = asyncio::create_task([future]() -> asyncio::Coro<> { co_await future; });
  future.add_done_callback([task] { (void)task.done(); });
  co_await asyncio::sleep(1s);
}

asyncio::Coro<> task_holds_itself() {
  const auto own = std::make_shared<std::optional<asyncio::Task<>>>();
  *own = asyncio::create_task([own]() -> asyncio::Coro<> { co_await asyncio::sleep(1h); });
  (*own)->add_done_callback([own] { own->reset(); });
  co_await asyncio::sleep(0s);
}

asyncio::Coro<> tasks_hold_each_other() {
  struct Pair {
    std::optional<asyncio::Task<>> one;
    std::optional<asyncio::Task<>> other;
  };
  const auto pair = std::make_shared<Pair>();
  auto hold = [](std::shared_ptr<Pair>) -> asyncio::Coro<> { co_await asyncio::sleep(1h); };
  pair->one = asyncio::create_task(hold, pair);
  pair->other = asyncio::create_task(hold, pair);
  co_await asyncio::sleep(0s);
}

asyncio::Coro<> handle_holds_itself() {
  auto& loop = asyncio::get_running_loop();
  const auto own = std::make_shared<std::optional<asyncio::TimerHandle>>();
  *own = loop.call_later(1h, [own] { own->reset(); });
  const auto soon = std::make_shared<std::optional<asyncio::Handle>>();
  *soon = loop.call_soon([soon] { soon->reset(); });
  co_await asyncio::sleep(0s);
}

asyncio::Coro<> gather_and_shield_of_what_holds_them() {
  const asyncio::Future<> future;
  const auto all = asyncio::gather(future, asyncio::sleep(1h));
  const auto shielded = asyncio::shield(future);
  const auto of_both = asyncio::gather(all, shielded);
  future.add_done_callback([all, shielded, of_both] { (void)all.done(); });
  co_await asyncio::sleep(0s);
}

/// Completes the future when its loop is closed: nobody runs any more who waits for it.
template <class Body>
std::int64_t left_by_completing_late(Body body) {
  const support::LogCapture reports;
  const std::int64_t before = asyncio::detail::live_blocks();
  {
    auto loop = asyncio::testing::new_virtual_loop();
    const asyncio::Future<int> future(*loop);
    loop->create_task(body, future);
    for (int i = 0; i < 5; ++i) loop->poll_once();
    loop->close();
    future.set_result(1);
  }
  return asyncio::detail::live_blocks() - before;
}

asyncio::Coro<> add_callback(asyncio::Future<int> future) {
  future.add_done_callback([] { ADD_FAILURE() << "called though the loop is closed"; });
  co_return;
}

/// As a handle outside of the loop would be.
std::optional<asyncio::FutureBase> kept;

asyncio::Coro<> gather_it(asyncio::Future<int> future) {
  kept = asyncio::gather(future);
  co_return;
}

asyncio::Coro<> shield_it(asyncio::Future<int> future) {
  kept = asyncio::shield(future);
  co_return;
}

asyncio::Coro<> await_it(asyncio::Future<int> future) { (void)co_await future; }

/// Throws when it is destroyed, unless an exception is on its way already.
struct ThrowsAtItsEnd {
  int uncaught = std::uncaught_exceptions();
  ThrowsAtItsEnd() = default;
  ThrowsAtItsEnd(const ThrowsAtItsEnd&) = delete;
  ThrowsAtItsEnd& operator=(const ThrowsAtItsEnd&) = delete;
  ~ThrowsAtItsEnd() noexcept(false) {
    if (std::uncaught_exceptions() == uncaught) throw std::domain_error("from a destructor");
  }
};

asyncio::Coro<std::string> value_and_bad_end() {
  const ThrowsAtItsEnd bad;
  co_await asyncio::sleep(1s);
  co_return std::string(40, 'x');
}

asyncio::Coro<> swallow_and_bad_end() {
  const ThrowsAtItsEnd bad;
  (void)co_await asyncio::as_result(asyncio::sleep(1h));
}

bool is_domain_error(const std::exception_ptr& error) {
  return error != nullptr && asyncio::detail::holds<std::domain_error>(error);
}

}  // namespace

// failure 103
TEST(Cycle, OfATaskAndItselfGoesWithItsLoop) {
  EXPECT_EQ(left_by(&task_holds_itself), 0);
  EXPECT_EQ(left_when_closed(&task_holds_itself), 0);
}

// failure 103
TEST(Cycle, OfTasksGoesWithItsLoop) {
  EXPECT_EQ(left_by(&tasks_hold_each_other), 0);
  EXPECT_EQ(left_when_closed(&tasks_hold_each_other), 0);
}

// failure 103
TEST(Cycle, OfATaskAFutureAndItsCallbackGoesWithItsLoop) {
  EXPECT_EQ(left_by(&callback_holds_the_task_that_awaits), 0);
  EXPECT_EQ(left_when_closed(&callback_holds_the_task_that_awaits), 0);
}

// failure 103
TEST(Cycle, OfAHandleAndItsCallbackGoesWithItsLoop) {
  EXPECT_EQ(left_by(&handle_holds_itself), 0);
  EXPECT_EQ(left_when_closed(&handle_holds_itself), 0);
}

// failure 103
TEST(Cycle, OfAFutureAndItsCallbackGoesWithItsLoop) {
  EXPECT_EQ(left_by(&callback_holds_its_future), 0);
  EXPECT_EQ(left_when_closed(&callback_holds_its_future), 0);
}

// failure 103
TEST(Cycle, OfFuturesAndTheirCallbacksGoesWithItsLoop) {
  EXPECT_EQ(left_by(&callbacks_hold_each_others_futures), 0);
  EXPECT_EQ(left_when_closed(&callbacks_hold_each_others_futures), 0);
}

// failure 103
TEST(Cycle, OfAGatherAShieldAndACallbackGoesWithItsLoop) {
  EXPECT_EQ(left_by(&gather_and_shield_of_what_holds_them), 0);
  EXPECT_EQ(left_when_closed(&gather_and_shield_of_what_holds_them), 0);
}

// failure 103: what is queued for a turn that never comes goes all the same
TEST(LateCompletion, OfAFutureWhoseLoopIsClosedLeavesNothing) {
  EXPECT_EQ(left_by_completing_late(&add_callback), 0);
  EXPECT_EQ(left_by_completing_late(&await_it), 0);
  EXPECT_EQ(left_by_completing_late([](asyncio::Future<int> future) -> asyncio::Coro<> {
              co_await gather_it(future);
              kept.reset();
            }),
            0);
}

// failure 103
TEST(LateCompletion, OfWhatAGatherOrAShieldWaitsForLeavesNothing) {
  for (auto* make : {&gather_it, &shield_it}) {
    const std::int64_t before = asyncio::detail::live_blocks();
    (void)left_by_completing_late(make);
    kept.reset();
    EXPECT_EQ(asyncio::detail::live_blocks(), before);
  }
}

// failure 31: where no exception is on its way, what a destructor throws is the coroutine's error
ASYNC_TEST(ThrowingDestructor, AtTheEndOfACoroutineReplacesItsValue) {
  const auto awaited = co_await asyncio::as_result(value_and_bad_end());
  EXPECT_TRUE(is_domain_error(awaited.error()));
  const auto task = asyncio::create_task(value_and_bad_end());
  const auto of_task = co_await asyncio::as_result(task);
  EXPECT_TRUE(is_domain_error(of_task.error()));
}

// failure 31
ASYNC_TEST(ThrowingDestructor, AfterACancellationThatWasSwallowedIsTheTasksError) {
  const auto task = asyncio::create_task(swallow_and_bad_end());
  co_await asyncio::sleep(1s);
  task.cancel();
  const auto end = co_await asyncio::as_result(task);
  EXPECT_TRUE(is_domain_error(end.error()));
}

// failure 31: two exceptions at once end the program, as C++ has it; one that asks does not throw
ASYNC_TEST(ThrowingDestructor, WhileACancellationUnwindsMayAskWhetherOneIsOnItsWay) {
  const auto task = asyncio::create_task(value_and_bad_end());
  co_await asyncio::sleep(500ms);
  task.cancel();
  const auto end = co_await asyncio::as_result(task);
  EXPECT_TRUE(end.cancelled());
}
