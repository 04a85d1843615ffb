// Condition, disturbed at each of its points.

#include <asyncio/condition.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/wait_for.hpp>
#include <asyncio/with.hpp>

#include "support/scripts.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>

using namespace std::chrono_literals;
using asyncio::Condition;
using asyncio::Lock;
using support::play_scripts;
using support::require;
using support::torture;

namespace {

constexpr int room_for = 2;

/// A store between producers and consumers, with one lock and two conditions.
struct Store {
  Lock lock;
  Condition not_empty{lock};
  Condition not_full{lock};
  int items = 0;
  int inside = 0;  // tasks that are at it
  bool closed = false;
};

/// In the frame of a task that has the lock.
class Visit {
 public:
  explicit Visit(Store& store) : store_(store) { enter(); }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  ~Visit() { leave(); }

  /// Waits outside. However that ends, the lock is there again.
  template <class Predicate>
  asyncio::Coro<> wait(Condition& condition, Predicate predicate) {
    while (!predicate()) {
      leave();
      const auto end = co_await asyncio::as_result(condition.wait());
      enter();
      end.value();
    }
  }

 private:
  void enter() {
    require(++store_.inside == 1 && store_.lock.locked(), "one task at a time has the lock");
  }
  void leave() { --store_.inside; }

  Store& store_;
};

asyncio::Coro<> consumes(Store& store) {
  const support::Witness witness;
  for (;;) {
    const auto held = co_await store.lock.hold();
    Visit visit(store);
    co_await visit.wait(store.not_empty, [&] { return store.items > 0 || store.closed; });
    if (store.items == 0) co_return;
    --store.items;
    store.not_full.notify();
  }
}

asyncio::Coro<> puts(Store& store) {
  const auto held = co_await store.not_full.hold();
  Visit visit(store);
  co_await visit.wait(store.not_full, [&] { return store.items < room_for; });
  ++store.items;
  store.not_empty.notify();
}

// Without a lost wake-up all that was put is taken, as long as there is a consumer.
asyncio::Coro<> store_of_three_consumers() {
  Store store;
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 0; i < 3; ++i) group.create_task(consumes(store));
    for (int i = 0; i < 6; ++i) {
      co_await puts(store);
      if (i % 3 == 2) co_await asyncio::sleep(1s);
    }
    const auto held = co_await store.lock.hold();
    store.closed = true;
    store.not_empty.notify_all();
  };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), body));
  require(support::Witness::alive == 0, "no task is left");
  require(store.inside == 0 && !store.lock.locked(), "the lock is free when nobody has it");
  end.value();
  require(store.items == 0, "no wake-up is lost");
}

// All are woken at once, and one of them is cancelled in the same pass.
asyncio::Coro<> all_notified_and_one_cancelled() {
  Store store;
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    const auto first = group.create_task(consumes(store));
    for (int i = 0; i < 2; ++i) group.create_task(consumes(store));
    co_await asyncio::sleep(1s);
    {
      const auto held = co_await store.lock.hold();
      store.items = 3;
      store.not_empty.notify();
      first.cancel();
      co_await asyncio::sleep(1s);
    }
    co_await asyncio::sleep(1s);
    require(store.items == 0, "a notification is passed on");
    const auto held = co_await store.lock.hold();
    store.closed = true;
    store.not_empty.notify_all();
  };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), body));
  require(!store.lock.locked(), "the lock is free when nobody has it");
  end.value();
}

asyncio::Coro<> limits() {
  Store store;
  int late = 0;
  auto limited = [&]() -> asyncio::Coro<> {
    const support::Witness witness;
    const auto held = co_await store.lock.hold();
    const auto end = co_await asyncio::as_result(asyncio::wait_for(store.not_empty.wait(), 1s));
    require(store.lock.locked(), "the lock is taken back");
    late += end.has_value() ? 0 : 1;
    if (end.cancelled()) end.value();
  };
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 0; i < 4; ++i) group.create_task(limited());
    co_await asyncio::sleep(500ms);
    const auto held = co_await store.lock.hold();
    store.not_empty.notify(2);
    co_await asyncio::sleep(1s);
  };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), body));
  require(support::Witness::alive == 0, "no task is left");
  require(!store.lock.locked(), "the lock is free when nobody has it");
  end.value();
  require(late <= 4, "each wait ends once");
}

