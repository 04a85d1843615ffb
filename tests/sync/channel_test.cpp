#include <asyncio/channel.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::thrown_by;
using support::thrown_by_await;

namespace {

using Numbers = std::vector<int>;

/// An aggregate.
struct Page {
  int number;
  std::string text;
};

struct RefusesSeven {
  explicit RefusesSeven(int n) {
    if (n == 7) throw std::domain_error("seven");
  }
};

asyncio::Coro<> produce(asyncio::Channel<int>& channel, int first, int last) {
  for (int n = first; n <= last; ++n) co_await channel.send(n);
}

asyncio::Coro<> consume(asyncio::Channel<int>& channel, Numbers& seen) {
  while (auto item = co_await channel.next()) seen.push_back(*item);
}

}  // namespace

// --- items and the end ------------------------------------------------------------------------

TEST(Channel, RefusesACapacityOfZero) {
  EXPECT_EQ(thrown_by([] { const asyncio::Channel<int> channel(0); }),
            "invalid_argument: Channel(): the capacity must be > 0: it is the number of items that "
            "may wait to be taken");
}

// SYNC-076
ASYNC_TEST(Channel, PassesItemsOnInOrderUntilItIsClosed) {
  asyncio::Channel<int> channel(2);
  Numbers seen;
  const auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(consume(channel, seen));
    co_await produce(channel, 1, 5);
    channel.close();
  };
  co_await asyncio::with(asyncio::TaskGroup(), body);
  EXPECT_EQ(seen, (Numbers{1, 2, 3, 4, 5}));
}

// SYNC-076
ASYNC_TEST(Channel, EndsForEveryConsumer) {
  asyncio::Channel<int> channel(1);
  Numbers seen;
  const auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 0; i < 3; ++i) group.create_task(consume(channel, seen));
    co_await produce(channel, 1, 10);
    channel.close();
  };
  co_await asyncio::with(asyncio::TaskGroup(), body);
  EXPECT_EQ(seen.size(), 10U);
}

ASYNC_TEST(Channel, GivesWhatWasInItWhenItWasClosed) {
  asyncio::Channel<int> channel(2);
  co_await produce(channel, 1, 2);
  channel.close();
  EXPECT_EQ(co_await channel.next(), 1);
  EXPECT_EQ(channel.try_next(), 2);
  EXPECT_EQ(co_await channel.next(), std::nullopt);
  EXPECT_EQ(channel.try_next(), std::nullopt);
}

ASYNC_TEST(Channel, ClosedTellsTheTakersThatWait) {
  asyncio::Channel<int> channel(1);
  auto first = asyncio::create_task(channel.next());
  auto second = asyncio::create_task(channel.next());
  co_await asyncio::sleep(0s);
  channel.close();
  EXPECT_EQ(co_await first, std::nullopt);
  EXPECT_EQ(co_await second, std::nullopt);
}

ASYNC_TEST(Channel, ClosedRefusesTheSendersThatWait) {
  asyncio::Channel<int> channel(1);
  co_await channel.send(1);
  auto sender = asyncio::create_task(channel.send(2));
  co_await asyncio::sleep(0s);
  channel.close();
  EXPECT_EQ(co_await thrown_by_await(sender),
            "QueueShutDown: Channel.send(): the channel is closed");
  EXPECT_EQ(co_await channel.next(), 1);
  EXPECT_EQ(co_await channel.next(), std::nullopt);
}

ASYNC_TEST(Channel, ClosedRefusesASenderThatWasPromisedRoom) {
  asyncio::Channel<int> channel(1);
  co_await channel.send(1);
  auto sender = asyncio::create_task(channel.send(2));
  co_await asyncio::sleep(0s);
  EXPECT_EQ(channel.try_next(), 1);
  channel.close();
  EXPECT_TRUE(support::is_a<asyncio::QueueShutDown>((co_await asyncio::as_result(sender)).error()));
  EXPECT_EQ(channel.size(), 0U);
}

ASYNC_TEST(Channel, ClosedStillGivesATakerWhatItWasPromised) {
  asyncio::Channel<int> channel(1);
  auto taker = asyncio::create_task(channel.next());
  auto other = asyncio::create_task(channel.next());
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(channel.try_send(1));
  channel.close();
  EXPECT_EQ(co_await taker, 1);
  EXPECT_EQ(co_await other, std::nullopt);
}

