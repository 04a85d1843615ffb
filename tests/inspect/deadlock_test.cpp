// Tasks that wait for each other through locks, gathers, waits and groups.

#include <asyncio/as_result.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/inspect.hpp>
#include <asyncio/lock.hpp>
#include <asyncio/queue.hpp>
#include <asyncio/run.hpp>
#include <asyncio/shield.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait.hpp>

#include "support/errors.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Tasks = std::vector<asyncio::Task<>>;

constexpr unsigned second_lock_line = __LINE__ + 4;
asyncio::Coro<> takes_both(asyncio::Lock& first, asyncio::Lock& second) {
  const auto one = co_await first.hold();
  co_await asyncio::sleep(1s);
  const auto other = co_await second.hold();
}

std::string at(unsigned line) { return " at deadlock_test.cpp:" + std::to_string(line); }

std::string held_by_each_other() {
  return "Task 'a' waits" + at(second_lock_line) + " for a lock held by Task 'b', which waits" +
         at(second_lock_line) + " for a lock held by Task 'a'";
}

template <class F>
asyncio::Task<> start(std::string name, F body) {
  return asyncio::create_task(std::move(body), {.name = name});
}

asyncio::Coro<> cancel_all(const Tasks& tasks) {
  for (const auto& task : tasks) task.cancel();
  for (const auto& task : tasks) (void)co_await asyncio::as_result(task);
}

asyncio::Coro<> wait_for_each_other() {
  asyncio::Lock x;
  asyncio::Lock y;
  const Tasks tasks = {asyncio::create_task(takes_both(x, y), {.name = "a"}),
                       asyncio::create_task(takes_both(y, x), {.name = "b"})};
  co_await asyncio::sleep(2s);
  co_await cancel_all(tasks);
}

std::string joined(const support::LogCapture& log) {
  std::string text;
  for (const std::string& line : log.lines()) text += line + "\n";
  return text;
}

std::string text_of(const std::optional<asyncio::Deadlock>& deadlock) {
  return deadlock ? deadlock->text : "";
}

}  // namespace

// DBG-048
ASYNC_TEST(Deadlock, OfTwoLocksIsFoundWithBothTasksAndTheirLines) {
  asyncio::Lock x;
  asyncio::Lock y;
  const Tasks tasks = {asyncio::create_task(takes_both(x, y), {.name = "a"}),
                       asyncio::create_task(takes_both(y, x), {.name = "b"})};
  co_await asyncio::sleep(500ms);
  EXPECT_FALSE(asyncio::find_deadlock());
  co_await asyncio::sleep(1s);
  const auto deadlock = asyncio::find_deadlock();
  EXPECT_EQ(text_of(deadlock), held_by_each_other());
  if (deadlock) {
    EXPECT_EQ(deadlock->tasks.size(), 2U);
    EXPECT_EQ(deadlock->tasks[0], tasks[0]);
    EXPECT_EQ(deadlock->tasks[1], tasks[1]);
  }
  co_await cancel_all(tasks);
  EXPECT_FALSE(asyncio::find_deadlock());
}

// DBG-048
ASYNC_TEST(Deadlock, OfALockAndATaskThatIsAwaitedWithIt) {
  asyncio::Lock lock;
  Tasks tasks;
  tasks.push_back(start("worker", [&]() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    co_await lock.acquire();
  }));
  tasks.push_back(start("owner", [&]() -> asyncio::Coro<> {
    const auto held = co_await lock.hold();
    co_await tasks[0];
  }));
  co_await asyncio::sleep(2s);
  const unsigned owner_line = __LINE__ - 3;
  EXPECT_EQ(text_of(asyncio::find_deadlock()), "Task 'worker' waits" + at(owner_line - 4) +
                                                   " for a lock held by Task 'owner', which waits" +
                                                   at(owner_line) + " for Task 'worker'");
  co_await cancel_all(tasks);
}

