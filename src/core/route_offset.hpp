#pragma once

#include <asyncio/detail/task_state.hpp>

#include <cstddef>

// For WaitRoutes. Awaiters have several bases, so the standard leaves it to the compiler whether
// offsetof works for them; both lay them out in order, and tests/core/wait_route_test.cpp looks.
#pragma GCC diagnostic ignored "-Winvalid-offsetof"

namespace asyncio::detail {

/// Where the Waiter is in an awaiter.
template <class Awaiter>
struct WaiterIn {
  static constexpr Offset at{offsetof(Awaiter, ops_)};
};

}  // namespace asyncio::detail

/// Of a member of an awaiter from its Waiter. To be used where the member may be named.
#define ASYNCIO_FROM_WAITER(Awaiter, member) \
  (::asyncio::detail::Offset{offsetof(Awaiter, member)} - ::asyncio::detail::WaiterIn<Awaiter>::at)
