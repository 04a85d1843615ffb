#include <asyncio/task_group.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/exception_context.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

asyncio::Coro<> enter_and_go(asyncio::TaskGroup& group, asyncio::Coro<> child) {
  co_await group.aenter();
  group.create_task(std::move(child));
}

asyncio::Coro<> fail_in_a_second() {
  co_await asyncio::sleep(1s);
  throw std::domain_error("too late");
}

asyncio::Coro<> note_cancel(bool& cancelled) {
  cancelled = (co_await asyncio::as_result(asyncio::sleep(1h))).cancelled();
}

}  // namespace

// COMB-125
ASYNC_TEST(TaskGroupLifetime, AChildThatFailsAfterTheParentHasEndedIsReported) {
  auto& loop = asyncio::get_running_loop();
  std::vector<std::string> messages;
  loop.set_exception_handler([&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
    EXPECT_TRUE(context.exception != nullptr);
    EXPECT_TRUE(context.task.has_value());
    messages.push_back(context.message);
  });
  asyncio::TaskGroup group;
  co_await asyncio::create_task(enter_and_go(group, fail_in_a_second()));
  co_await asyncio::sleep(2s);
  EXPECT_EQ(messages.size(), 1u);
  const std::string message = messages.empty() ? "" : messages.front();
  EXPECT_NE(message.find("has errored out but its parent task"), std::string::npos) << message;
}

// COMB-133
ASYNC_TEST(TaskGroupLifetime, DestroyedWhileItsTasksRunItCancelsThemAndReportsThat) {
  const support::LogCapture reports;
  bool cancelled = false;
  {
    asyncio::TaskGroup group;
    co_await group.aenter();
    group.create_task(note_cancel(cancelled));
    co_await asyncio::sleep(0s);
  }
  EXPECT_EQ(reports.count("destroyed while its tasks run"), 1);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(cancelled);
}

// COMB-133
ASYNC_TEST(TaskGroupLifetime, DestroyedInTheIterationInWhichItsLastChildEndsItIsNotTouchedAgain) {
  const support::LogCapture reports;
  auto group = std::make_optional<asyncio::TaskGroup>();
  co_await group->aenter();
  auto child = group->create_task(asyncio::sleep(1s));
  child.add_done_callback([&] { group.reset(); });
  co_await child;
  co_await asyncio::sleep(0s);
  EXPECT_FALSE(group.has_value());
}

// COMB-102, COMB-133: the children may outlive nothing that the body owns
ASYNC_TEST(TaskGroupLifetime, ItsOwnerMayBeCancelledAndGoneBeforeTheLoopEnds) {
  bool cancelled = false;
  auto owner = asyncio::create_task([&]() -> asyncio::Coro<> {
    co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
      group.create_task(note_cancel(cancelled));
    });
  });
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  owner.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(owner)).cancelled());
  EXPECT_TRUE(cancelled);
}

// api: movable before it is entered
ASYNC_TEST(TaskGroupLifetime, MayBeMovedBeforeItIsEntered) {
  asyncio::TaskGroup group;
  int value = 0;
  co_await asyncio::with(std::move(group), [&](asyncio::TaskGroup& entered) -> asyncio::Coro<> {
    value = co_await entered.create_task(asyncio::sleep(1s, 3));
  });
  EXPECT_EQ(value, 3);
}
