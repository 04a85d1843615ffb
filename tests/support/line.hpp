#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace support {

/// Numbers of tasks, in the order in which something happened to them.
using Order = std::vector<int>;

/// Acquires a Lock, a Condition or a Semaphore, and keeps it.
template <class Primitive>
asyncio::Coro<> acquires(Primitive& primitive, Order& order, int number) {
  co_await primitive.acquire();
  order.push_back(number);
}

/// Lets everything that is ready run, `n` times.
inline asyncio::Coro<> passes(int n) {
  for (; n > 0; --n) co_await asyncio::sleep(std::chrono::seconds(0));
}

/// True if others run while `awaitable` is awaited.
template <class A>
asyncio::Coro<bool> yields(A awaitable) {
  const auto others = std::make_shared<bool>(false);
  asyncio::get_running_loop().call_soon([others] { *others = true; });
  (void)co_await std::move(awaitable);
  co_return *others;
}

}  // namespace support
