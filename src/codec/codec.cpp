#include <asyncio/codec.hpp>
#include <asyncio/error.hpp>

#include "base/text.hpp"

#include <fmt/format.h>

namespace asyncio::codec {

void Encoder::long_varint(std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out_->push_back(static_cast<char>(number | 0x80));
  out_->push_back(static_cast<char>(number));
}

std::uint64_t Decoder::varint(const char* what) {
  constexpr unsigned bits = 64;
  std::uint64_t number = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes(1, what)[0]);
    const std::uint64_t part = byte & 0x7fU;
    if (shift >= bits || (part << shift) >> shift != part) fail("a number of more than 64 bits");
    if (byte == 0 && shift > 0) fail("a number with needless zeros");  // one value has one encoding
    number |= part << shift;
    if (byte < 0x80) return number;
  }
}

std::size_t Decoder::count(std::size_t least, const char* what) {
  const std::uint64_t number = varint(what);
  if (least > 0 && number > remaining() / least) {
    fail(fmt::format("{} {} of at least {} bytes each are too many", number, what, least));
  }
  return number;
}

void Decoder::finish() const {
  if (remaining() > 0) fail(fmt::format("{} bytes follow", remaining()));
}

void Decoder::fail(std::string_view what) const {
  throw DecodeError(
      fmt::format("decode(): {} at offset {}, of {} bytes", what, at_, bytes_.size()));
}

void Decoder::fail_short(std::size_t size, const char* what) const {
  fail(fmt::format("wanted {} bytes of {}", size, what));
}

namespace detail {

void Nesting::throw_too_deep() {
  asyncio::detail::throw_invalid_argument(
      "encode(): nested more than 256 deep, which no decode() would read; flatten it");
}

void throw_without_bytes(std::size_t elements, const char* type) {
  asyncio::detail::throw_invalid_argument(
      fmt::format("encode(): {} elements of {} take fewer bytes than there are elements, which no "
                  "decode() would "
                  "believe; let asyncio_encode() write one byte at least",
                  elements, asyncio::detail::readable_type(type)));
}

void throw_valueless(const char* type) {
  asyncio::detail::throw_invalid_argument(
      fmt::format("encode(): a {} that has no value, since making it has failed; give it one",
                  asyncio::detail::readable_type(type)));
}

}  // namespace detail
}  // namespace asyncio::codec
