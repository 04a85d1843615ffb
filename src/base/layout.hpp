#pragma once

#include <cstdint>

namespace asyncio::detail {

/// Where a reader outside the process finds what it needs in the library's objects: offsets and
/// sizes in bytes. Whoever changes its meaning, or that of a member that it names, changes
/// layout_version; a reader takes its own version only.
///
/// It is found through a note of the file that the library is in, which stripping leaves: section
/// .note.asyncio, owner "asyncio", type 1, whose description is a LayoutNote.
struct Layout {
  std::uint32_t size;  ///< of this
  struct Loop {
    std::uint32_t size;
    std::uint32_t next_open;  ///< the next of the list of open loops
    std::uint32_t number;
    std::uint32_t name;
    std::uint32_t running;
    std::uint32_t asleep;
    std::uint32_t kernel_thread;
    std::uint32_t thread;  ///< -> Thread of the thread that runs it
    std::uint32_t backend;
    std::uint32_t chunks;      ///< a vector of chunks of tasks
    std::uint32_t live_tasks;  ///< how many these hold
    std::uint32_t ready_entries;
    std::uint32_t ready_capacity;
    std::uint32_t ready_head;  ///< counts all that was ever taken
    std::uint32_t ready_tail;
    std::uint32_t timer_entries;
    std::uint32_t timers_cancelled;
    std::uint32_t timers_unused;  ///< not an offset: entries that are never used
    std::uint32_t iterations;
  } loop;
  struct {
    std::uint32_t loop;
    std::uint32_t task;
  } thread;
  struct {
    std::uint32_t watched;
  } backend;
  std::uint32_t chunk_size;  ///< entries; a task, or a hole, marked by its lowest bit
  struct {
    std::uint32_t size;
    std::uint32_t loop;
    std::uint32_t kind;         ///< a byte; see kind_task
    std::uint32_t phase;        ///< a byte; 0: not done
    std::uint32_t flags;        ///< a byte; see flag_*
    std::uint32_t number_high;  ///< a byte, shifted left by one
    std::uint32_t number_low;
    std::uint32_t kind_task;
    std::uint32_t kind_composite;
    std::uint32_t flag_started;
    std::uint32_t flag_ended;  ///< of one that has started: nothing of its coroutines is left
    std::uint32_t top;
    std::uint32_t waiting;
    std::uint32_t extra;
    std::uint32_t order;
    std::uint32_t callbacks;
    std::uint32_t parts;  ///< of a composite: a PartsView
  } task;
  struct {
    std::uint32_t name;
  } extra;
  struct {
    std::uint32_t size;
    std::uint32_t owner;
    std::uint32_t function;
    std::uint32_t location;
  } promise;
  struct {
    std::uint32_t size;
    std::uint32_t child;
    std::uint32_t parent;
  } link;
  struct {
    std::uint32_t ops;
    std::uint32_t ops_size;
    std::uint32_t what;
    std::uint32_t route;  ///< -> WaitRoute, or null
    std::uint32_t route_size;
    std::uint32_t parts_size;
    std::uint32_t group_size;
  } waiter;
  const void* group;  ///< -> GroupRoute
  // The standard library's and the compiler's.
  struct {
    std::uint32_t size;
    std::uint32_t file;
    std::uint32_t function;
    std::uint32_t line;
  } place;  ///< what a std::source_location points to
  struct {
    std::uint32_t data;
    std::uint32_t size;
  } string;
  struct {
    std::uint32_t begin;
    std::uint32_t end;
  } vector;
};

inline constexpr std::uint32_t layout_version = 1;

struct LayoutNote {
  std::uint32_t version;
  std::uint32_t unused;
  std::int64_t layout;  ///< from here to the Layout
  std::int64_t loops;   ///< from here to the pointer to the first open loop
};

}  // namespace asyncio::detail
