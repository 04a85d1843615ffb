#pragma once

#include <asyncio/detail/scheduler.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace asyncio::detail {

/// Armed timers by deadline, FIFO among equals: a 4-ary heap of 16-byte entries, so that the four
/// children of one share a cache line. A cancelled timer leaves its entry behind with an empty
/// slot; when half of the entries are such, they are swept out.
class TimerHeap {
 public:
  /// Throws: std::bad_alloc; then nothing has changed.
  void add(Timer& timer, std::int64_t deadline);
  void cancel(Timer& timer) noexcept;

  /// Sweeps if that is worth it, and drops cancelled entries at the top.
  void tidy() noexcept {
    if (cancelled_ > 0) [[unlikely]]
      drop_cancelled();
  }
  /// After tidy(): true if no timer is armed.
  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  [[nodiscard]] std::int64_t next_deadline() const noexcept { return heap_.front().deadline; }
  /// The next timer with a deadline before `now`, taken out; or null.
  [[nodiscard]] Timer* pop_due(std::int64_t now) noexcept;
  /// Any timer, taken out; or null.
  [[nodiscard]] Timer* pop_any() noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size() - cancelled_; }

 private:
  struct Entry {
    std::int64_t deadline;
    std::uint32_t sequence;
    std::uint32_t slot;
    // The sequence may wrap, but not among the timers that are armed at one time.
    [[nodiscard]] bool before(const Entry& other) const noexcept {
      if (deadline != other.deadline) return deadline < other.deadline;
      return static_cast<std::int32_t>(sequence - other.sequence) < 0;
    }
  };

  void drop_cancelled() noexcept;
  Timer* pop() noexcept;
  void sift_up(std::size_t i) noexcept;
  void sift_down(std::size_t i) noexcept;
  void sweep() noexcept;

  std::vector<Entry> heap_;
  std::vector<Timer*> slots_;              // null: cancelled, or free
  std::vector<std::uint32_t> free_slots_;  // its capacity covers every slot
  std::size_t cancelled_ = 0;
  std::uint32_t next_sequence_ = 0;
};

}  // namespace asyncio::detail
