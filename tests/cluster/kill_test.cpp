#include <asyncio/cluster.hpp>
#include <asyncio/subprocess.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "cluster/kill_tasks.hpp"
#include "support/files.hpp"
#include "support/redis_server.hpp"

#include <gtest/gtest.h>

#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::cluster::Cluster;
using asyncio::cluster::QueueStatus;
using asyncio::cluster::RedisBroker;
using kill_tests::twice;
using support::RedisServer;

namespace {

/// Keeps so many workers alive, whatever kills them.
class Workers {
 public:
  Workers(std::string url, std::string stage, int count)
      : url_(std::move(url)), stage_(std::move(stage)) {
    for (int i = 0; i < count; ++i) kept_.push_back(asyncio::create_task(keep_one()));
  }
  [[nodiscard]] int killed() const noexcept { return killed_; }
  Coro<> stop() {
    stopping_ = true;
    for (const auto& process : running_) {
      if (!process.returncode()) process.send_signal(SIGTERM);
    }
    for (auto& kept : kept_) co_await kept;
  }

 private:
  Coro<> keep_one() {
    while (!stopping_) {
      std::vector<std::string> command;
      command.emplace_back(CLUSTER_WORKER);
      command.push_back(url_);
      command.push_back(stage_);
      command.push_back(folder_.path() + "/mark");
      auto process = co_await asyncio::create_subprocess_exec(command);
      running_.push_back(process);
      if (stopping_) process.send_signal(SIGTERM);
      const int code = co_await process.wait();
      killed_ += code == -SIGKILL ? 1 : 0;
      std::erase_if(running_, [](const auto& one) { return one.returncode().has_value(); });
      // SIGTERM may come before it has begun.
      EXPECT_TRUE(code == 0 || code == -SIGKILL || (stopping_ && code == -SIGTERM)) << code;
    }
  }

  std::string url_;
  std::string stage_;
  support::Folder folder_;
  std::vector<asyncio::subprocess::Process> running_;
  std::vector<asyncio::Task<>> kept_;
  int killed_ = 0;
  bool stopping_ = false;
};

struct Seen {
  QueueStatus status;
  int killed = 0;
};

/// Each number once, and what comes back.
Coro<Seen> run_all(std::string url, std::string stage, int workers, int count) {
  Workers kept(url, std::move(stage), workers);
  Cluster cluster(url);
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 1);
  const std::vector<int> results = co_await cluster.map(twice, numbers);
  EXPECT_EQ(results.size(), numbers.size());
  for (std::size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i], 2 * numbers[i]);
  Seen seen;
  co_await kept.stop();
  seen.status = co_await cluster.broker().status("default");
  seen.killed = kept.killed();
  co_await cluster.close();
  co_return seen;
}

/// Every one has exactly one result; none is left, and none is dead.
void check(const Seen& seen, int count) {
  const auto all = static_cast<std::uint64_t>(count);
  EXPECT_EQ(seen.status.accepted, all);
  EXPECT_EQ(seen.status.finished, all);
  EXPECT_EQ(seen.status.failed, 0U);
  EXPECT_EQ(seen.status.dead, 0U);
  EXPECT_EQ(seen.status.queued + seen.status.running + seen.status.delayed, 0U);
}

class KilledWorker : public ::testing::TestWithParam<const char*> {};

std::string name_of(const ::testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  for (char& c : name) c = c == ' ' ? '_' : c;
  return name;
}

// Many by hand: CLUSTER_KILL_TASKS=100000.
int many() {
  const char* wanted = std::getenv("CLUSTER_KILL_TASKS");
  return wanted == nullptr ? 2000 : std::atoi(wanted);
}

}  // namespace

TEST_P(KilledWorker, LosesNothingAndNothingIsSeenTwice) {
  if (!RedisServer::is_installed()) GTEST_SKIP() << "redis-server is not installed";
  const RedisServer server;
  constexpr int count = 40;
  const Seen seen =
      asyncio::testing::run([&] { return run_all(server.url(), GetParam(), 2, count); });
  check(seen, count);
  EXPECT_EQ(seen.killed, 1);
}

INSTANTIATE_TEST_SUITE_P(At, KilledWorker,
                         ::testing::Values("claimed", "running", "done", "result written",
                                           "acknowledged"),
                         name_of);

TEST(KilledWorkers, OneInAHundredTasksKillsItsWorkerAndEachHasOneResult) {
  if (!RedisServer::is_installed()) GTEST_SKIP() << "redis-server is not installed";
  const RedisServer server;
  const int count = many();
  const Seen seen =
      asyncio::testing::run([&] { return run_all(server.url(), "one in a hundred", 4, count); });
  check(seen, count);
  EXPECT_GE(seen.killed, 1);
  // Executed again is at most what each that was killed had: ten that ran, and the ends of as many
  // that were on their way.
  EXPECT_GE(seen.status.redelivered, static_cast<std::uint64_t>(count / 100));
  EXPECT_LE(seen.status.redelivered, static_cast<std::uint64_t>(20 * seen.killed));
  EXPECT_LE(seen.status.duplicates, seen.status.redelivered);
  RecordProperty("killed", seen.killed);
  RecordProperty("redelivered", static_cast<int>(seen.status.redelivered));
  RecordProperty("duplicates", static_cast<int>(seen.status.duplicates));
}
