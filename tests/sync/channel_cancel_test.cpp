// Tasks that wait for a Channel: cancelled, given away, left behind.

#include <asyncio/channel.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::thrown_by_await;

namespace {

using Channel = asyncio::Channel<int>;

asyncio::Coro<> wait_and_take(std::optional<Channel>& channel) { co_await channel->next(); }
asyncio::Coro<> wait_and_send(std::optional<Channel>& channel) { co_await channel->send(1); }

constexpr const char* destroyed =
    ": what the task 'waiting' waited for was destroyed; keep it alive as long as tasks use it, or "
    "cancel them first";

}  // namespace

// --- cancelled --------------------------------------------------------------------------------

ASYNC_TEST(ChannelCancel, ATakerThatWaitsTakesNothing) {
  Channel channel(1);
  auto first = asyncio::create_task(channel.next());
  auto second = asyncio::create_task(channel.next());
  co_await asyncio::sleep(0s);
  first.cancel("enough");
  EXPECT_EQ(support::text_of((co_await asyncio::as_result(first)).error()), "cancelled:enough");
  co_await channel.send(1);
  EXPECT_EQ(co_await second, 1);
}

// failure 32
ASYNC_TEST(ChannelCancel, OfATakerThatWasWokenGivesTheItemToTheNext) {
  Channel channel(1);
  auto first = asyncio::create_task(channel.next());
  auto second = asyncio::create_task(channel.next());
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(channel.try_send(1));
  first.cancel();
  EXPECT_EQ(co_await second, 1);
  EXPECT_TRUE((co_await asyncio::as_result(first)).cancelled());
}

// failure 32
ASYNC_TEST(ChannelCancel, OfTheOnlyTakerThatWasWokenLeavesTheItem) {
  Channel channel(1);
  auto taker = asyncio::create_task(channel.next());
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(channel.try_send(1));
  taker.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(taker)).cancelled());
  EXPECT_EQ(channel.try_next(), 1);
}

ASYNC_TEST(ChannelCancel, ASenderThatWaitsTakesItsItemWithIt) {
  asyncio::Channel<std::shared_ptr<int>> channel(1);
  co_await channel.send(nullptr);
  auto item = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = item;
  auto sender = asyncio::create_task(channel.send(std::move(item)));
  co_await asyncio::sleep(0s);
  sender.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(sender)).cancelled());
  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(channel.size(), 1U);
}

// failure 32
ASYNC_TEST(ChannelCancel, OfASenderThatWasWokenGivesTheRoomToTheNext) {
  Channel channel(1);
  co_await channel.send(1);
  auto first = asyncio::create_task(channel.send(2));
  auto second = asyncio::create_task(channel.send(3));
  co_await asyncio::sleep(0s);
  EXPECT_EQ(channel.try_next(), 1);
  first.cancel();
  EXPECT_EQ(co_await channel.next(), 3);
  co_await second;
  EXPECT_TRUE((co_await asyncio::as_result(first)).cancelled());
}

// failure 32
ASYNC_TEST(ChannelCancel, OfTheOnlySenderThatWasWokenLeavesTheRoom) {
  Channel channel(1);
  co_await channel.send(1);
  auto sender = asyncio::create_task(channel.send(2));
  co_await asyncio::sleep(0s);
  EXPECT_EQ(channel.try_next(), 1);
  sender.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(sender)).cancelled());
  EXPECT_TRUE(channel.try_send(3));
}

// failure 32
ASYNC_TEST(ChannelCancel, TogetherWithCloseLosesNoItem) {
  Channel channel(1);
  auto first = asyncio::create_task(channel.next());
  auto second = asyncio::create_task(channel.next());
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(channel.try_send(1));
  channel.close();
  first.cancel();
  EXPECT_EQ(co_await second, 1);
  EXPECT_TRUE((co_await asyncio::as_result(first)).cancelled());
}

// failure 94
ASYNC_TEST(ChannelCancel, OfManyAtOnceIsQuick) {
  constexpr std::size_t many = 20'000;
  Channel channel(1);
  std::vector<asyncio::Task<std::optional<int>>> takers;
  for (std::size_t i = 0; i < many; ++i) takers.push_back(asyncio::create_task(channel.next()));
  co_await asyncio::sleep(0s);
  for (const auto& taker : takers) taker.cancel();
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(channel.repr(), "<Channel 0/1>");
  EXPECT_TRUE(takers.front().cancelled() && takers.back().cancelled());
}

// --- what next() and send() give --------------------------------------------------------------

ASYNC_TEST(ChannelAwaits, MayBeMadeFirstAndAwaitedLater) {
  Channel channel(1);
  auto next = channel.next();
  auto send = channel.send(1);
  EXPECT_EQ(channel.size(), 0U);
  co_await std::move(send);
  EXPECT_EQ(channel.size(), 1U);
  EXPECT_EQ(co_await std::move(next), 1);
}

ASYNC_TEST(ChannelAwaits, CanBeGivenToGather) {
  Channel channel(1);
  const auto [sent, also_sent, first, second] =
      co_await asyncio::gather(channel.send(1), channel.send(2), channel.next(), channel.next());
  EXPECT_EQ(std::tuple(first, second), std::tuple(std::optional(1), std::optional(2)));
}

