#pragma once

#include <asyncio/address.hpp>

#include <algorithm>
#include <cstdint>

namespace asyncio::detail {

/// An IP address as the system has it, in a quarter of an Address's memory. Others do not fit: they
/// become none.
class PackedAddress {
 public:
  PackedAddress() noexcept = default;
  explicit PackedAddress(const Address& address) noexcept {
    if (!address.is_ip()) return;
    alignas(8) unsigned char raw[128];
    size_ = static_cast<std::uint8_t>(address.to_raw(raw));
    std::copy_n(raw, size_, raw_);
  }
  [[nodiscard]] Address unpacked() const {
    return size_ == 0 ? Address() : Address(reinterpret_cast<const sockaddr*>(raw_), size_);
  }

 private:
  alignas(4) unsigned char raw_[28];  // a sockaddr_in6, the larger one
  std::uint8_t size_ = 0;
};

}  // namespace asyncio::detail
