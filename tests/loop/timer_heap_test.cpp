#include "loop/timer_heap.hpp"

#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "support/shuffled.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::detail::Timer;
using asyncio::detail::TimerHeap;
using support::shuffled;

namespace {

Timer idle_timer() { return Timer(nullptr); }

// A TimerHeap and what it should hold: a set ordered by deadline and the order of adding.
class ComparedHeap {
 public:
  explicit ComparedHeap(std::size_t timers) : timers_(timers, Armed{idle_timer(), 0, 0}) {}

  void add(std::size_t i, std::int64_t deadline) {
    Armed& armed = timers_[i];
    EXPECT_FALSE(armed.timer.armed());
    armed.deadline = deadline;
    armed.sequence = ++adds_;
    heap_.add(armed.timer, deadline);
    model_.insert({deadline, armed.sequence, i});
    EXPECT_TRUE(armed.timer.armed());
  }
  void cancel(std::size_t i) {
    Armed& armed = timers_[i];
    model_.erase({armed.deadline, armed.sequence, i});
    heap_.cancel(armed.timer);
    EXPECT_FALSE(armed.timer.armed());
  }
  void tidy() {
    heap_.tidy();
    EXPECT_EQ(heap_.empty(), model_.empty());
    if (model_.empty()) return;
    EXPECT_EQ(heap_.next_deadline(), std::get<0>(*model_.begin()));
  }
  // Takes out what is due before or at `now`, and compares.
  void pop_due(std::int64_t now) {
    for (;;) {
      Timer* popped = heap_.pop_due(now);
      const bool due = !model_.empty() && std::get<0>(*model_.begin()) <= now;
      EXPECT_EQ(popped != nullptr, due);
      if (popped == nullptr || !due) return;
      Timer& expected = timers_[std::get<2>(*model_.begin())].timer;
      EXPECT_EQ(popped, &expected);
      EXPECT_FALSE(popped->armed());
      model_.erase(model_.begin());
    }
  }
  void check_size() const { EXPECT_EQ(heap_.size(), model_.size()); }
  [[nodiscard]] bool armed(std::size_t i) const { return timers_[i].timer.armed(); }
  [[nodiscard]] std::size_t armed_count() const { return model_.size(); }

 private:
  struct Armed {
    Timer timer;
    std::int64_t deadline;
    std::uint64_t sequence;
  };
  TimerHeap heap_;
  std::deque<Armed> timers_;
  std::set<std::tuple<std::int64_t, std::uint64_t, std::size_t>> model_;
  std::uint64_t adds_ = 0;
};

class TimerHeapScripts : public testing::TestWithParam<unsigned> {};

}  // namespace

// LOOP-001, LOOP-004, LOOP-010, failure 15
TEST_P(TimerHeapScripts, OfRandomOperationsAgreeWithAReferenceModel) {
  // NOLINTNEXTLINE(cert-msc51-cpp): the same scripts every time
  std::mt19937 random(GetParam());
  const auto below = [&random](std::uint32_t n) { return random() % n; };
  ComparedHeap heap(400);
  std::int64_t now = 0;
  // Phases that mostly add, mostly cancel or mostly expire, so that sweeps and reuse happen.
  for (int step = 0; step < 6000 && !testing::Test::HasFailure(); ++step) {
    const unsigned bias = static_cast<unsigned>(step / 500) % 3;
    const std::size_t i = below(400);
    const unsigned action = below(10);
    if (action < (bias == 0 ? 8U : 3U)) {
      if (!heap.armed(i)) heap.add(i, now + static_cast<std::int64_t>(below(60)) - 5);
    } else if (action < (bias == 1 ? 9U : 8U)) {
      if (heap.armed(i)) heap.cancel(i);
    } else if (below(3) == 0) {
      now += below(8);
      heap.pop_due(now);
    }
    if (below(4) == 0) heap.tidy();
    heap.check_size();
  }
  heap.pop_due(now + 100);
  EXPECT_EQ(heap.armed_count(), 0U);
}
INSTANTIATE_TEST_SUITE_P(Seeds, TimerHeapScripts, testing::Range(1U, 25U));

// LOOP-010, failure 15
TEST(TimerHeap, EqualDeadlinesComeOutInTheOrderOfAddingWhateverIsCancelledBetween) {
  TimerHeap heap;
  std::vector<Timer> timers(1000, idle_timer());
  for (Timer& timer : timers) heap.add(timer, 7);
  for (std::size_t i = 0; i < timers.size(); i += 3) heap.cancel(timers[i]);
  heap.tidy();
  for (std::size_t i = 0; i < timers.size(); ++i) {
    if (i % 3 == 0) continue;
    ASSERT_EQ(heap.pop_due(7), &timers[i]);
  }
  EXPECT_EQ(heap.pop_due(7), nullptr);
  EXPECT_TRUE(heap.empty());
}

// LOOP-010, LOOP-001
TEST(TimerHeap, ASweepKeepsTheOrderOfEqualDeadlines) {
  TimerHeap heap;
  std::vector<Timer> timers(1000, idle_timer());
  for (Timer& timer : timers) heap.add(timer, 7);
  for (std::size_t i = 0; i < timers.size(); ++i) {
    if (i % 4 != 1) heap.cancel(timers[i]);  // three quarters: tidy() sweeps
  }
  heap.tidy();
  EXPECT_EQ(heap.size(), 250U);
  for (std::size_t i = 1; i < timers.size(); i += 4) ASSERT_EQ(heap.pop_due(7), &timers[i]);
}

