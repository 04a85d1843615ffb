// Tasks over Redis by asyncio::cluster. bench/cluster.py has the modes.
#include <asyncio/asyncio.hpp>
#include <asyncio/cluster.hpp>

#include "rows.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

using asyncio::Coro;
using asyncio::cluster::Cluster;
using asyncio::cluster::RedisBroker;
using asyncio::cluster::Worker;
using asyncio::cluster::WorkerOptions;

namespace {

Coro<long> following(long number) { co_return number + 1; }
const auto following_task = asyncio::cluster::task("following", following);

double seconds(clockid_t clock) { return bench::clock_nanoseconds(clock) / 1e9; }

Coro<long> sum_of(Cluster& cluster, long first, long count) {
  std::vector<Coro<long>> calls;
  calls.reserve(static_cast<std::size_t>(count));
  for (long i = first; i < first + count; ++i) calls.push_back(cluster.submit(following_task, i));
  auto all = asyncio::gather(std::move(calls));
  const std::vector<long> results = co_await std::move(all);
  long sum = 0;
  for (const long result : results) sum += result;
  co_return sum;
}

Coro<> throughput(std::string url, long count) {
  Cluster cluster(url);
  (void)co_await cluster.submit(following_task, 0L);
  const double began = seconds(CLOCK_MONOTONIC);
  const long sum = co_await sum_of(cluster, 1, count);
  const double took = seconds(CLOCK_MONOTONIC) - began;
  bench::require(sum == count * (count + 3) / 2, "the results");
  std::printf("{\"tasks\": %ld, \"seconds\": %.9f}\n", count, took);
  co_await cluster.close();
}

Coro<> latency(std::string url, long count) {
  Cluster cluster(url);
  std::vector<double> took;
  for (long i = 0; i < count + count / 10; ++i) {
    const double began = bench::clock_nanoseconds(CLOCK_MONOTONIC);
    const long result = co_await cluster.submit(following_task, i);
    took.push_back(bench::clock_nanoseconds(CLOCK_MONOTONIC) - began);
    bench::require(result == i + 1, "the result");
  }
  took.erase(took.begin(), took.end() - count);
  std::printf("{\"tasks\": %ld, \"nanoseconds\": %.0f}\n", count, bench::median(std::move(took)));
  co_await cluster.close();
}

Coro<> publish(std::string url, long count) {
  constexpr long together = 10'000;
  Cluster cluster(url);
  const double began = seconds(CLOCK_MONOTONIC);
  const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  for (long first = 0; first < count; first += together) {
    std::vector<Coro<std::string>> calls;
    for (long i = first; i < std::min(first + together, count); ++i) {
      calls.push_back(cluster.send(following_task, i));
    }
    auto all = asyncio::gather(std::move(calls));
    (void)co_await std::move(all);
  }
  std::printf("{\"tasks\": %ld, \"seconds\": %.9f, \"cpu_seconds\": %.9f}\n", count,
              seconds(CLOCK_MONOTONIC) - began, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
  co_await cluster.close();
}

// 0: until it is ended.
Coro<> work(std::string url, long count) {
  RedisBroker broker(url);
  Worker worker(broker, {.concurrency = 100});
  asyncio::get_running_loop().add_signal_handler(SIGTERM, [&worker] { worker.stop(); });
  const double began = seconds(CLOCK_MONOTONIC);
  const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  auto working = asyncio::create_task(worker.run());
  std::puts("ready");
  std::fflush(stdout);
  while (count > 0 && worker.counts().done < static_cast<std::uint64_t>(count)) {
    co_await asyncio::sleep(std::chrono::milliseconds(1));
  }
  if (count > 0) worker.stop();
  co_await working;
  std::printf("{\"tasks\": %ld, \"seconds\": %.9f, \"cpu_seconds\": %.9f}\n", count,
              seconds(CLOCK_MONOTONIC) - began, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
  co_await broker.close();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 3 ? argv[3] : "";
  const long count = argc > 4 ? std::atol(argv[4]) : 0;
  struct Mode {
    std::string_view name;
    Coro<> (*run)(std::string url, long count);
  };
  for (const Mode& known : {Mode{"worker", &work}, Mode{"throughput", &throughput},
                            Mode{"latency", &latency}, Mode{"publish", &publish}}) {
    if (mode != known.name || std::strcmp(argv[1], "--redis") != 0) continue;
    asyncio::run(known.run(argv[2], count));
    return 0;
  }
  std::fprintf(stderr, "usage: %s --redis URL worker|throughput|latency|publish [N]\n", argv[0]);
  return 2;
}
