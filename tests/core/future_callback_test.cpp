#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

/// A callable's capture that calls `fn` when the callable is destroyed.
template <class F>
std::shared_ptr<int> at_destruction(F fn) {
  return {new int(0), [fn](const int* p) {
            delete p;
            fn();
          }};
}

}  // namespace

// TASK-015
ASYNC_TEST(FutureCallback, RunInTheNextPassInTheOrderInWhichTheyWereAdded) {
  asyncio::Future<> f;
  Log log;
  f.add_done_callback([&] { log.emplace_back("first"); });
  f.add_done_callback([&] { log.emplace_back("second"); });
  asyncio::get_running_loop().call_soon([&] { log.emplace_back("scheduled before"); });
  f.set_result();
  asyncio::get_running_loop().call_soon([&] { log.emplace_back("scheduled after"); });
  log.emplace_back("set");
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"set", "scheduled before", "first", "second", "scheduled after"}));
}

// TASK-015, TASK-006
ASYNC_TEST(FutureCallback, RunAfterAnErrorAndACancellationToo) {
  asyncio::Future<> error;
  asyncio::Future<> cancelled;
  Log log;
  error.add_done_callback([&](const asyncio::Future<>& f) {
    log.emplace_back(f.exception() != nullptr ? "error" : "none");
  });
  cancelled.add_done_callback([&](const asyncio::Future<>& f) {
    log.emplace_back(f.cancelled() ? "cancelled" : "not cancelled");
  });
  error.set_exception(std::runtime_error("boom"));
  cancelled.cancel();
  EXPECT_TRUE(log.empty());
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"error", "cancelled"}));
}

// TASK-015
ASYNC_TEST(FutureCallback, GetTheFutureWithItsType) {
  asyncio::Future<std::string> f;
  std::string seen;
  f.add_done_callback([&](const asyncio::Future<std::string>& done) { seen = done.result(); });
  bool same = false;
  f.add_done_callback([&](const asyncio::FutureBase& done) { same = done == f; });
  f.set_result("value");
  co_await asyncio::sleep(0s);
  EXPECT_EQ(seen, "value");
  EXPECT_TRUE(same);
}

// TASK-016
ASYNC_TEST(FutureCallback, AddedToADoneFutureRunInTheNextPass) {
  asyncio::Future<> f;
  f.set_result();
  bool called = false;
  f.add_done_callback([&] { called = true; });
  EXPECT_FALSE(called);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(called);
}

// TASK-016
ASYNC_TEST(FutureCallback, AddedByACallbackRunOnePassLater) {
  asyncio::Future<> f;
  Log log;
  f.add_done_callback([&](const asyncio::Future<>& done) {
    log.emplace_back("outer");
    done.add_done_callback([&] { log.emplace_back("inner"); });
  });
  f.add_done_callback([&] { log.emplace_back("second"); });
  f.set_result();
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"outer", "second"}));
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"outer", "second", "inner"}));
}

// TASK-017
ASYNC_TEST(FutureCallback, AddedTwiceAreCalledTwice) {
  asyncio::Future<> f;
  int calls = 0;
  const auto count = [&] { ++calls; };
  const auto first = f.add_done_callback(count);
  const auto second = f.add_done_callback(count);
  EXPECT_NE(first, second);
  f.set_result();
  co_await asyncio::sleep(0s);
  EXPECT_EQ(calls, 2);
}

// TASK-018
ASYNC_TEST(FutureCallback, RemovedOnesAreNotCalled) {
  Log log;
  for (const std::size_t removed : {0U, 1U, 2U}) {
    asyncio::Future<> f;
    std::vector<asyncio::CallbackId> ids;
    for (const char* name : {"a", "b", "c"}) {
      ids.push_back(f.add_done_callback([&log, name] { log.emplace_back(name); }));
    }
    EXPECT_TRUE(f.remove_done_callback(ids[removed]));
    EXPECT_FALSE(f.remove_done_callback(ids[removed]));
    f.set_result();
    co_await asyncio::sleep(0s);
  }
  EXPECT_EQ(log, (Log{"b", "c", "a", "c", "a", "b"}));
}