ASYNC_TEST(Channel, ClosedRefusesToSend) {
  asyncio::Channel<int> channel(1);
  channel.close();
  channel.close();
  EXPECT_TRUE(channel.closed());
  EXPECT_EQ(co_await thrown_by_await(channel.send(1)),
            "QueueShutDown: Channel.send(): the channel is closed");
  EXPECT_FALSE(channel.try_send(1));
}

ASYNC_TEST(Channel, CanBeClosedByItsProducerAsItEnds) {
  asyncio::Channel<int> channel(4);
  const auto produce_all = [&]() -> asyncio::Coro<> {
    co_await produce(channel, 1, 3);
    channel.close();
  };
  auto producer = asyncio::create_task(produce_all);
  Numbers seen;
  co_await consume(channel, seen);
  EXPECT_EQ(seen, (Numbers{1, 2, 3}));
  co_await producer;
}

// --- without waiting --------------------------------------------------------------------------

TEST(Channel, TrySendFillsItAndThenLeavesTheItemAlone) {
  asyncio::Channel<std::unique_ptr<int>> channel(1);
  EXPECT_TRUE(channel.try_send(std::make_unique<int>(1)));
  auto item = std::make_unique<int>(2);
  EXPECT_FALSE(channel.try_send(std::move(item)));
  EXPECT_EQ(*item, 2);  // NOLINT(bugprone-use-after-move): it was not taken
  EXPECT_EQ(**channel.try_next(), 1);
  EXPECT_EQ(channel.try_next(), std::nullopt);
}

TEST(Channel, TrySendLeavesTheItemAloneIfItIsClosed) {
  asyncio::Channel<std::unique_ptr<int>> channel(1);
  channel.close();
  auto item = std::make_unique<int>(2);
  EXPECT_FALSE(channel.try_send(std::move(item)));
  EXPECT_EQ(*item, 2);  // NOLINT(bugprone-use-after-move): it was not taken
}

ASYNC_TEST(Channel, TryNextTakesNothingThatWasPromised) {
  asyncio::Channel<int> channel(2);
  auto taker = asyncio::create_task(channel.next());
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(channel.try_send(1));
  EXPECT_EQ(channel.try_next(), std::nullopt);
  EXPECT_TRUE(channel.try_send(2));
  EXPECT_EQ(channel.size(), 2U);
  EXPECT_EQ(channel.try_next(), 1);
  EXPECT_EQ(co_await taker, 2);
}

ASYNC_TEST(Channel, TrySendTakesNoRoomThatWasPromised) {
  asyncio::Channel<int> channel(1);
  co_await channel.send(1);
  auto sender = asyncio::create_task(channel.send(2));
  co_await asyncio::sleep(0s);
  EXPECT_EQ(channel.try_next(), 1);
  EXPECT_FALSE(channel.try_send(3));
  co_await sender;
  EXPECT_EQ(channel.try_next(), 2);
}

// --- waiting ----------------------------------------------------------------------------------

ASYNC_TEST(Channel, SendsWithoutYieldingWhileThereIsRoom) {
  asyncio::Channel<int> channel(1);
  bool others_ran = false;
  asyncio::get_running_loop().call_soon([&] { others_ran = true; });
  co_await channel.send(1);
  EXPECT_EQ(co_await channel.next(), 1);
  EXPECT_FALSE(others_ran);
  co_await asyncio::sleep(0s);
}

ASYNC_TEST(Channel, SendWaitsUntilThereIsRoom) {
  asyncio::Channel<int> channel(2);
  auto producer = asyncio::create_task(produce(channel, 1, 3));
  co_await asyncio::sleep(1s);
  EXPECT_FALSE(producer.done());
  EXPECT_EQ(co_await channel.next(), 1);
  co_await producer;
  EXPECT_EQ(channel.size(), 2U);
}

ASYNC_TEST(Channel, NextWaitsUntilThereIsAnItem) {
  asyncio::Channel<int> channel(1);
  auto taker = asyncio::create_task(channel.next());
  co_await asyncio::sleep(1s);
  EXPECT_FALSE(taker.done());
  co_await channel.send(1);
  EXPECT_EQ(co_await taker, 1);
}

ASYNC_TEST(Channel, ServesTakersInTheOrderInWhichTheyCame) {
  asyncio::Channel<int> channel(3);
  std::vector<asyncio::Task<std::optional<int>>> takers;
  for (int i = 0; i < 3; ++i) takers.push_back(asyncio::create_task(channel.next()));
  co_await asyncio::sleep(0s);
  co_await produce(channel, 1, 3);
  const auto taken = co_await asyncio::gather(takers);
  EXPECT_EQ(taken, std::vector<std::optional<int>>({1, 2, 3}));
}

