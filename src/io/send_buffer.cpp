#include "io/send_buffer.hpp"

#include <asyncio/detail/frame_allocator.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace asyncio::detail {

std::size_t SendBuffer::append(const iovec* parts, int count, std::size_t most) noexcept {
  std::size_t all = 0;
  for (int i = 0; i < count; ++i) all += parts[i].iov_len;
  const std::size_t taken = std::min(all, most);
  if (taken == 0 || !reserve(taken)) return 0;
  for (std::size_t left = taken; left > 0; ++parts) {
    const std::size_t part = std::min(left, parts->iov_len);
    if (part > 0) std::memcpy(block_->bytes() + block_->end, parts->iov_base, part);
    block_->end += part;
    left -= part;
  }
  return taken;
}

// Small ones come from the free lists of the thread.
bool SendBuffer::reserve(std::size_t more) noexcept {
  if (block_ != nullptr && block_->capacity - block_->end >= more) return true;
  constexpr std::size_t smallest = 256;
  const std::size_t kept = size();
  const std::size_t bytes = std::bit_ceil(std::max(smallest, sizeof(Block) + kept + more));
  Block* block = nullptr;
  try {
    block = ::new (allocate(bytes)) Block{0, kept, bytes - sizeof(Block)};
  } catch (...) {
    return false;
  }
  if (kept > 0) std::memcpy(block->bytes(), data(), kept);
  clear();
  block_ = block;
  return true;
}

void SendBuffer::consume(std::size_t bytes) noexcept {
  if (bytes == size()) {
    clear();
  } else {
    block_->begin += bytes;
  }
}

void SendBuffer::clear() noexcept {
  if (block_ != nullptr) deallocate(block_, sizeof(Block) + block_->capacity);
  block_ = nullptr;
}

}  // namespace asyncio::detail
