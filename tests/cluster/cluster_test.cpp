#include <asyncio/cluster.hpp>

#include <asyncio/as_completed.hpp>
#include <asyncio/event.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/progress.hpp>
#include <asyncio/wait_for.hpp>

#include "cluster/cluster_support.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

using namespace cluster_tests;
using asyncio::cluster::Name;
using asyncio::cluster::WhenFull;

namespace {

// --- tasks --------------------------------------------------------------------------------------

int add(int a, int b) { return a + b; }
std::string join(std::string_view a, const std::vector<std::string>& more) {
  return std::accumulate(more.begin(), more.end(), std::string(a));
}
void nothing() {}
int throws_on_a_thread(int code) { throw std::out_of_range("code " + std::to_string(code)); }

int begun = 0;
int cancelled = 0;
Coro<int> waits(double seconds) {
  ++begun;
  try {
    co_await asyncio::sleep(
        asyncio::Duration::nanoseconds(static_cast<std::int64_t>(seconds * 1e9)));
  } catch (const asyncio::CancelledError&) {
    ++cancelled;
    throw;
  }
  co_return begun;
}
Coro<std::string> throws_in_a_coroutine() {
  co_await asyncio::sleep(1ms);
  throw std::runtime_error("as it must");
}
Coro<> throws_cancelled() {
  throw asyncio::CancelledError("by itself");
  co_return;
}
Coro<int> counts_up(int to) {
  for (int i = 1; i <= to; ++i) {
    asyncio::cluster::report(i, to);
    co_await asyncio::sleep(1s);
  }
  co_return to;
}
int reports_from_a_thread() {
  asyncio::cluster::report(3, 4);
  const auto* job = asyncio::cluster::current_job();
  return job != nullptr && job->attempt == 1 && job->queue == "default" ? 1 : 0;
}

const auto add_task = asyncio::cluster::task("add", add);
const auto join_task = asyncio::cluster::task("join", join);
const auto nothing_task = asyncio::cluster::task("nothing", nothing);
const auto throws_task = asyncio::cluster::task("throws_on_a_thread", throws_on_a_thread);
const auto waits_task = asyncio::cluster::task("waits", waits);
const auto throws_in_coroutine =
    asyncio::cluster::task("throws_in_a_coroutine", throws_in_a_coroutine);
const auto throws_cancelled_task = asyncio::cluster::task("throws_cancelled", throws_cancelled);
const auto counts_up_task = asyncio::cluster::task("counts_up", counts_up);
const auto reports_task = asyncio::cluster::task("reports_from_a_thread", reports_from_a_thread);
const auto refuses_task = asyncio::cluster::task("refuses", [](double seconds) -> Coro<int> {
  if (seconds < 0) throw std::invalid_argument("below 0");
  co_return co_await waits(seconds);
});
const auto square_task = asyncio::cluster::task("square", [](int n) { return n * n; });

void forget_all() {
  begun = 0;
  cancelled = 0;
}

}  // namespace

// --- names --------------------------------------------------------------------------------------

TEST(ClusterTask, HasOneNameForOneFunction) {
  EXPECT_NO_THROW((void)asyncio::cluster::task("add", add));
  EXPECT_THROW((void)asyncio::cluster::task("add", nothing), std::invalid_argument);
  EXPECT_THROW((void)asyncio::cluster::task("", nothing), std::invalid_argument);
  EXPECT_THROW((void)asyncio::cluster::task("two words", nothing), std::invalid_argument);
  EXPECT_THROW((void)asyncio::cluster::task(std::string(201, 'n'), nothing), std::invalid_argument);
}

// --- results ------------------------------------------------------------------------------------

ASYNC_TEST(Cluster, GivesWhatTheTaskReturns) {
  Site site;
  EXPECT_EQ(co_await site.cluster.submit(add_task, 2, 3), 5);
  EXPECT_EQ(co_await site.cluster.submit(add, 20, 3), 23);
  EXPECT_EQ(co_await site.cluster.submit(&add, 20, 30), 50);
  const std::vector<std::string> more(2, "b");
  EXPECT_EQ(co_await site.cluster.submit(join_task, "a", more), "abb");
  co_await site.cluster.submit(nothing_task);
  EXPECT_EQ(co_await site.cluster.submit(square_task, 7), 49);
  const Name<int(int)> elsewhere("square");
  EXPECT_EQ(co_await site.cluster.submit(elsewhere, 8), 64);
  forget_all();
  EXPECT_EQ(co_await site.cluster.submit(waits_task, 1.5), 1);
  EXPECT_EQ(site.worker().counts().done, 8U);
  co_await site.close();
}

