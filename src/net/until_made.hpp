#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/ref.hpp>
#include <asyncio/sleep.hpp>

namespace asyncio::detail {

/// Until the protocol of a new transport was told of it. Who is cancelled meanwhile closes it.
template <class T>
Coro<> until_made(Ref<T> transport) {
  try {
    (void)transport->peer();  // while it can be told
    // As in CPython: connection_made() runs in the next iteration, the creator goes on in the one
    // after it, and what that one's poll finds comes later still.
    co_await sleep(Duration());
    co_await sleep(Duration());
  } catch (...) {
    transport->close();
    throw;
  }
}

}  // namespace asyncio::detail
