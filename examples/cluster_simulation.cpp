// A cluster of a thousand workers in one process, on a clock that does not wait: machines vanish
// and others come, a rack of three hundred fails at once. What becomes of the queue?
//
//   cluster_simulation [SEED]
#include <asyncio/asyncio.hpp>
#include <asyncio/cluster.hpp>
#include <asyncio/testing.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "simulation/machine.hpp"

using namespace std::chrono_literals;
namespace cluster = asyncio::cluster;

namespace {

// --- what happens -------------------------------------------------------------------------------

constexpr int workers_at_first = 1000;
constexpr auto visibility = 30s;
constexpr double tasks_a_second = 240;  // of 3 s: 720 workers are busy
constexpr auto shortest_task = 1s;
constexpr auto longest_task = 5s;

constexpr double lifetime = 300;  // of a worker, on average, in seconds
constexpr auto replaced_after = 20s;
constexpr double says_goodbye = 0.2;  // so many are stopped; the others vanish

constexpr auto rack_fails = 100s;
constexpr int workers_in_rack = 300;
constexpr auto rack_comes_back = 190s;
constexpr auto last_submission = 330s;
constexpr auto between_lines = 30s;

// Any number of seconds, as a Duration.
asyncio::Duration seconds(double count) {
  return asyncio::Duration::nanoseconds(static_cast<std::int64_t>(count * 1e9));
}

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}
  /// Less than `below`.
  std::size_t index(std::size_t below) { return random_() % below; }
  bool is(double likely) { return unit() < likely; }
  double between(double least, double most) { return least + (most - least) * unit(); }
  /// Until the next one of things that happen so often in a second, each by itself.
  asyncio::Duration until_next(double a_second) {
    return seconds(std::exponential_distribution<double>(a_second)(random_));
  }

 private:
  double unit() { return std::generate_canonical<double, 53>(random_); }
  std::mt19937_64 random_;
};

// --- workers ------------------------------------------------------------------------------------

asyncio::Coro<> work(asyncio::Duration takes) { co_await asyncio::sleep(takes); }
const auto work_task = cluster::task("work", work);

struct Host {
  Host(cluster::Broker& broker, const std::string& name)
      : machine(broker),
        worker(machine, {.concurrency = 1, .visibility = visibility, .name = name}),
        working(asyncio::create_task(worker.run())) {}

  simulation::Machine machine;
  cluster::Worker worker;
  asyncio::Task<> working;
};

class Fleet {
 public:
  Fleet(cluster::Broker& broker, Chance& chance) : broker_(broker), chance_(chance) {}

  [[nodiscard]] std::size_t size() const noexcept { return hosts_.size(); }
  void start(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string name = "worker-" + std::to_string(++last_number_);
      hosts_.push_back(std::make_unique<Host>(broker_, name));
    }
  }
  /// Any one goes.
  void lose_one(bool with_goodbye) {
    std::swap(hosts_[chance_.index(hosts_.size())], hosts_.back());
    Host& host = *hosts_.back();
    if (with_goodbye) {
      host.worker.stop();
    } else {
      host.machine.switch_off();
      host.working.cancel();
    }
    gone_.push_back(std::move(hosts_.back()));
    hosts_.pop_back();
  }
  /// Some go and others come, for ever.
  asyncio::Coro<> change() {
    asyncio::EventLoop& loop = asyncio::get_running_loop();
    for (;;) {
      co_await asyncio::sleep(chance_.until_next(static_cast<double>(size()) / lifetime));
      std::erase_if(gone_, [](const auto& host) { return host->working.done(); });
      lose_one(chance_.is(says_goodbye));
      loop.call_later(replaced_after, [this] {
        if (!stopped_) start(1);
      });
    }
  }
  asyncio::Coro<> stop() {
    stopped_ = true;
    while (!hosts_.empty()) lose_one(true);
    for (const auto& host : gone_) (void)co_await asyncio::as_result(host->working);
  }

 private:
  cluster::Broker& broker_;
  Chance& chance_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::unique_ptr<Host>> gone_;  // until their tasks have ended
  int last_number_ = 0;
  bool stopped_ = false;
};

// --- who gives tasks, and the table -------------------------------------------------------------

