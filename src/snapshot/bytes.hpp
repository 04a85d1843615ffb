#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace asyncio::snapshot {

/// What was copied from the program, to be looked into by offsets.
class Bytes {
 public:
  explicit Bytes(std::size_t size) : bytes_(size) {}

  [[nodiscard]] std::byte* data() noexcept { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  template <class T>
  [[nodiscard]] T at(std::size_t offset) const noexcept {
    return get<T>(bytes_.data() + offset);
  }
  template <class T>
  [[nodiscard]] static T get(const std::byte* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
  }

 private:
  std::vector<std::byte> bytes_;
};

/// False for what cannot be an address.
[[nodiscard]] inline bool may_be_address(std::uint64_t address) noexcept {
  constexpr std::uint64_t first = 4096;
  constexpr std::uint64_t last = std::uint64_t{1} << 47;
  return address >= first && address < last;
}
/// The same of an object's.
[[nodiscard]] inline bool may_be_object(std::uint64_t address) noexcept {
  return may_be_address(address) && address % alignof(void*) == 0;
}

}  // namespace asyncio::snapshot
