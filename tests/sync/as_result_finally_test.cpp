#include <asyncio/finally.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Log = std::vector<std::string>;

asyncio::Coro<int> finally_gives(int value) {
  co_await asyncio::sleep(1s);
  co_return value;
}

asyncio::Coro<int> finally_fails(const char* text) {
  co_await asyncio::sleep(1s);
  throw std::runtime_error(text);
}

/// A cleanup of 2 s that notes its beginning and how it ended.
asyncio::Coro<> finally_cleanup(Log& log) {
  log.push_back("cleanup");
  auto slept = co_await asyncio::as_result(asyncio::sleep(2s));
  log.push_back(slept ? "cleaned up" : support::text_of(slept.error()));
  std::move(slept).value();
}

}  // namespace

// finally: Python's `try: return await f() finally: await cleanup()`
ASYNC_TEST(Finally, AfterAValueTheCleanupIsAwaitedAndTheValueGiven) {
  Log log;
  const int value =
      co_await asyncio::finally(finally_gives(1), [&] { return finally_cleanup(log); });
  EXPECT_EQ(value, 1);
  EXPECT_EQ(log, (Log{"cleanup", "cleaned up"}));
}

// api: finally
ASYNC_TEST(Finally, AfterAnErrorTheCleanupIsAwaitedAndTheErrorThrown) {
  Log log;
  auto r = co_await asyncio::as_result(
      asyncio::finally(finally_fails("own"), [&] { return finally_cleanup(log); }));
  EXPECT_EQ(support::text_of(r.error()), "own");
  EXPECT_EQ(log, (Log{"cleanup", "cleaned up"}));
}

// api: finally
ASYNC_TEST(Finally, AfterACancellationTheCleanupMayAwait) {
  Log log;
  auto body = [&]() -> asyncio::Coro<> {
    co_await asyncio::finally(asyncio::sleep(1h), [&] { return finally_cleanup(log); });
  };
  auto task = asyncio::create_task(body);
  co_await asyncio::sleep(1s);
  task.cancel("stop");
  auto r = co_await asyncio::as_result(task);
  EXPECT_EQ(support::text_of(r.error()), "cancelled:stop");
  EXPECT_EQ(log, (Log{"cleanup", "cleaned up"}));
}

// api: finally
ASYNC_TEST(Finally, AnErrorOfTheCleanupReplacesWhatWasThere) {
  auto cleanup = []() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    throw std::runtime_error("cleanup failed");
  };
  auto after_value = co_await asyncio::as_result(asyncio::finally(finally_gives(1), cleanup));
  auto after_error = co_await asyncio::as_result(asyncio::finally(finally_fails("own"), cleanup));
  EXPECT_EQ(support::text_of(after_value.error()), "cleanup failed");
  EXPECT_EQ(support::text_of(after_error.error()), "cleanup failed");
}

// api: finally
ASYNC_TEST(Finally, AFurtherCancelReachesTheCleanup) {
  Log log;
  auto body = [&]() -> asyncio::Coro<> {
    co_await asyncio::finally(asyncio::sleep(1h), [&] { return finally_cleanup(log); });
  };
  auto task = asyncio::create_task(body);
  co_await asyncio::sleep(0s);
  task.cancel("first");
  co_await asyncio::sleep(1s);
  task.cancel("second");
  auto r = co_await asyncio::as_result(task);
  EXPECT_EQ(support::text_of(r.error()), "cancelled:second");
  EXPECT_EQ(log, (Log{"cleanup", "cancelled:second"}));
}

// api: finally
ASYNC_TEST(Finally, ACancelDuringTheCleanupAfterAValueIsThrown) {
  Log log;
  auto body = [&]() -> asyncio::Coro<int> {
    co_return co_await asyncio::finally(finally_gives(1), [&] { return finally_cleanup(log); });
  };
  auto task = asyncio::create_task(body);
  co_await asyncio::sleep(2s);
  task.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
}

// api: finally
ASYNC_TEST(Finally, TheCleanupMayBeAPlainFunction) {
  bool cleaned = false;
  EXPECT_EQ(co_await asyncio::finally(finally_gives(1), [&] { cleaned = true; }), 1);
  EXPECT_TRUE(cleaned);
}

// api: finally
ASYNC_TEST(Finally, TakesATaskAndAMoveOnlyValue) {
  bool cleaned = false;
  auto body = []() -> asyncio::Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(4); };
  EXPECT_EQ(*co_await asyncio::finally(asyncio::create_task(body), [&] { cleaned = true; }), 4);
  EXPECT_TRUE(cleaned);
}

