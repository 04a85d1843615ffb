#include <asyncio/detail/ready_queue.hpp>

#include "core/pages.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace asyncio::detail {

ReadyQueue::~ReadyQueue() { free_pages(entries_, capacity_ * sizeof(ReadyEntry)); }

void ReadyQueue::move(std::size_t from, std::size_t to, std::size_t count) noexcept {
  if (from != to) std::memcpy(entries_ + to, entries_ + from, count * sizeof(ReadyEntry));
}

void ReadyQueue::grow(std::size_t needed) {
  constexpr std::size_t page = 4096;
  const std::size_t least = page / sizeof(ReadyEntry);
  const std::size_t capacity = std::bit_ceil(needed < least ? least : needed);
  entries_ = static_cast<ReadyEntry*>(
      grow_pages(entries_, capacity_ * sizeof(ReadyEntry), capacity * sizeof(ReadyEntry)));

  // Each stays where its number says: those up to the end of the ring in the lap of the head, those
  // at its beginning in the next one.
  if (capacity_ > 0 && !empty()) {
    const std::size_t laps = capacity / capacity_;
    const std::size_t lap = head_ / capacity_ % laps;
    const std::size_t head = head_ & (capacity_ - 1);
    const std::size_t to_end = std::min(size(), capacity_ - head);
    move(head, lap * capacity_ + head, to_end);
    move(0, (lap + 1) % laps * capacity_, size() - to_end);
  }
  capacity_ = capacity;
}

}  // namespace asyncio::detail
