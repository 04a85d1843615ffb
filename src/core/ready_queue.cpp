#include <asyncio/detail/ready_queue.hpp>

#include "core/pages.hpp"

#include <bit>
#include <cstring>

namespace asyncio::detail {

ReadyQueue::~ReadyQueue() { free_pages(entries_, capacity_ * sizeof(ReadyEntry)); }

void ReadyQueue::grow(std::size_t needed) {
  constexpr std::size_t page = 4096;
  const std::size_t least = page / sizeof(ReadyEntry);
  const std::size_t capacity = std::bit_ceil(needed < least ? least : needed);
  entries_ = static_cast<ReadyEntry*>(
      grow_pages(entries_, capacity_ * sizeof(ReadyEntry), capacity * sizeof(ReadyEntry)));

  const std::size_t waiting = size();
  const std::size_t head = capacity_ == 0 ? 0 : head_ & (capacity_ - 1);
  if (head + waiting > capacity_) {
    // Those at the beginning follow those at the end, where there is room now.
    std::memcpy(entries_ + capacity_, entries_, (head + waiting - capacity_) * sizeof(ReadyEntry));
  }
  head_ = head;
  tail_ = head + waiting;
  capacity_ = capacity;
}

}  // namespace asyncio::detail
