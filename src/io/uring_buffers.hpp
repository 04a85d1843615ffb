#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

struct io_uring_buf_ring;

namespace asyncio::detail {

class Uring;

/// Buffers that the kernel takes when it has received something, shared by all connections of a
/// loop: one that is idle holds none. Who has not read yet holds a chain of them.
class UringBuffers {
 public:
  static constexpr std::size_t size = std::size_t{16} << 10;
  static constexpr std::uint16_t group = 0;

  explicit UringBuffers(Uring& ring) noexcept : ring_(ring) {}
  UringBuffers(const UringBuffers&) = delete;
  UringBuffers& operator=(const UringBuffers&) = delete;
  ~UringBuffers();

  /// Makes sure that the ring knows them. Returns: false if it refuses.
  bool ready() noexcept;
  /// After the kernel has found none. Returns: false if there cannot be more.
  bool grow() noexcept;
  void give_back(std::uint16_t id) noexcept;

  /// What was received, in order.
  struct Chain {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
    std::uint32_t offset = 0;  // in the first one
    std::uint32_t bytes = 0;
  };
  /// What the kernel has put into a buffer follows.
  void append(Chain& chain, std::uint16_t id, std::uint32_t bytes) noexcept;
  std::size_t take(Chain& chain, std::span<std::byte> into) noexcept;
  void drop(Chain& chain) noexcept;

 private:
  static constexpr unsigned most = 512;
  static constexpr unsigned at_first = 32;

  struct Link {
    std::uint32_t bytes = 0;
    std::uint16_t next = 0;
    bool held = false;
  };

  bool map() noexcept;
  void provide(std::uint16_t id) noexcept;
  [[nodiscard]] std::byte* at(std::uint16_t id) const noexcept { return buffers_ + id * size; }

  Uring& ring_;
  io_uring_buf_ring* queue_ = nullptr;  // shared with the kernel
  std::byte* buffers_ = nullptr;
  unsigned count_ = 0;       // that were made
  unsigned generation_ = 0;  // of the ring that knows them
  bool registered_ = false;
  bool refused_ = false;
  Link links_[most];
};

}  // namespace asyncio::detail
