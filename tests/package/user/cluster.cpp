#include <asyncio/asyncio.hpp>
#include <asyncio/cluster.hpp>

#include <iostream>

namespace {

int twice(int number) { return 2 * number; }
const auto twice_task = asyncio::cluster::task("twice", twice);

asyncio::Coro<> async_main() {
  asyncio::cluster::Cluster cluster("memory:");
  const int result = co_await cluster.submit(twice, 21);
  std::cout << "From a worker: " << result << std::endl;
  co_await cluster.close();
}

}  // namespace

int main() { asyncio::run(async_main()); }
