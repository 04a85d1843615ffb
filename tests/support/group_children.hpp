#pragma once

#include <asyncio/as_result.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/with.hpp>

#include "support/torture.hpp"

#include <chrono>
#include <stdexcept>

namespace support {

inline asyncio::Coro<Item> item_in(asyncio::Duration delay, int number) {
  const Witness witness;
  co_await asyncio::sleep(delay);
  co_return Item(number);
}

inline asyncio::Coro<Item> fail_in(asyncio::Duration delay) {
  const Witness witness;
  co_await asyncio::sleep(delay);
  throw std::domain_error("from fail_in()");
}

/// Takes a second to clean up.
inline asyncio::Coro<> clean_up_slowly() {
  const Witness witness;
  const auto end = co_await asyncio::as_result(asyncio::sleep(std::chrono::hours(1)));
  (void)co_await asyncio::as_result(asyncio::sleep(std::chrono::seconds(1)));
  end.value();
}

/// A group with this body, of which nothing lives on when it is left.
template <class Body>
asyncio::Coro<> in_group(Body& body) {
  const auto end = co_await asyncio::as_result(asyncio::with(asyncio::TaskGroup(), body));
  require(Witness::alive == 0, "no child outlives its group");
  end.value();
}

}  // namespace support
