#include <asyncio/asyncio.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

asyncio::Coro<std::string> fetch(std::string url, asyncio::Duration takes) {
  co_await asyncio::sleep(takes);  // stands for the network
  co_return "<html>" + url + "</html>";
}

asyncio::Coro<> async_main() {
  auto [a, b] = co_await asyncio::gather(fetch("one", 1s), fetch("two", 2s));  // 2 s, not 3
  std::cout << a << b << std::endl;

  auto slow = asyncio::create_task(fetch("slow", 1h), {.name = "slow"});
  try {
    co_await asyncio::wait_for(slow, 500ms);
  } catch (const asyncio::TimeoutError&) {
    std::cout << "gave up; cancelled: " << slow.cancelled() << std::endl;
  }

  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) {
    for (auto url : {"x", "y", "z"}) group.create_task(fetch(url, 1s));
  });  // waits for all three; the first error would cancel the others
}

int main(int argc, char** argv) { return asyncio::run_main(argc, argv, async_main); }
