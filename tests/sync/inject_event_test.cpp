// Event, disturbed at each of its points.

#include <asyncio/event.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/scripts.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>

using namespace std::chrono_literals;
using asyncio::Event;
using support::play_scripts;
using support::require;
using support::torture;

namespace {

/// How the waits ended.
struct Ends {
  int begun = 0;
  int woken = 0;
  int stopped = 0;
};

/// In the frame of a task that waits.
class Count {
 public:
  explicit Count(Ends& ends) : ends_(ends) { ++ends.begun; }
  Count(const Count&) = delete;
  Count& operator=(const Count&) = delete;
  ~Count() { ++(woken ? ends_.woken : ends_.stopped); }

  bool woken = false;

 private:
  Ends& ends_;
};

template <class Wait>
asyncio::Coro<> counted(Ends& ends, Wait wait) {
  const support::Witness witness;
  Count count(ends);
  co_await wait();
  count.woken = true;
}

template <class Body>
asyncio::Coro<> in_group(Ends& ends, Body& body) {
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), body));
  require(support::Witness::alive == 0, "no task is left");
  require(ends.woken + ends.stopped == ends.begun, "each wait ends once");
  end.value();
}

asyncio::Coro<> set_for_all() {
  Event event;
  Ends ends;
  const auto wait = [&] { return event.wait(); };
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 0; i < 4; ++i) group.create_task(counted(ends, wait));
    co_await asyncio::sleep(1s);
    event.set();
    event.clear();
    for (int i = 0; i < 2; ++i) group.create_task(counted(ends, wait));
    co_await asyncio::sleep(1s);
    event.set();
    group.create_task(counted(ends, wait));
  };
  co_await in_group(ends, body);
  require(event.is_set() || ends.woken == 0, "the flag stays set");
}

asyncio::Coro<> set_in_time() {
  Event event;
  Ends ends;
  const auto wait = [&]() -> asyncio::Coro<> {
    const auto end = co_await asyncio::as_result(asyncio::wait_for(event.wait(), 1s));
    if (end.cancelled()) end.value();
  };
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 0; i < 2; ++i) group.create_task(counted(ends, wait));
    co_await asyncio::sleep(500ms);
    for (int i = 0; i < 2; ++i) group.create_task(counted(ends, wait));
    co_await asyncio::sleep(500ms);
    event.set();
  };
  co_await in_group(ends, body);
}

// One that is woken is cancelled in the same pass.
asyncio::Coro<> set_and_cancelled() {
  Event event;
  Ends ends;
  const auto wait = [&] { return event.wait(); };
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task(counted(ends, wait));
    const auto second = group.create_task(counted(ends, wait));
    group.create_task(counted(ends, wait));
    co_await asyncio::sleep(1s);
    event.set();
    second.cancel();
  };
  co_await in_group(ends, body);
}

// It dies while tasks wait for it.
asyncio::Coro<> destroyed() {
  auto event = std::make_unique<Event>();
  Ends ends;
  const auto wait = [&]() -> asyncio::Coro<> {
    const auto end = co_await asyncio::as_result(event->wait());
    if (end.cancelled()) end.value();
  };
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 0; i < 3; ++i) group.create_task(counted(ends, wait));
    co_await asyncio::sleep(500ms);
    event.reset();
  };
  co_await in_group(ends, body);
}

class EventSubject : public support::Subject {
 public:
  static constexpr const char* acts[] = {"set", "clear"};

  asyncio::Coro<> begin() { co_return; }
  asyncio::Coro<> wait(int who) {
    co_await event_.wait();
    passed(who);
  }
  asyncio::Coro<> act(std::size_t which) {
    if (which == 0) {
      event_.set();
      was_set_ = true;
    } else {
      event_.clear();
    }
    co_return;
  }
  [[nodiscard]] bool holds() const { return order().empty() || was_set_; }
  asyncio::Coro<> settle() { return support::passes(2); }
  [[nodiscard]] bool settled(std::size_t alive) const {
    return order().size() == (was_set_ ? alive : 0);
  }
  asyncio::Coro<> finish() {
    co_await act(0);
    co_await support::passes(2);
  }
  [[nodiscard]] bool finished() const { return holds(); }

 private:
  Event event_;
  bool was_set_ = false;
};

}  // namespace

// SYNC-018, SYNC-020, failure 32: every script
TEST(EventDisturbed, LosesNoWakeUpInAnyScript) { EXPECT_EQ(play_scripts<EventSubject>(), ""); }

// SYNC-017, SYNC-018, failure 91
TEST(EventDisturbed, SetForAll) { EXPECT_EQ(torture(&set_for_all), ""); }

// SYNC-020, failure 91
TEST(EventDisturbed, SetInTimeOrNot) { EXPECT_EQ(torture(&set_in_time), ""); }

// SYNC-020, failure 32, failure 91
TEST(EventDisturbed, SetForATaskThatIsCancelled) { EXPECT_EQ(torture(&set_and_cancelled), ""); }

// failure 37, failure 91
TEST(EventDisturbed, DestroyedWhileTasksWait) { EXPECT_EQ(torture(&destroyed), ""); }
