// What a step costs while somebody looks: `bench_trace WHO-ROW`, e.g. timeline-work, which prints
// WHO-ROW, the wall time of a step, the CPU time of the loop's thread for it, and the steps.
#include <asyncio/asyncio.hpp>
#include <asyncio/metrics.hpp>
#include <asyncio/observer.hpp>
#include <asyncio/trace.hpp>

#include "rows.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using asyncio::Coro;
using namespace std::chrono_literals;

namespace {

constexpr long tasks = 64;
constexpr long work_of_a_step = 600;  // about a microsecond

struct Counting : asyncio::Observer {
  long told = 0;
  void step_begins(const asyncio::AnyTask&) override { ++told; }
  void suspended(const asyncio::AnyTask&, const asyncio::Suspension&) override { ++told; }
};

std::uint64_t work(std::uint64_t x, long rounds) {
  for (long i = 0; i < rounds; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  return x;
}

Coro<std::uint64_t> steps(long n, long rounds) {
  std::uint64_t x = 88172645463325252;
  for (long i = 0; i < n; ++i) {
    x = work(x, rounds);
    co_await asyncio::sleep(0s);
  }
  co_return x;
}

Coro<> all_steps(long n, long rounds) {
  std::vector<asyncio::Task<std::uint64_t>> running;
  for (long i = 0; i < tasks; ++i) running.push_back(asyncio::create_task(steps(n, rounds)));
  for (auto& task : running) bench::require(co_await task != 0, "steps");
}

Coro<> measured(std::string name, long all, long rounds) {
  co_await all_steps(all / tasks / 10, rounds);  // warms up
  const double wall = bench::clock_nanoseconds(CLOCK_MONOTONIC);
  const double cpu = bench::clock_nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  co_await all_steps(all / tasks, rounds);
  const auto n = static_cast<double>(all);
  std::printf("%s\t%.3f\t%.3f\t%ld\n", name.c_str(),
              (bench::clock_nanoseconds(CLOCK_MONOTONIC) - wall) / n,
              (bench::clock_nanoseconds(CLOCK_THREAD_CPUTIME_ID) - cpu) / n, all);
}

Coro<> watched_by(std::string name, std::string_view who, long all, long rounds) {
  Counting observer;
  std::optional<asyncio::Metrics> metrics;
  auto& loop = asyncio::get_running_loop();
  if (who == "observer") loop.add_observer(observer);
  if (who == "metrics") metrics.emplace();
  if (who == "timeline") {
    const char* file = std::getenv("BENCH_FILE");
    bench::require(file != nullptr, "BENCH_FILE");
    asyncio::trace::start({.path = file, .limit = std::uint64_t{16} << 30});
  }
  co_await measured(name, all, rounds);
  loop.remove_observer(observer);
  const auto summary = asyncio::trace::stop();
  if (who == "timeline") {
    std::fprintf(stderr, "%lu steps, %lu records lost, %.0f bytes a step\n", summary.steps,
                 summary.lost,
                 static_cast<double>(summary.bytes) / static_cast<double>(summary.steps));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "";
  const auto dash = name.find('-');
  if (dash == std::string::npos) {
    std::fprintf(stderr, "usage: %s {off,observer,metrics,timeline}-{work,bare} [STEPS]\n",
                 argv[0]);
    return 2;
  }
  const bool works = name.substr(dash + 1) == "work";
  const long all = argc > 2 ? std::atol(argv[2]) : 1'000'000;
  asyncio::run(watched_by(name, name.substr(0, dash), all, works ? work_of_a_step : 0));
}