ASYNC_TEST(Channel, ServesSendersInTheOrderInWhichTheyCame) {
  asyncio::Channel<int> channel(1);
  std::vector<asyncio::Task<>> senders;
  for (int i = 1; i <= 4; ++i) senders.push_back(asyncio::create_task(channel.send(i)));
  Numbers seen;
  for (int i = 0; i < 4; ++i) seen.push_back(*co_await channel.next());
  EXPECT_EQ(seen, (Numbers{1, 2, 3, 4}));
  co_await asyncio::gather(senders);
}

// failure 33: the promised item is not the latecomer's
ASYNC_TEST(Channel, LetsNobodyOvertakeATakerThatWasWoken) {
  asyncio::Channel<int> channel(1);
  auto first = asyncio::create_task(channel.next());
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(channel.try_send(1));
  auto late = asyncio::create_task(channel.next(), {.eager_start = true});
  EXPECT_FALSE(late.done());
  EXPECT_EQ(co_await first, 1);
  co_await channel.send(2);
  EXPECT_EQ(co_await late, 2);
}

// failure 33
ASYNC_TEST(Channel, LetsNobodyOvertakeASenderThatWasWoken) {
  asyncio::Channel<int> channel(1);
  co_await channel.send(1);
  auto first = asyncio::create_task(channel.send(2));
  co_await asyncio::sleep(0s);
  EXPECT_EQ(channel.try_next(), 1);
  auto late = asyncio::create_task(channel.send(3), {.eager_start = true});
  EXPECT_FALSE(late.done());
  EXPECT_EQ(co_await channel.next(), 2);
  EXPECT_EQ(co_await channel.next(), 3);
  co_await asyncio::gather(first, late);
}

// --- its items --------------------------------------------------------------------------------

ASYNC_TEST(Channel, TakesItemsThatCanOnlyBeMoved) {
  asyncio::Channel<std::unique_ptr<int>> channel(1);
  co_await channel.send(std::make_unique<int>(1));
  auto waiting = asyncio::create_task(channel.send(std::make_unique<int>(2)));
  const auto first = co_await channel.next();
  const auto second = co_await channel.next();
  EXPECT_EQ(**first + **second, 3);
  co_await waiting;
}

ASYNC_TEST(Channel, EmplaceMakesTheItem) {
  asyncio::Channel<std::string> channel(1);
  co_await channel.emplace(3U, 'x');
  EXPECT_EQ(co_await channel.next(), "xxx");
  asyncio::Channel<RefusesSeven> other(1);
  EXPECT_EQ(thrown_by([&] { (void)other.emplace(7); }), "domain_error: seven");
  EXPECT_EQ(other.size(), 0U);
}

ASYNC_TEST(Channel, TakesAggregates) {
  asyncio::Channel<Page> channel(2);
  Page page{1, "one"};
  co_await channel.send(std::move(page));
  EXPECT_EQ((co_await channel.next())->text, "one");
}

ASYNC_TEST(Channel, ASendThatIsNotAwaitedSendsNothingAndDropsItsItem) {
  asyncio::Channel<std::shared_ptr<int>> channel(1);
  auto item = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = item;
  {
    const auto unused = channel.send(std::move(item));
  }
  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(channel.size(), 0U);
  co_return;
}

ASYNC_TEST(Channel, ReprTellsItsState) {
  asyncio::Channel<int> channel(2);
  EXPECT_EQ(channel.repr(), "<Channel 0/2>");
  EXPECT_EQ(channel.capacity(), 2U);
  auto a = asyncio::create_task(channel.next());
  auto b = asyncio::create_task(channel.next());
  co_await asyncio::sleep(0s);
  EXPECT_EQ(channel.repr(), "<Channel 0/2 takers:2>");
  co_await produce(channel, 1, 2);
  co_await asyncio::gather(a, b);
  co_await produce(channel, 1, 2);
  auto sender = asyncio::create_task(channel.send(3));
  co_await asyncio::sleep(0s);
  EXPECT_EQ(channel.repr(), "<Channel 2/2 senders:1>");
  channel.close();
  (void)co_await asyncio::as_result(sender);
  EXPECT_EQ(channel.repr(), "<Channel 2/2 closed>");
}
