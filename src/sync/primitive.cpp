#include "sync/primitive.hpp"

#include <fmt/format.h>

namespace asyncio::detail {

std::string repr_primitive(std::string_view type, std::string_view state, std::size_t waiters) {
  if (waiters == 0) return fmt::format("<{} [{}]>", type, state);
  return fmt::format("<{} [{}, waiters:{}]>", type, state, waiters);
}

}  // namespace asyncio::detail
