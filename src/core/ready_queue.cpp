#include <asyncio/detail/ready_queue.hpp>

#include <bit>

namespace asyncio::detail {

ReadyQueue::~ReadyQueue() { delete[] entries_; }

void ReadyQueue::grow(std::size_t needed) {
  const std::size_t capacity = std::bit_ceil(needed < 64 ? 64 : needed);
  auto* entries = new ReadyEntry[capacity];
  const std::size_t waiting = size();
  for (std::size_t i = 0; i < waiting; ++i) entries[i] = entries_[(head_ + i) & (capacity_ - 1)];
  delete[] entries_;
  entries_ = entries;
  capacity_ = capacity;
  head_ = 0;
  tail_ = waiting;
}

}  // namespace asyncio::detail
