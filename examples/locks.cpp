// Locks, events, conditions, barriers, and what ends together: a day at a bank.
#include <asyncio/asyncio.hpp>

#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using namespace std::chrono_literals;

struct Bank {
  asyncio::Event open;
  asyncio::Lock ledger;
  asyncio::Condition changed{ledger};  // the balance has
  asyncio::Barrier evening{2};
  int balance = 0;
};

asyncio::Coro<> deposit(Bank& bank, int amount) {
  co_await bank.open.wait();
  auto held = co_await bank.ledger.hold();  // Python: async with bank.ledger
  const int before = bank.balance;
  co_await asyncio::sleep(10ms);  // stands for writing; nobody else does meanwhile
  bank.balance = before + amount;
  std::cout << "deposited " << amount << ", now " << bank.balance << std::endl;
  bank.changed.notify_all();
}

asyncio::Coro<> withdraw(Bank& bank, int amount) {
  co_await bank.open.wait();
  auto held = co_await bank.changed.hold();  // the same lock, which wait_for() gives up meanwhile
  const auto covered = [&] { return bank.balance >= amount; };
  co_await bank.changed.wait_for(covered);
  bank.balance -= amount;
  std::cout << "withdrew " << amount << ", now " << bank.balance << std::endl;
}

asyncio::Coro<int> count_till(Bank& bank, std::string teller, int coins) {
  co_await asyncio::sleep(coins * 1ms);
  std::cout << teller << " has counted" << std::endl;
  const auto place = co_await bank.evening.wait();  // for the other teller
  if (place == 0) std::cout << teller << " locks the door" << std::endl;
  co_return coins;
}

asyncio::Coro<> audit(std::string book, asyncio::Duration takes) {
  co_await asyncio::sleep(takes);
  throw std::runtime_error("the " + book + " does not add up");
}

// What another library completes, on a thread of its own.
asyncio::Coro<> ask_for_the_rate() {
  asyncio::concurrent::Promise<int> promise;
  auto rate = asyncio::wrap_future(promise.get_future());
  const std::jthread head_office([&promise] { promise.set_result(4); });
  std::cout << "the rate is " << co_await rate << " %" << std::endl;
}

asyncio::Coro<> async_main() {
  Bank bank;
  auto customers = asyncio::create_task(
      asyncio::group_all(withdraw(bank, 50), deposit(bank, 30), deposit(bank, 40)));
  co_await asyncio::sleep(0s);
  std::cout << "the bank opens" << std::endl;
  bank.open.set();
  co_await customers;

  auto [ann, bob] =
      co_await asyncio::group_all(count_till(bank, "Ann", 30), count_till(bank, "Bob", 20));
  std::cout << "in the tills: " << ann + bob << std::endl;

  try {  // not an hour: the first error cancels the others
    co_await asyncio::gather(asyncio::cancel_on_error, audit("ledger", 20ms), audit("vault", 1h));
  } catch (const std::runtime_error& error) {
    std::cout << error.what() << std::endl;
  }
  co_await ask_for_the_rate();
}

int main(int argc, char** argv) { return asyncio::run_main(argc, argv, async_main); }
