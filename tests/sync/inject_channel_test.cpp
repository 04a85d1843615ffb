// Channel, disturbed at each of its points.

#include <asyncio/channel.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/async_generator.hpp>
#include <asyncio/race.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <utility>

using namespace std::chrono_literals;
using support::Item;
using support::require;
using support::torture;

namespace {

using Channel = asyncio::Channel<Item>;

/// Whatever is sent is received or left.
struct Books {
  int sent = 0;
  int received = 0;

  void check(Channel& channel) const {
    require(sent == received + static_cast<int>(channel.size()),
            "what was sent was received or is left");
    int left = 0;
    while (channel.try_next()) ++left;
    require(sent == received + left, "what is left can be taken");
  }
};

asyncio::Coro<> produce(Channel& channel, Books& books, int count) {
  for (int n = 1; n <= count; ++n) {
    co_await channel.send(Item(n));
    ++books.sent;
    if (n % 2 == 0) co_await asyncio::sleep(0s);
  }
}

asyncio::Coro<> consume(Channel& channel, Books& books) {
  while (auto item = co_await channel.next()) {
    require(item->number() != 0, "an item arrives as it was sent");
    ++books.received;
  }
}

/// Whoever ends, whatever ends it, closes the channel; the other one may find that out.
asyncio::Coro<> closing(Channel& channel, asyncio::Coro<> work) {
  const auto end = co_await asyncio::as_result(std::move(work));
  channel.close();
  if (!end && asyncio::detail::holds<asyncio::QueueShutDown>(end.error())) co_return;
  end.value();
}

asyncio::Coro<> take_one(Channel& channel, Books& books) {
  const auto item = co_await channel.next();
  if (item) ++books.received;
}

/// A group around a channel, after which the books are right.
template <class Body>
asyncio::Coro<> with_channel(std::size_t capacity, Body body) {
  Channel channel(capacity);
  Books books;
  const auto run = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    co_await body(group, channel, books);
  };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), run));
  require(channel.repr().find("takers") == std::string::npos &&
              channel.repr().find("senders") == std::string::npos,
          "nobody waits when all have ended");
  books.check(channel);
  end.value();
}

asyncio::Coro<> one_to_one() {
  const auto body = [](asyncio::TaskGroup& group, Channel& channel,
                       Books& books) -> asyncio::Coro<> {
    group.create_task(closing(channel, consume(channel, books)));
    co_await closing(channel, produce(channel, books, 5));
  };
  co_await with_channel(1, body);
}

/// The producers may be cancelled one by one: whoever is the last closes the channel.
asyncio::Coro<> many_to_many() {
  const auto body = [](asyncio::TaskGroup& group, Channel& channel,
                       Books& books) -> asyncio::Coro<> {
    const auto all = [&](asyncio::TaskGroup& producers) {
      for (int i = 0; i < 3; ++i) producers.create_task(produce(channel, books, 3));
    };
    for (int i = 0; i < 3; ++i) group.create_task(consume(channel, books));
    const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), all));
    channel.close();
    end.value();
  };
  co_await with_channel(2, body);
}

asyncio::Coro<> closed_by_a_third() {
  const auto body = [](asyncio::TaskGroup& group, Channel& channel,
                       Books& books) -> asyncio::Coro<> {
    const auto stubborn = [](Channel& to, Books& in) -> asyncio::Coro<> {
      const auto end = co_await asyncio::as_result(produce(to, in, 100));
      require(!end, "a closed channel refuses");
      if (!asyncio::detail::holds<asyncio::QueueShutDown>(end.error())) end.value();
    };
    group.create_task(stubborn(channel, books));
    group.create_task(stubborn(channel, books));
    group.create_task(take_one(channel, books));
    group.create_task(take_one(channel, books));
    const auto slept = co_await asyncio::as_result(asyncio::sleep(1s));
    channel.close();
    slept.value();
  };
  co_await with_channel(1, body);
}

/// A taker is cancelled in the iteration in which it is woken.
asyncio::Coro<> cancelled_when_woken() {
  const auto body = [](asyncio::TaskGroup& group, Channel& channel,
                       Books& books) -> asyncio::Coro<> {
    auto first = group.create_task(take_one(channel, books));
    auto second = group.create_task(take_one(channel, books));
    co_await asyncio::sleep(0s);
    if (channel.try_send(Item(1))) ++books.sent;
    first.cancel();
    co_await asyncio::sleep(0s);
    co_await asyncio::sleep(0s);
    channel.close();
    (void)second;
  };
  co_await with_channel(1, body);
}

asyncio::Coro<> with_a_timeout() {
  const auto body = [](asyncio::TaskGroup& group, Channel& channel,
                       Books& books) -> asyncio::Coro<> {
    group.create_task(produce(channel, books, 1));
    const auto first = co_await asyncio::as_result(asyncio::wait_for(channel.next(), 1s));
    if (first && first.value()) ++books.received;
    if (!first && !asyncio::detail::holds<asyncio::TimeoutError>(first.error())) first.value();
    const auto second = co_await asyncio::as_result(asyncio::wait_for(channel.next(), 1s));
    if (second && second.value()) ++books.received;
    if (!second && !asyncio::detail::holds<asyncio::TimeoutError>(second.error())) second.value();
  };
  co_await with_channel(1, body);
}

asyncio::Coro<> in_for_each() {
  const auto body = [](asyncio::TaskGroup& group, Channel& channel,
                       Books& books) -> asyncio::Coro<> {
    const auto note = [&books](const Item& item) { books.received += item.number() > 0 ? 1 : 0; };
    group.create_task(closing(channel, asyncio::for_each(channel, note)));
    co_await closing(channel, produce(channel, books, 3));
  };
  co_await with_channel(1, body);
}

/// Whoever waits when it dies learns of it.
asyncio::Coro<> destroyed() {
  std::optional<Channel> channel(std::in_place, 1);
  Books books;
  const auto take = [&]() -> asyncio::Coro<> {
    const auto end = co_await asyncio::as_result(take_one(*channel, books));
    if (!end && !asyncio::detail::holds<asyncio::RuntimeError>(end.error())) end.value();
  };
  const auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(take());
    group.create_task(take());
    const auto slept = co_await asyncio::as_result(asyncio::sleep(1s));
    channel.reset();
    slept.value();
  };
  co_await asyncio::with(asyncio::TaskGroup(), body);
}

}  // namespace

// failure 91, failure 32
TEST(ChannelDisturbed, BetweenTwoTasks) { EXPECT_EQ(torture(&one_to_one), ""); }

// failure 91, failure 32
TEST(ChannelDisturbed, BetweenManyTasks) { EXPECT_EQ(torture(&many_to_many), ""); }

// failure 91, failure 32
TEST(ChannelDisturbed, ClosedByAThirdTask) { EXPECT_EQ(torture(&closed_by_a_third), ""); }

// failure 91, failure 32
TEST(ChannelDisturbed, WhoseTakerIsCancelledWhenItIsWoken) {
  EXPECT_EQ(torture(&cancelled_when_woken), "");
}

// failure 91
TEST(ChannelDisturbed, WithATimeout) { EXPECT_EQ(torture(&with_a_timeout), ""); }

// failure 91
TEST(ChannelDisturbed, InForEach) { EXPECT_EQ(torture(&in_for_each), ""); }

// failure 91, failure 37
TEST(ChannelDisturbed, DestroyedWhileTasksWait) { EXPECT_EQ(torture(&destroyed), ""); }
