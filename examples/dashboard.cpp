// A dashboard in a web browser, of a program with something to look at: workers, a queue, a hang.
#include <asyncio/asyncio.hpp>
#include <asyncio/dashboard.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "command_line.hpp"

using namespace std::chrono_literals;

// --- something to look at ------------------------------------------------------------------------

struct Shop {
  asyncio::Queue<int> orders{20};
  asyncio::Lock stock;
  asyncio::Lock ledger;
};

asyncio::Coro<> take_orders(Shop& shop) {
  for (int order = 1;; ++order) {
    co_await shop.orders.put(order);
    co_await asyncio::sleep(order % 10 == 0 ? 200ms : 15ms);
  }
}

asyncio::Coro<> ask_bank(int order) { co_await asyncio::sleep((100 + order % 7 * 30) * 1ms); }

asyncio::Coro<> pay(int order) {
  co_await ask_bank(order);
  if (order % 3 == 0) co_await ask_bank(order + 1);  // once more
}

asyncio::Coro<> pack(int order) { co_await asyncio::sleep((50 + order % 5 * 20) * 1ms); }

asyncio::Coro<> handle(int order) {
  co_await pay(order);
  co_await pack(order);
}

asyncio::Coro<> work(Shop& shop) {
  for (;;) {
    const int order = co_await shop.orders.get();
    co_await handle(order);
    shop.orders.task_done();
  }
}

// Two of these, with their locks in other orders, wait for each other for ever.
asyncio::Coro<> move(asyncio::Lock& from, asyncio::Lock& to) {
  const auto first = co_await from.hold();
  co_await asyncio::sleep(50ms);
  const auto second = co_await to.hold();
}

// What should be on a thread of its own: it blocks the loop.
asyncio::Coro<> print_labels() {
  for (;;) {
    co_await asyncio::sleep(3s);
    std::this_thread::sleep_for(400ms);
  }
}

asyncio::Coro<> run_shop() {
  Shop shop;
  std::vector<asyncio::Task<>> tasks;
  tasks.push_back(asyncio::create_task(take_orders(shop), {.name = "take-orders"}));
  for (int i = 0; i < 12; ++i) {
    const std::string name = "worker-" + std::to_string(i);
    tasks.push_back(asyncio::create_task(work(shop), {.name = name}));
  }
  tasks.push_back(asyncio::create_task(move(shop.stock, shop.ledger), {.name = "delivery"}));
  tasks.push_back(asyncio::create_task(move(shop.ledger, shop.stock), {.name = "return"}));
  tasks.push_back(asyncio::create_task(print_labels(), {.name = "labels"}));
  co_await asyncio::gather(std::move(tasks));
}

// --- the dashboard -------------------------------------------------------------------------------

asyncio::Coro<> async_main(command_line::Args args) {
  std::uint16_t port = 0;
  asyncio::Duration time = asyncio::Duration::max();
  for (std::size_t i = 0; i + 1 < args.size(); i += 2) {
    if (args[i] == "--port") port = command_line::port(args[i + 1]);
    if (args[i] == "--for") {
      time = command_line::number(args[i + 1], 0, 86400, "--for, in seconds,") * 1s;
    }
  }
  if (args.size() % 2 != 0) {
    throw command_line::Usage("dashboard [--port PORT] [--for SECONDS]");
  }
  const asyncio::dashboard::Dashboard dashboard({.port = port});
  std::cout << "open " << dashboard.url() << std::endl;
  auto shop = asyncio::create_task(run_shop(), {.name = "shop"});
  const std::vector<asyncio::Task<>> all = {shop};
  (void)co_await asyncio::wait(all, {.timeout = time});
}

int main(int argc, char** argv) { return command_line::run(argc, argv, async_main); }
