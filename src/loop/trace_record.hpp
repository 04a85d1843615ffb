#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>

namespace asyncio::detail {

/// What a loop's thread leaves for the thread that writes the timeline: a cache line. Locations and
/// names of functions are pointers to constants of the program. A task is known by its place in the
/// registry and, since that is used again, by its number among those of its loop.
struct TraceRecord {
  enum class Kind : std::uint8_t {
    step,       ///< a task's, from `begin` to `end`; if it was not its last, what it waits for now
    call,       ///< another entry; `what`: the compiler's name of its type, or null
    wake,       ///< by the step or call before it: one more task that it woke
    task,       ///< there is one: made at `begin`, or there already; `end` is N of "Task-N", or 0,
                ///< and then `size` bytes of a name follow in records of their own
    cancelled,  ///< asked to stop, at `begin`
    lost,       ///< from `begin` to `end` there was no room for `size` records
    loop,       ///< its name, as that of a task
  };
  // Of a step.
  static constexpr std::uint8_t done = 1;
  static constexpr std::uint8_t failed = 2;
  static constexpr std::uint8_t was_cancelled = 4;
  static constexpr std::uint8_t seen = 8;    ///< no step: how it was found when recording began
  static constexpr std::uint8_t eager = 16;  ///< inside another turn
  static constexpr std::uint32_t nobody = ~std::uint32_t{0};

  std::uint64_t begin;
  std::uint64_t end;
  std::uint32_t slot;
  std::uint32_t order;
  std::uint32_t woken_slot;  ///< `nobody`: it woke none
  std::uint32_t woken_order;
  std::source_location function;  ///< of the innermost coroutine at the end; of a new task its root
  std::source_location location;  ///< its co_await
  const char* what;
  std::uint32_t size;
  Kind kind;
  std::uint8_t flags;
};
static_assert(sizeof(TraceRecord) == 64);

}  // namespace asyncio::detail
