// Generators, queues, limits and races: a crawler of a web that exists only here.
#include <asyncio/asyncio.hpp>

#include <chrono>
#include <functional>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

// Python: async def pages(): ... yield
asyncio::AsyncGenerator<std::string> pages(int count) {
  for (int n = 1; n <= count; ++n) {
    co_await asyncio::sleep(10ms);  // stands for reading a list
    co_yield "/page/" + std::to_string(n);
  }
}

asyncio::Coro<std::string> fetch(std::string mirror, asyncio::Duration takes, std::string url) {
  co_await asyncio::sleep(takes);
  co_return mirror + url;
}

// Takes pages until the queue is shut down and empty; never more than two are fetched at a time.
asyncio::Coro<> worker(asyncio::Queue<std::string>& queue, asyncio::Semaphore& limit,
                       asyncio::Channel<std::string>& results) {
  try {
    for (;;) {
      std::string url = co_await queue.get();
      auto held = co_await limit.hold();
      std::string page = co_await asyncio::race(fetch("near", 30ms, url), fetch("far", 90ms, url));
      co_await results.send(page);
    }
  } catch (const asyncio::QueueShutDown&) {
  }
}

asyncio::Coro<> crawl(asyncio::Channel<std::string>& results) {
  asyncio::Queue<std::string> queue(2);
  asyncio::Semaphore limit(2);
  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    for (int n = 0; n < 3; ++n)
      group.create_task(worker, std::ref(queue), std::ref(limit), std::ref(results));
    auto urls = pages(5);
    while (auto url = co_await urls.next()) co_await queue.put(*url);
    queue.shutdown();
  });
  results.close();
}

asyncio::Coro<> async_main() {
  asyncio::Channel<std::string> results(16);
  auto crawling = asyncio::create_task(crawl, std::ref(results));
  while (auto page = co_await results.next()) std::cout << *page << std::endl;
  co_await crawling;
}

int main(int argc, char** argv) { return asyncio::run_main(argc, argv, async_main); }
