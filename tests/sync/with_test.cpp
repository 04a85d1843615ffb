#include <asyncio/with.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/moved.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

std::string kind_of(const std::exception_ptr& error) {
  if (error == nullptr) return "nothing";
  try {
    std::rethrow_exception(error);
  } catch (const asyncio::CancelledError&) {
    return "CancelledError";
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "something";
  }
}

/// A manager that is given to the body itself; leaving it awaits.
class Door {
 public:
  explicit Door(Log& log) noexcept : log_(&log) {}
  Door(Door&&) noexcept = default;
  Door(const Door&) = delete;
  ~Door() = default;

  asyncio::Coro<> aenter() {
    co_await asyncio::sleep(1ms);
    log_->push_back("enter");
  }
  asyncio::Coro<> aexit(std::exception_ptr error) {
    co_await asyncio::sleep(1ms);
    log_->push_back("exit: " + kind_of(error));
  }

 private:
  Log* log_;
};

/// aenter() gives a value; aexit() says whether the error is swallowed.
class Counter {
 public:
  Counter(Log& log, bool swallows) noexcept : log_(&log), swallows_(swallows) {}

  asyncio::Coro<int> aenter() {
    log_->push_back("enter");
    co_return 41;
  }
  asyncio::Coro<bool> aexit(std::exception_ptr error) {
    log_->push_back("exit: " + kind_of(error));
    co_return swallows_;
  }

 private:
  Log* log_;
  bool swallows_;
};

/// Fails on the way in, or on the way out.
class Stuck {
 public:
  Stuck(Log& log, bool on_enter) noexcept : log_(&log), on_enter_(on_enter) {}

  asyncio::Coro<> aenter() {
    if (on_enter_) throw std::domain_error("enter failed");
    co_return;
  }
  asyncio::Coro<> aexit(std::exception_ptr error) {
    log_->push_back("exit: " + kind_of(error));
    throw std::domain_error("exit failed");
    co_return;
  }

 private:
  Log* log_;
  bool on_enter_;
};

/// Counts its destructions, to see how long with() keeps it.
class Kept {
 public:
  explicit Kept(std::shared_ptr<int> alive) noexcept : alive_(std::move(alive)) {}
  asyncio::Coro<std::shared_ptr<int>> aenter() { co_return alive_; }
  asyncio::Coro<> aexit(std::exception_ptr) { co_await asyncio::sleep(0s); }

 private:
  std::shared_ptr<int> alive_;
};

class NotAManager {
 public:
  void aenter() {}
};

static_assert(asyncio::AsyncContextManager<Door>);
static_assert(asyncio::AsyncContextManager<Door&>);
static_assert(asyncio::AsyncContextManager<Counter>);
static_assert(!asyncio::AsyncContextManager<NotAManager>);

asyncio::Coro<int> plus_one(int& entered) {
  co_await asyncio::sleep(1ms);
  co_return entered + 1;
}

int twice(int& entered) { return 2 * entered; }

}  // namespace

// api: with() gives what the body returns
ASYNC_TEST(With, EntersRunsTheBodyAndLeavesOnceWithItsValue) {
  Log log;
  const int value = co_await asyncio::with(Door(log), [&](Door&) -> asyncio::Coro<int> {
    log.push_back("body");
    co_return co_await asyncio::sleep(1ms, 7);
  });
  EXPECT_EQ(value, 7);
  EXPECT_EQ(log, (Log{"enter", "body", "exit: nothing"}));
}

// api: aexit() on an error
ASYNC_TEST(With, LeavesOnceWithTheErrorOfTheBodyAndThrowsIt) {
  Log log;
  auto end = co_await asyncio::as_result(asyncio::with(Door(log), []() -> asyncio::Coro<> {
    co_await asyncio::sleep(1ms);
    throw std::domain_error("no");
  }));
  EXPECT_EQ(kind_of(end.error()), "no");
  EXPECT_EQ(log, (Log{"enter", "exit: no"}));
}

