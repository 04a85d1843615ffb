#include <asyncio/event_loop.hpp>

#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

// run_forever(), run_until_complete(), stop(), and what refuses to run.

namespace {

using Log = std::vector<std::string>;

asyncio::Coro<int> gives(int value) { co_return value; }
asyncio::Coro<> fails_with(std::string text) {
  co_await asyncio::sleep(0s);
  throw std::out_of_range(text);
}
asyncio::Coro<> yields(int turns) {
  for (int i = 0; i < turns; ++i) co_await asyncio::sleep(0s);
}
asyncio::Coro<> marks(bool& ran) {
  ran = true;
  co_return;
}
asyncio::Coro<> interrupts() {
  co_await asyncio::sleep(0s);
  throw asyncio::KeyboardInterrupt();
}

template <class A>
concept RunsUntilComplete =
    requires(asyncio::EventLoop& loop, A a) { loop.run_until_complete(std::move(a)); };

// The text of the RuntimeError that `fn` throws; "" if it throws none.
template <class F>
std::string refusal(F&& fn) {
  try {
    fn();
  } catch (const asyncio::RuntimeError& e) {
    return e.what();
  }
  return "";
}

bool contains(const std::string& text, const char* part) { return text.find(part) != text.npos; }

}  // namespace

// LOOP-033, LOOP-034
TEST(EventLoopStop, LetsTheIterationEndButNotTheNextOneBegin) {
  auto loop = asyncio::new_event_loop();
  Log log;
  loop->call_soon([&] {
    log.push_back("stopper");
    loop->stop();
  });
  loop->call_soon([&] {
    log.push_back("same iteration");
    loop->call_soon([&] { log.push_back("next run"); });
  });
  loop->run_forever();
  EXPECT_EQ(log, (Log{"stopper", "same iteration"}));
  loop->call_soon([&] { loop->stop(); });
  loop->run_forever();
  EXPECT_EQ(log, (Log{"stopper", "same iteration", "next run"}));
  loop->close();
}

// LOOP-035, LOOP-002
TEST(EventLoopStop, BeforeRunForeverLeavesExactlyOneIterationThatDoesNotWait) {
  auto loop = asyncio::new_event_loop();
  int ran = 0;
  loop->call_later(1h, [&] { ++ran; });
  loop->stop();
  loop->run_forever();  // returns, although only a timer is there
  EXPECT_EQ(ran, 0);
  loop->call_soon([&] {
    ++ran;
    loop->call_soon([&] { ++ran; });
  });
  loop->stop();
  loop->run_forever();
  EXPECT_EQ(ran, 1);
  loop->close();
}

// LOOP-036
TEST(EventLoopStop, IsForgottenWhenTheRunHasEnded) {
  auto loop = asyncio::new_event_loop();
  loop->stop();
  loop->stop();
  loop->run_forever();
  EXPECT_EQ(refusal([&] { loop->run_until_complete(yields(3)); }), "");
  loop->close();
}

// LOOP-037
TEST(EventLoopRunUntilComplete, GivesTheResultOrThrowsTheError) {
  auto loop = asyncio::new_event_loop();
  EXPECT_EQ(loop->run_until_complete(gives(5)), 5);
  EXPECT_THROW(loop->run_until_complete(fails_with("no")), std::out_of_range);
  auto future = loop->create_future<std::string>();
  loop->call_soon([&] { future.set_result("set"); });
  EXPECT_EQ(loop->run_until_complete(future), "set");
  EXPECT_EQ(loop->run_until_complete(future), "set");  // it is done already
  EXPECT_FALSE(loop->is_running());
  loop->close();
}

// LOOP-037
TEST(EventLoopRunUntilComplete, DoesNotCompileForWhatIsNotAwaitable) {
  static_assert(RunsUntilComplete<asyncio::Coro<int>>);
  static_assert(RunsUntilComplete<asyncio::Future<int>>);
  static_assert(!RunsUntilComplete<int>);
  static_assert(!RunsUntilComplete<std::string>);
}

// LOOP-038
TEST(EventLoopRunUntilComplete, RunsWhatElseIsReadyInTheLastIteration) {
  auto loop = asyncio::new_event_loop();
  Log log;
  auto future = loop->create_future<>();
  future.add_done_callback([&] {
    log.push_back("earlier done-callback");
    loop->call_soon([&] { log.push_back("too late"); });
  });
  loop->call_soon([&] {
    future.set_result();
    loop->call_soon([&] { log.push_back("same iteration"); });
  });
  loop->run_until_complete(future);
  EXPECT_EQ(log, (Log{"earlier done-callback", "same iteration"}));
  loop->close();
}

