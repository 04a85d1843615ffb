#pragma once

#include <asyncio/detail/wait_line.hpp>

#include "core/route_offset.hpp"

namespace asyncio::detail {

/// The WaitRoutes of those who wait in a line.
struct LineWait::Routes {
  [[nodiscard]] static constexpr WaitRoute to_any_line() noexcept {
    return {.kind = WaitRoute::Kind::line,
            .place = ASYNCIO_FROM_WAITER(LineWait, line_),
            .waits = {.offset = ASYNCIO_FROM_WAITER(LineWait, phase_),
                      .size = sizeof(Phase),
                      .value = static_cast<std::uint32_t>(Phase::waiting)}};
  }
  [[nodiscard]] static constexpr WaitRoute to_owned_line(const LineOwner& owner) noexcept {
    WaitRoute route = to_any_line();
    route.owner = &owner;
    return route;
  }
};

}  // namespace asyncio::detail
