#include <asyncio/with.hpp>

#include "base/text.hpp"

#include <fmt/format.h>

namespace asyncio::detail {

void throw_swallowed_with_value(const char* manager) {
  throw_runtime_error(
      fmt::format("with(): {} swallowed the body's exception, so there is no value to return; let "
                  "the body return void or a std::optional",
                  readable_type(manager)));
}

}  // namespace asyncio::detail
