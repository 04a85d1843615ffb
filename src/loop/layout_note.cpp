#include "loop/layout_note.hpp"

#include <asyncio/detail/promise.hpp>

#include "base/layout.hpp"
#include "loop/gdb_script.hpp"
#include "loop/loop_state.hpp"

#include <cstddef>
#include <source_location>
#include <string>

// Classes with private members and bases have no standard layout, but one all the same.
#pragma GCC diagnostic ignored "-Winvalid-offsetof"

namespace asyncio::detail {
namespace {

// libstdc++'s; clang and g++ fill a source_location alike.
struct PlaceImpl {
  const char* file;
  const char* function;
  unsigned line;
  unsigned column;
};
struct StringHead {
  char* data;
  std::size_t size;
};
struct VectorHead {
  void* begin;
  void* end;
};
static_assert(sizeof(std::source_location) == sizeof(PlaceImpl*));
static_assert(sizeof(std::string) == 4 * sizeof(void*));

}  // namespace

/// A friend of the classes whose members it names.
struct MemberOffsets {
  static constexpr std::uint32_t started_bit = 1U << 4;
  static constexpr std::uint32_t ended_bit = 1U << 5;

  static consteval Layout::Loop loop() {
    return {
        .size = sizeof(LoopState),
        .next_open = offsetof(LoopState, open.next),
        .number = offsetof(LoopState, number),
        .name = offsetof(LoopState, name),
        .running = offsetof(LoopState, running_),
        .asleep = offsetof(LoopState, asleep_),
        .kernel_thread = offsetof(LoopState, kernel_thread_),
        .thread = offsetof(LoopState, thread_),
        .backend = offsetof(LoopState, backend_),
        .chunks = offsetof(LoopState, registry.chunks_),
        .live_tasks = offsetof(LoopState, registry.size_),
        .ready_entries = offsetof(LoopState, ready.entries_),
        .ready_capacity = offsetof(LoopState, ready.capacity_),
        .ready_head = offsetof(LoopState, ready.head_),
        .ready_tail = offsetof(LoopState, ready.tail_),
        .timer_entries = offsetof(LoopState, timers_.entries_.size_),
        .timers_cancelled = offsetof(LoopState, timers_.cancelled_),
        .timers_unused = TimerHeap::root,
        .iterations = offsetof(LoopState, iterations_),
    };
  }

  static consteval Layout all() {
    // No member behind a bit has an offset: the flags are the two bytes between these.
    constexpr std::uint32_t flags = offsetof(TaskState, phase_) + 1;
    static_assert(offsetof(TaskState, number_low_) == flags + 2);
    return {
        .size = sizeof(Layout),
        .loop = loop(),
        .thread = {.loop = offsetof(ThreadState, scheduler), .task = offsetof(ThreadState, task)},
        .backend = {.watched = offsetof(Backend, watched)},
        .chunk_size = TaskRegistry::chunk_size,
        .task = {.size = sizeof(TaskState),
                 .loop = offsetof(TaskState, scheduler_),
                 .kind = offsetof(TaskState, kind_),
                 .phase = offsetof(TaskState, phase_),
                 .flags = flags,
                 .number_high = flags + 1,
                 .number_low = offsetof(TaskState, number_low_),
                 .kind_task = static_cast<std::uint32_t>(FutureState::Kind::task),
                 .kind_composite = static_cast<std::uint32_t>(FutureState::Kind::composite),
                 .flag_started = started_bit,
                 .flag_ended = ended_bit,
                 .top = offsetof(TaskState, top_),
                 .waiting = offsetof(TaskState, waiting_),
                 .extra = offsetof(TaskState, extra_),
                 .order = offsetof(TaskState, order_),
                 .callbacks = offsetof(TaskState, callbacks_),
                 .parts = offsetof(CompositeState, parts_)},
        .extra = {.name = offsetof(TaskExtra, name)},
        .promise = {.size = sizeof(PromiseBase),
                    .owner = offsetof(PromiseBase, owner),
                    .function = offsetof(PromiseBase, function),
                    .location = offsetof(PromiseBase, location)},
        .link = {.size = sizeof(ChildLink),
                 .child = offsetof(ChildLink, child),
                 .parent = offsetof(ChildLink, parent)},
        .waiter = {.ops = offsetof(Waiter, ops_),
                   .ops_size = sizeof(Waiter::Ops),
                   .what = offsetof(Waiter::Ops, what),
                   .route = offsetof(Waiter::Ops, route),
                   .route_size = sizeof(WaitRoute),
                   .parts_size = sizeof(PartsView),
                   .group_size = sizeof(GroupRoute)},
        .group = &GroupRoute::of_task_groups,
        .place = {.size = sizeof(PlaceImpl),
                  .file = offsetof(PlaceImpl, file),
                  .function = offsetof(PlaceImpl, function),
                  .line = offsetof(PlaceImpl, line)},
        .string = {.data = offsetof(StringHead, data), .size = offsetof(StringHead, size)},
        .vector = {.begin = offsetof(VectorHead, begin), .end = offsetof(VectorHead, end)},
    };
  }
};

}  // namespace asyncio::detail

extern "C" {
[[gnu::used]] asyncio::detail::LoopState* asyncio_open_loops = nullptr;
[[gnu::visibility("hidden")]] extern const asyncio::detail::Layout asyncio_layout;
[[gnu::used]] constinit const asyncio::detail::Layout asyncio_layout =
    asyncio::detail::MemberOffsets::all();
}

// The note, since no C++ says how far two objects are from each other. It is read-only, wherever
// the file is loaded, and needs no relocation at run time.
#define ASYNCIO_TEXT_OF(x) #x
#define ASYNCIO_TEXT(x) ASYNCIO_TEXT_OF(x)
#define ASYNCIO_LAYOUT_VERSION 1
static_assert(ASYNCIO_LAYOUT_VERSION == asyncio::detail::layout_version);
static_assert(sizeof(asyncio::detail::LayoutNote) == 24);
asm(".pushsection .note.asyncio,\"a\",%note\n"
    ".balign 4\n"
    ".4byte 8, 24, 1\n"
    ".asciz \"asyncio\"\n"
    ".4byte " ASYNCIO_TEXT(ASYNCIO_LAYOUT_VERSION) "\n"
    ".4byte 0\n"
    ".8byte asyncio_layout - .\n"
    ".8byte asyncio_open_loops - .\n"
    ".popsection\n");
