#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <utility>

namespace asyncio::detail {

/// Bytes that were taken to be sent. Holds no memory when it is empty.
class SendBuffer {
 public:
  SendBuffer() noexcept = default;
  SendBuffer(const SendBuffer&) = delete;
  SendBuffer& operator=(const SendBuffer&) = delete;
  ~SendBuffer() { clear(); }

  [[nodiscard]] std::size_t size() const noexcept {
    return block_ == nullptr ? 0 : block_->end - block_->begin;
  }
  [[nodiscard]] const std::byte* data() const noexcept {
    return block_ == nullptr ? nullptr : block_->bytes() + block_->begin;
  }

  /// Returns: how much of them was taken, `most` or less: 0 if there is no memory.
  std::size_t append(const iovec* parts, int count, std::size_t most) noexcept;
  void consume(std::size_t bytes) noexcept;
  void clear() noexcept;
  void swap(SendBuffer& other) noexcept { std::swap(block_, other.block_); }

 private:
  /// Before its bytes.
  struct Block {
    std::size_t begin;
    std::size_t end;
    std::size_t capacity;
    [[nodiscard]] std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  };

  bool reserve(std::size_t more) noexcept;

  Block* block_ = nullptr;  // of an idle connection this is all
};

}  // namespace asyncio::detail