// TASK-018, TASK-017
ASYNC_TEST(FutureCallback, SeveralMayBeRemovedAndOnesThatWereNeverAddedAreNone) {
  asyncio::Future<> f;
  asyncio::Future<> other;
  Log log;
  const auto note = [&log](const char* name) { return [&log, name] { log.emplace_back(name); }; };
  const auto first = f.add_done_callback(note("first"));
  const auto second = f.add_done_callback(note("second"));
  f.add_done_callback(note("third"));
  std::vector<asyncio::CallbackId> same;
  for (int i = 0; i < 6; ++i) same.push_back(f.add_done_callback(note("same")));
  const auto foreign = other.add_done_callback(note("foreign"));
  EXPECT_TRUE(f.remove_done_callback(first));
  EXPECT_TRUE(f.remove_done_callback(second));
  EXPECT_FALSE(f.remove_done_callback(first));
  EXPECT_TRUE(other.remove_done_callback(foreign));
  EXPECT_FALSE(other.remove_done_callback(foreign));
  for (const auto id : same) EXPECT_TRUE(f.remove_done_callback(id));
  f.set_result();
  other.set_result();
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, Log{"third"});
}

// TASK-018
ASYNC_TEST(FutureCallback, AreNotRemovedOnceTheFutureIsDone) {
  asyncio::Future<> f;
  bool called = false;
  const auto id = f.add_done_callback([&] { called = true; });
  f.set_result();
  EXPECT_FALSE(f.remove_done_callback(id));
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(called);
}

// TASK-018, TASK-019
ASYNC_TEST(FutureCallback, OneThatIsCalledCannotRemoveThoseOfTheSamePass) {
  asyncio::Future<> f;
  std::vector<asyncio::CallbackId> later;
  int calls = 0;
  int removed = 0;
  f.add_done_callback([&](const asyncio::Future<>& done) {
    for (const auto id : later) removed += done.remove_done_callback(id) ? 1 : 0;
  });
  for (int i = 0; i < 2; ++i) later.push_back(f.add_done_callback([&] { ++calls; }));
  f.set_result();
  co_await asyncio::sleep(0s);
  EXPECT_EQ(removed, 0);
  EXPECT_EQ(calls, 2);
}

// TASK-019
ASYNC_TEST(FutureCallback, ADestructorMayRemoveAndAddOthersWhileOneIsRemoved) {
  asyncio::Future<> f;
  Log log;
  const auto last = f.add_done_callback([&] { log.emplace_back("last"); });
  const auto id = f.add_done_callback([guard = at_destruction([&] {
                                         f.remove_done_callback(last);
                                         f.add_done_callback([&] { log.emplace_back("added"); });
                                       })] {});
  EXPECT_TRUE(f.remove_done_callback(id));
  f.set_result();
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"added"}));
}

// TASK-019
ASYNC_TEST(FutureCallback, ADestructorMayAddAnotherAfterItsCall) {
  asyncio::Future<> f;
  Log log;
  f.add_done_callback([&log, guard = at_destruction([&] {
                               f.add_done_callback([&] { log.emplace_back("added"); });
                             })] { log.emplace_back("called"); });
  f.set_result();
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"called", "added"}));
}

// TASK-019
ASYNC_TEST(FutureCallback, OfAFutureThatIsNeverDoneAreDestroyedWithIt) {
  int destroyed = 0;
  {
    asyncio::Future<> f;
    f.add_done_callback([guard = at_destruction([&] { ++destroyed; })] {});
    f.add_done_callback([guard = at_destruction([&] { ++destroyed; })] {});
    EXPECT_EQ(destroyed, 0);
  }
  EXPECT_EQ(destroyed, 2);
  co_return;
}

// TASK-020
ASYNC_TEST(FutureCallback, OneThatThrowsGoesToTheExceptionHandlerAndTheOthersRun) {
  auto& loop = asyncio::get_running_loop();
  asyncio::Future<> f;
  Log log;
  loop.set_exception_handler([&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
    EXPECT_NE(context.exception, nullptr);
    log.push_back(context.message.substr(0, 21));
  });
  f.add_done_callback([] { throw std::runtime_error("boom"); });
  f.add_done_callback([&] { log.emplace_back("second"); });
  f.set_result();
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log, (Log{"Exception in callback", "second"}));
  loop.set_exception_handler(nullptr);
}