// api: aexit() on cancellation; it may await
ASYNC_TEST(With, LeavesOnceWhenTheTaskIsCancelledInTheBody) {
  Log log;
  auto task = asyncio::create_task([&]() -> asyncio::Coro<> {
    co_await asyncio::with(Door(log), []() -> asyncio::Coro<> { co_await asyncio::sleep(1h); });
  });
  co_await asyncio::sleep(1s);
  task.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(log, (Log{"enter", "exit: CancelledError"}));
}

// api: aexit() runs for every *entered* manager
ASYNC_TEST(With, DoesNotLeaveWhatItWasCancelledInEntering) {
  Log log;
  auto task = asyncio::create_task([&]() -> asyncio::Coro<> {
    co_await asyncio::with(Door(log), [&] { log.push_back("body"); });
  });
  co_await asyncio::sleep(0s);
  task.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(log, Log{});
}

// api: aexit() runs for every *entered* manager
ASYNC_TEST(With, DoesNotLeaveWhatFailedToBeEntered) {
  Log log;
  auto end =
      co_await asyncio::as_result(asyncio::with(Stuck(log, true), [&] { log.push_back("body"); }));
  EXPECT_EQ(kind_of(end.error()), "enter failed");
  EXPECT_EQ(log, Log{});
}

// api: what aexit() throws replaces the body's error
ASYNC_TEST(With, ThrowsTheErrorOfLeavingInsteadOfTheBodys) {
  Log log;
  auto after_value = co_await asyncio::as_result(asyncio::with(Stuck(log, false), [] {}));
  EXPECT_EQ(kind_of(after_value.error()), "exit failed");
  auto after_error = co_await asyncio::as_result(
      asyncio::with(Stuck(log, false), [] { throw std::domain_error("body failed"); }));
  EXPECT_EQ(kind_of(after_error.error()), "exit failed");
  EXPECT_EQ(log, (Log{"exit: nothing", "exit: body failed"}));
}

// api: a void aenter() gives the manager itself, by reference
ASYNC_TEST(With, GivesTheBodyTheManagerItselfIfEnteringGivesNothing) {
  Log log;
  Door door(log);
  co_await asyncio::with(door, [&](Door& entered) { EXPECT_EQ(&entered, &door); });
  EXPECT_EQ(log, (Log{"enter", "exit: nothing"}));
}

// api: the value of aenter() goes to the body
ASYNC_TEST(With, GivesTheBodyTheValueOfEntering) {
  Log log;
  const int value = co_await asyncio::with(
      Counter(log, false), [](int& entered) -> asyncio::Coro<int> { co_return ++entered; });
  EXPECT_EQ(value, 42);
}

// api: bodies with or without an argument, coroutines or plain functions
ASYNC_TEST(With, TakesFunctionsPlainOrAsynchronousWithOrWithoutArgument) {
  Log log;
  EXPECT_EQ(co_await asyncio::with(Counter(log, false), plus_one), 42);
  EXPECT_EQ(co_await asyncio::with(Counter(log, false), twice), 82);
  EXPECT_EQ(co_await asyncio::with(Counter(log, false), [] { return 3; }), 3);
  EXPECT_EQ(
      co_await asyncio::with(Counter(log, false), []() -> asyncio::Coro<int> { co_return 4; }), 4);
  EXPECT_EQ(co_await asyncio::with(Counter(log, false), [] { return asyncio::sleep(1ms, 5); }), 5);
}

// api: true swallows the exception
ASYNC_TEST(With, ABodyOfVoidEndsNormallyWhenItsErrorIsSwallowed) {
  Log log;
  co_await asyncio::with(Counter(log, true), [] { throw std::domain_error("no"); });
  EXPECT_EQ(log, (Log{"enter", "exit: no"}));
}

// api: bodies that may be left early return void or optional
ASYNC_TEST(With, ABodyOfOptionalGivesNothingWhenItsErrorIsSwallowed) {
  Log log;
  const auto body = [](bool fail) {
    return [fail]() -> std::optional<int> {
      if (fail) throw std::domain_error("no");
      return 6;
    };
  };
  const std::optional<int> none = co_await asyncio::with(Counter(log, true), body(true));
  const std::optional<int> some = co_await asyncio::with(Counter(log, true), body(false));
  EXPECT_EQ(none, std::nullopt);
  EXPECT_EQ(some, 6);
}

