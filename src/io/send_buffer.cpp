#include "io/send_buffer.hpp"

#include <asyncio/detail/frame_allocator.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace asyncio::detail {

std::size_t SendBuffer::append(const iovec* parts, int count, std::size_t most) noexcept {
  std::size_t all = 0;
  for (int i = 0; i < count; ++i) all += parts[i].iov_len;
  const std::size_t taken = std::min(all, most);
  if (!reserve(taken)) return 0;
  for (std::size_t left = taken; left > 0; ++parts) {
    const std::size_t part = std::min(left, parts->iov_len);
    if (part > 0) std::memcpy(memory_ + end_, parts->iov_base, part);
    end_ += part;
    left -= part;
  }
  return taken;
}

// Small ones come from the free lists of the thread.
bool SendBuffer::reserve(std::size_t more) noexcept {
  if (capacity_ - end_ >= more) return true;
  constexpr std::size_t smallest = 256;
  const std::size_t capacity = std::bit_ceil(std::max(smallest, size() + more));
  std::byte* memory = nullptr;
  try {
    memory = static_cast<std::byte*>(allocate(capacity));
  } catch (...) {
    return false;
  }
  const std::size_t kept = size();
  if (kept > 0) std::memcpy(memory, data(), kept);
  clear();
  memory_ = memory;
  end_ = kept;
  capacity_ = capacity;
  return true;
}

void SendBuffer::clear() noexcept {
  if (memory_ != nullptr) deallocate(memory_, capacity_);
  memory_ = nullptr;
  begin_ = end_ = capacity_ = 0;
}

void SendBuffer::swap(SendBuffer& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(begin_, other.begin_);
  std::swap(end_, other.end_);
  std::swap(capacity_, other.capacity_);
}

}  // namespace asyncio::detail
