// What a loop refuses, with the whole text that people see; docs/errors.md lists these texts.

#include <asyncio/event_loop.hpp>

#include <asyncio/executor.hpp>
#include <asyncio/future.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/threads.hpp>

#include <fcntl.h>
#include "support/errors.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::thrown_by;

namespace {

using Call = std::function<void()>;
struct Case {
  std::string who;
  Call call;
};
using Cases = std::vector<Case>;

std::unique_ptr<asyncio::EventLoop> loop_named(const char* name) {
  auto loop = asyncio::new_event_loop();
  asyncio::detail::scheduler_of(*loop).name = name;
  return loop;
}

asyncio::Coro<int> gives(int value) {
  co_await asyncio::sleep(0s);
  co_return value;
}
asyncio::Coro<> calls(Call fn) {
  fn();
  co_await asyncio::sleep(0s);
}

// Every way to run a loop.
Cases ways_to_run(asyncio::EventLoop& loop, const asyncio::Future<int>& future) {
  return {{"run_forever()", [&loop] { loop.run_forever(); }},
          {"poll_once()", [&loop] { loop.poll_once(); }},
          {"run_until_complete()", [&loop] { (void)loop.run_until_complete(gives(1)); }},
          {"run_until_complete()", [&loop] { loop.run_until_complete(asyncio::sleep(1s)); }},
          {"run_until_complete()", [&loop, future] { (void)loop.run_until_complete(future); }}};
}

// What each of them says, but for its name.
void expect_refusals(const Cases& cases, const std::string& text) {
  for (const Case& c : cases) EXPECT_EQ(thrown_by(c.call), "RuntimeError: " + c.who + text);
}

}  // namespace

// --- running ------------------------------------------------------------------------------------

// LOOP-043, LOOP-044, EXC-010, EXC-018, failure 17
TEST(LoopMisuse, ARunningLoopIsNotRunAgainAndGoesOn) {
  auto loop = loop_named("mine");
  const asyncio::Future<int> future(*loop);
  const std::string text =
      ": this event loop is already running, \"mine\"; co_await in its coroutines, and use "
      "run_coroutine_threadsafe() from other threads";
  loop->run_until_complete(calls([&] {
    expect_refusals(ways_to_run(*loop, future), text);
    std::thread([&] { expect_refusals(ways_to_run(*loop, future), text); }).join();
    EXPECT_TRUE(loop->is_running());
  }));
  EXPECT_EQ(loop->run_until_complete(gives(2)), 2);
  EXPECT_EQ(future.repr(), "<Future pending>");
  loop->close();
}

// LOOP-043, LOOP-044, EXC-018, failure 17
TEST(LoopMisuse, AnotherLoopIsNotRunInsideARunningOne) {
  auto outer = loop_named("outer");
  auto inner = loop_named("inner");
  {
    const asyncio::Future<int> future(*inner);
    outer->run_until_complete(calls([&] {
      expect_refusals(
          ways_to_run(*inner, future),
          ": cannot run the event loop while another loop is running: \"inner\" while "
          "\"outer\" runs on this thread; co_await instead, or use a thread of its own");
      EXPECT_EQ(&asyncio::get_running_loop(), outer.get());
    }));
    EXPECT_EQ(asyncio::all_tasks(*inner).size(), 0U);
  }
  EXPECT_EQ(inner->run_until_complete(gives(3)), 3);
  inner->close();
  outer->close();
}

// LOOP-046, EXC-018
TEST(LoopMisuse, ARunningLoopIsNotClosed) {
  auto loop = loop_named("mine");
  const std::string text =
      "RuntimeError: close(): cannot close a running event loop, \"mine\"; stop() it, and close it "
      "when run_forever() has returned";
  loop->run_until_complete(calls([&] {
    EXPECT_EQ(thrown_by([&] { loop->close(); }), text);
    std::thread([&] { EXPECT_EQ(thrown_by([&] { loop->close(); }), text); }).join();
  }));
  EXPECT_FALSE(loop->is_closed());
  loop->close();
}

// LOOP-039, EXC-018
TEST(LoopMisuse, StoppedTooEarlyItNamesTheFutureThatIsNotDone) {
  auto loop = asyncio::new_event_loop();
  const asyncio::Future<int> future(*loop);
  loop->call_soon([&] { loop->stop(); });
  EXPECT_EQ(thrown_by([&] { (void)loop->run_until_complete(future); }),
            "RuntimeError: run_until_complete(): event loop stopped before Future completed: "
            "<Future pending>; do not call stop() meanwhile, cancel the future instead");
  future.set_result(1);
  EXPECT_EQ(loop->run_until_complete(future), 1);
  loop->close();
}

// LOOP-040
TEST(LoopMisuse, AFutureOfAnotherLoopIsNotWaitedFor) {
  auto mine = loop_named("mine");
  auto theirs = loop_named("theirs");
  const asyncio::Future<int> future(*theirs);
  EXPECT_EQ(thrown_by([&] { (void)mine->run_until_complete(future); }),
            "invalid_argument: run_until_complete(): the future belongs to loop \"theirs\", this "
            "is loop \"mine\"; run the future's own loop");
  EXPECT_EQ(future.repr(), "<Future pending>");
  future.set_result(4);
  EXPECT_EQ(theirs->run_until_complete(future), 4);
  mine->close();
  theirs->close();
}

// RUN-053
TEST(LoopMisuse, WithoutACurrentLoopTheWaysToHaveOneAreNamed) {
  EXPECT_EQ(thrown_by([] { (void)asyncio::get_event_loop(); }),
            "RuntimeError: get_event_loop(): there is no current event loop in this thread; use "
            "asyncio::run(), or new_event_loop() and set_event_loop()");
}

// --- closed -------------------------------------------------------------------------------------