// DBG-048
ASYNC_TEST(Deadlock, ALockOfItsOwnIsACycleOfOne) {
  asyncio::Lock lock;
  const Tasks tasks = {start("greedy", [&]() -> asyncio::Coro<> {
    const auto held = co_await lock.hold();
    co_await lock.acquire();
  })};
  co_await asyncio::sleep(1s);
  EXPECT_EQ(text_of(asyncio::find_deadlock()),
            "Task 'greedy' waits" + at(__LINE__ - 4) + " for a lock held by itself");
  co_await cancel_all(tasks);
}

// DBG-048: through everything that waits for tasks
ASYNC_TEST(Deadlock, IsFoundThroughGatherWaitShieldAndGroups) {
  using Body = asyncio::Coro<> (*)(const Tasks&);
  const Body bodies[] = {
      [](const Tasks& t) -> asyncio::Coro<> { co_await asyncio::gather(t[0], asyncio::sleep(0s)); },
      [](const Tasks& t) -> asyncio::Coro<> { co_await asyncio::wait(t); },
      [](const Tasks& t) -> asyncio::Coro<> { co_await asyncio::shield(t[0]); },
      [](const Tasks& t) -> asyncio::Coro<> {
        co_await asyncio::with(
            asyncio::TaskGroup(), [&t](asyncio::TaskGroup& group) -> asyncio::Coro<> {
              group.create_task([&t]() -> asyncio::Coro<> { co_await t[0]; }, {.name = "child"});
              co_return;
            });
      }};
  for (const Body body : bodies) {
    asyncio::Lock lock;
    Tasks first;
    first.push_back(start("first", [&]() -> asyncio::Coro<> {
      co_await asyncio::sleep(1s);
      co_await lock.acquire();
    }));
    Tasks second;
    second.push_back(start("second", [&]() -> asyncio::Coro<> {
      const auto held = co_await lock.hold();
      co_await body(first);
    }));
    co_await asyncio::sleep(2s);
    const auto deadlock = asyncio::find_deadlock();
    EXPECT_TRUE(deadlock);
    if (deadlock) {
      EXPECT_EQ(deadlock->tasks[0], first[0]);
      EXPECT_EQ(deadlock->tasks[1], second[0]);
    }
    co_await cancel_all(first);
    co_await cancel_all(second);
  }
}

// DBG-048: no false alarm where one of several is enough, or a time limit ends it
ASYNC_TEST(Deadlock, IsNoneWhereSomebodyElseCanHelp) {
  asyncio::Lock lock;
  const asyncio::Future<> other;
  Tasks first;
  first.push_back(start("first", [&]() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    co_await lock.acquire();
  }));
  const auto run = [&](auto waits) -> asyncio::Task<> {
    return start("second", [&lock, waits]() -> asyncio::Coro<> {
      const auto held = co_await lock.hold();
      co_await waits();
    });
  };
  Tasks second;
  second.push_back(run([&]() -> asyncio::Coro<> {
    const std::vector<asyncio::FutureBase> both = {first[0], other};
    co_await asyncio::wait(both, {.return_when = asyncio::FIRST_COMPLETED});
  }));
  co_await asyncio::sleep(2s);
  EXPECT_EQ(text_of(asyncio::find_deadlock()), "");
  co_await cancel_all(second);
  co_await cancel_all(first);

  first[0] = start("first", [&]() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    co_await lock.acquire();
  });
  second[0] = run([&]() -> asyncio::Coro<> { co_await asyncio::wait(first, {.timeout = 1h}); });
  co_await asyncio::sleep(2s);
  EXPECT_EQ(text_of(asyncio::find_deadlock()), "");
  co_await cancel_all(second);
  co_await cancel_all(first);
}

