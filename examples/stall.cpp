// A shop stops answering now and then: somebody computes where everybody waits. The watchdog says
// who, in which coroutine, and in which function, while it goes on.
#include <asyncio/asyncio.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

namespace {

// A second of work, which belongs on another thread: co_await asyncio::to_thread(...).
[[gnu::noinline]] std::uint64_t price_of_everything() {
  const auto end = std::chrono::steady_clock::now() + 1s;
  std::uint64_t price = 1;
  while (std::chrono::steady_clock::now() < end) {
    for (int i = 0; i < 100'000; ++i) price = price * 6'364'136'223'846'793'005U + 1;
  }
  return price;
}

asyncio::Coro<std::string> quote(int order) {
  co_await asyncio::sleep(10ms);  // asks the stock
  if (order == 3) co_return std::to_string(price_of_everything() % 100);
  co_return "12";
}

asyncio::Coro<> serve(int order) {
  const std::string price = co_await quote(order);
  std::printf("order %d: %s\n", order, price.c_str());
}

asyncio::Coro<> async_main() {
  co_await asyncio::with(asyncio::TaskGroup(), [](asyncio::TaskGroup& group) {
    for (int order = 1; order <= 5; ++order) {
      group.create_task(serve(order), {.name = "order-" + std::to_string(order)});
    }
  });
}

}  // namespace

int main() { asyncio::run(async_main(), {.name = "shop", .watchdog = 100ms}); }
