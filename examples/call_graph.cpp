// Who waits for whom: the call graph of a task, and a deadlock of two locks.
#include <asyncio/asyncio.hpp>
#include <asyncio/inspect.hpp>

#include <chrono>
#include <iostream>
#include <vector>

using namespace std::chrono_literals;

asyncio::Coro<> parse(bool wanted) {
  co_await asyncio::sleep(10ms);
  if (wanted) asyncio::print_call_graph();
}

asyncio::Coro<> fetch(bool wanted) {
  co_await asyncio::sleep(10ms);
  co_await parse(wanted);
}

asyncio::Coro<> crawl() {
  const auto page = asyncio::create_task(fetch(true), {.name = "page"});
  const auto image = asyncio::create_task(fetch(false), {.name = "image"});
  co_await asyncio::gather(page, image);
}

struct Account {
  asyncio::Lock lock;
  int balance = 100;
};

asyncio::Coro<> transfer(Account& from, Account& to, int amount) {
  const auto giver = co_await from.lock.hold();
  co_await asyncio::sleep(10ms);
  const auto taker = co_await to.lock.hold();  // the other way round in the other task
  from.balance -= amount;
  to.balance += amount;
}

asyncio::Coro<> two_transfers() {
  Account alice;
  Account bob;
  const auto there = asyncio::create_task(transfer(alice, bob, 10), {.name = "there"});
  const auto back = asyncio::create_task(transfer(bob, alice, 5), {.name = "back"});
  co_await asyncio::sleep(1s);
  if (const auto deadlock = asyncio::find_deadlock()) {
    std::cout << deadlock->text << std::endl;
    deadlock->tasks.back().cancel();
  }
  const std::vector both = {there, back};
  co_await asyncio::wait(both);
  std::cout << "alice has " << alice.balance << ", bob " << bob.balance << std::endl;
}

asyncio::Coro<> run_both() {
  asyncio::current_task()->set_name("main");
  co_await crawl();
  co_await two_transfers();
}

int main() { asyncio::run(run_both()); }
