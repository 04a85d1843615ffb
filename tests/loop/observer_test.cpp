#include <asyncio/observer.hpp>

#include <asyncio/context.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Told = std::vector<std::string>;

/// Writes down what it is told of tasks whose name begins with "t".
class Notes : public asyncio::Observer {
 public:
  Notes() { asyncio::get_running_loop().add_observer(*this); }
  ~Notes() override { asyncio::get_running_loop().remove_observer(*this); }

  Told told;

 protected:
  void created(const asyncio::AnyTask& task) override { note("created", task); }
  void step_begins(const asyncio::AnyTask& task) override { note("begins", task); }
  void suspended(const asyncio::AnyTask& task, const asyncio::Suspension& where) override {
    note("suspended in " + std::string(where.what), task);
  }
  void cancelled(const asyncio::AnyTask& task) override { note("cancel", task); }
  void done(const asyncio::AnyTask& task) override { note("done", task); }

 private:
  void note(const std::string& what, const asyncio::AnyTask& task) {
    if (task.get_name().starts_with('t')) told.push_back(task.get_name() + " " + what);
  }
};

asyncio::Coro<> yield_once() { co_await asyncio::sleep(0s); }
asyncio::Coro<> doze() { co_await asyncio::sleep(1s); }

}  // namespace

ASYNC_TEST(Observer, IsToldOfEachStepInItsOrder) {
  Notes notes;
  auto task = asyncio::create_task(yield_once(), {.name = "t"});
  EXPECT_EQ(notes.told, (Told{"t created"}));
  co_await task;
  EXPECT_EQ(notes.told,
            (Told{"t created", "t begins", "t suspended in its next turn", "t begins", "t done"}));
}

ASYNC_TEST(Observer, IsToldWhereATaskWaits) {
  struct Where : asyncio::Observer {
    unsigned line = 0;
    std::string function;
    void suspended(const asyncio::AnyTask& task, const asyncio::Suspension& where) override {
      if (task.get_name() != "t") return;
      line = where.at.line();
      function = where.function.function_name();
    }
  } where;
  asyncio::get_running_loop().add_observer(where);
  const unsigned line = __LINE__ + 1;
  auto body = []() -> asyncio::Coro<> { co_await asyncio::sleep(1s); };
  auto task = asyncio::create_task(body(), {.name = "t"});
  co_await task;
  EXPECT_EQ(where.line, line);
  EXPECT_NE(where.function, "");
  EXPECT_TRUE(asyncio::get_running_loop().remove_observer(where));
  EXPECT_FALSE(asyncio::get_running_loop().remove_observer(where));
}

ASYNC_TEST(Observer, IsToldOfCancellationsAndEagerSteps) {
  Notes notes;
  auto doomed = asyncio::create_task(doze(), {.name = "t1"});
  auto eager = asyncio::create_task(yield_once(), {.name = "t2", .eager_start = true});
  EXPECT_EQ(notes.told,
            (Told{"t1 created", "t2 created", "t2 begins", "t2 suspended in its next turn"}));
  co_await eager;
  notes.told.clear();
  doomed.cancel();
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(notes.told, (Told{"t1 cancel", "t1 begins", "t1 done"}));
}

ASYNC_TEST(Observer, IsToldOfATaskThatAwaitsAnotherWhichIsCancelledThroughIt) {
  Notes notes;
  auto inner = asyncio::create_task(doze(), {.name = "t inner"});
  auto await_it = [](asyncio::Task<> task) -> asyncio::Coro<> { co_await task; };
  auto outer = asyncio::create_task(await_it(inner), {.name = "t outer"});
  co_await asyncio::sleep(0s);
  notes.told.clear();
  outer.cancel();
  EXPECT_EQ(notes.told, (Told{"t outer cancel", "t inner cancel"}));
  co_await asyncio::sleep(1ms);
  EXPECT_TRUE(outer.cancelled());
}

ASYNC_TEST(Observer, HasTheTasksOwnContextAndInCreatedItsMakers) {
  static asyncio::ContextVar<std::string> span("span", "none");
  struct Spans : asyncio::Observer {
    Told told;
    void created(const asyncio::AnyTask& task) override {
      const std::string name = span.get() + "/" + task.get_name();
      task.get_context().run([&] { span.set(name); });
    }
    void done(const asyncio::AnyTask&) override { told.push_back(span.get()); }
  } spans;
  asyncio::get_running_loop().add_observer(spans);
  auto parent = [](auto child) -> asyncio::Coro<> {
    auto task = asyncio::create_task(child(), {.name = "child"});
    co_await task;
    EXPECT_EQ(span.get(), "none/parent");
  };
  auto task = asyncio::create_task(parent(&yield_once), {.name = "parent"});
  co_await task;
  EXPECT_EQ(spans.told, (Told{"none/parent/child", "none/parent"}));
  EXPECT_EQ(span.get(), "none");
  asyncio::get_running_loop().remove_observer(spans);
}

ASYNC_TEST(Observer, ReportsWhatAHookThrowsAndDisturbsNobody) {
  const support::LogCapture logged;
  struct Throws : asyncio::Observer {
    void created(const asyncio::AnyTask&) override { throw std::runtime_error("created"); }
    void step_begins(const asyncio::AnyTask&) override { throw asyncio::KeyboardInterrupt(); }
    void suspended(const asyncio::AnyTask&, const asyncio::Suspension&) override { throw 3; }
    void done(const asyncio::AnyTask&) override { throw std::runtime_error("done"); }
  } throws;
  asyncio::get_running_loop().add_observer(throws);
  Notes notes;
  auto task = asyncio::create_task(yield_once(), {.name = "t"});
  co_await task;
  asyncio::get_running_loop().remove_observer(throws);
  EXPECT_EQ(notes.told.size(), 5U);
  EXPECT_EQ(logged.count("Exception in Observer::created()"), 1);
  EXPECT_EQ(logged.count("Exception in Observer::done()"), 1);
  EXPECT_GE(logged.count("Exception in Observer::step_begins()"), 2);
}

ASYNC_TEST(Observer, MayRemoveItselfAndMakeTasksInAHook) {
  struct Once : asyncio::Observer {
    int made = 0;
    void created(const asyncio::AnyTask&) override {
      ++made;
      asyncio::get_running_loop().remove_observer(*this);
      asyncio::create_task(yield_once());
    }
  };
  auto once = std::make_unique<Once>();
  asyncio::get_running_loop().add_observer(*once);
  EXPECT_THROW(asyncio::get_running_loop().add_observer(*once), std::invalid_argument);
  auto task = asyncio::create_task(yield_once());
  EXPECT_EQ(once->made, 1);
  once.reset();
  co_await task;
  co_await asyncio::sleep(0s);
}

TEST(Observer, IsToldDoneOfATaskThatIsDestroyedPending) {
  const support::LogCapture logged;
  struct Ends : asyncio::Observer {
    int pending = 0;
    void done(const asyncio::AnyTask& task) override { pending += task.done() ? 0 : 1; }
  } ends;
  auto loop = asyncio::testing::new_virtual_loop();
  loop->add_observer(ends);
  loop->create_task(doze());
  loop->close();
  EXPECT_EQ(ends.pending, 1);
  EXPECT_THROW(loop->add_observer(ends), asyncio::RuntimeError);
}