// DBG-048: all of several are stuck, of which one would be enough
ASYNC_TEST(Deadlock, OfTheFirstOfSeveralIsOneWhenAllAreStuck) {
  asyncio::Lock lock;
  Tasks first;
  for (const char* name : {"x", "y"}) {
    first.push_back(start(name, [&]() -> asyncio::Coro<> {
      co_await asyncio::sleep(1s);
      co_await lock.acquire();
    }));
  }
  const Tasks second = {start("second", [&]() -> asyncio::Coro<> {
    const auto held = co_await lock.hold();
    co_await asyncio::wait(first, {.return_when = asyncio::FIRST_COMPLETED});
  })};
  co_await asyncio::sleep(2s);
  const auto deadlock = asyncio::find_deadlock();
  EXPECT_TRUE(deadlock);
  if (deadlock) {
    EXPECT_EQ(deadlock->tasks.size(), 2U);
    EXPECT_EQ(deadlock->tasks[0], first[0]);
  }
  co_await cancel_all(second);
  co_await cancel_all(first);
}

// DBG-048: names cannot control a terminal
ASYNC_TEST(Deadlock, ShowsNamesEscapedAndCut) {
  asyncio::Lock lock;
  const Tasks tasks = {start("\x1b[2J" + std::string(1000, 'x'), [&]() -> asyncio::Coro<> {
    const auto held = co_await lock.hold();
    co_await lock.acquire();
  })};
  co_await asyncio::sleep(1s);
  const std::string text = text_of(asyncio::find_deadlock());
  EXPECT_TRUE(text.starts_with("Task '\\x1b[2Jxxx")) << text;
  EXPECT_LT(text.size(), 300U);
  co_await cancel_all(tasks);
}

// DBG-048: a long cycle is found at once and told in short
ASYNC_TEST(Deadlock, OfManyLocksNamesTheFirstAndTheLastTasks) {
  constexpr std::size_t size = 2000;
  std::vector<asyncio::Lock> locks(size);
  Tasks tasks;
  for (std::size_t i = 0; i < size; ++i) {
    tasks.push_back(asyncio::create_task(takes_both(locks[i], locks[(i + 1) % size]),
                                         {.name = std::to_string(i)}));
  }
  co_await asyncio::sleep(2s);
  const auto deadlock = asyncio::find_deadlock();
  EXPECT_TRUE(deadlock);
  if (deadlock) {
    EXPECT_EQ(deadlock->tasks.size(), size);
    EXPECT_NE(deadlock->text.find("and so on through 1979 more, until Task '1999', which waits"),
              std::string::npos)
        << deadlock->text;
  }
  co_await cancel_all(tasks);
}

TEST(Deadlock, IsAskedOfARunningLoop) {
  EXPECT_EQ(support::thrown_by([] { (void)asyncio::find_deadlock(); }).substr(0, 47),
            "RuntimeError: find_deadlock(): no running event");
}

// --- reported by the loop -----------------------------------------------------------------------

// DBG-048
TEST(DeadlockReport, DebugModeTellsOfTheAwaitThatClosesACycle) {
  const support::LogCapture log;
  asyncio::testing::run(wait_for_each_other(), {.debug = true});
  // 'b' comes second and closes it.
  const std::string closed = "deadlock: Task 'b' waits" + at(second_lock_line) +
                             " for a lock held by Task 'a', which waits" + at(second_lock_line) +
                             " for a lock held by Task 'b'; none of them goes on unless another "
                             "task releases a lock or cancels one of them";
  EXPECT_EQ(log.count(closed), 1) << joined(log);
  EXPECT_EQ(log.count("deadlock: Task"), 1) << joined(log);
}

// DBG-048
TEST(DeadlockReport, WithoutDebugModeNobodyLooks) {
  const support::LogCapture log;
  asyncio::testing::run(wait_for_each_other());
  EXPECT_EQ(log.count("deadlock: Task"), 0) << joined(log);
}

