#include <asyncio/progress.hpp>

#include <asyncio/as_completed.hpp>
#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>

#include "progress/terminal.hpp"
#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using progress_tests::Pipe;
using progress_tests::PlainEnvironment;
using Values = std::vector<int>;

asyncio::Coro<int> works(int seconds) {
  co_await asyncio::sleep(std::chrono::seconds(seconds));
  co_return seconds;
}

asyncio::Coro<int> fails(int seconds) {
  co_await asyncio::sleep(std::chrono::seconds(seconds));
  throw std::runtime_error("bad");
}

asyncio::Coro<std::unique_ptr<int>> works_unique(int seconds) {
  co_await asyncio::sleep(std::chrono::seconds(seconds));
  co_return std::make_unique<int>(seconds);
}

// Not of a braced list, which g++ 12 does not compile inside co_await.
template <class... Seconds>
std::vector<asyncio::Coro<int>> work(Seconds... seconds) {
  std::vector<asyncio::Coro<int>> coros;
  (coros.push_back(works(seconds)), ...);
  return coros;
}

}  // namespace

ASYNC_TEST(ProgressGather, GivesTheValuesAndShowsHowFarItIs) {
  const Pipe pipe;
  const Values values = co_await asyncio::progress::gather(
      work(3, 6, 1), {.description = "work", .output = {.fd = pipe.writer()}});
  EXPECT_EQ(values, (Values{3, 6, 1}));
  EXPECT_EQ(pipe.read(),
            "work: 2/3 (66%), 0.40/s, 0:05, 0:02 left\nwork: 3/3 (100%), 0.50/s, 0:06\n");
}

ASYNC_TEST(ProgressGather, OfValuesThatCannotBeCopiedMovesThem) {
  const Pipe pipe;
  const auto options = asyncio::progress::GatherOptions{.output = {.fd = pipe.writer()}};
  std::vector<asyncio::Coro<std::unique_ptr<int>>> coros;
  coros.push_back(works_unique(1));
  coros.push_back(works_unique(2));
  const auto values = co_await asyncio::progress::gather(std::move(coros), options);
  EXPECT_EQ(*values.at(1), 2);

  std::vector<asyncio::Task<std::unique_ptr<int>>> done;
  done.push_back(asyncio::create_task(works_unique(0)));
  co_await asyncio::sleep(1s);
  const auto same = co_await asyncio::progress::gather(std::move(done), options);
  EXPECT_EQ(*same.at(0), 0);
  EXPECT_EQ(pipe.read(), "2/2 (100%), 1.00/s, 0:02\n1/1 (100%), 0:00\n");
}

ASYNC_TEST(ProgressGather, TakesTasksFuturesAndTheSameOneTwice) {
  const Pipe pipe;
  auto one = asyncio::create_task(works(1));
  auto two = asyncio::create_task(works(2));
  std::vector<asyncio::Task<int>> tasks{one, two, one};
  const Values values =
      co_await asyncio::progress::gather(tasks, {.output = {.fd = pipe.writer()}});
  EXPECT_EQ(values, (Values{1, 2, 1}));
  EXPECT_EQ(pipe.read(), "3/3 (100%), 1.50/s, 0:02\n");
}

ASYNC_TEST(ProgressGather, OfNothingIsDoneAtOnce) {
  const Pipe pipe;
  const Values values = co_await asyncio::progress::gather(
      work(), {.description = "nothing", .output = {.fd = pipe.writer()}});
  EXPECT_TRUE(values.empty());
  EXPECT_EQ(pipe.read(), "nothing: 0/0 (100%), 0:00\n");
}

TEST(ProgressGather, OfNothingNeedsARunningLoop) {
  EXPECT_THROW((void)asyncio::progress::gather(work()), asyncio::RuntimeError);
}

ASYNC_TEST(ProgressGather, TheBarEndsBeforeWhoAwaitsItGoesOn) {
  const Pipe pipe;
  std::vector<asyncio::Coro<int>> coros = work(1);
  auto gathered = asyncio::progress::gather(std::move(coros), {.output = {.fd = pipe.writer()}});
  co_await gathered;
  EXPECT_EQ(pipe.read(), "1/1 (100%), 1.00/s, 0:01\n");
}

