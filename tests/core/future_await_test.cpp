#include <asyncio/future.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

/// Counts the passes of the loop; at the front of each, if it was started first.
class PassCounter {
 public:
  PassCounter() { again(); }
  int passes = 0;
  void stop() { handle_->cancel(); }

 private:
  void again() {
    handle_ = asyncio::get_running_loop().call_soon([this] {
      ++passes;
      again();
    });
  }
  std::optional<asyncio::Handle> handle_;
};

asyncio::Coro<> log_after(Log& log, asyncio::Future<> f, std::string name) {
  co_await f;
  log.push_back(std::move(name));
}

template <class A>
asyncio::Coro<> note_pass_after(A awaited, const PassCounter& counter, int& pass) {
  co_await std::move(awaited);
  pass = counter.passes;
}

asyncio::Coro<> awaits_in_place(asyncio::Future<> f, const PassCounter& counter, int& pass) {
  co_await note_pass_after(f, counter, pass);
}

template <class E>
std::string text_of(const std::exception_ptr& error) {
  if (error == nullptr) return "no error";
  try {
    std::rethrow_exception(error);
  } catch (const E& e) {
    return e.what();
  } catch (...) {
    return "another error";
  }
}

}  // namespace

// --- passes
// ---------------------------------------------------------------------------------------

// TASK-023
ASYNC_TEST(FutureAwait, OfADoneFutureDoesNotYield) {
  asyncio::Future<int> value;
  asyncio::Future<int> error;
  value.set_result(1);
  error.set_exception(std::runtime_error("boom"));
  bool others_ran = false;
  asyncio::get_running_loop().call_soon([&] { others_ran = true; });
  EXPECT_EQ(co_await value, 1);
  EXPECT_THROW(co_await error, std::runtime_error);
  EXPECT_FALSE(others_ran);
  co_await asyncio::sleep(0s);
  EXPECT_TRUE(others_ran);
}

// TASK-024
ASYNC_TEST(FutureAwait, TheWaiterResumesOnePassAfterTheFutureIsDone) {
  auto& loop = asyncio::get_running_loop();
  asyncio::Future<> f;
  Log log;
  auto waiter = asyncio::create_task(log_after(log, f, "resumed"));
  co_await asyncio::sleep(0s);
  loop.call_soon([&] {
    loop.call_soon([&] { log.emplace_back("next pass, before"); });
    f.set_result();
    loop.call_soon([&] { log.emplace_back("next pass, after"); });
  });
  loop.call_soon([&] { log.emplace_back("same pass"); });
  co_await waiter;
  EXPECT_EQ(log, (Log{"same pass", "next pass, before", "resumed", "next pass, after"}));
}

// TASK-025
ASYNC_TEST(FutureAwait, AChainOfTasksTakesOnePassPerLink) {
  PassCounter counter;
  asyncio::Future<> f;
  int inner = 0;
  int middle = 0;
  int outer = 0;
  auto a = asyncio::create_task(note_pass_after(f, counter, inner));
  auto b = asyncio::create_task(note_pass_after(a, counter, middle));
  auto c = asyncio::create_task(note_pass_after(b, counter, outer));
  co_await asyncio::sleep(0s);
  f.set_result();
  const int set_in = counter.passes;
  co_await c;
  EXPECT_EQ(inner, set_in + 1);
  EXPECT_EQ(middle, set_in + 2);
  EXPECT_EQ(outer, set_in + 3);
  EXPECT_EQ(counter.passes, set_in + 4);
  counter.stop();
}

// TASK-025
ASYNC_TEST(FutureAwait, ACoroutineAwaitedInPlaceTakesNoPass) {
  PassCounter counter;
  asyncio::Future<> f;
  int innermost = 0;
  auto task = asyncio::create_task(awaits_in_place(f, counter, innermost));
  co_await asyncio::sleep(0s);
  f.set_result();
  const int set_in = counter.passes;
  co_await task;
  EXPECT_EQ(innermost, set_in + 1);
  EXPECT_EQ(counter.passes, set_in + 2);
  counter.stop();
}

