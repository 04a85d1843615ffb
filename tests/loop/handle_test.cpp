#include <asyncio/handle.hpp>

#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "support/line.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

void named_callback() {}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void iterate_once(asyncio::EventLoop& loop) {
  loop.stop();
  loop.run_forever();
}

}  // namespace

// LOOP-025
ASYNC_TEST(Handle, CancelledItsCallbackDoesNotRunAndItsCapturesAreDestroyedAtOnce) {
  auto& loop = asyncio::get_running_loop();
  const auto captured = std::make_shared<int>(0);
  int ran = 0;
  const auto soon = loop.call_soon([&ran, captured] { ++ran; });
  const auto later = loop.call_later(1s, [&ran, captured] { ++ran; });
  EXPECT_EQ(captured.use_count(), 3);
  soon.cancel();
  later.cancel();
  EXPECT_EQ(captured.use_count(), 1);
  co_await asyncio::sleep(2s);
  EXPECT_EQ(ran, 0);
}

// LOOP-025
ASYNC_TEST(Handle, ASecondCancelDoesNothing) {
  auto& loop = asyncio::get_running_loop();
  const auto handle = loop.call_later(1s, [] {});
  handle.cancel();
  handle.cancel();
  EXPECT_TRUE(handle.cancelled());
  co_await asyncio::sleep(2s);
}

// LOOP-026
ASYNC_TEST(Handle, TellsWhetherItIsCancelledAndCancelAfterTheRunIsHarmless) {
  auto& loop = asyncio::get_running_loop();
  int ran = 0;
  const auto soon = loop.call_soon([&] { ++ran; });
  const auto later = loop.call_later(1s, [&] { ++ran; });
  co_await asyncio::sleep(2s);
  EXPECT_EQ(ran, 2);
  EXPECT_FALSE(soon.cancelled());
  EXPECT_FALSE(later.cancelled());
  soon.cancel();
  later.cancel();
  EXPECT_TRUE(soon.cancelled());
  EXPECT_TRUE(later.cancelled());
  co_await asyncio::sleep(2s);
  EXPECT_EQ(ran, 2);
}

// LOOP-026
ASYNC_TEST(Handle, ACallbackMayCancelItsOwnHandleAndStillUseItsCaptures) {
  auto& loop = asyncio::get_running_loop();
  std::optional<asyncio::Handle> own;
  auto captured = std::make_shared<std::string>("whole");
  const std::weak_ptr<std::string> watched = captured;
  std::string seen;
  own = loop.call_soon([&own, &seen, text = std::move(captured)] {
    own->cancel();
    seen = *text;
  });
  co_await support::passes(2);
  EXPECT_EQ(seen, "whole");
  EXPECT_TRUE(watched.expired());
}

// LOOP-025
ASYNC_TEST(Handle, TheCallableIsDestroyedWhenItHasRunThoughTheHandleIsKept) {
  auto& loop = asyncio::get_running_loop();
  const auto captured = std::make_shared<int>(0);
  const auto soon = loop.call_soon([captured] {});
  const auto later = loop.call_later(0s, [captured] {});
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(captured.use_count(), 1);
}

// LOOP-014
ASYNC_TEST(Handle, DroppingItChangesNothing) {
  auto& loop = asyncio::get_running_loop();
  int ran = 0;
  {
    (void)loop.call_soon([&] { ++ran; });
  }
  {
    (void)loop.call_later(1s, [&] { ++ran; });
  }
  co_await asyncio::sleep(2s);
  EXPECT_EQ(ran, 2);
}

// LOOP-027
ASYNC_TEST(TimerHandle, WhenIsTheAbsoluteDeadlineAndStaysSo) {
  auto& loop = asyncio::get_running_loop();
  const asyncio::TimePoint due = loop.time() + 5s;
  const auto cancelled = loop.call_at(due, [] {});
  const auto ran = loop.call_at(due, [] {});
  EXPECT_EQ(cancelled.when(), due);
  cancelled.cancel();
  EXPECT_EQ(cancelled.when(), due);
  co_await asyncio::sleep(6s);
  EXPECT_EQ(ran.when(), due);
}

// LOOP-028
ASYNC_TEST(TimerHandle, IsEqualToItsCopiesOnly) {
  auto& loop = asyncio::get_running_loop();
  const asyncio::TimePoint due = loop.time() + 5s;
  const auto one = loop.call_at(due, &named_callback);
  const auto other = loop.call_at(due, &named_callback);
  const auto copy = one;
  EXPECT_TRUE(one == copy);
  EXPECT_FALSE(one == other);
  copy.cancel();
  EXPECT_TRUE(one.cancelled());
  other.cancel();
  co_return;
}

// LOOP-029
TEST(HandleRepr, NamesTheCallbackOrTellsThatItIsCancelled) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(false);
  const auto soon = loop->call_soon([] {});
  EXPECT_TRUE(soon.repr().starts_with("<Handle ")) << soon.repr();
  EXPECT_TRUE(contains(soon.repr(), "<lambda>")) << soon.repr();
  EXPECT_FALSE(contains(soon.repr(), "created at")) << soon.repr();
  soon.cancel();
  EXPECT_EQ(soon.repr(), "<Handle cancelled>");
  loop->close();
}

// LOOP-029
TEST(HandleRepr, OfATimerHasItsDeadline) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(false);
  const auto timer = loop->call_at(asyncio::TimePoint(1500ms), [] {});
  EXPECT_TRUE(timer.repr().starts_with("<TimerHandle when=1.5")) << timer.repr();
  timer.cancel();
  EXPECT_TRUE(timer.repr().starts_with("<TimerHandle cancelled when=1.5")) << timer.repr();
  loop->close();
}

// LOOP-029
TEST(HandleRepr, InDebugModeTellsWhereItWasCreated) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  const auto line = std::to_string(__LINE__ + 1);
  const auto soon = loop->call_soon([] {});
  const auto later = loop->call_later(1s, [] {});
  EXPECT_TRUE(contains(soon.repr(), "created at handle_test.cpp:" + line)) << soon.repr();
  EXPECT_TRUE(contains(later.repr(), "created at handle_test.cpp:")) << later.repr();
  loop->close();
}

// LOOP-030
TEST(HandleRepr, InDebugModeACancelledOneStillTellsWhatItWas) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  const auto soon = loop->call_soon([] {});
  soon.cancel();
  EXPECT_TRUE(contains(soon.repr(), "cancelled")) << soon.repr();
  EXPECT_TRUE(contains(soon.repr(), "<lambda>")) << soon.repr();
  EXPECT_TRUE(contains(soon.repr(), "created at handle_test.cpp:")) << soon.repr();
  loop->close();
}

// LOOP-026
TEST(Handle, MayOutliveItsLoop) {
  auto loop = asyncio::new_event_loop();
  const auto soon = loop->call_soon([] {});
  const auto later = loop->call_later(1h, [] {});
  iterate_once(*loop);
  loop->close();
  loop.reset();
  soon.cancel();
  later.cancel();
  EXPECT_TRUE(soon.cancelled());
  EXPECT_TRUE(later.cancelled());
}