// DBG-048
TEST(DeadlockReport, DebugModeTellsOfACycleThroughAGather) {
  const support::LogCapture log;
  unsigned line = 0;
  const auto main = [&]() -> asyncio::Coro<> {
    Tasks tasks;
    line = __LINE__ + 2;
    tasks.push_back(
        start("first", [&]() -> asyncio::Coro<> { co_await asyncio::gather(tasks[1]); }));
    tasks.push_back(start("second", [&]() -> asyncio::Coro<> { co_await tasks[0]; }));
    co_await asyncio::sleep(1s);
    tasks[0].cancel();
    for (const auto& task : tasks) (void)co_await asyncio::as_result(task);
    co_await asyncio::sleep(1s);
  };
  asyncio::testing::run(main, {.debug = true});
  EXPECT_EQ(log.count("deadlock: Task 'second' waits" + at(line + 1) +
                      " for Task 'first', which waits" + at(line) + " for Task 'second'"),
            1)
      << joined(log);
}

// DBG-048: acquire() tells of it already
TEST(DeadlockReport, OfALockOfItsOwnIsToldOnce) {
  const support::LogCapture log;
  const auto main = []() -> asyncio::Coro<> {
    asyncio::Lock lock;
    const Tasks tasks = {start("greedy", [&]() -> asyncio::Coro<> {
      const auto held = co_await lock.hold();
      co_await lock.acquire();
    })};
    co_await asyncio::sleep(1s);
    co_await cancel_all(tasks);
  };
  asyncio::testing::run(main, {.debug = true});
  EXPECT_EQ(log.count("waits for a lock that it has acquired itself"), 1) << joined(log);
  EXPECT_EQ(log.count("deadlock: Task"), 0) << joined(log);
}

// DBG-048: the virtual clock knows that nothing can ever happen
TEST(DeadlockReport, OfTheVirtualClockNamesTheCycleAndTheFramesOfEachTask) {
  const std::string text = support::thrown_by([] {
    asyncio::testing::run([]() -> asyncio::Coro<> {
      asyncio::Lock x;
      asyncio::Lock y;
      const auto a = asyncio::create_task(takes_both(x, y), {.name = "a"});
      const auto b = asyncio::create_task(takes_both(y, x), {.name = "b"});
      co_await a;
    });
  });
  EXPECT_NE(text.find("can wake the loop; " + held_by_each_other() + "; waiting are:\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\n  <Task pending name='b'"), std::string::npos) << text;
  EXPECT_NE(text.find("\n      takes_both()" + at(second_lock_line) + "\n"), std::string::npos)
      << text;
}

// failure: a task that waits for an item that nobody will put
TEST(DeadlockReport, OfALostItemNamesTheFrameThatWaits) {
  unsigned line = 0;
  const std::string text = support::thrown_by([&] {
    asyncio::testing::run([&]() -> asyncio::Coro<> {
      asyncio::Queue<int> queue;
      line = __LINE__ + 1;
      co_await queue.get();
    });
  });
  EXPECT_NE(text.find("wait_for=<Queue.get()>"), std::string::npos) << text;
  EXPECT_NE(text.find(at(line)), std::string::npos) << text;
}

// DBG-048: on a real clock the rest is up to other threads
TEST(DeadlockReport, DebugModeTellsOnceOfALoopThatNothingCanWake) {
  const support::LogCapture log;
  const char* what = "goes to sleep with nothing that could wake it";
  asyncio::run(
      [&]() -> asyncio::Coro<> {
        asyncio::EventLoop& loop = asyncio::get_running_loop();
        for (int i = 0; i < 2; ++i) {
          const asyncio::Future<> never;
          std::thread other([&] {
            for (int n = 0; n < 1000 && log.count(what) == 0; ++n)
              std::this_thread::sleep_for(10ms);
            loop.call_soon_threadsafe([&] { never.set_result(); });
          });
          co_await never;
          other.join();
        }
      },
      {.debug = true});
  EXPECT_EQ(log.count(what), 1) << joined(log);
}