// api: RuntimeError naming the manager
ASYNC_TEST(With, ASwallowedErrorOfABodyWithAValueIsARuntimeErrorThatNamesTheManager) {
  Log log;
  auto end =
      co_await asyncio::as_result(asyncio::with(Counter(log, true), []() -> asyncio::Coro<int> {
        throw std::domain_error("no");
        co_return 1;
      }));
  bool runtime_error = false;
  try {
    (void)end.value();
  } catch (const asyncio::RuntimeError&) {
    runtime_error = true;
  }
  EXPECT_TRUE(runtime_error);
  EXPECT_NE(kind_of(end.error()).find("Counter"), std::string::npos) << kind_of(end.error());
  EXPECT_EQ(log, (Log{"enter", "exit: no"}));
}

// api: true from aexit() without an error changes nothing
ASYNC_TEST(With, ASwallowingManagerLeavesAValueAlone) {
  Log log;
  EXPECT_EQ(co_await asyncio::with(Counter(log, true), [] { return 8; }), 8);
}

// api: a cancellation is swallowed like any other exception, as in Python
ASYNC_TEST(With, SwallowsACancellationToo) {
  Log log;
  auto task = asyncio::create_task([&]() -> asyncio::Coro<> {
    co_await asyncio::with(Counter(log, true),
                           []() -> asyncio::Coro<> { co_await asyncio::sleep(1h); });
    log.push_back("went on");
  });
  co_await asyncio::sleep(0s);
  task.cancel();
  co_await task;
  EXPECT_EQ(log, (Log{"enter", "exit: CancelledError", "went on"}));
}

// api: an rvalue manager and the body are kept until the end, then gone
ASYNC_TEST(With, KeepsAnRvalueManagerUntilItIsLeftAlsoWhenItIsStored) {
  auto alive = std::make_shared<int>(1);
  auto body = [keep = alive](std::shared_ptr<int>& entered) -> asyncio::Coro<long> {
    co_await asyncio::sleep(1ms);
    co_return entered.use_count();
  };
  auto stored = asyncio::with(Kept(alive), asyncio::moved(body));
  auto task = asyncio::create_task(std::move(stored));
  EXPECT_EQ(alive.use_count(), 3);  // this, the manager, the body
  EXPECT_EQ(co_await task, 4);      // and what the body was given
  EXPECT_EQ(alive.use_count(), 1);
}

// api: an lvalue manager is referred to
ASYNC_TEST(With, AnLvalueManagerMayBeUsedAgain) {
  Log log;
  Door door(log);
  co_await asyncio::with(door, [] {});
  co_await asyncio::with(door, [] {});
  EXPECT_EQ(log, (Log{"enter", "exit: nothing", "enter", "exit: nothing"}));
}

// api: a move-only result is moved out
ASYNC_TEST(With, GivesAMoveOnlyValue) {
  Log log;
  auto value = co_await asyncio::with(Door(log), []() -> asyncio::Coro<std::unique_ptr<int>> {
    co_return std::make_unique<int>(9);
  });
  EXPECT_EQ(*value, 9);
}

// api: leaving is in the reverse order of entering
ASYNC_TEST(With, TheOuterManagerIsLeftWithWhatLeavingTheInnerThrew) {
  Log log;
  co_await asyncio::with(Counter(log, true), [&]() -> asyncio::Coro<> {
    co_await asyncio::with(Stuck(log, false), [] { throw std::domain_error("no"); });
  });
  EXPECT_EQ(log, (Log{"enter", "exit: no", "exit: exit failed"}));
}

// api: aexit() runs exactly once, also if it is cancelled itself
ASYNC_TEST(With, ACancelWhileLeavingEndsTheLeavingAndIsThrown) {
  Log log;
  auto task = asyncio::create_task([&]() -> asyncio::Coro<> {
    co_await asyncio::with(Door(log), [&] { log.push_back("body"); });
  });
  co_await asyncio::sleep(1500us);  // in aexit()'s sleep now
  task.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(log, (Log{"enter", "body"}));
}
