#pragma once

#include <asyncio/detail/task_state.hpp>

#include <cstdint>
#include <cstring>
#include <vector>

namespace asyncio::detail {

/// A member, read as a copy of memory is.
template <class T>
[[nodiscard]] T member(const void* base, Offset offset) noexcept {
  T value;
  std::memcpy(static_cast<void*>(&value), static_cast<const char*>(base) + offset, sizeof value);
  return value;
}

/// What a suspended task waits for, as the WaitRoute of its Waiter tells.
struct Awaited {
  std::vector<FutureState*> futures;     ///< tasks and plain ones; never done, composites as parts
  std::vector<FutureState*> composites;  ///< on the way to those, not done
  bool needs_all = true;                 ///< else one of them is enough
  bool ends_by_itself = false;           ///< by a time limit of its own
  const void* line = nullptr;            ///< a primitive's WaitLine
  std::uint64_t owner = 0;               ///< of the lock, as LineOwner has it; 0: nobody
};

/// for_all: not those for one of several, whose futures may be many and are read again each time.
enum class WhichWaits : std::uint8_t { every, for_all };

/// Reads into `awaited`, whose memory is used again. Nothing is awaited by a task that is ready,
/// runs or is done. Cost: O(parts). Throws: std::bad_alloc.
void read_awaited(const TaskState& task, Awaited& awaited, WhichWaits which = WhichWaits::every);

/// What a lock that this task has taken says of its owner.
[[nodiscard]] inline std::uint64_t owner_number(const TaskState& task) noexcept {
  return std::uint64_t{1} + task.order();
}

/// Who has the lock; null if that task has ended. Cost: O(tasks).
[[nodiscard]] TaskState* find_owner(const Scheduler& scheduler, std::uint64_t owner) noexcept;

}  // namespace asyncio::detail
