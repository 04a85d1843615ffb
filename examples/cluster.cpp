// Tasks on workers: one call, many at once, and how far a long one is. The worker is in this
// process unless ASYNCIO_CLUSTER says where the queue is; then workers may be on any machine:
//
//   cluster
//   ASYNCIO_CLUSTER=redis://127.0.0.1 cluster
#include <asyncio/asyncio.hpp>
#include <asyncio/cluster.hpp>
#include <asyncio/progress.hpp>

#include <chrono>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;
namespace cluster = asyncio::cluster;

// A coroutine: a worker runs many of them at the same time.
asyncio::Coro<std::string> greet(std::string_view name) {
  co_await asyncio::sleep(100ms);
  if (name.empty()) throw std::invalid_argument("nobody to greet");
  co_return "hello, " + std::string(name);
}

// It computes: a worker runs it on a thread.
int sum_up_to(int most) {
  std::vector<int> numbers(most);
  std::iota(numbers.begin(), numbers.end(), 1);
  return std::accumulate(numbers.begin(), numbers.end(), 0);
}

// It takes long, so it says how far it is.
asyncio::Coro<> copy(int files) {
  for (int done = 1; done <= files; ++done) {
    co_await asyncio::sleep(250ms);
    cluster::report(done, files);
  }
}

// By these names the workers know them.
const auto greet_task = cluster::task("greet", greet);
const auto sum_task = cluster::task("sum_up_to", sum_up_to);
const auto copy_task = cluster::task("copy", copy);

asyncio::Coro<> async_main() {
  cluster::Cluster workers;
  std::cout << co_await workers.submit(greet, "Ada") << std::endl;

  const std::vector<int> limits = {10, 100, 1000};
  const std::vector<int> sums = co_await workers.map(sum_up_to, limits);
  for (const int sum : sums) std::cout << sum << std::endl;

  {
    const asyncio::Progress progress;
    const auto bar = progress.add_task("copying");
    co_await workers.submit({.progress = &bar}, copy, 8);
    bar.finish();
  }

  try {
    co_await workers.submit(greet, "");
  } catch (const asyncio::RemoteError& error) {
    std::cout << "from the worker: " << error.what() << std::endl;
  }
  co_await workers.close();
}

int main(int argc, char** argv) { return asyncio::run_main(argc, argv, async_main); }
