// A shop that comes to a standstill: two of its tasks want the same two locks, each in another
// order. docs/finding_a_hang.md finds out which. Gives up after an hour, or so many seconds.
#include <asyncio/asyncio.hpp>

#include <chrono>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;

struct Shop {
  asyncio::Queue<int> orders{4};
  asyncio::Lock stock;
  asyncio::Lock ledger;
  int shipped = 0;
};

asyncio::Coro<> book(Shop& shop) {
  auto held = co_await shop.ledger.hold();
  co_await asyncio::sleep(5ms);  // stands for writing it down
  ++shop.shipped;
}

asyncio::Coro<> ship(Shop& shop) {
  auto held = co_await shop.stock.hold();
  co_await asyncio::sleep(10ms);  // stands for fetching it
  co_await book(shop);
}

asyncio::Coro<> packer(Shop& shop) {
  for (;;) {
    [[maybe_unused]] const int order = co_await shop.orders.get();
    co_await ship(shop);
    shop.orders.task_done();
  }
}

asyncio::Coro<> audit(Shop& shop) {
  auto books = co_await shop.ledger.hold();
  co_await asyncio::sleep(20ms);  // stands for adding up
  auto shelves = co_await shop.stock.hold();
  std::cout << "audited after " << shop.shipped << " orders" << std::endl;
}

asyncio::Coro<> auditor(Shop& shop) {
  for (;;) {
    co_await asyncio::sleep(100ms);
    co_await audit(shop);
  }
}

asyncio::Coro<> open_shop(Shop& shop) {
  co_await asyncio::with(asyncio::TaskGroup(), [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    group.create_task({.name = "packer-1"}, packer, std::ref(shop));
    group.create_task({.name = "packer-2"}, packer, std::ref(shop));
    group.create_task({.name = "auditor"}, auditor, std::ref(shop));
    for (int order = 1;; ++order) co_await shop.orders.put(order);
  });
}

asyncio::Coro<int> async_main(std::vector<std::string_view> args) {
  const asyncio::Duration limit = args.empty() ? 3600s : std::stoi(std::string(args[0])) * 1s;
  Shop shop;
  try {
    co_await asyncio::wait_for(open_shop(shop), limit);
  } catch (const asyncio::TimeoutError&) {
    std::cout << "gave up with " << shop.shipped << " orders shipped and " << shop.orders.qsize()
              << " waiting" << std::endl;
  }
  co_return 0;
}

int main(int argc, char** argv) { return asyncio::run_main(argc, argv, async_main); }