ASYNC_TEST(ProgressGather, ThrowsTheFirstErrorAndTheOthersGoOn) {
  const Pipe pipe;
  std::vector<asyncio::Coro<int>> coros = work(1, 3);
  coros.push_back(fails(2));
  bool thrown = false;
  try {
    co_await asyncio::progress::gather(std::move(coros),
                                       {.description = "work", .output = {.fd = pipe.writer()}});
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  EXPECT_TRUE(thrown);
  EXPECT_EQ(pipe.read(), "work: 2/3 (66%), 1.00/s, 0:02, 1 error, stopped\n");
  EXPECT_EQ(asyncio::all_tasks().size(), 2U) << "this one and the one that goes on";
  co_await asyncio::sleep(2s);
  EXPECT_EQ(pipe.read(), "");
}

ASYNC_TEST(ProgressGather, WithReturnExceptionsCountsTheErrors) {
  const Pipe pipe;
  std::vector<asyncio::Coro<int>> coros = work(1);
  coros.push_back(fails(2));
  coros.push_back(fails(3));
  const auto results = co_await asyncio::progress::gather(
      asyncio::return_exceptions, std::move(coros), {.output = {.fd = pipe.writer()}});
  EXPECT_EQ(results.at(0).value(), 1);
  EXPECT_TRUE(results.at(1).error() != nullptr);
  EXPECT_EQ(pipe.read(), "3/3 (100%), 1.00/s, 0:03, 2 errors\n");
}

ASYNC_TEST(ProgressGather, WithCancelOnErrorCancelsTheOthersAndWaitsForThem) {
  const Pipe pipe;
  std::vector<asyncio::Coro<int>> coros = work(1, 9, 9);
  coros.push_back(fails(2));
  bool thrown = false;
  try {
    co_await asyncio::progress::gather(asyncio::cancel_on_error, std::move(coros),
                                       {.output = {.fd = pipe.writer()}});
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  EXPECT_TRUE(thrown);
  EXPECT_EQ(asyncio::all_tasks().size(), 1U);
  EXPECT_EQ(pipe.read(), "2/4 (50%), 1.00/s, 0:02, 1 error, 2 cancelled, stopped\n");
}

ASYNC_TEST(ProgressGather, CancellingItCancelsTheChildren) {
  const Pipe pipe;
  auto gathering = [&pipe]() -> asyncio::Coro<> {
    co_await asyncio::progress::gather(work(1, 9, 9), {.output = {.fd = pipe.writer()}});
  };
  auto task = asyncio::create_task(gathering());
  co_await asyncio::sleep(2s);
  task.cancel("enough");
  EXPECT_TRUE((co_await asyncio::as_result(task)).cancelled());
  EXPECT_EQ(asyncio::all_tasks().size(), 1U);
  EXPECT_EQ(pipe.read(), "1/3 (33%), 0.50/s, 0:02, 2 cancelled, stopped\n");
}

ASYNC_TEST(ProgressGather, CanBeOneBarOfSeveral) {
  const Pipe pipe;
  asyncio::Progress progress({.fd = pipe.writer()});
  auto other = progress.add_task("other", {.total = 5});
  const Values values = co_await asyncio::progress::gather(
      work(1, 2), {.description = "work", .progress = &progress});
  EXPECT_EQ(values, (Values{1, 2}));
  EXPECT_EQ(pipe.read(), "work: 2/2 (100%), 1.00/s, 0:02\n");
  other.finish();
  EXPECT_EQ(pipe.read(), "other: 5/5 (100%), 2.50/s, 0:02\n");
}

ASYNC_TEST(ProgressGather, TheProgressMayEndBeforeIt) {
  const Pipe pipe;
  std::optional<asyncio::Progress> progress;
  progress.emplace(asyncio::ProgressOptions{.fd = pipe.writer()});
  auto gathered = asyncio::progress::gather(work(1, 2), {.progress = &*progress});
  progress.reset();
  const Values values = co_await gathered;
  EXPECT_EQ(values, (Values{1, 2}));
  EXPECT_EQ(pipe.read(), "0/2 (0%), 0:00, stopped\n");
}

ASYNC_TEST(ProgressGather, DroppedUnawaitedItEndsWhenItsChildrenHave) {
  const Pipe pipe;
  {
    auto gathered = asyncio::progress::gather(work(1), {.output = {.fd = pipe.writer()}});
  }
  co_await asyncio::sleep(2s);
  EXPECT_EQ(pipe.read(), "1/1 (100%), 1.00/s, 0:01\n");
}

ASYNC_TEST(ProgressGather, OfFuturesThatNobodyCompletesItEndsWhenItIsDropped) {
  const Pipe pipe;
  auto future = asyncio::get_running_loop().create_future<int>();
  {
    std::vector<asyncio::Future<int>> futures{future};
    auto gathered = asyncio::progress::gather(futures, {.output = {.fd = pipe.writer()}});
  }
  EXPECT_EQ(pipe.read(), "0/1 (0%), 0:00, stopped\n");
  future.set_result(1);
  co_await asyncio::sleep(1s);
  EXPECT_EQ(pipe.read(), "");
}

ASYNC_TEST(ProgressGather, AFutureThatIsDroppedAsItIsCompletedIsCounted) {
  const Pipe pipe;
  std::optional<asyncio::Future<int>> future(asyncio::get_running_loop().create_future<int>());
  std::vector<asyncio::Future<int>> futures{*future};
  auto gathered = asyncio::progress::gather(std::move(futures), {.output = {.fd = pipe.writer()}});
  futures.clear();
  future->set_result(7);
  future.reset();
  const Values values = co_await gathered;
  EXPECT_EQ(values, Values{7});
  EXPECT_EQ(pipe.read(), "1/1 (100%), 0:00\n");
}

TEST(ProgressGather, SurvivesACancellationAtEachAwait) {
  const Pipe pipe;
  const std::string found = asyncio::testing::cancel_at_each_await([&pipe]() -> asyncio::Coro<> {
    co_await asyncio::progress::gather(work(1, 2), {.output = {.fd = pipe.writer()}});
  });
  EXPECT_EQ(found, "");
}

TEST(ProgressGather, SurvivesEachAllocationThatFails) {
  const support::LogCapture log;
  const Pipe pipe;
  const std::string found = asyncio::testing::fail_at_each_allocation([&pipe]() -> asyncio::Coro<> {
    co_await asyncio::progress::gather(work(1, 2), {.output = {.fd = pipe.writer()}});
  });
  EXPECT_EQ(found, "");
}

TEST(ProgressGather, ALoopThatIsClosedEndsIt) {
  const Pipe pipe;
  auto loop = asyncio::testing::new_virtual_loop();
  const support::LogCapture log;
  loop->call_soon([&pipe, &loop] {
    static_cast<void>(asyncio::progress::gather(work(1), {.output = {.fd = pipe.writer()}}));
    loop->stop();
  });
  loop->run_forever();
  loop->close();
  EXPECT_EQ(pipe.read(), "0/1 (0%), 0:00, stopped\n");
}

// --- track() ------------------------------------------------------------------------------------

ASYNC_TEST(ProgressTrack, GivesTheElementsAndAdvances) {
  const Pipe pipe;
  Values values{1, 2, 3};
  int sum = 0;
  for (int& value : asyncio::progress::track(
           values, {.description = "values", .output = {.fd = pipe.writer()}})) {
    co_await asyncio::sleep(1s);
    sum += value;
    value = 0;
  }
  EXPECT_EQ(sum, 6);
  EXPECT_EQ(values, (Values{0, 0, 0}));
  EXPECT_EQ(pipe.read(), "values: 3/3 (100%), 1.00/s, 0:03\n");
}

ASYNC_TEST(ProgressTrack, KeepsATemporaryAndTakesArrays) {
  const Pipe pipe;
  int sum = 0;
  for (const int value :
       asyncio::progress::track(std::list<int>{1, 2}, {.output = {.fd = pipe.writer()}})) {
    sum += value;
  }
  const int more[] = {3, 4};
  for (const int value : asyncio::progress::track(more, {.output = {.fd = pipe.writer()}})) {
    sum += value;
  }
  EXPECT_EQ(sum, 10);
  EXPECT_EQ(pipe.read(), "2/2 (100%), 0:00\n2/2 (100%), 0:00\n");
  co_return;
}

ASYNC_TEST(ProgressTrack, LeftEarlyItIsStopped) {
  const Pipe pipe;
  const Values values{1, 2, 3};
  for (const int value : asyncio::progress::track(values, {.output = {.fd = pipe.writer()}})) {
    if (value == 2) break;
  }
  EXPECT_EQ(pipe.read(), "1/3 (33%), 0:00, stopped\n");
  co_return;
}

ASYNC_TEST(ProgressTrack, ShowsWhatIsCompleted) {
  const Pipe pipe;
  Values ended;
  for (auto& next : asyncio::progress::track(asyncio::as_completed(work(2, 1)),
                                             {.total = 2, .output = {.fd = pipe.writer()}})) {
    ended.push_back(co_await next);
  }
  EXPECT_EQ(ended, (Values{1, 2}));
  EXPECT_EQ(pipe.read(), "2/2 (100%), 1.00/s, 0:02\n");
}
