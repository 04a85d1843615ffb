#pragma once

#include <asyncio/detail/ready_queue.hpp>

#include <cstdint>

namespace asyncio::detail {

// What a suspended task waits for, as data: how to get from its Waiter to futures, and to the lock
// and its owner, by reading memory and calling nothing. The walks inside the process use it, and so
// does a reader that has nothing but a copy of the process's memory.
//
// How to read. TaskState::waiting_ is a Waiter*, which begins with its `const Ops*`; Ops::route is
// a `const WaitRoute*`, constant data of the library. Null: no future of this program and no line
// is awaited, but a timer, a descriptor, a thread or a turn. Else:
//
//   1. `place` of the Waiter is a pointer, the holder (see Kind). Null: nothing is awaited.
//   2. Unless `waits` holds, the task was woken and is in the ready queue: nothing is awaited.
//   3. The kind says where the FutureState* are. Skip those that are null or done (FutureRoute).
//   4. A future of kind composite, a gather's or a shield's, stands for its parts: its PartsView
//      says where they are, again as FutureState*, which may be composites themselves.
//   5. A future of kind task is a TaskState at the same address. Any other is a plain future, of
//      which nobody knows who completes it.
//   6. A line has an owner if `line.owner` is there: see LineOwner.
//
// What ends with the life of a group is not a wait of its parent's: see GroupRoute.
//
// Every offset is in bytes; no_offset means that there is no such member. Pointers have the size of
// the process's, integers the size that is named.

/// Of a member from the beginning of what has it.
using Offset = std::int32_t;
inline constexpr Offset no_offset = -1;

/// A question that a member answers: whether its bytes are `value`, or, if `other`, are not.
struct MemberTest {
  Offset offset = no_offset;  ///< no_offset: there is no test
  std::uint8_t size = 0;      ///< 1, 4 or 8
  bool in_holder = false;     ///< of the holder, not of the Waiter
  bool other = false;
  std::uint32_t value = 0;

  [[nodiscard]] constexpr bool is_there() const noexcept { return offset != no_offset; }
};

/// Who has a lock, from the address of its WaitLine. If `locked` is a bool that is true, `owner` is
/// a std::uint64_t: TaskState::order() of the task that took it, plus one, among the tasks of the
/// loop of those who wait. No such task in the registry: it has ended and left the lock locked.
struct LineOwner {
  Offset locked;
  Offset owner;
};

struct WaitRoute {
  enum class Kind : std::uint8_t {
    future,  ///< the holder is the FutureState itself
    array,   ///< the holder has two pointers, to the first element and behind the last one
    list,    ///< the holder has a pointer to the first element, each has one to the next, or null
    line     ///< the holder is a WaitLine: a lock's, queue's or other primitive's
  };
  /// How many of the futures must be done before the task goes on.
  enum class Needs : std::uint8_t { all, any };

  Kind kind;
  Needs needs = Needs::all;
  Offset place;  ///< in the Waiter: the pointer to the holder

  MemberTest waits = {};    ///< that it was not woken; no test: it was not
  MemberTest for_all = {};  ///< a test: `needs` is all if it holds, else any
  MemberTest alarm = {};    ///< a test that holds: a time limit of its own ends it, too

  Offset first = no_offset;   ///< array, list: in the holder
  Offset last = no_offset;    ///< array: in the holder
  Offset step = 0;            ///< array: the size of an element
  Offset next = no_offset;    ///< list: in an element
  Offset future = no_offset;  ///< array, list: the FutureState*, in an element

  const LineOwner* owner = nullptr;  ///< line: null if such primitives have none
  MemberTest owned = {};             ///< a test: only if it holds the line is that of a lock
};

/// In a composite: its parts, once it has begun; before that there are none.
struct PartsView {
  const void* first = nullptr;
  std::uint64_t count = 0;
  std::uint32_t step = 0;    ///< the size of an element
  std::uint32_t future = 0;  ///< in an element: the FutureState*, or null
};

/// Where a FutureState says what it is.
struct FutureRoute {
  Offset kind;   ///< a byte: FutureState::Kind, 0 future, 1 task, 2 composite
  Offset phase;  ///< a byte: FutureState::Phase, 0 pending; anything else is done
  Offset parts;  ///< of a composite: a PartsView

  static const FutureRoute of_futures;
};

/// How a task of a TaskGroup knows the group's parent, which in Python awaits it from its creation
/// on, also while the parent is in the body of the group and waits for something else.
///
/// While a task is pending, `callbacks` is the head of a ring of links {previous, next}: the head
/// itself, if the ring is empty. Each other link begins a WaitNode. If the word `entry` of a node
/// is even and not null, the node is a WaitCall, and if that one's word `function` is `done`,
/// `group` is a pointer to a TaskGroup, or null, and `parent` of that is a TaskState*, or null.
struct GroupRoute {
  ReadyCall::Fn done;
  Offset callbacks;  ///< in the FutureState: {previous, next}
  Offset entry;      ///< in the node
  Offset function;   ///< in the node, of a WaitCall
  Offset group;      ///< in the node
  Offset parent;     ///< in the group

  static const GroupRoute of_task_groups;
};

}  // namespace asyncio::detail
