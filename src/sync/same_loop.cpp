#include "sync/same_loop.hpp"

#include <asyncio/error.hpp>

#include <fmt/format.h>

namespace asyncio::detail {

void check_same_loop(const char* who, std::size_t argument, const FutureState& future,
                     const Scheduler* first) {
  constexpr const char* way_out = "use run_coroutine_threadsafe() to reach another loop";
  const Scheduler& loop = future.scheduler();
  if (!loop.on_own_thread()) {
    throw_invalid_argument(
        fmt::format("{}: argument {} belongs to loop \"{}\" of another thread; {}", who, argument,
                    loop.name, way_out));
  }
  if (first != nullptr && first != &loop) {
    throw_invalid_argument(
        fmt::format("{}: argument {} belongs to loop \"{}\", argument 1 to loop \"{}\"; {}", who,
                    argument, loop.name, first->name, way_out));
  }
}

}  // namespace asyncio::detail