/// Of a part of all: the 99th percentile is at(0.99).
class Latencies {
 public:
  void add(asyncio::Duration latency) { all_.push_back(latency.seconds()); }
  double at(double part) {
    if (all_.empty()) return 0;
    const auto n = static_cast<std::ptrdiff_t>(part * static_cast<double>(all_.size() - 1));
    std::nth_element(all_.begin(), all_.begin() + n, all_.end());
    return all_[static_cast<std::size_t>(n)];
  }
  void clear() { all_.clear(); }

 private:
  std::vector<double> all_;
};

struct Simulation {
  explicit Simulation(std::uint64_t seed) : chance(seed), fleet(broker, chance), client(broker) {}

  asyncio::Coro<> call() {
    asyncio::EventLoop& loop = asyncio::get_running_loop();
    const asyncio::TimePoint began = loop.time();
    const double takes = chance.between(asyncio::Duration(shortest_task).seconds(),
                                        asyncio::Duration(longest_task).seconds());
    co_await client.submit(work, seconds(takes));
    latencies.add(loop.time() - began);
  }

  asyncio::Coro<> submit_all(asyncio::TaskGroup& group) {
    asyncio::EventLoop& loop = asyncio::get_running_loop();
    const asyncio::TimePoint end = loop.time() + last_submission;
    while (loop.time() < end) {
      co_await asyncio::sleep(chance.until_next(tasks_a_second));
      group.create_task(call());
    }
  }

  asyncio::Coro<> have_a_rack_fail() {
    co_await asyncio::sleep(rack_fails);
    for (int i = 0; i < workers_in_rack; ++i) fleet.lose_one(false);
    std::printf("100 s  %d workers vanish at once\n", workers_in_rack);
    co_await asyncio::sleep(rack_comes_back - rack_fails);
    fleet.start(workers_in_rack);
    std::printf("190 s  %d workers come\n", workers_in_rack);
  }

  asyncio::Coro<> print_table() {
    std::printf("time  workers  queued  running     done  redelivered  median    99%%\n");
    cluster::QueueStatus before;
    for (auto time = between_lines;; time += between_lines) {
      co_await asyncio::sleep(between_lines);
      const cluster::QueueStatus now = co_await broker.status("default");
      std::printf("%3lld s  %7zu  %6llu  %7llu  %7llu  %11llu  %4.1f s  %4.1f s\n",
                  static_cast<long long>(time.count()), fleet.size(),
                  static_cast<unsigned long long>(now.queued),
                  static_cast<unsigned long long>(now.running),
                  static_cast<unsigned long long>(now.finished - before.finished),
                  static_cast<unsigned long long>(now.redelivered - before.redelivered),
                  latencies.at(0.5), latencies.at(0.99));
      latencies.clear();
      before = now;
    }
  }

  cluster::MemoryBroker broker;
  Chance chance;
  Fleet fleet;
  cluster::Cluster client;
  Latencies latencies;
};

asyncio::Coro<> simulate(std::uint64_t seed) {
  Simulation all(seed);
  all.fleet.start(workers_at_first);
  auto changing = asyncio::create_task(all.fleet.change());
  auto failing = asyncio::create_task(all.have_a_rack_fail());
  auto printing = asyncio::create_task(all.print_table());

  asyncio::TaskGroup calls;
  const auto submitting = [&](asyncio::TaskGroup& group) { return all.submit_all(group); };
  co_await asyncio::with(calls, submitting);  // until the last one has its result
  co_await failing;
  changing.cancel();
  printing.cancel();
  (void)co_await asyncio::as_result(changing);
  (void)co_await asyncio::as_result(printing);

  const cluster::QueueStatus end = co_await all.broker.status("default");
  std::printf(
      "%llu tasks were accepted, %llu are done, %llu were lost; %llu deliveries were "
      "repeated\n",
      static_cast<unsigned long long>(end.accepted), static_cast<unsigned long long>(end.finished),
      static_cast<unsigned long long>(end.accepted - end.finished),
      static_cast<unsigned long long>(end.redelivered));
  co_await all.client.close();
  co_await all.fleet.stop();
  co_await all.broker.close();
}

}  // namespace

int main(int argc, char** argv) {
  const command_line::Args args(argv + 1, argv + argc);
  try {
    const auto seed = command_line::number<std::uint64_t>(args.empty() ? "1" : args[0], 0,
                                                          1'000'000'000, "the seed");
    const auto began = std::chrono::steady_clock::now();
    asyncio::testing::run([&] { return simulate(seed); });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::printf("simulated in %.1f seconds\n", took.count());
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << std::endl;
    return 2;
  }
}
