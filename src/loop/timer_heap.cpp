#include "loop/timer_heap.hpp"

#include <utility>

namespace asyncio::detail {
namespace {
constexpr std::size_t sweep_above = 100;  // as CPython
}  // namespace

void TimerHeap::reserve() {
  while (entries_.size() < root) {
    entries_.reserve_one();
    entries_.push_back({});
  }
  entries_.reserve_one();
  if (first_hole_ != no_hole) return;
  slots_.reserve_one();
  const auto slot = static_cast<std::uint32_t>(slots_.size());
  slots_.push_back(hole_before(no_hole));
  first_hole_ = slot;
}

void TimerHeap::drop_cancelled() noexcept {
  if (entries() > sweep_above && cancelled_ * 2 > entries()) sweep();
  while (cancelled_ > 0 && !empty()) {
    order();
    if (slots_[entries_[root].slot] != cancelled) return;
    (void)pop();
  }
}

Timer* TimerHeap::pop_due(std::int64_t now) noexcept {
  order();
  while (!empty() && entries_[root].deadline <= now) {
    if (Timer* timer = pop()) return timer;
  }
  return nullptr;
}

Timer* TimerHeap::pop_any() noexcept {
  order();
  while (!empty()) {
    if (Timer* timer = pop()) return timer;
  }
  return nullptr;
}

// Of an ordered heap that is not empty.
Timer* TimerHeap::pop() noexcept {
  const std::uint32_t slot = entries_[root].slot;
  const Entry last = entries_[entries_.size() - 1];
  entries_.resize_down(entries_.size() - 1);
  ordered_ = entries_.size();
  if (!empty()) {
    sift_down(root, last);
    // The next one to be taken out.
    __builtin_prefetch(reinterpret_cast<const void*>(slots_[entries_[root].slot]));
  }
  auto* timer = reinterpret_cast<Timer*>(slots_[slot]);
  free_slot(slot);
  if (timer == nullptr) {
    --cancelled_;
  } else {
    timer->slot = Timer::none;
  }
  return timer;
}

void TimerHeap::order_new_ones() noexcept {
  const std::size_t end = entries_.size();
  if (ordered_ < end / 2 && end > root + 1) {
    for (std::size_t i = parent(end - 1); i >= root; --i) sift_down(i, entries_[i]);
    ordered_ = end;
  }
  for (; ordered_ < end; ++ordered_) sift_up(root, ordered_, entries_[ordered_]);
}

void TimerHeap::sift_up(std::size_t top, std::size_t hole, Entry entry) noexcept {
  while (hole > top && entry.before(entries_[parent(hole)])) {
    entries_[hole] = entries_[parent(hole)];
    hole = parent(hole);
  }
  entries_[hole] = entry;
}

// An entry from the end mostly belongs near the end: the hole goes down without a look at it.
void TimerHeap::sift_down(std::size_t top, Entry entry) noexcept {
  const std::size_t end = entries_.size();
  std::size_t hole = top;
  std::size_t child = first_child(hole);
  for (; child + arity <= end; child = first_child(hole)) {
    for (std::size_t i = 0; i < arity; ++i) {
      __builtin_prefetch(entries_.data() + first_child(child + i));
    }
    const std::size_t least = least_of_four(child);
    entries_[hole] = entries_[least];
    hole = least;
  }
  if (child < end) {
    std::size_t least = child;
    while (++child < end) {
      if (entries_[child].before(entries_[least])) least = child;
    }
    entries_[hole] = entries_[least];
    hole = least;
  }
  sift_up(top, hole, entry);
}

std::size_t TimerHeap::least_of_four(std::size_t first) const noexcept {
  const Entry* e = &entries_[first];
  const std::size_t a = e[1].before(e[0]) ? 1 : 0;
  const std::size_t b = e[3].before(e[2]) ? 3 : 2;
  const std::size_t take_b = e[b].before(e[a]) ? ~std::size_t{0} : 0;
  return first + (a ^ ((a ^ b) & take_b));
}

void TimerHeap::sweep() noexcept {
  std::size_t kept = root;
  for (std::size_t i = root; i < entries_.size(); ++i) {
    const Entry entry = entries_[i];
    if (slots_[entry.slot] == cancelled) {
      free_slot(entry.slot);
    } else {
      entries_[kept++] = entry;
    }
  }
  entries_.resize_down(kept);
  entries_.shrink();
  ordered_ = root;
  cancelled_ = 0;
}

}  // namespace asyncio::detail