// finally: also when what is awaited cannot even be waited for
ASYNC_TEST(Finally, TheCleanupRunsAlsoIfTheAwaitItselfIsRefused) {
  auto other = asyncio::new_event_loop();
  bool cleaned = false;
  {
    asyncio::Future<int> future(*other);
    auto refused = [&]() -> asyncio::Coro<> {
      co_await asyncio::finally(future, [&] { cleaned = true; });
    };
    auto r = co_await asyncio::as_result(refused());
    EXPECT_THROW(r.value(), asyncio::RuntimeError);
  }
  EXPECT_TRUE(cleaned);
  other->close();
}

// --- shielded -----------------------------------------------------------------------------------

// finally(aw, shielded, cleanup): a cancel during the cleanup is held back until it has ended
ASYNC_TEST(FinallyShielded, ACancelDuringTheCleanupIsHeldBackUntilItsEnd) {
  Log log;
  auto body = [&]() -> asyncio::Coro<int> {
    co_return co_await asyncio::finally(finally_gives(1), asyncio::shielded,
                                        [&] { return finally_cleanup(log); });
  };
  auto task = asyncio::create_task(body);
  co_await asyncio::sleep(2s);
  task.cancel("held back");
  co_await asyncio::sleep(0s);
  EXPECT_FALSE(task.done());
  auto r = co_await asyncio::as_result(task);
  EXPECT_EQ(support::text_of(r.error()), "cancelled:held back");
  EXPECT_EQ(log, (Log{"cleanup", "cleaned up"}));
}

// api: finally(aw, shielded, cleanup)
ASYNC_TEST(FinallyShielded, SeveralCancelsDuringTheCleanupDoNotReachIt) {
  Log log;
  auto body = [&]() -> asyncio::Coro<> {
    co_await asyncio::finally(asyncio::sleep(1h), asyncio::shielded,
                              [&] { return finally_cleanup(log); });
  };
  auto task = asyncio::create_task(body);
  co_await asyncio::sleep(0s);
  for (int i = 0; i < 3; ++i) {
    task.cancel();
    co_await asyncio::sleep(500ms);
  }
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(task.cancelling(), 3u);
  EXPECT_EQ(log, (Log{"cleanup", "cleaned up"}));
}

// api: finally(aw, shielded, cleanup)
ASYNC_TEST(FinallyShielded, WithoutACancelTheValueIsGiven) {
  Log log;
  const int value = co_await asyncio::finally(finally_gives(1), asyncio::shielded,
                                              [&] { return finally_cleanup(log); });
  EXPECT_EQ(value, 1);
  EXPECT_EQ(log, (Log{"cleanup", "cleaned up"}));
}

// api: finally(aw, shielded, cleanup)
ASYNC_TEST(FinallyShielded, AnErrorIsThrownAfterTheCleanup) {
  Log log;
  auto r = co_await asyncio::as_result(asyncio::finally(finally_fails("own"), asyncio::shielded,
                                                        [&] { return finally_cleanup(log); }));
  EXPECT_EQ(support::text_of(r.error()), "own");
  EXPECT_EQ(log.back(), "cleaned up");
}

// api: finally(aw, shielded, cleanup)
ASYNC_TEST(FinallyShielded, AnErrorOfTheCleanupReplacesWhatWasThere) {
  auto cleanup = []() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    throw std::runtime_error("cleanup failed");
  };
  auto r = co_await asyncio::as_result(
      asyncio::finally(finally_fails("own"), asyncio::shielded, cleanup));
  EXPECT_EQ(support::text_of(r.error()), "cleanup failed");
}

// COMB-044: a limit waits for the shielded cleanup, too
ASYNC_TEST(FinallyShielded, ALimitAroundItComesOutAfterTheCleanup) {
  Log log;
  auto body = [&]() -> asyncio::Coro<> {
    co_await asyncio::finally(finally_gives(1), asyncio::shielded,
                              [&] { return finally_cleanup(log); });
  };
  const auto began = asyncio::get_running_loop().time();
  EXPECT_THROW(co_await asyncio::wait_for(body(), 2s), asyncio::TimeoutError);
  EXPECT_EQ(asyncio::get_running_loop().time() - began, asyncio::Duration(3s));
  EXPECT_EQ(log, (Log{"cleanup", "cleaned up"}));
}