// TASK-022, TASK-027
ASYNC_TEST(FutureAwait, ManyTasksResumeInTheOrderInWhichTheyBeganToWait) {
  asyncio::Future<> f;
  Log log;
  auto b = asyncio::create_task(log_after(log, f, "first"));
  co_await asyncio::sleep(0s);
  auto a = asyncio::create_task(log_after(log, f, "second"));
  auto c = asyncio::create_task(log_after(log, f, "third"));
  co_await asyncio::sleep(0s);
  f.set_result();
  co_await a;
  co_await b;
  co_await c;
  EXPECT_EQ(log, (Log{"first", "second", "third"}));
}

// TASK-022
ASYNC_TEST(FutureAwait, TasksAndCallbacksShareOneOrder) {
  asyncio::Future<> f;
  Log log;
  f.add_done_callback([&] { log.emplace_back("callback 1"); });
  auto task = asyncio::create_task(log_after(log, f, "task"));
  co_await asyncio::sleep(0s);
  f.add_done_callback([&] { log.emplace_back("callback 2"); });
  f.set_result();
  co_await task;
  EXPECT_EQ(log, (Log{"callback 1", "task", "callback 2"}));
}

// --- outcome
// --------------------------------------------------------------------------------------

// TASK-026
ASYNC_TEST(FutureAwait, ThrowsTheStoredExceptionObjectEachTime) {
  asyncio::Future<> f;
  const std::exception_ptr boom = std::make_exception_ptr(std::runtime_error("boom"));
  f.set_exception(boom);
  for (int i = 0; i < 2; ++i) {
    std::exception_ptr caught;
    try {
      co_await f;
    } catch (...) {
      caught = std::current_exception();
    }
    EXPECT_EQ(caught, boom);
    EXPECT_EQ((co_await asyncio::as_result(f)).error(), boom);
  }
}

// TASK-027
ASYNC_TEST(FutureAwait, MayBeRepeated) {
  asyncio::Future<int> f;
  f.set_result(7);
  EXPECT_EQ(co_await f, 7);
  EXPECT_EQ(co_await f, 7);
}

// TASK-029
ASYNC_TEST(FutureAwait, OfAnotherLoopsPendingFutureIsRefused) {
  auto other = asyncio::new_event_loop();
  {
    const auto f = other->create_future<int>();
    std::string text;
    try {
      co_await f;
    } catch (const asyncio::RuntimeError& e) {
      text = e.what();
    }
    EXPECT_NE(text.find("attached to a different loop"), std::string::npos);
    EXPECT_FALSE(f.done());
  }
  other->close();
}

// TASK-029; api.md: as_result never throws
ASYNC_TEST(FutureAwait, ARefusalIsAResultToo) {
  auto other = asyncio::new_event_loop();
  try {
    const auto f = other->create_future<int>();
    const auto r = co_await asyncio::as_result(f);
    EXPECT_EQ(text_of<asyncio::RuntimeError>(r.error()).substr(0, 14), "co_await: Task");
  } catch (const asyncio::RuntimeError&) {
    ADD_FAILURE() << "as_result() has thrown";
  }
  other->close();
}

// TASK-029, TASK-023
ASYNC_TEST(FutureAwait, OfAnotherLoopsDoneFutureIsAllowed) {
  auto other = asyncio::new_event_loop();
  const auto f = other->create_future<int>();
  f.set_result(4);
  EXPECT_EQ(co_await f, 4);
  other->close();
}

// TASK-030
ASYNC_TEST(FutureAwait, CancellingTheFutureReachesEveryWaiterButCountsAsNobodysCancel) {
  asyncio::Future<> f;
  const auto wait = [&]() -> asyncio::Coro<std::string> {
    const auto r = co_await asyncio::as_result(f);
    co_return (r.cancelled() ? "cancelled " : "not cancelled ") +
        std::to_string(asyncio::current_task()->cancelling());
  };
  auto a = asyncio::create_task(wait);
  auto b = asyncio::create_task(wait);
  co_await asyncio::sleep(0s);
  f.cancel();
  EXPECT_EQ(co_await a, "cancelled 0");
  EXPECT_EQ(co_await b, "cancelled 0");
}

