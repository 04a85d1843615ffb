// Every short story of a Channel that three tasks wait for: nothing is lost, and nobody is left
// waiting for what is there.

#include <asyncio/channel.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/sanitizers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Channel = asyncio::Channel<int>;
using Numbers = std::vector<int>;

// Of a script: seven to the sixth are played, under a sanitizer a seventh of them.
constexpr std::size_t length = support::under_asan || support::under_tsan ? 5 : 6;
constexpr std::size_t waiters = 3;

enum Step : std::size_t { send, take, cancel_first, cancel_second, cancel_third, close, turn, all };
constexpr std::array names{"try_send", "try_next", "cancel 0", "cancel 1",
                           "cancel 2", "close",    "turn"};
static_assert(names.size() == all);

using Script = std::array<Step, length>;

std::string text_of(const Script& script) {
  std::string text;
  for (const Step step : script) text += std::string(text.empty() ? "" : ", ") + names[step];
  return text;
}

/// The next one in their order. Returns: false after the last.
bool advance(Script& script) {
  for (Step& step : script) {
    if (step + 1 < all) {
      step = static_cast<Step>(step + 1);
      return true;
    }
    step = send;
  }
  return false;
}

asyncio::Coro<> settle() {
  for (int i = 0; i < 3; ++i) co_await asyncio::sleep(0s);
}

/// What the script itself does, and what becomes of it.
class Story {
 public:
  Story(std::size_t capacity, int sent) : channel(capacity), sent_(sent) {}

  template <class T>
  asyncio::Coro<> play(const Script& script, const std::vector<asyncio::Task<T>>& tasks) {
    for (const Step step : script) {
      switch (step) {
        case send:
          if (channel.try_send(sent_ + 1)) there.push_back(++sent_);
          break;
        case take:
          if (auto item = channel.try_next()) gone.push_back(*item);
          break;
        case close: channel.close(); break;
        case turn: co_await asyncio::sleep(0s); break;
        default: tasks[step - cancel_first].cancel(); break;
      }
    }
    co_await settle();
  }
  /// Empties it.
  void close_and_drain() {
    channel.close();
    while (auto item = channel.try_next()) gone.push_back(*item);
  }
  /// Whatever has been in it has come out.
  [[nodiscard]] bool lost_nothing() {
    std::sort(there.begin(), there.end());
    std::sort(gone.begin(), gone.end());
    return there == gone;
  }

  Channel channel;
  Numbers there;  // what has been put into it
  Numbers gone;   // what has been taken out

 private:
  int sent_;
};

/// Three tasks wait for an item. Returns: what is wrong with that.
asyncio::Coro<std::string> takers_wait(const Script& script) {
  Story story(2, 0);
  std::vector<asyncio::Task<std::optional<int>>> takers;
  for (std::size_t i = 0; i < waiters; ++i) {
    takers.push_back(asyncio::create_task(story.channel.next()));
  }
  co_await asyncio::sleep(0s);
  co_await story.play(script, takers);

  std::string wrong;
  const std::size_t left = story.channel.size();
  for (const auto& taker : takers) {
    if (!taker.done() && left > 0) wrong += "a task waits for an item that is there; ";
    if (!taker.done() && story.channel.closed()) wrong += "a task waits for ever; ";
  }
  story.close_and_drain();
  co_await settle();
  Numbers taken;
  for (const auto& taker : takers) {
    if (!taker.done() || taker.cancelled()) continue;
    if (const auto item = taker.result()) {
      taken.push_back(*item);
    } else if (left > 0) {
      wrong += "a task was told of the end before the items; ";
    }
  }
  if (!std::is_sorted(taken.begin(), taken.end())) wrong += "a task has overtaken another one; ";
  story.gone.insert(story.gone.end(), taken.begin(), taken.end());
  if (!story.lost_nothing()) wrong += "an item is lost; ";
  co_return wrong;
}

/// Three tasks wait to send 1, 2 and 3; 0 is in it.
asyncio::Coro<std::string> senders_wait(const Script& script) {
  Story story(1, waiters);
  if (story.channel.try_send(0)) story.there.push_back(0);
  std::vector<asyncio::Task<>> senders;
  for (int i = 1; i <= static_cast<int>(waiters); ++i) {
    senders.push_back(asyncio::create_task(story.channel.send(i)));
  }
  co_await asyncio::sleep(0s);
  co_await story.play(script, senders);

  std::string wrong;
  for (const auto& sender : senders) {
    if (sender.done()) continue;
    if (story.channel.closed()) wrong += "a task waits for ever; ";
    if (story.channel.size() < story.channel.capacity()) wrong += "a task waits despite room; ";
  }
  story.close_and_drain();
  co_await settle();
  for (std::size_t i = 0; i < waiters; ++i) {
    const auto& sender = senders[i];
    if (sender.cancelled() || sender.exception() != nullptr) continue;
    story.there.push_back(static_cast<int>(i) + 1);
  }
  Numbers of_tasks = story.gone;
  std::erase_if(of_tasks, [](int n) { return n > static_cast<int>(waiters); });
  const bool in_order = std::is_sorted(of_tasks.begin(), of_tasks.end());
  if (!in_order) wrong += "a task has overtaken another one; ";
  if (!story.lost_nothing()) wrong += "an item is lost or doubled; ";
  co_return wrong;
}

/// Plays every script. Returns: what is wrong with the first ones.
asyncio::Coro<std::string> play_all(asyncio::Coro<std::string> (*play)(const Script&)) {
  std::string problems;
  Script script{};
  do {
    const std::string wrong = co_await play(script);
    if (wrong.empty()) continue;
    problems += text_of(script) + ": " + wrong + "\n";
    if (problems.size() > 1000) break;
  } while (advance(script));
  co_return problems;
}

}  // namespace

// failure 32
ASYNC_TEST(ChannelScripts, WithThreeTakers) { EXPECT_EQ(co_await play_all(&takers_wait), ""); }

// failure 32
ASYNC_TEST(ChannelScripts, WithThreeSenders) { EXPECT_EQ(co_await play_all(&senders_wait), ""); }
