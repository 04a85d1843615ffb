// Semaphore and BoundedSemaphore, disturbed at each of their points.

#include <asyncio/semaphore.hpp>

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
using asyncio::BoundedSemaphore;
using asyncio::Semaphore;
using support::play_scripts;
using support::require;
using support::torture;

namespace {

constexpr int permits = 2;

/// A part of the program that two tasks at a time may be in.
template <class S>
struct Hall {
  S semaphore{permits};
  int inside = 0;
};

/// In the frame of a task that is inside.
template <class S>
class Visit {
 public:
  explicit Visit(Hall<S>& hall) : hall_(hall) {
    require(++hall.inside + hall.semaphore.value() <= permits, "there are no more permits");
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() { --hall_.inside; }

 private:
  Hall<S>& hall_;
};

template <class S>
asyncio::Coro<> visits(Hall<S>& hall) {
  const support::Witness witness;
  for (int i = 0; i < 2; ++i) {
    const auto held = co_await hall.semaphore.hold();
    const Visit visit(hall);
    co_await asyncio::sleep(1s);
  }
}

template <class S>
asyncio::Coro<> visits_with(Hall<S>& hall) {
  const support::Witness witness;
  co_await asyncio::with(hall.semaphore, [&]() -> asyncio::Coro<> {
    const Visit visit(hall);
    co_await asyncio::sleep(1s);
  });
}

/// Goes away if it takes too long.
template <class S>
asyncio::Coro<> visits_in_time(Hall<S>& hall) {
  const support::Witness witness;
  const auto end = co_await asyncio::as_result(asyncio::wait_for(hall.semaphore.acquire(), 1s));
  if (!end.has_value() && !end.cancelled()) co_return;
  end.value();
  {
    const Visit visit(hall);
  }
  hall.semaphore.release();
}

/// Tasks that use a hall, of which all permits are there when they have ended.
template <class S, class Body>
asyncio::Coro<> in_hall(Body body) {
  Hall<S> hall;
  auto start = [&](asyncio::TaskGroup& group) { body(group, hall); };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), start));
  require(support::Witness::alive == 0, "no task is left");
  require(hall.inside == 0 && hall.semaphore.value() == permits, "all permits come back");
  require(!hall.semaphore.locked(), "nobody waits when nobody is left");
  end.value();
}

template <class S>
asyncio::Coro<> guards() {
  co_await in_hall<S>([](asyncio::TaskGroup& group, Hall<S>& hall) {
    for (int i = 0; i < 5; ++i) group.create_task(visits(hall));
  });
}

asyncio::Coro<> managers() {
  co_await in_hall<Semaphore>([](asyncio::TaskGroup& group, Hall<Semaphore>& hall) {
    for (int i = 0; i < 5; ++i) group.create_task(visits_with(hall));
  });
}

asyncio::Coro<> limits() {
  co_await in_hall<BoundedSemaphore>([](asyncio::TaskGroup& group, Hall<BoundedSemaphore>& hall) {
    for (int i = 0; i < 2; ++i) group.create_task(visits(hall));
    for (int i = 0; i < 3; ++i) group.create_task(visits_in_time(hall));
    group.create_task(visits(hall));
  });
}

// Two are given permits and one of them is cancelled, in the same pass.
asyncio::Coro<> given_and_cancelled() {
  co_await in_hall<Semaphore>([](asyncio::TaskGroup& group, Hall<Semaphore>& hall) {
    auto gives = [](asyncio::TaskGroup& tasks, Hall<Semaphore>& h) -> asyncio::Coro<> {
      auto first = co_await h.semaphore.hold();
      auto second = co_await h.semaphore.hold();
      const auto next = tasks.create_task(visits(h));
      tasks.create_task(visits(h));
      tasks.create_task(visits(h));
      co_await asyncio::sleep(1s);
      first.release();
      second.release();
      next.cancel();
    };
    group.create_task(gives(group, hall));
    group.create_task(visits(hall));
  });
}

// It dies while tasks have it and wait for it.
asyncio::Coro<> destroyed() {
  auto semaphore = std::make_unique<Semaphore>(permits);
  auto wait = [&]() -> asyncio::Coro<> {
    const support::Witness witness;
    const auto held = co_await asyncio::as_result(semaphore->hold());
    co_await asyncio::sleep(1s);
  };
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 0; i < 4; ++i) group.create_task(wait());
    co_await asyncio::sleep(500ms);
    semaphore.reset();
  };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), body));
  require(support::Witness::alive == 0, "no task is left");
  end.value();
}

/// Whoever acquires it keeps that; the script releases more and more permits.
class SemaphoreSubject : public support::Subject {
 public:
  static constexpr const char* acts[] = {"release"};

  asyncio::Coro<> begin() { co_return; }
  asyncio::Coro<> wait(int who) {
    co_await semaphore_.acquire();
    passed(who);
  }
  asyncio::Coro<> act(std::size_t) {
    semaphore_.release();
    ++released_;
    co_return;
  }
  // Less while a permit is on its way.
  [[nodiscard]] bool holds() const { return in_sight() <= released_; }
  asyncio::Coro<> settle() { return support::passes(4); }
  [[nodiscard]] bool settled(std::size_t alive) const {
    return in_sight() == released_ && (semaphore_.value() == 0 || order().size() == alive);
  }
  asyncio::Coro<> finish() {
    co_await act(0);
    co_await support::passes(3);
  }
  [[nodiscard]] bool finished() const { return in_sight() == released_; }

 private:
  [[nodiscard]] std::size_t in_sight() const {
    return static_cast<std::size_t>(semaphore_.value()) + order().size();
  }

  Semaphore semaphore_{0};
  std::size_t released_ = 0;
};

}  // namespace

// SYNC-039, failure 32: every script
TEST(SemaphoreDisturbed, LosesNoPermitInAnyScript) {
  EXPECT_EQ(play_scripts<SemaphoreSubject>(), "");
}

// SYNC-034, SYNC-036, failure 91
TEST(SemaphoreDisturbed, HeldByGuards) { EXPECT_EQ(torture(&guards<Semaphore>), ""); }

// SYNC-041, failure 91
TEST(SemaphoreDisturbed, BoundedAndHeldByGuards) {
  EXPECT_EQ(torture(&guards<BoundedSemaphore>), "");
}

// SYNC-034, failure 91
TEST(SemaphoreDisturbed, HeldByWith) { EXPECT_EQ(torture(&managers), ""); }

// SYNC-038, SYNC-039, failure 91
TEST(SemaphoreDisturbed, AcquiredWithALimit) { EXPECT_EQ(torture(&limits), ""); }

// SYNC-039, failure 32, failure 91
TEST(SemaphoreDisturbed, GivenToATaskThatIsCancelled) {
  EXPECT_EQ(torture(&given_and_cancelled), "");
}

// failure 37, failure 91
TEST(SemaphoreDisturbed, DestroyedWhileTasksWait) { EXPECT_EQ(torture(&destroyed), ""); }