// LOOP-001
TEST(TimerHeap, TidyDropsCancelledTimersAtTheTop) {
  TimerHeap heap;
  std::vector<Timer> timers(3, idle_timer());
  heap.add(timers[0], 1);
  heap.add(timers[1], 2);
  heap.add(timers[2], 3);
  heap.cancel(timers[0]);
  heap.cancel(timers[1]);
  heap.tidy();
  EXPECT_FALSE(heap.empty());
  EXPECT_EQ(heap.next_deadline(), 3);
  EXPECT_EQ(heap.size(), 1U);
  heap.cancel(timers[2]);
  heap.tidy();
  EXPECT_TRUE(heap.empty());
}

// LOOP-004
TEST(TimerHeap, ATimerIsDueAtItsDeadlineAndNotBefore) {
  TimerHeap heap;
  Timer timer = idle_timer();
  heap.add(timer, 100);
  EXPECT_EQ(heap.pop_due(99), nullptr);
  EXPECT_TRUE(timer.armed());
  EXPECT_EQ(heap.pop_due(100), &timer);
  EXPECT_FALSE(timer.armed());
}

// LOOP-001, failure 13
TEST(TimerHeap, AboveAHundredTimersAreSweptWhenMoreThanHalfOfThemAreCancelled) {
  const auto slots_after_cancelling = [](std::size_t total, std::size_t cancelled) {
    TimerHeap heap;
    std::vector<Timer> timers(total, idle_timer());
    Timer probe = idle_timer();
    for (std::size_t i = 0; i < total; ++i) heap.add(timers[i], static_cast<std::int64_t>(i));
    for (std::size_t i = 1; i <= cancelled; ++i) heap.cancel(timers[i]);  // not the one at the top
    heap.tidy();
    heap.add(probe, 0);
    return probe.slot;
  };
  EXPECT_EQ(slots_after_cancelling(100, 99), 100U);   // too few: a new slot
  EXPECT_EQ(slots_after_cancelling(200, 100), 200U);  // just half
  EXPECT_LT(slots_after_cancelling(200, 101), 200U);  // swept: a slot is used again
  EXPECT_LT(slots_after_cancelling(100'000, 99'999), 100'000U);
}

// LOOP-047
TEST(TimerHeap, PopAnyTakesEachArmedTimerOnceAndNoCancelledOne) {
  TimerHeap heap;
  std::vector<Timer> timers(50, idle_timer());
  for (std::size_t i = 0; i < timers.size(); ++i) heap.add(timers[i], static_cast<std::int64_t>(i));
  for (std::size_t i = 0; i < timers.size(); i += 2) heap.cancel(timers[i]);
  std::set<Timer*> taken;
  while (Timer* timer = heap.pop_any()) EXPECT_TRUE(taken.insert(timer).second);
  EXPECT_EQ(taken.size(), 25U);
  EXPECT_EQ(heap.size(), 0U);
}

// --- through the loop ---

// LOOP-010, failure 15
ASYNC_TEST(LoopTimers, WithEqualDeadlinesRunInTheOrderOfTheirScheduling) {
  if (shuffled()) co_return;
  auto& loop = asyncio::get_running_loop();
  const asyncio::TimePoint due = loop.time() + 1s;
  std::vector<int> order;
  std::vector<int> expected;
  std::vector<asyncio::TimerHandle> handles;
  for (int i = 0; i < 64; ++i) {
    handles.push_back(i % 2 == 0 ? loop.call_at(due, [&order, i] { order.push_back(i); })
                                 : loop.call_later(1s, [&order, i] { order.push_back(i); }));
  }
  for (std::size_t i = 0; i < handles.size(); ++i) {
    if (i % 5 == 0) {
      handles[i].cancel();
    } else {
      expected.push_back(static_cast<int>(i));
    }
  }
  co_await asyncio::sleep(2s);
  EXPECT_EQ(order, expected);
}

// LOOP-004, LOOP-010
ASYNC_TEST(LoopTimers, OfRandomDeadlinesRunSortedAndNotEarly) {
  if (shuffled()) co_return;
  auto& loop = asyncio::get_running_loop();
  // NOLINTNEXTLINE(cert-msc51-cpp): the same deadlines every time
  std::mt19937 random(5);
  const asyncio::TimePoint start = loop.time();
  std::vector<std::pair<std::uint32_t, int>> expected;
  std::vector<std::pair<std::uint32_t, int>> order;
  for (int i = 0; i < 500; ++i) {
    const std::uint32_t second = random() % 100;
    const asyncio::TimePoint due = start + std::chrono::seconds(second);
    expected.emplace_back(second, i);
    loop.call_at(due, [&order, &loop, second, i, due] {
      order.emplace_back(second, i);
      EXPECT_EQ(loop.time(), due);
    });
  }
  std::sort(expected.begin(), expected.end());
  co_await asyncio::sleep(200s);
  EXPECT_EQ(order, expected);
}

// LOOP-001, failure 13
ASYNC_TEST(LoopTimers, AHundredThousandCancelledOnesGiveTheirCapturesBackAtOnceAndOneLiveFires) {
  auto& loop = asyncio::get_running_loop();
  const auto captured = std::make_shared<int>(0);
  const asyncio::TimePoint start = loop.time();
  asyncio::Future<asyncio::TimePoint> live;
  loop.call_later(2h, [&] { live.set_result(loop.time()); });
  std::vector<asyncio::TimerHandle> handles;
  for (int i = 0; i < 100'000; ++i) handles.push_back(loop.call_later(1h, [captured] {}));
  EXPECT_EQ(captured.use_count(), 100'001);
  for (const auto& handle : handles) handle.cancel();
  EXPECT_EQ(captured.use_count(), 1);
  handles.clear();
  const asyncio::TimePoint fired = co_await live;
  EXPECT_EQ(fired - start, asyncio::Duration(2h));
}
