#include "loop/timer_heap.hpp"

#include <algorithm>
#include <utility>

namespace asyncio::detail {
namespace {
constexpr std::size_t arity = 4;
constexpr std::size_t sweep_above = 100;  // as CPython
}  // namespace

void TimerHeap::add(Timer& timer, std::int64_t deadline) {
  std::uint32_t slot = 0;
  heap_.push_back({});
  try {
    if (free_slots_.empty()) {
      slot = static_cast<std::uint32_t>(slots_.size());
      slots_.push_back(nullptr);
      free_slots_.reserve(slots_.capacity());
    } else {
      slot = free_slots_.back();
      free_slots_.pop_back();
    }
  } catch (...) {
    heap_.pop_back();
    throw;
  }
  slots_[slot] = &timer;
  timer.slot = slot;
  heap_.back() = Entry{deadline, next_sequence_++, slot};
  sift_up(heap_.size() - 1);
}

void TimerHeap::cancel(Timer& timer) noexcept {
  slots_[std::exchange(timer.slot, Timer::none)] = nullptr;
  ++cancelled_;
}

void TimerHeap::drop_cancelled() noexcept {
  if (heap_.size() > sweep_above && cancelled_ * 2 > heap_.size()) sweep();
  while (!heap_.empty() && slots_[heap_.front().slot] == nullptr) (void)pop();
}

Timer* TimerHeap::pop_due(std::int64_t now) noexcept {
  while (!heap_.empty() && heap_.front().deadline <= now) {
    if (Timer* timer = pop()) return timer;
  }
  return nullptr;
}

Timer* TimerHeap::pop_any() noexcept {
  while (!heap_.empty()) {
    if (Timer* timer = pop()) return timer;
  }
  return nullptr;
}

Timer* TimerHeap::pop() noexcept {
  const std::uint32_t slot = heap_.front().slot;
  heap_.front() = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) sift_down(0);
  free_slots_.push_back(slot);
  Timer* timer = std::exchange(slots_[slot], nullptr);
  if (timer == nullptr) {
    --cancelled_;
  } else {
    timer->slot = Timer::none;
  }
  return timer;
}

void TimerHeap::sift_up(std::size_t i) noexcept {
  const Entry entry = heap_[i];
  while (i > 0) {
    const std::size_t parent = (i - 1) / arity;
    if (!entry.before(heap_[parent])) break;
    heap_[i] = heap_[parent];
    i = parent;
  }
  heap_[i] = entry;
}

void TimerHeap::sift_down(std::size_t i) noexcept {
  const Entry entry = heap_[i];
  const std::size_t size = heap_.size();
  for (;;) {
    const std::size_t first = i * arity + 1;
    if (first >= size) break;
    std::size_t least = first;
    for (std::size_t c = first + 1; c < std::min(first + arity, size); ++c) {
      if (heap_[c].before(heap_[least])) least = c;
    }
    if (!heap_[least].before(entry)) break;
    heap_[i] = heap_[least];
    i = least;
  }
  heap_[i] = entry;
}

void TimerHeap::sweep() noexcept {
  std::erase_if(heap_, [this](const Entry& e) {
    if (slots_[e.slot] != nullptr) return false;
    free_slots_.push_back(e.slot);
    return true;
  });
  cancelled_ = 0;
  for (std::size_t i = heap_.size() / arity + 1; i-- > 0;) {
    if (i < heap_.size()) sift_down(i);
  }
  if (heap_.capacity() > 4096 && heap_.size() < heap_.capacity() / 4) {
    try {
      heap_.shrink_to_fit();
    } catch (...) {
      // Keeping the memory is no harm.
    }
  }
}

}  // namespace asyncio::detail