// LOOP-021, LOOP-073, LOOP-092, EXC-018
TEST(LoopMisuse, AClosedLoopTakesNothing) {
  auto loop = loop_named("mine");
  const asyncio::Future<int> future(*loop);
  asyncio::ThreadPoolExecutor pool(1);
  loop->close();
  Cases cases = ways_to_run(*loop, future);
  const Cases more = {{"call_soon()", [&] { loop->call_soon([] {}); }},
                      {"call_later()", [&] { loop->call_later(1s, [] {}); }},
                      {"call_at()", [&] { loop->call_at(asyncio::TimePoint(), [] {}); }},
                      {"create_task()", [&] { (void)loop->create_task(gives(1)); }},
                      {"create_task()", [&] { (void)loop->create_task(gives, 1); }},
                      {"add_reader()", [&] { loop->add_reader(0, [] {}); }},
                      {"add_writer()", [&] { loop->add_writer(0, [] {}); }},
                      {"add_done_callback()", [&] { future.add_done_callback([] {}); }},
                      {"run_in_executor()", [&] { (void)loop->run_in_executor(nullptr, [] {}); }},
                      {"run_in_executor()", [&] { (void)loop->run_in_executor(&pool, [] {}); }},
                      {"set_default_executor()", [&] { loop->set_default_executor(pool); }}};
  cases.insert(cases.end(), more.begin(), more.end());
  expect_refusals(cases, ": event loop is closed, \"mine\"; make a new one");

  const std::string from_threads =
      "RuntimeError: call_soon_threadsafe(): event loop is closed; end the threads that call it "
      "before the loop";
  EXPECT_EQ(thrown_by([&] { loop->call_soon_threadsafe([] {}); }), from_threads);
  EXPECT_EQ(thrown_by([&] { (void)asyncio::run_coroutine_threadsafe(gives(1), *loop); }),
            from_threads);
}

// LOOP-046, LOOP-072
TEST(LoopMisuse, AClosedLoopMayBeClosedStoppedAndAsked) {
  auto loop = asyncio::new_event_loop();
  loop->close();
  loop->close();
  loop->stop();
  EXPECT_FALSE(loop->remove_reader(0));
  EXPECT_FALSE(loop->remove_writer(0));
  EXPECT_EQ(loop->repr(), "<EventLoop running=false closed=true debug=false>");
  EXPECT_EQ(asyncio::all_tasks(*loop).size(), 0U);
}

// TASK-013
TEST(LoopMisuse, AFutureKnowsThatItsLoopIsGone) {
  auto loop = asyncio::new_event_loop();
  const asyncio::Future<int> future(*loop);
  loop->close();
  loop.reset();
  EXPECT_EQ(thrown_by([&] { (void)future.get_loop(); }),
            "RuntimeError: get_loop(): the future's event loop was destroyed; keep the loop as "
            "long as its futures are used");
}

// --- descriptors --------------------------------------------------------------------------------

// LOOP-074, EXC-010, failure 7
TEST(LoopMisuse, WhatIsNoDescriptorIsNotWatched) {
  auto loop = asyncio::new_event_loop();
  EXPECT_EQ(thrown_by([&] { loop->add_reader(-1, [] {}); }),
            "invalid_argument: add_reader(): invalid file descriptor -1; open it first");
  EXPECT_EQ(thrown_by([&] { loop->add_writer(-7, [] {}); }),
            "invalid_argument: add_writer(): invalid file descriptor -7; open it first");
  EXPECT_EQ(thrown_by([&] { loop->add_reader(987'654, [] {}); }),
            "system_error: watching descriptor 987654: Bad file descriptor");
  const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const std::string text = "system_error: watching descriptor " + std::to_string(fd) + " for ";
  EXPECT_EQ(thrown_by([&] { loop->add_reader(fd, [] {}); }),
            text + "reading: Operation not permitted");
  EXPECT_EQ(thrown_by([&] { loop->add_writer(fd, [] {}); }),
            text + "writing: Operation not permitted");
  EXPECT_FALSE(loop->remove_reader(987'654) || loop->remove_reader(fd) || loop->remove_writer(fd));
  ::close(fd);
  loop->close();
}

// --- threads, in debug mode ---------------------------------------------------------------------

// LOOP-097, DBG-007, TASK-009, failure 17
TEST(LoopMisuse, InDebugModeAForeignThreadIsRefusedAndToldTheSafeWay) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(true);
  const asyncio::Future<int> future(*loop);
  const Cases cases = {{"call_soon()", [&] { loop->call_soon([] {}); }},
                       {"call_later()", [&] { loop->call_later(1s, [] {}); }},
                       {"call_at()", [&] { loop->call_at(asyncio::TimePoint(), [] {}); }},
                       {"add_reader()", [&] { loop->add_reader(0, [] {}); }},
                       {"add_writer()", [&] { loop->add_writer(1, [] {}); }},
                       {"create_task()", [&] { (void)loop->create_task(gives(1)); }},
                       {"add_done_callback()", [&] { future.add_done_callback([] {}); }},
                       {"set_result()", [&] { future.set_result(1); }},
                       {"cancel()", [&] { future.cancel(); }}};
  loop->run_until_complete(calls([&] {
    std::thread([&] {
      expect_refusals(cases,
                      ": non-thread-safe operation invoked on an event loop other than the current "
                      "one; use call_soon_threadsafe()");
    }).join();
  }));
  EXPECT_EQ(future.repr().substr(0, 15), "<Future pending");
  EXPECT_EQ(asyncio::all_tasks(*loop).size(), 0U);
  EXPECT_FALSE(loop->remove_reader(0));
  std::thread([&] { loop->call_soon([] {}); }).join();  // a loop that does not run is anybody's
  loop->close();
}
