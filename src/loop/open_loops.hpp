#pragma once

namespace asyncio::detail {

class LoopState;

/// A loop's place among those of this process that are not destroyed.
struct OpenLoop {
  LoopState* next = nullptr;
  LoopState** place = nullptr;  ///< what points to it; null: in no list
};

/// The list, for readers outside the process, who find it through the note of layout_note.cpp and
/// take no lock. A forked child begins with an empty one.
///
/// Threads: any.
struct OpenLoops {
  static void add(LoopState& loop) noexcept;
  static void remove(LoopState& loop) noexcept;
  /// Calls `fn` for each of them, which lives for that long at least, and longer if it is pinned.
  /// No loop can be made or destroyed meanwhile.
  static void visit(void (*fn)(LoopState& loop, void* argument), void* argument);
};

}  // namespace asyncio::detail
