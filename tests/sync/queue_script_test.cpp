// Every short script of wake-ups, cancellations and turns of the loop.

#include <asyncio/queue.hpp>

#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/queues.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using support::Item;
using support::pass;

namespace {

constexpr std::size_t waiters = 3;

/// Three tasks that wait in get(); "more" is an item.
class Getters {
 public:
  void start() {
    for (auto& task : tasks_) task.emplace(asyncio::create_task(queue_.get()));
  }
  void more() { queue_.put_nowait(Item(++put_)); }
  /// Takes an item away, if there is one.
  void less() {
    if (queue_.empty()) return;
    (void)queue_.get_nowait();
    ++stolen_;
  }
  [[nodiscard]] auto& task(std::size_t i) { return *tasks_[i]; }
  /// There is what somebody waits for.
  [[nodiscard]] bool there() const { return !queue_.empty(); }
  /// Items put = got + left.
  [[nodiscard]] bool balanced() {
    int got = 0;
    for (auto& task : tasks_) {
      if (task->done() && !task->cancelled()) got += task->result().number() > 0 ? 1 : 100;
    }
    const int left = static_cast<int>(queue_.qsize());
    return put_ == got + stolen_ + left && Item::alive == got + left;
  }

 private:
  asyncio::Queue<Item> queue_;
  std::array<std::optional<asyncio::Task<Item>>, waiters> tasks_;
  int put_ = 0;
  int stolen_ = 0;
};

/// Three tasks that wait in put(), since there is room for one item; "more" is room.
class Putters {
 public:
  void start() {
    queue_.put_nowait(Item(1));
    for (auto& task : tasks_) task.emplace(asyncio::create_task(queue_.put(Item(2))));
  }
  void more() {
    if (queue_.empty()) return;
    got_ += queue_.get_nowait().number() > 0 ? 1 : 100;
  }
  /// Takes the room away, if there is some.
  void less() {
    if (queue_.full()) return;
    queue_.put_nowait(Item(3));
    ++put_;
  }
  [[nodiscard]] auto& task(std::size_t i) { return *tasks_[i]; }
  [[nodiscard]] bool there() const { return !queue_.full(); }
  [[nodiscard]] bool balanced() {
    int put = put_;
    int waiting = 0;
    for (auto& task : tasks_) {
      put += task->done() && !task->cancelled() ? 1 : 0;
      waiting += task->done() ? 0 : 1;
    }
    const int left = static_cast<int>(queue_.qsize());
    // Who waits has his item, and one that was moved from if the compiler moves what is awaited.
    return put == got_ + left && Item::alive >= left + waiting &&
           (waiting > 0 || Item::alive == left);
  }

 private:
  asyncio::Queue<Item> queue_{1};
  std::array<std::optional<asyncio::Task<>>, waiters> tasks_;
  int put_ = 1;
  int got_ = 0;
};

/// One script, a letter a step: "m" more, "l" less, "." a turn of the loop, "0" to "2" cancels that
/// one. Gives what went wrong.
template <class Side>
asyncio::Coro<const char*> play(std::string_view script) {
  Side side;
  side.start();
  co_await pass();
  std::array<bool, waiters> cancelled{};
  for (const char step : script) {
    switch (step) {
      case 'm': side.more(); break;
      case 'l': side.less(); break;
      case '.': co_await pass(); break;
      default: {
        const auto i = static_cast<std::size_t>(step - '0');
        cancelled[i] |= side.task(i).cancel();
      }
    }
  }
  const char* problem = nullptr;
  const auto expect = [&problem](bool holds, const char* promise) {
    if (!holds && problem == nullptr) problem = promise;
  };
  const auto pending = [&side] {
    int n = 0;
    for (std::size_t i = 0; i < waiters; ++i) n += side.task(i).done() ? 0 : 1;
    return n;
  };
  co_await pass(static_cast<int>(waiters) + 1);
  expect(side.balanced(), "items put = got + left");
  expect(pending() == 0 || !side.there(), "nobody waits for what is there");
  for (std::size_t i = 0; i < waiters && pending() > 0; ++i) {
    side.more();
    co_await pass(2);
  }
  expect(pending() == 0, "everybody gets through");
  for (std::size_t i = 0; i < waiters; ++i) {
    expect(side.task(i).cancelled() == cancelled[i],
           "who was cancelled, and only he, is cancelled");
    side.task(i).cancel();
  }
  co_await pass();
  expect(side.balanced(), "items put = got + left, at the end");
  co_return problem;
}

/// Every script of these letters of at most this length. Returns: the first that goes wrong.
template <class Side>
std::string play_all(std::string_view letters, std::size_t longest, std::uint64_t seed) {
  std::string problems;
  std::size_t scripts = 0;
  const auto body = [&]() -> asyncio::Coro<> {
    std::vector<std::size_t> at;
    while (problems.empty() && at.size() <= longest) {
      std::string script;
      for (const std::size_t i : at) script += letters[i];
      const char* problem = co_await play<Side>(script);
      if (problem != nullptr) problems = "\"" + script + "\": " + problem;
      ++scripts;
      // The next one: counts up, with a digit more when all have come round.
      std::size_t digit = 0;
      while (digit < at.size() && ++at[digit] == letters.size()) at[digit++] = 0;
      if (digit == at.size()) at.push_back(0);
    }
  };
  if (seed == 0) {
    asyncio::testing::run(body);
  } else {
    asyncio::testing::run(body, {.seed = seed});
  }
  EXPECT_GT(scripts, problems.empty() ? 5'000U : 0U);
  return problems;
}

constexpr std::string_view honest = "m.012";
constexpr std::string_view with_thefts = "ml.012";

}  // namespace

// failure 32, SYNC-060, SYNC-063
TEST(QueueScripts, GettersGetThroughWhoeverIsCancelledWhenever) {
  for (const std::uint64_t seed : {0U, 1U}) EXPECT_EQ(play_all<Getters>(honest, 6, seed), "");
}

// failure 32, SYNC-061
TEST(QueueScripts, PuttersGetThroughWhoeverIsCancelledWhenever) {
  for (const std::uint64_t seed : {0U, 1U}) EXPECT_EQ(play_all<Putters>(honest, 6, seed), "");
}

// failure 32, SYNC-059, SYNC-060
TEST(QueueScripts, GettersGetThroughInSpiteOfThefts) {
  for (const std::uint64_t seed : {0U, 2U}) EXPECT_EQ(play_all<Getters>(with_thefts, 5, seed), "");
}

// failure 32, SYNC-059, SYNC-061
TEST(QueueScripts, PuttersGetThroughInSpiteOfThefts) {
  for (const std::uint64_t seed : {0U, 2U}) EXPECT_EQ(play_all<Putters>(with_thefts, 5, seed), "");
}
