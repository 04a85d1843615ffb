// Lock, disturbed at each of its points.

#include <asyncio/lock.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
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
using asyncio::Lock;
using support::play_scripts;
using support::require;
using support::torture;

namespace {

/// A part of the program that one task at a time may be in.
struct Room {
  Lock lock;
  int inside = 0;
};

/// In the frame of the task that is inside.
class Visit {
 public:
  explicit Visit(Room& room) : room_(room) {
    require(++room.inside == 1, "one task at a time has the lock");
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() { --room_.inside; }

 private:
  Room& room_;
};

asyncio::Coro<> visits(Room& room) {
  const support::Witness witness;
  for (int i = 0; i < 2; ++i) {
    const auto held = co_await room.lock.hold();
    const Visit visit(room);
    co_await asyncio::sleep(1s);
  }
}

asyncio::Coro<> visits_with(Room& room) {
  const support::Witness witness;
  co_await asyncio::with(room.lock, [&]() -> asyncio::Coro<> {
    const Visit visit(room);
    co_await asyncio::sleep(1s);
  });
}

/// Goes away if it takes too long.
asyncio::Coro<> visits_in_time(Room& room) {
  const support::Witness witness;
  const auto end = co_await asyncio::as_result(asyncio::wait_for(room.lock.acquire(), 1500ms));
  if (!end.has_value() && !end.cancelled()) co_return;
  end.value();
  {
    const Visit visit(room);
  }
  room.lock.release();
}

/// Tasks that use a room, of which it is free when all of them have ended.
template <class Body>
asyncio::Coro<> in_room(Body body) {
  Room room;
  auto start = [&](asyncio::TaskGroup& group) { body(group, room); };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), start));
  require(support::Witness::alive == 0, "no task is left");
  require(room.inside == 0 && !room.lock.locked(), "the lock is free when nobody has it");
  end.value();
}

asyncio::Coro<> guards() {
  co_await in_room([](asyncio::TaskGroup& group, Room& room) {
    for (int i = 0; i < 4; ++i) group.create_task(visits(room));
  });
}

asyncio::Coro<> managers() {
  co_await in_room([](asyncio::TaskGroup& group, Room& room) {
    for (int i = 0; i < 4; ++i) group.create_task(visits_with(room));
  });
}

asyncio::Coro<> limits() {
  co_await in_room([](asyncio::TaskGroup& group, Room& room) {
    group.create_task(visits(room));
    for (int i = 0; i < 3; ++i) group.create_task(visits_in_time(room));
    group.create_task(visits(room));
  });
}

// The one that is chosen is cancelled in the same pass.
asyncio::Coro<> chosen_and_cancelled() {
  co_await in_room([](asyncio::TaskGroup& group, Room& room) {
    auto chooses = [](asyncio::TaskGroup& tasks, Room& r) -> asyncio::Coro<> {
      auto held = co_await r.lock.hold();
      const auto next = tasks.create_task(visits(r));
      tasks.create_task(visits(r));
      co_await asyncio::sleep(1s);
      held.release();
      next.cancel();
    };
    group.create_task(chooses(group, room));
    group.create_task(visits(room));
  });
}

// It dies while tasks have it and wait for it.
asyncio::Coro<> destroyed() {
  auto lock = std::make_unique<Lock>();
  int ended = 0;
  auto wait = [&]() -> asyncio::Coro<> {
    const support::Witness witness;
    const auto held = co_await asyncio::as_result(lock->hold());
    co_await asyncio::sleep(1s);
    ++ended;
  };
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 0; i < 3; ++i) group.create_task(wait());
    co_await asyncio::sleep(500ms);
    lock.reset();
  };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), body));
  require(support::Witness::alive == 0, "no task is left");
  end.value();
  require(ended <= 3, "each task ends once");
}

/// Whoever acquires it keeps it; the script releases it.
class LockSubject : public support::Subject {
 public:
  static constexpr const char* acts[] = {"release"};

  asyncio::Coro<> begin() { return acquire(); }
  asyncio::Coro<> wait(int who) {
    co_await acquire();
    passed(who);
  }
  asyncio::Coro<> act(std::size_t) {
    if (lock_.locked()) {
      --holders_;
      lock_.release();
    }
    co_return;
  }
  [[nodiscard]] bool holds() const {
    return holders_ >= 0 && holders_ <= 1 && lock_.locked() == (holders_ == 1);
  }
  asyncio::Coro<> settle() { return support::passes(3); }
  [[nodiscard]] bool settled(std::size_t alive) const {
    return lock_.locked() || order().size() == alive;
  }
  asyncio::Coro<> finish() {
    co_await act(0);
    co_await support::passes(3);
  }
  [[nodiscard]] bool finished() const { return holds(); }

 private:
  asyncio::Coro<> acquire() {
    co_await lock_.acquire();
    ++holders_;
  }

  Lock lock_;
  int holders_ = 0;
};

}  // namespace

// SYNC-013, failure 32: every script
TEST(LockDisturbed, LosesNoWakeUpInAnyScript) { EXPECT_EQ(play_scripts<LockSubject>(), ""); }

// SYNC-015, failure 91
TEST(LockDisturbed, HeldByGuards) { EXPECT_EQ(torture(&guards), ""); }

// SYNC-015, failure 91
TEST(LockDisturbed, HeldByWith) { EXPECT_EQ(torture(&managers), ""); }

// SYNC-012, SYNC-013, failure 91
TEST(LockDisturbed, AcquiredWithALimit) { EXPECT_EQ(torture(&limits), ""); }

// SYNC-013, failure 32, failure 91
TEST(LockDisturbed, GivenToATaskThatIsCancelled) { EXPECT_EQ(torture(&chosen_and_cancelled), ""); }

// failure 37, failure 91
TEST(LockDisturbed, DestroyedWhileTasksWait) { EXPECT_EQ(torture(&destroyed), ""); }
