#pragma once

#include "snapshot/bytes.hpp"
#include "snapshot/memory.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace asyncio::snapshot {

/// Objects of one size from many addresses. What is at an address that cannot be is zeros.
class Pieces {
 public:
  Pieces(std::size_t most, std::size_t size) : size_(size), bytes_(most * size) {
    pieces_.reserve(most);
  }

  void add(std::uint64_t address) {
    std::byte* const to = bytes_.data() + size_ * added_++;
    if (!may_be_address(address)) return;
    pieces_.push_back({address, to, static_cast<std::uint32_t>(size_)});
  }
  void read(Memory& memory) { memory.read(pieces_); }
  /// Of the i-th that was added.
  template <class T>
  [[nodiscard]] T get(std::size_t i, std::size_t offset) const noexcept {
    return Bytes::get<T>(bytes_.data() + size_ * i + offset);
  }

 private:
  std::size_t size_;
  std::size_t added_ = 0;
  std::vector<std::byte> bytes_;
  std::vector<Piece> pieces_;
};

}  // namespace asyncio::snapshot
