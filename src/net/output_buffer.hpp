#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace asyncio::detail {

/// Bytes that could not be sent yet. Has no memory while it is empty.
class OutputBuffer {
 public:
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size() - head_; }
  [[nodiscard]] std::span<const std::byte> front() const noexcept {
    return std::as_bytes(std::span(bytes_)).subspan(head_);
  }

  void append(std::span<const std::byte> data) {
    // What has been sent is given up before the string would grow for its sake, once it is worth
    // moving what has not.
    if (head_ >= size() && bytes_.size() + data.size() > bytes_.capacity()) {
      bytes_.erase(0, std::exchange(head_, 0));
    }
    bytes_.append(reinterpret_cast<const char*>(data.data()), data.size());
  }
  void sent(std::size_t n) noexcept {
    head_ += n;
    if (head_ == bytes_.size()) clear();
  }
  void clear() noexcept {
    head_ = 0;
    std::string().swap(bytes_);
  }

 private:
  std::string bytes_;
  std::size_t head_ = 0;
};

}  // namespace asyncio::detail
