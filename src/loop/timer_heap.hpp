#pragma once

#include <asyncio/detail/scheduler.hpp>

#include "core/pages.hpp"

#include <cstddef>
#include <cstdint>

namespace asyncio::detail {

/// Armed timers by deadline, FIFO among equals: a 4-ary heap of 16-byte entries, the four children
/// of one in one cache line. A cancelled timer leaves its entry behind with an empty slot; when
/// half of the entries are such, they are swept out.
///
/// New entries stay behind the heap until somebody asks which is the next one: a burst of them is
/// put in order at once, and what is cancelled before that never is.
class TimerHeap {
 public:
  /// Throws: std::bad_alloc; then nothing has changed.
  void add(Timer& timer, std::int64_t deadline) {
    reserve();
    const std::uint32_t slot = first_hole_;
    first_hole_ = static_cast<std::uint32_t>(slots_[slot] >> 1);
    slots_[slot] = reinterpret_cast<std::uintptr_t>(&timer);
    timer.slot = slot;
    entries_.push_back(Entry{deadline, next_sequence_++, slot});
  }
  void cancel(Timer& timer) noexcept {
    slots_[timer.slot] = cancelled;
    timer.slot = Timer::none;
    ++cancelled_;
  }

  /// Sweeps if that is worth it, and drops cancelled entries at the top.
  void tidy() noexcept {
    if (cancelled_ > 0) [[unlikely]]
      drop_cancelled();
  }
  /// After tidy(): true if no timer is armed.
  [[nodiscard]] bool empty() const noexcept { return entries_.size() <= root; }
  /// Only if not empty.
  [[nodiscard]] std::int64_t next_deadline() noexcept {
    order();
    return entries_[root].deadline;
  }
  /// The next timer with a deadline not after `now`, taken out; or null.
  [[nodiscard]] Timer* pop_due(std::int64_t now) noexcept;
  /// Any timer, taken out; or null.
  [[nodiscard]] Timer* pop_any() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return entries() - cancelled_; }

 private:
  friend struct MemberOffsets;
  struct Entry {
    std::int64_t deadline;
    std::uint32_t sequence;
    std::uint32_t slot;
    // Without branches, which nobody could predict. The sequence may wrap, but not among the
    // timers that are armed at one time.
    [[nodiscard]] bool before(const Entry& other) const noexcept {
      const bool earlier = deadline < other.deadline;
      const bool same = deadline == other.deadline;
      const bool older = static_cast<std::int32_t>(sequence - other.sequence) < 0;
      return earlier | (same & older);  // NOLINT(hicpp-signed-bitwise)
    }
  };

  // With three unused entries in front, groups of four children begin at multiples of four.
  static constexpr std::size_t arity = 4;
  static constexpr std::size_t root = arity - 1;
  static std::size_t parent(std::size_t i) noexcept { return i / arity + 2; }
  static std::size_t first_child(std::size_t i) noexcept { return (i - 2) * arity; }

  // What a slot holds besides a Timer: nothing, or the number of the next hole, marked.
  static constexpr std::uintptr_t cancelled = 0;
  static constexpr std::uint32_t no_hole = ~std::uint32_t{0};
  static std::uintptr_t hole_before(std::uint32_t next) noexcept {
    return std::uintptr_t{next} << 1 | 1;
  }

  [[nodiscard]] std::size_t entries() const noexcept {
    return entries_.size() > root ? entries_.size() - root : 0;
  }
  void reserve();
  void free_slot(std::uint32_t slot) noexcept {
    slots_[slot] = hole_before(first_hole_);
    first_hole_ = slot;
  }
  void order() noexcept {
    if (ordered_ < entries_.size()) order_new_ones();
  }
  void order_new_ones() noexcept;
  void drop_cancelled() noexcept;
  Timer* pop() noexcept;
  void sift_up(std::size_t top, std::size_t hole, Entry entry) noexcept;
  void sift_down(std::size_t top, Entry entry) noexcept;
  [[nodiscard]] std::size_t least_of_four(std::size_t first) const noexcept;
  void sweep() noexcept;

  PageArray<Entry> entries_;
  PageArray<std::uintptr_t> slots_;  // a Timer*, `cancelled` or a hole
  std::size_t ordered_ = root;       // entries below it are a heap
  std::size_t cancelled_ = 0;
  std::uint32_t first_hole_ = no_hole;
  std::uint32_t next_sequence_ = 0;
};

}  // namespace asyncio::detail