ASYNC_TEST(Cluster, RefusesAFunctionWithoutAName) {
  Site site;
  std::string error;
  try {
    (void)site.cluster.submit([](int n) { return n; }, 1);
  } catch (const std::invalid_argument& refused) {
    error = refused.what();
  }
  EXPECT_NE(error.find("cluster::task(\"name\", function)"), std::string::npos) << error;
  co_await site.close();
}

ASYNC_TEST(Cluster, ThrowsWhatTheTaskThrowsWithItsTraceback) {
  Site site;
  const auto result = co_await asyncio::as_result(site.cluster.submit(throws_in_coroutine));
  std::optional<asyncio::RemoteError> error;
  try {
    (void)result.value();
  } catch (const asyncio::RemoteError& remote) {
    error = remote;
  }
  EXPECT_TRUE(error.has_value());
  if (error) {
    EXPECT_EQ(error->type(), "runtime_error");
    EXPECT_EQ(error->text(), "as it must");
    EXPECT_NE(error->traceback().find("throws_in_a_coroutine"), std::string::npos)
        << error->traceback();
  }
  const std::string of_thread = co_await error_of(site.cluster.submit(throws_task, 3));
  EXPECT_NE(of_thread.find("code 3"), std::string::npos) << of_thread;
  const std::string by_itself = co_await error_of(site.cluster.submit(throws_cancelled_task));
  EXPECT_NE(by_itself.find("CancelledError"), std::string::npos) << by_itself;
  co_await site.close();
}

ASYNC_TEST(Cluster, SubmissionsGoTogetherIntoGatherMapAndAsCompleted) {
  Site site;
  const auto [five, text] =
      co_await asyncio::gather(site.cluster.submit(add, 2, 3), site.cluster.submit(square_task, 3));
  EXPECT_EQ(five + text, 14);
  std::vector<int> numbers(500);
  std::iota(numbers.begin(), numbers.end(), 0);
  const std::vector<int> squares = co_await site.cluster.map(square_task, numbers);
  EXPECT_EQ(squares.size(), 500U);
  EXPECT_EQ(squares.back(), 499 * 499);
  std::vector<Coro<int>> calls;
  calls.push_back(site.cluster.submit(waits_task, 2.0));
  calls.push_back(site.cluster.submit(waits_task, 1.0));
  int ended = 0;
  auto done = asyncio::as_completed(std::move(calls));
  while (auto next = co_await done.next()) {
    (void)co_await std::move(*next);
    ++ended;
  }
  EXPECT_EQ(ended, 2);
  co_await site.close();
}

ASYNC_TEST(Cluster, MapEndsWithTheFirstErrorAndCancelsTheRest) {
  Site site({.concurrency = 4});
  std::vector<double> seconds(10, 1000.0);
  seconds[2] = -1.0;
  const std::string error = co_await error_of(site.cluster.map(refuses_task, seconds));
  EXPECT_NE(error.find("below 0"), std::string::npos) << error;
  co_await asyncio::sleep(1s);
  EXPECT_EQ(site.worker().counts().running, 0U);
  co_await site.close();
}

ASYNC_TEST(Cluster, RunsWhatRunInExecutorIsGiven) {
  Site site;
  asyncio::cluster::ClusterExecutor executor(site.cluster);
  auto& loop = asyncio::get_running_loop();
  EXPECT_EQ(co_await loop.run_in_executor(executor, add, 5, 6), 11);
  EXPECT_EQ(co_await loop.run_in_executor(executor, square_task, 6), 36);
  co_await site.close();
}

// --- ways to submit -----------------------------------------------------------------------------