asyncio::Coro<> wait_at(std::unique_ptr<Condition>& condition) {
  const support::Witness witness;
  const auto held = co_await condition->hold();
  const auto end = co_await asyncio::as_result(condition->wait());
  if (end.cancelled()) end.value();
}

// It dies while tasks wait for it and for its lock.
asyncio::Coro<> destroyed() {
  auto condition = std::make_unique<Condition>();
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 0; i < 3; ++i) group.create_task(wait_at(condition));
    co_await asyncio::sleep(500ms);
    {
      const auto held = co_await condition->hold();
      condition->notify();
      co_await asyncio::sleep(500ms);
      condition.reset();
    }
  };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), body));
  require(support::Witness::alive == 0, "no task is left");
  end.value();
}

// The same with a lock that lives on.
asyncio::Coro<> destroyed_without_its_lock() {
  Lock lock;
  auto condition = std::make_unique<Condition>(lock);
  auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    for (int i = 0; i < 3; ++i) group.create_task(wait_at(condition));
    co_await asyncio::sleep(500ms);
    const auto held = co_await lock.hold();
    condition->notify();
    co_await asyncio::sleep(500ms);
    condition.reset();
    co_await asyncio::sleep(500ms);
  };
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), body));
  require(support::Witness::alive == 0, "no task is left");
  require(!lock.locked(), "the lock is free when nobody has it");
  end.value();
}

/// The script takes and releases the lock, and notifies one while it has it.
class ConditionSubject : public support::Subject {
 public:
  static constexpr const char* acts[] = {"notify", "take-or-release"};

  asyncio::Coro<> begin() { co_return; }
  asyncio::Coro<> wait(int who) {
    const auto held = co_await condition_.hold();
    const auto end = co_await asyncio::as_result(condition_.wait());
    require(!taken_ && condition_.locked(), "the lock is taken back");
    end.value();
    passed(who);
  }
  asyncio::Coro<> act(std::size_t which) {
    if (which == 0) {
      if (!taken_) co_return;
      condition_.notify();
      ++notified_;
    } else if (taken_) {
      release();
    } else {
      co_await condition_.acquire();
      taken_ = true;
    }
  }
  [[nodiscard]] bool holds() const { return !taken_ || condition_.locked(); }
  asyncio::Coro<> settle() {
    if (taken_) release();
    co_await support::passes(9);
  }
  [[nodiscard]] bool settled(std::size_t alive) const {
    return !condition_.locked() && order().size() >= std::min(notified_, alive);
  }
  asyncio::Coro<> finish() {
    {
      const auto held = co_await condition_.hold();
      condition_.notify_all();
    }
    co_await support::passes(9);
  }
  [[nodiscard]] bool finished() const { return condition_.repr() == "<Condition [unlocked]>"; }

 private:
  void release() {
    taken_ = false;
    condition_.release();
  }

  Condition condition_;
  std::size_t notified_ = 0;
  bool taken_ = false;
};

}  // namespace

// SYNC-027, SYNC-028, SYNC-029, failure 32: every script
TEST(ConditionDisturbed, LosesNoNotificationInAnyScript) {
  EXPECT_EQ(play_scripts<ConditionSubject>(), "");
}

// SYNC-026, SYNC-029, failure 34, failure 91
TEST(ConditionDisturbed, BetweenProducersAndConsumers) {
  EXPECT_EQ(torture(&store_of_three_consumers), "");
}

// SYNC-029, failure 32, failure 91
TEST(ConditionDisturbed, WithOneThatIsNotifiedAndCancelled) {
  EXPECT_EQ(torture(&all_notified_and_one_cancelled), "");
}

// SYNC-031, failure 34, failure 91
TEST(ConditionDisturbed, NotifiedInTimeOrNot) { EXPECT_EQ(torture(&limits), ""); }

// failure 37, failure 91
TEST(ConditionDisturbed, DestroyedWhileTasksWait) { EXPECT_EQ(torture(&destroyed), ""); }

// failure 37, failure 91
TEST(ConditionDisturbed, DestroyedWithoutTheLockThatItShares) {
  EXPECT_EQ(torture(&destroyed_without_its_lock), "");
}