// LOOP-039
TEST(EventLoopRunUntilComplete, ThrowsIfTheLoopIsStoppedBefore) {
  auto loop = asyncio::new_event_loop();
  auto future = loop->create_future<>();
  loop->call_soon([&] { loop->stop(); });
  const std::string text = refusal([&] { loop->run_until_complete(future); });
  EXPECT_TRUE(contains(text, "stopped before Future completed")) << text;
  EXPECT_FALSE(future.done());
  loop->close();
}

// LOOP-039, LOOP-034
TEST(EventLoopRunUntilComplete, ATaskThatHasStoppedTheLoopGoesOnInTheNextRun) {
  auto loop = asyncio::testing::new_virtual_loop();
  int turns = 0;
  const auto body = [&]() -> asyncio::Coro<> {
    while (turns < 10) {
      co_await asyncio::sleep(100ms);
      if (++turns == 2) loop->stop();
    }
  };
  auto task = loop->create_task(body);
  const asyncio::TimePoint began = loop->time();
  EXPECT_THROW(loop->run_until_complete(task), asyncio::RuntimeError);
  EXPECT_EQ(turns, 2);
  EXPECT_EQ(loop->time() - began, asyncio::Duration(200ms));
  EXPECT_FALSE(task.done());
  loop->run_until_complete(task);
  EXPECT_EQ(turns, 10);

  turns = 0;
  auto stopped = loop->create_task(body);
  EXPECT_THROW(loop->run_until_complete(stopped), asyncio::RuntimeError);
  stopped.cancel();
  EXPECT_THROW(loop->run_until_complete(stopped), asyncio::CancelledError);
  EXPECT_EQ(turns, 2);
  loop->close();
}

// LOOP-040
TEST(EventLoopRunUntilComplete, RefusesAFutureOfAnotherLoop) {
  auto loop = asyncio::new_event_loop();
  auto other = asyncio::new_event_loop();
  auto future = other->create_future<>();
  EXPECT_THROW(loop->run_until_complete(future), std::invalid_argument);
  loop->close();
  other->close();
}

// LOOP-041
TEST(EventLoopRunUntilComplete, TheFutureOfAnAbortedRunDoesNotStopALaterOne) {
  auto loop = asyncio::new_event_loop();
  auto orphan = loop->create_future<>();
  loop->call_soon([&] { loop->stop(); });
  EXPECT_THROW(loop->run_until_complete(orphan), asyncio::RuntimeError);
  loop->call_soon([&] { orphan.set_result(); });
  EXPECT_EQ(refusal([&] { loop->run_until_complete(yields(5)); }), "");
  EXPECT_TRUE(orphan.done());
  loop->close();
}

// LOOP-042
TEST(EventLoopRunUntilComplete, AKeyboardInterruptThatItThrowsCountsAsRetrieved) {
  const support::LogCapture logged;
  auto loop = asyncio::new_event_loop();
  EXPECT_THROW(loop->run_until_complete(interrupts()), asyncio::KeyboardInterrupt);
  EXPECT_EQ(refusal([&] { loop->run_until_complete(yields(3)); }), "");
  loop->close();
  EXPECT_TRUE(logged.empty());
}

// LOOP-032
TEST(EventLoopRunForever, IsLeftByAKeyboardInterruptAtOnceAndTheRestStaysQueued) {
  auto loop = asyncio::new_event_loop();
  Log log;
  loop->call_soon([&] { log.push_back("before"); });
  loop->call_soon([] { throw asyncio::KeyboardInterrupt(); });
  loop->call_soon([&] {
    log.push_back("after");
    loop->stop();
  });
  EXPECT_THROW(loop->run_forever(), asyncio::KeyboardInterrupt);
  EXPECT_EQ(log, (Log{"before"}));
  EXPECT_FALSE(loop->is_running());
  loop->run_forever();
  EXPECT_EQ(log, (Log{"before", "after"}));
  loop->close();
}

// LOOP-043, failure 17
ASYNC_TEST(EventLoopRunForever, RefusesToRunInsideItself) {
  auto& loop = asyncio::get_running_loop();
  EXPECT_TRUE(contains(refusal([&] { loop.run_forever(); }), "this event loop is already running"));
  auto future = loop.create_future<>();
  EXPECT_TRUE(contains(refusal([&] { loop.run_until_complete(future); }), "already running"));
  EXPECT_TRUE(contains(refusal([&] { loop.poll_once(); }), "already running"));
  co_return;
}

// LOOP-043, LOOP-044, failure 17
ASYNC_TEST(EventLoopRunForever, RefusesToRunInsideAnotherLoopWhichGoesOnUnharmed) {
  auto& loop = asyncio::get_running_loop();
  auto other = asyncio::new_event_loop();
  for (int i = 0; i < 2; ++i) {  // CPython 3.13.0 let the second attempt through
    const std::string text = refusal([&] { other->run_forever(); });
    EXPECT_TRUE(contains(text, "cannot run the event loop while another loop is running")) << text;
    EXPECT_EQ(&asyncio::get_running_loop(), &loop);
    EXPECT_FALSE(other->is_running());
  }
  EXPECT_TRUE(contains(refusal([] { asyncio::run(gives(1)); }), "running event loop"));
  other->close();
  EXPECT_EQ(co_await asyncio::sleep(1s, 9), 9);
  EXPECT_TRUE(loop.is_running());
}