ASYNC_TEST(Cluster, OneKeyRunsOnceAndGivesItsResultToAll) {
  forget_all();
  Site site;
  const SubmitOptions once{.key = "order-17"};
  const auto [a, b] = co_await asyncio::gather(site.cluster.submit(once, waits_task, 1.0),
                                               site.cluster.submit(once, waits_task, 1.0));
  EXPECT_EQ(a, 1);
  EXPECT_EQ(b, 1);
  EXPECT_EQ(co_await site.cluster.submit(once, waits_task, 1.0), 1);
  EXPECT_EQ(begun, 1);
  co_await asyncio::sleep(2h);  // longer than it is kept
  EXPECT_EQ(co_await site.cluster.submit(once, waits_task, 1.0), 2);
  co_await site.close();
}

ASYNC_TEST(Cluster, DelaysATask) {
  Site site;
  auto& loop = asyncio::get_running_loop();
  const auto before = loop.time();
  const SubmitOptions later{.delay = 90s};
  EXPECT_EQ(co_await site.cluster.submit(later, add_task, 1, 1), 2);
  const asyncio::Duration passed = loop.time() - before;
  EXPECT_GE(passed, asyncio::Duration(90s));
  EXPECT_LE(passed, asyncio::Duration(92s));
  co_await site.close();
}

ASYNC_TEST(Cluster, SendGivesAnIdAndWaitsForNothing) {
  forget_all();
  Site site;
  const std::string id = co_await site.cluster.send(waits_task, 5.0);
  EXPECT_FALSE(id.empty());
  co_await asyncio::sleep(1s);
  EXPECT_EQ(begun, 1);
  co_await asyncio::sleep(10s);
  EXPECT_EQ((co_await site.status()).finished, 1U);
  co_await site.close();
}

ASYNC_TEST(Cluster, AFullQueueIsWaitedForOrRefused) {
  const WorkerOptions one{.concurrency = 1};
  const ClusterOptions bounded{.max_queued = 2};
  Site site(one, bounded);
  std::vector<asyncio::Task<std::string>> sent;
  for (int i = 0; i < 6; ++i) {
    sent.push_back(asyncio::create_task(site.cluster.send(waits_task, 10.0)));
  }
  co_await asyncio::sleep(1s);
  const auto accepted = std::count_if(sent.begin(), sent.end(), [](auto& t) { return t.done(); });
  EXPECT_LE(accepted, 3);
  const SubmitOptions at_once{.when_full = WhenFull::fail};
  EXPECT_NE((co_await error_of(site.cluster.submit(at_once, add, 1, 1))).find("QueueFull"),
            std::string::npos);
  for (auto& task : sent) EXPECT_FALSE((co_await task).empty());
  co_await asyncio::sleep(100s);
  co_await site.close();
}

ASYNC_TEST(Cluster, ShowsWhatATaskReports) {
  Site site;
  const asyncio::Progress progress({.fd = -1});
  const auto bar = progress.add_task("counting");
  const SubmitOptions shown{.progress = &bar};
  auto counting = asyncio::create_task(site.cluster.submit(shown, counts_up_task, 10));
  co_await asyncio::sleep(4500ms);
  EXPECT_EQ(bar.completed(), 5);
  EXPECT_EQ(bar.total(), 10);
  EXPECT_EQ(co_await counting, 10);
  EXPECT_TRUE(bar.finished());
  EXPECT_EQ(co_await site.cluster.submit(reports_task), 1);
  co_await site.close();
}

// --- cancelling ---------------------------------------------------------------------------------

ASYNC_TEST(Cluster, CancellingTheCallCancelsTheTaskAtItsAwait) {
  forget_all();
  Site site;
  auto call = asyncio::create_task(site.cluster.submit(waits_task, 1000.0));
  co_await asyncio::sleep(1s);
  EXPECT_EQ(begun, 1);
  call.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(call)).cancelled());
  co_await asyncio::sleep(1s);
  EXPECT_EQ(cancelled, 1);
  EXPECT_EQ(site.worker().counts().cancelled, 1U);
  EXPECT_EQ((co_await site.status()).running, 0U);
  co_await site.close();
}

ASYNC_TEST(Cluster, AWorkerThatIsFullHearsOfWhatIsCancelled) {
  forget_all();
  Site site({.concurrency = 1});
  auto call = asyncio::create_task(site.cluster.submit(waits_task, 1000.0));
  co_await asyncio::sleep(1s);
  auto next = asyncio::create_task(site.cluster.submit(waits_task, 1.0));
  co_await asyncio::sleep(1s);
  EXPECT_EQ(begun, 1);
  call.cancel();
  EXPECT_EQ(co_await next, 2);
  EXPECT_EQ(cancelled, 1);
  co_await site.close();
}

