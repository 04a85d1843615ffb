// What bench/inspections.py looks into. `many N`: so many tasks that sleep; prints "ready".
// `churn`: creates and ends tasks as fast as it can, and prints a line now and then: nanoseconds of
// the clock, nanoseconds of CPU time, tasks until then.
#include <asyncio/asyncio.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;

namespace {

std::int64_t nanoseconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

asyncio::Coro<> sleeps() { co_await asyncio::sleep(24h); }

asyncio::Coro<> many(std::size_t count) {
  std::vector<asyncio::Task<>> tasks;
  tasks.reserve(count);
  for (std::size_t i = 0; i < count; ++i) tasks.push_back(asyncio::create_task(sleeps()));
  co_await asyncio::sleep(100ms);
  std::puts("ready");
  std::fflush(stdout);
  co_await asyncio::sleep(24h);
}

asyncio::Coro<> inner() { co_await asyncio::sleep(0s); }
asyncio::Coro<> lives() { co_await inner(); }

asyncio::Coro<> churn() {
  constexpr int batch = 1000;
  constexpr std::int64_t between = 20'000'000;
  std::vector<asyncio::Task<>> tasks;
  tasks.reserve(batch);
  std::int64_t told = 0;
  for (std::uint64_t count = 0;; count += batch) {
    for (int i = 0; i < batch; ++i) tasks.push_back(asyncio::create_task(lives()));
    for (auto& task : tasks) co_await task;
    tasks.clear();
    const std::int64_t now = nanoseconds(CLOCK_MONOTONIC);
    if (now - told < between) continue;
    told = now;
    std::printf("%lld %lld %llu\n", static_cast<long long>(now),
                static_cast<long long>(nanoseconds(CLOCK_PROCESS_CPUTIME_ID)),
                static_cast<unsigned long long>(count));
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "many" && argc > 2) {
    asyncio::run(many(std::strtoull(argv[2], nullptr, 10)));
  } else if (mode == "churn") {
    asyncio::run(churn());
  } else {
    std::fprintf(stderr, "usage: bench_inspected many N | churn\n");
    return 2;
  }
}
