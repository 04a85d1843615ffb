#pragma once

#include <sys/uio.h>

#include <cstddef>

namespace asyncio::detail {

/// Bytes that were taken to be sent. Holds no memory when it is empty.
class SendBuffer {
 public:
  SendBuffer() noexcept = default;
  SendBuffer(const SendBuffer&) = delete;
  SendBuffer& operator=(const SendBuffer&) = delete;
  ~SendBuffer() { clear(); }

  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] const std::byte* data() const noexcept { return memory_ + begin_; }

  /// Returns: how much of them was taken, `most` or less: 0 if there is no memory.
  std::size_t append(const iovec* parts, int count, std::size_t most) noexcept;
  void consume(std::size_t bytes) noexcept {
    begin_ += bytes;
    if (begin_ == end_) clear();
  }
  void clear() noexcept;
  void swap(SendBuffer& other) noexcept;

 private:
  bool reserve(std::size_t more) noexcept;

  std::byte* memory_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace asyncio::detail