ASYNC_TEST(Cluster, WhatIsCancelledBeforeItBeginsNeverDoes) {
  forget_all();
  Site site({.concurrency = 1});
  auto first = asyncio::create_task(site.cluster.submit(waits_task, 10.0));
  co_await asyncio::sleep(1s);
  auto second = asyncio::create_task(site.cluster.submit(waits_task, 10.0));
  co_await asyncio::sleep(1s);
  second.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(second)).cancelled());
  EXPECT_EQ(co_await first, 1);
  co_await asyncio::sleep(5s);
  EXPECT_EQ(begun, 1);
  EXPECT_EQ((co_await site.status()).queued, 0U);
  co_await site.close();
}

ASYNC_TEST(Cluster, OneOfTwoThatWaitForAKeyMayGo) {
  forget_all();
  Site site;
  const SubmitOptions once{.key = "k"};
  auto one = asyncio::create_task(site.cluster.submit(once, waits_task, 10.0));
  auto two = asyncio::create_task(site.cluster.submit(once, waits_task, 10.0));
  co_await asyncio::sleep(1s);
  one.cancel();
  EXPECT_TRUE((co_await asyncio::as_result(one)).cancelled());
  EXPECT_EQ(co_await two, 1);
  EXPECT_EQ(cancelled, 0);
  co_await site.close();
}

ASYNC_TEST(Cluster, ATimeoutCancelsTheTask) {
  forget_all();
  Site site;
  const std::string error =
      co_await error_of(asyncio::wait_for(site.cluster.submit(waits_task, 1000.0), 1s));
  EXPECT_NE(error.find("TimeoutError"), std::string::npos) << error;
  co_await asyncio::sleep(1s);
  EXPECT_EQ(cancelled, 1);
  co_await site.close();
}

// --- the end ------------------------------------------------------------------------------------

ASYNC_TEST(Cluster, ClosingItEndsCallsWithAnErrorAndLeavesTheTask) {
  forget_all();
  Site site;
  auto call = asyncio::create_task(site.cluster.submit(waits_task, 5.0));
  co_await asyncio::sleep(1s);
  co_await site.cluster.close();
  const std::string error = co_await error_of(asyncio::wait_for(call, 1s));
  EXPECT_NE(error.find("the Cluster was closed"), std::string::npos) << error;
  co_await asyncio::sleep(10s);
  EXPECT_EQ(site.worker().counts().done, 1U);
  EXPECT_NE((co_await error_of(site.cluster.submit(add, 1, 1))).find("is closed"),
            std::string::npos);
  co_await site.close();
}

ASYNC_TEST(Cluster, ClosingItEndsACallThatIsBeingPublished) {
  const ClusterOptions bounded{.max_queued = 1};
  MemoryBroker broker;
  Cluster cluster(broker, bounded);
  auto accepted = asyncio::create_task(cluster.submit(add, 1, 1));
  auto waits_for_room = asyncio::create_task(cluster.submit(add, 1, 1));
  co_await asyncio::sleep(1s);
  co_await cluster.close();
  for (auto* call : {&accepted, &waits_for_room}) {
    const std::string error = co_await error_of(asyncio::wait_for(*call, 5s));
    EXPECT_NE(error.find("closed"), std::string::npos) << error;
  }
}

ASYNC_TEST(Cluster, InMemoryItHasAWorkerOfItsOwn) {
  Cluster cluster("memory:");
  EXPECT_EQ(co_await cluster.submit(add, 4, 4), 8);
  co_await cluster.close();
}

TEST(Cluster, NeedNotBeClosed) {
  asyncio::testing::run([]() -> Coro<> {
    Cluster cluster("memory:");
    EXPECT_EQ(co_await cluster.submit(add, 4, 4), 8);
  });
}

ASYNC_TEST(Cluster, RefusesAUrlThatIsNone) {
  EXPECT_THROW(Cluster("http://x"), std::invalid_argument);
  co_return;
}