ASYNC_TEST(ChannelAwaits, TakeNothingWhenATimeoutEndsThem) {
  Channel channel(1);
  EXPECT_EQ(co_await thrown_by_await(asyncio::wait_for(channel.next(), 1s)),
            "TimeoutError: timed out");
  co_await channel.send(1);
  EXPECT_EQ(co_await thrown_by_await(asyncio::wait_for(channel.send(2), 1s)),
            "TimeoutError: timed out");
  EXPECT_EQ(co_await asyncio::wait_for(channel.next(), 1s), 1);
  EXPECT_EQ(channel.try_next(), std::nullopt);
}

ASYNC_TEST(ChannelAwaits, CanBeGivenToAsResult) {
  Channel channel(1);
  EXPECT_TRUE((co_await asyncio::as_result(channel.send(1))).has_value());
  EXPECT_EQ((co_await asyncio::as_result(channel.next())).value(), 1);
  channel.close();
  EXPECT_TRUE(support::is_a<asyncio::QueueShutDown>(
      (co_await asyncio::as_result(channel.send(1))).error()));
}

// --- lifetime ---------------------------------------------------------------------------------

// failure 37
ASYNC_TEST(ChannelLifetime, DestroyedTellsTheTasksThatWait) {
  std::optional<Channel> channel(std::in_place, 1);
  auto taker = asyncio::create_task(wait_and_take(channel), {.name = "waiting"});
  co_await asyncio::sleep(0s);
  channel.reset();
  EXPECT_EQ(co_await thrown_by_await(taker),
            std::string("RuntimeError: Channel.next()") + destroyed);
  channel.emplace(1);
  co_await channel->send(1);
  auto sender = asyncio::create_task(wait_and_send(channel), {.name = "waiting"});
  co_await asyncio::sleep(0s);
  channel.reset();
  EXPECT_EQ(co_await thrown_by_await(sender),
            std::string("RuntimeError: Channel.send()") + destroyed);
}

// failure 37
ASYNC_TEST(ChannelLifetime, DestroyedTellsATaskThatWasPromisedAnItem) {
  std::optional<Channel> channel(std::in_place, 1);
  auto taker = asyncio::create_task(wait_and_take(channel));
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(channel->try_send(1));
  channel.reset();
  EXPECT_TRUE(support::is_a<asyncio::RuntimeError>((co_await asyncio::as_result(taker)).error()));
}

// failure 37
ASYNC_TEST(ChannelLifetime, DestroyedAfterItWasClosedTellsTheTasksThatHaveNotGoneOn) {
  std::optional<Channel> channel(std::in_place, 1);
  auto taker = asyncio::create_task(wait_and_take(channel));
  co_await asyncio::sleep(0s);
  channel->close();
  channel.reset();
  EXPECT_TRUE(support::is_a<asyncio::RuntimeError>((co_await asyncio::as_result(taker)).error()));
}

// failure 37
ASYNC_TEST(ChannelLifetime, DestroyedBeforeACancellationArrivesLetsThatThrough) {
  std::optional<Channel> channel(std::in_place, 1);
  auto cancelled_first = asyncio::create_task(wait_and_take(channel));
  auto cancelled_last = asyncio::create_task(wait_and_take(channel));
  co_await asyncio::sleep(0s);
  cancelled_first.cancel();
  channel.reset();
  cancelled_last.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(cancelled_first)).cancelled());
  EXPECT_TRUE((co_await asyncio::as_result(cancelled_last)).cancelled());
}

// failure 37: as a local of main's
TEST(ChannelLifetime, MayDieWithMainBeforeTheTasksThatWait) {
  const support::LogCapture capture;
  std::vector<asyncio::Task<std::optional<int>>> taker;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    Channel channel(1);
    taker.push_back(asyncio::create_task(channel.next()));
    co_await asyncio::sleep(0s);
  });
  EXPECT_TRUE(taker.front().done());
  EXPECT_FALSE(taker.front().cancelled());  // it learnt of the channel's end first
  taker.clear();
}

// failure 38: also at the end at which nobody has waited yet
TEST(ChannelLifetime, OfOneLoopIsRefusedByAnother) {
  Channel channel(1);
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    auto taker = asyncio::create_task(channel.next());
    co_await asyncio::sleep(0s);
    co_await channel.send(1);
    co_await taker;
  });
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    const std::string taken = co_await thrown_by_await(channel.next());
    EXPECT_TRUE(taken.starts_with("RuntimeError: Channel.next(): it is bound to a different"))
        << taken;
    co_await channel.send(1);
    const std::string sent = co_await thrown_by_await(channel.send(2));
    EXPECT_TRUE(sent.starts_with("RuntimeError: Channel.send(): it is bound to a different"))
        << sent;
  });
}

TEST(ChannelLifetime, OfALoopThatWasClosedWithTasksStillGivesItsItems) {
  const support::LogCapture capture;  // a task was destroyed while pending
  Channel channel(1);
  {
    auto loop = asyncio::testing::new_virtual_loop();
    auto taker = loop->create_task(channel.next());
    loop->run_until_complete(asyncio::sleep(0s));
    EXPECT_TRUE(channel.try_send(1));
    loop->close();
  }
  EXPECT_EQ(channel.size(), 1U);
  EXPECT_EQ(channel.try_next(), 1);
}

TEST(ChannelLifetime, ADeadlockNamesIt) {
  const support::LogCapture capture;
  std::string text;
  try {
    Channel channel(1);
    asyncio::testing::run([&]() -> asyncio::Coro<> { co_await channel.next(); });
  } catch (const asyncio::RuntimeError& e) {
    text = e.what();
  }
  EXPECT_NE(text.find("Channel.next()"), std::string::npos) << text;
}