// TASK-027, TASK-032
ASYNC_TEST(FutureAwait, ATypeErasedHandleGivesNothingOrThrows) {
  asyncio::Future<int> value;
  asyncio::Future<int> error;
  value.set_result(1);
  error.set_exception(std::runtime_error("boom"));
  const asyncio::FutureBase base = value;
  const asyncio::FutureBase failed = error;
  static_assert(std::is_void_v<decltype(base.operator co_await().await_resume())>);
  co_await base;
  EXPECT_THROW(co_await failed, std::runtime_error);
}

// --- an exception that nobody retrieves
// -----------------------------------------------------------

// TASK-031, TASK-034
ASYNC_TEST(NeverRetrieved, AFuturesErrorIsReportedWhenItsLastHandleGoes) {
  auto& loop = asyncio::get_running_loop();
  Log log;
  std::exception_ptr reported;
  loop.set_exception_handler([&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
    log.push_back(context.message);
    reported = context.exception;
    EXPECT_TRUE(context.future.has_value());
  });
  const std::exception_ptr boom = std::make_exception_ptr(std::runtime_error("boom"));
  {
    std::optional<asyncio::Future<>> copy;
    {
      asyncio::Future<> f;
      copy = f;
      f.set_exception(boom);
    }
    EXPECT_TRUE(log.empty());
  }
  EXPECT_EQ(log, (Log{"Future exception was never retrieved"}));
  EXPECT_EQ(reported, boom);
  loop.set_exception_handler(nullptr);
  co_return;
}

// TASK-031, failure 30
ASYNC_TEST(NeverRetrieved, ATasksErrorIsReportedOnceWithTheTask) {
  auto& loop = asyncio::get_running_loop();
  Log log;
  loop.set_exception_handler([&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
    log.push_back(context.message);
    log.push_back(context.task ? context.task->get_name() : "no task");
  });
  const auto fail = []() -> asyncio::Coro<> {
    co_await asyncio::sleep(0s);
    throw std::runtime_error("boom");
  };
  asyncio::create_task(fail, {.name = "failing"});
  co_await asyncio::sleep(1s);
  EXPECT_EQ(log, (Log{"Task exception was never retrieved", "failing"}));
  loop.set_exception_handler(nullptr);
}

// TASK-031
ASYNC_TEST(NeverRetrieved, GoesToTheLogSinkWithItsTextByDefault) {
  const support::LogCapture capture;
  {
    asyncio::Future<>().set_exception(std::runtime_error("boom 17"));
  }
  EXPECT_EQ(capture.count("Future exception was never retrieved"), 1);
  EXPECT_EQ(capture.count("boom 17"), 1);
  co_return;
}

// TASK-032
ASYNC_TEST(NeverRetrieved, ResultExceptionAwaitAndCancelRetrieve) {
  const support::LogCapture capture;
  {
    std::vector<asyncio::Future<>> futures(4);
    for (auto& f : futures) f.set_exception(std::runtime_error("boom"));
    EXPECT_THROW(futures[0].result(), std::runtime_error);
    EXPECT_NE(futures[1].exception(), nullptr);
    EXPECT_THROW(co_await futures[2], std::runtime_error);
    EXPECT_FALSE(futures[3].cancel());
  }
  EXPECT_TRUE(capture.empty());
}

// TASK-032
ASYNC_TEST(NeverRetrieved, AskingForTheStateDoesNotRetrieve) {
  const support::LogCapture capture;
  {
    asyncio::Future<> f;
    EXPECT_THROW((void)f.exception(), asyncio::InvalidStateError);
    f.set_exception(std::runtime_error("boom"));
    EXPECT_TRUE(f.done());
    EXPECT_FALSE(f.cancelled());
    EXPECT_NE(f.repr().find("boom"), std::string::npos);
  }
  EXPECT_EQ(capture.count("never retrieved"), 1);
  co_return;
}

// TASK-033
ASYNC_TEST(NeverRetrieved, AValueACancellationAndAFutureNeverSetAreSilent) {
  const support::LogCapture capture;
  {
    asyncio::Future<int> value;
    asyncio::Future<int> cancelled;
    const asyncio::Future<int> pending;
    value.set_result(1);
    cancelled.cancel();
  }
  EXPECT_TRUE(capture.empty());
  co_return;
}
