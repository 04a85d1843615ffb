#pragma once

#include <asyncio/detail/codec_kind.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

/// Values as bytes, for another process of the same program, or another machine. docs/codec.md has
/// the format.
namespace asyncio::codec {

namespace detail {
template <class T, Kind kind = kind_of<T>()>
struct Codec;
class Nesting;
}  // namespace detail

/// What can be written and read: bool, integers, enums, float and double, std::string, std::vector
/// and other sequences, std::array, maps and sets, std::pair, std::tuple, std::optional,
/// std::variant, Duration and chrono durations, std::filesystem::path, of such; what has
/// asyncio_encode() and asyncio_decode(); and other classes that are trivially copyable, whose
/// bytes are taken as they are.
template <class T>
concept Encodable = detail::Codec<T>::encodable && detail::Codec<T>::decodable;

/// Bytes that are not what they should be.
class DecodeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Appends values to a string. A type of your own is written by a function beside it:
///
///     void asyncio_encode(asyncio::codec::Encoder& out, const Polygon& polygon);
///
/// Lifetime: the string must outlive it.
class Encoder {
 public:
  explicit Encoder(std::string& out) noexcept : out_(&out) {}

  /// Throws: std::bad_alloc; std::invalid_argument for a variant without a value, elements that
  /// take no bytes, and what is nested more than 256 types of users deep.
  template <class T>
  void encode(const T& value) {
    detail::Codec<T>::encode(*this, value);
  }
  /// As they are, without their number.
  void bytes(const void* data, std::size_t size) {
    out_->append(static_cast<const char*>(data), size);
  }
  /// A number that is mostly small: seven bits a byte, the lowest first.
  void varint(std::uint64_t number) {
    if (number < 0x80) [[likely]] {
      out_->push_back(static_cast<char>(number));
    } else {
      long_varint(number);
    }
  }
  /// How many bytes the string has.
  [[nodiscard]] std::size_t size() const noexcept { return out_->size(); }

 private:
  friend class detail::Nesting;
  void long_varint(std::uint64_t number);
  std::string* out_;
  unsigned depth_ = 0;
};

/// Reads values from bytes, which may come from anywhere: what does not fit is a DecodeError, and
/// no more memory is taken than the bytes that are there account for.
///
///     Polygon asyncio_decode(asyncio::codec::Decoder& in, asyncio::codec::Type<Polygon>);
///
/// Lifetime: the bytes must outlive it.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) noexcept : bytes_(bytes) {}

  /// Throws: DecodeError "decode(): wanted 8 bytes of double at offset 12, of 15 bytes".
  template <class T>
  [[nodiscard]] T decode() {
    return detail::Codec<T>::decode(*this);
  }
  /// The next ones, where they are. `what`: for the message.
  [[nodiscard]] std::string_view bytes(std::size_t size, const char* what) {
    if (size > remaining()) [[unlikely]]
      fail_short(size, what);
    const std::string_view taken = bytes_.substr(at_, size);
    at_ += size;
    return taken;
  }
  /// The same, copied.
  void copy(void* into, std::size_t size, const char* what) {
    __builtin_memcpy(into, bytes(size, what).data(), size);  // NOLINT: it has so many
  }
  [[nodiscard]] std::uint64_t varint(const char* what);
  /// The number of elements that follow, each of which takes at least so many bytes.
  [[nodiscard]] std::size_t count(std::size_t least, const char* what);
  /// Throws: DecodeError if something follows.
  void finish() const;
  /// Throws: DecodeError "decode(): WHAT at offset 12, of 15 bytes".
  [[noreturn]] void fail(std::string_view what) const;

  [[nodiscard]] std::size_t offset() const noexcept { return at_; }
  [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - at_; }

 private:
  friend class detail::Nesting;
  [[noreturn]] void fail_short(std::size_t size, const char* what) const;
  std::string_view bytes_;
  std::size_t at_ = 0;
  unsigned depth_ = 0;
};

}  // namespace asyncio::codec

#include <asyncio/detail/codec_types.hpp>

// behind the simple ones
#include <asyncio/detail/codec_containers.hpp>

namespace asyncio::codec {

/// The values, one behind the other.
///
/// Throws: as Encoder::encode().
template <class... T>
[[nodiscard]] std::string encode(const T&... values) {
  std::string out;
  Encoder encoder(out);
  (encoder.encode(values), ...);
  return out;
}

/// The one value that the bytes are.
///
/// Throws: DecodeError, also if something follows.
template <class T>
[[nodiscard]] T decode(std::string_view bytes) {
  Decoder decoder(bytes);
  T value = decoder.decode<T>();
  decoder.finish();
  return value;
}

/// A number for the structure of types: kinds, widths, and the names of enums and classes of users.
/// Two programs where it differs must not read what the other one writes.
template <class... T>
[[nodiscard]] consteval std::uint64_t signature() {
  detail::Hash hash;
  (detail::Codec<T>::sign(hash), ...);
  return hash.value;
}

}  // namespace asyncio::codec
