#include <asyncio/metrics.hpp>

#include <asyncio/event.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// The number behind "NAME{" and whatever labels contain `label`; -1: there is none.
double figure(const std::string& name, const std::string& label = "") {
  std::istringstream text(asyncio::metrics());
  for (std::string line; std::getline(text, line);) {
    const auto labels = line.substr(0, line.rfind(' '));
    if (line.starts_with(name + "{") && labels.find(label) != std::string::npos) {
      return std::stod(line.substr(line.rfind(' ')));
    }
  }
  return -1;
}

asyncio::Coro<> yield_once() { co_await asyncio::sleep(0s); }
asyncio::Coro<> wait_for(asyncio::Event& event) { co_await event.wait(); }
asyncio::Coro<> fail() {
  co_await asyncio::sleep(0s);
  throw std::runtime_error("no");
}

}  // namespace

ASYNC_TEST(Metrics, CountsTasksStepsAndEnds) {
  const asyncio::Metrics metrics;
  auto good = asyncio::create_task(yield_once());
  auto bad = asyncio::create_task(fail());
  auto doomed = asyncio::create_task(yield_once());
  co_await asyncio::sleep(0s);
  doomed.cancel();
  co_await good;
  co_await asyncio::sleep(0s);
  EXPECT_NE(bad.exception(), nullptr);
  EXPECT_EQ(figure("asyncio_tasks_created_total"), 3);
  EXPECT_EQ(figure("asyncio_tasks_done_total"), 3);
  EXPECT_EQ(figure("asyncio_tasks_failed_total"), 1);
  EXPECT_EQ(figure("asyncio_tasks_cancelled_total"), 1);
  EXPECT_EQ(figure("asyncio_cancel_requests_total"), 1);
  // Two of each of the three, and of this one those that were over.
  EXPECT_GE(figure("asyncio_steps_total"), 7);
  EXPECT_EQ(figure("asyncio_step_duration_seconds_count"),
            figure("asyncio_steps_total") + figure("asyncio_callbacks_total"));
  EXPECT_EQ(figure("asyncio_step_duration_seconds_bucket", "le=\"+Inf\""),
            figure("asyncio_step_duration_seconds_count"));
}

ASYNC_TEST(Metrics, ShowsWhatWaitsIsReadyAndIsArmed) {
  const asyncio::Metrics metrics;
  asyncio::Event event;
  std::vector<asyncio::Task<>> tasks;
  for (int i = 0; i < 3; ++i) tasks.push_back(asyncio::create_task(wait_for(event)));
  auto timer = asyncio::get_running_loop().call_later(1h, [] {});
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  const double timers = figure("asyncio_timers");
  EXPECT_GE(timers, 1);
  // At the end of the last step all but this one, which was ready, waited.
  EXPECT_EQ(figure("asyncio_tasks", "state=\"ready\""), 1);
  const double waiting = figure("asyncio_tasks", "state=\"waiting\"");
  EXPECT_GE(waiting, 3);
  event.set();
  co_await asyncio::sleep(0s);
  // The last of them has run and three have ended; this one is ready.
  EXPECT_EQ(figure("asyncio_tasks", "state=\"waiting\""), waiting - 3);
  timer.cancel();
  for (auto& task : tasks) co_await task;
}

ASYNC_TEST(Metrics, MeasuresHowLongStepsAndBatchesHoldTheLoop) {
  const asyncio::Metrics metrics;
  co_await asyncio::sleep(0s);
  EXPECT_GE(figure("asyncio_loop_lag_seconds_count"), 0);
  // A histogram counts up to its last bucket.
  double before = 0;
  std::istringstream text(asyncio::metrics());
  int buckets = 0;
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with("asyncio_step_duration_seconds_bucket{")) continue;
    const double count = std::stod(line.substr(line.rfind(' ')));
    EXPECT_GE(count, before);
    before = count;
    ++buckets;
  }
  EXPECT_EQ(buckets, 27);
}

TEST(Metrics, OfLoopsOfOtherThreadsAreReadFromAny) {
  EXPECT_EQ(asyncio::metrics(), "");
  asyncio::run([]() -> asyncio::Coro<> {
    const asyncio::Metrics here;
    std::thread other([] {
      asyncio::run(
          []() -> asyncio::Coro<> {
            const asyncio::Metrics there;
            for (int i = 0; i < 1000; ++i) co_await asyncio::sleep(0s);
            EXPECT_GT(figure("asyncio_steps_total", "loop=\"other \\\"one\\\"\""), 990);
          }(),
          asyncio::RunOptions{.name = "other \"one\""});
    });
    for (int i = 0; i < 100; ++i) {
      (void)asyncio::metrics();
      co_await asyncio::sleep(100us);
    }
    other.join();
    EXPECT_GT(figure("asyncio_steps_total"), 90);
  }());
}

TEST(Metrics, MayOutliveItsLoop) {
  auto loop = asyncio::testing::new_virtual_loop();
  const asyncio::Metrics metrics(*loop);
  loop->run_until_complete(yield_once());
  loop->close();
  EXPECT_EQ(figure("asyncio_tasks_done_total"), 1);
  EXPECT_EQ(figure("asyncio_tasks", "state=\"waiting\""), 0);
  EXPECT_THROW(asyncio::Metrics{*loop}, asyncio::RuntimeError);
  EXPECT_THROW(asyncio::Metrics{}, asyncio::RuntimeError);
  loop.reset();
  EXPECT_EQ(figure("asyncio_tasks_done_total"), 1);
}
