#pragma once

#include <asyncio/detail/future_state.hpp>

#include <cstddef>

namespace asyncio::detail {

/// Throws: std::invalid_argument "WHO: ..." if `future`, the argument with that number, belongs to
/// a loop of another thread or to another one than `first`, the loop of argument 1 (null: it is
/// argument 1).
void check_same_loop(const char* who, std::size_t argument, const FutureState& future,
                     const Scheduler* first);

}  // namespace asyncio::detail