// LOOP-044, failure 17
ASYNC_TEST(EventLoopRunUntilComplete, RefusedRunsNothingOfItsCoroutine) {
  const support::LogCapture logged;  // that the coroutine never ran may be said
  auto& loop = asyncio::get_running_loop();
  auto other = asyncio::new_event_loop();
  bool ran = false;
  EXPECT_THROW(loop.run_until_complete(marks(ran)), asyncio::RuntimeError);
  EXPECT_EQ(asyncio::all_tasks().size(), 1U);
  EXPECT_THROW(other->run_until_complete(marks(ran)), asyncio::RuntimeError);
  EXPECT_TRUE(asyncio::all_tasks(*other).empty());
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  EXPECT_FALSE(ran);
  other->close();
  EXPECT_EQ(logged.count("Task was destroyed"), 0);
}

// LOOP-043, failure 17, PROC-052
TEST(EventLoopRunForever, RefusesASecondThread) {
  auto loop = asyncio::new_event_loop();
  std::string text;
  int ran = 0;
  loop->call_soon([&] {
    std::thread([&] { text = refusal([&] { loop->run_forever(); }); }).join();
    loop->call_soon([&] {
      ++ran;
      loop->stop();
    });
  });
  loop->run_forever();
  EXPECT_TRUE(contains(text, "already running")) << text;
  EXPECT_EQ(ran, 1);
  loop->close();
}

// LOOP-091
TEST(EventLoop, TheFuturesAndTasksThatItMakesAreItsOwn) {
  auto loop = asyncio::new_event_loop();
  EXPECT_EQ(&loop->create_future<int>().get_loop(), loop.get());
  auto task = loop->create_task(gives(1));
  EXPECT_EQ(&task.get_loop(), loop.get());
  EXPECT_EQ(loop->run_until_complete(task), 1);
  loop->close();
}

// LOOP-045
TEST(EventLoopRunForever, IsRunningIsTrueFromEntryToExitOnEveryThread) {
  auto loop = asyncio::new_event_loop();
  EXPECT_FALSE(loop->is_running());
  bool here = false;
  bool there = false;
  loop->call_soon([&] {
    here = loop->is_running();
    std::thread([&] { there = loop->is_running(); }).join();
    loop->stop();
  });
  loop->run_forever();
  EXPECT_TRUE(here);
  EXPECT_TRUE(there);
  EXPECT_FALSE(loop->is_running());
  loop->close();
}

// LOOP-049
TEST(EventLoopRepr, TellsItsState) {
  auto loop = asyncio::new_event_loop();
  loop->set_debug(false);
  EXPECT_EQ(loop->repr(), "<EventLoop running=false closed=false debug=false>");
  loop->set_debug(true);
  std::string while_running;
  loop->call_soon([&] {
    while_running = loop->repr();
    loop->stop();
  });
  loop->run_forever();
  EXPECT_EQ(while_running, "<EventLoop running=true closed=false debug=true>");
  loop->close();
  EXPECT_EQ(loop->repr(), "<EventLoop running=false closed=true debug=true>");
}

// --- signals while it waits ---

namespace {

struct sigaction previous_action;

void interrupt_polls_by(int signal) {
  struct sigaction action{};
  action.sa_handler = [](int) {};  // without SA_RESTART
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, &previous_action);
}

}  // namespace

// failure 3
TEST(EventLoopSignals, ThatInterruptThePollMakeNoTimerEarlyAndLoseNothing) {
  interrupt_polls_by(SIGUSR1);
  auto loop = asyncio::new_event_loop();
  const asyncio::TimePoint due = loop->time() + 20ms;
  bool early = false;
  int posted = 0;
  std::atomic<bool> over = false;
  const pthread_t loop_thread = ::pthread_self();
  std::thread pest([&] {
    while (!over) {
      ::pthread_kill(loop_thread, SIGUSR1);
      std::this_thread::sleep_for(1ms);
    }
  });
  std::thread poster([&] {
    for (int i = 0; i < 10; ++i) {
      loop->call_soon_threadsafe([&] { ++posted; });
      std::this_thread::sleep_for(1ms);
    }
    loop->call_soon_threadsafe([&] {
      if (++posted == 12) loop->stop();
    });
  });
  loop->call_at(due, [&] {
    early = loop->time() < due;
    if (++posted == 12) loop->stop();
  });
  loop->run_forever();
  over = true;
  pest.join();
  poster.join();
  loop->close();
  ::sigaction(SIGUSR1, &previous_action, nullptr);
  EXPECT_FALSE(early);
  EXPECT_EQ(posted, 12);
}
