// A program with tasks, which command_test starts as a worker.

#include <asyncio/cluster.hpp>
#include <asyncio/run.hpp>

#include <cstdio>

namespace {

int add(int a, int b) { return a + b; }

const auto add_task = asyncio::cluster::task("add", add);

asyncio::Coro<> own_work(int words) {
  std::printf("no worker, %d words\n", words);
  co_return;
}

}  // namespace

int main(int argc, char**) { asyncio::run(own_work(argc)); }
