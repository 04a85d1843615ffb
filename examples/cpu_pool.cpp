// Work for the processor: as coroutines, on threads, in a pool of processes.
//
// A coroutine lets others run only where it awaits. A sum awaits nothing, so three of them in three
// tasks take as long as one after the other, and while one runs the loop does nothing else: no
// timer rings, no connection is served. Threads and processes run beside the loop, and beside each
// other if there are processors for them. Threads share all memory with you; what another process
// gets and gives is sent, so it cannot disturb yours: it may leak, crash or be killed.
#include <asyncio/asyncio.hpp>
#include <asyncio/process_pool.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

// The work: the compiler must not find a formula for it.
std::uint64_t sum_of_remainders(std::uint64_t most) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 1; i <= most; ++i) sum += most % i;
  return sum;
}

constexpr int jobs = 4;
constexpr std::uint64_t size = 20'000'000;

asyncio::Coro<std::uint64_t> sum_in_a_coroutine(std::uint64_t most) {
  co_return sum_of_remainders(most);  // nothing to await: nobody else has a turn before the end
}

asyncio::Coro<std::vector<std::uint64_t>> in_tasks() {
  std::vector<asyncio::Coro<std::uint64_t>> sums;
  for (int i = 0; i < jobs; ++i) sums.push_back(sum_in_a_coroutine(size));
  co_return co_await asyncio::gather(std::move(sums));
}

asyncio::Coro<std::vector<std::uint64_t>> on_threads() {
  std::vector<asyncio::Coro<std::uint64_t>> sums;
  for (int i = 0; i < jobs; ++i) sums.push_back(asyncio::to_thread(sum_of_remainders, size));
  co_return co_await asyncio::gather(std::move(sums));
}

asyncio::Coro<std::vector<std::uint64_t>> in_processes(asyncio::ProcessPoolExecutor& pool) {
  asyncio::EventLoop& loop = asyncio::get_running_loop();
  std::vector<asyncio::Future<std::uint64_t>> sums;
  for (int i = 0; i < jobs; ++i) {
    sums.push_back(loop.run_in_executor(pool, sum_of_remainders, size));
  }
  co_return co_await asyncio::gather(std::move(sums));
}

// Counts how often the loop has a turn while something else goes on.
asyncio::Coro<> count_turns(int& turns) {
  for (;;) {
    co_await asyncio::sleep(1ms);
    ++turns;
  }
}

asyncio::Coro<> measure(std::string name, asyncio::Coro<std::vector<std::uint64_t>> work) {
  int turns = 0;
  auto counter = asyncio::create_task(count_turns(turns));
  co_await asyncio::sleep(0s);
  const auto began = std::chrono::steady_clock::now();
  const std::vector<std::uint64_t> sums = co_await std::move(work);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  counter.cancel();
  std::printf("%-13s %.3f seconds, and the loop %s meanwhile; the sum is %llu\n", name.c_str(),
              took.count(), turns > 2 ? "went on" : "stood still",
              static_cast<unsigned long long>(sums.front()));
}

// What is sent: values of many kinds, such as this map, and the result.
std::map<std::string, int> count_words(const std::string& text) {
  std::map<std::string, int> counts;
  std::string word;
  for (const char c : text + ' ') {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      ++counts[word];
      word.clear();
    }
  }
  return counts;
}

int fail(const std::string& why) { throw std::invalid_argument(why); }

asyncio::Coro<> show_values_and_errors() {
  const auto counts = co_await asyncio::to_process(count_words, "to be or not to be");
  for (const auto& [word, count] : counts) std::printf("%s: %d\n", word.c_str(), count);
  try {
    co_await asyncio::to_process(fail, "no sums today");
  } catch (const asyncio::RemoteError& error) {
    std::printf("from the other process: %s\n", error.what());
  }
}

asyncio::Coro<> async_main() {
  // First of all: the pool is made of this process as it is now, with one thread.
  asyncio::ProcessPoolExecutor pool;
  co_await show_values_and_errors();
  co_await measure("in tasks:", in_tasks());
  co_await measure("in processes:", in_processes(pool));
  co_await measure("on threads:", on_threads());
}

int main(int argc, char** argv) { return asyncio::run_main(argc, argv, async_main); }
