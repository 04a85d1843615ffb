#pragma once

// How each kind of type that holds no others is written and read. Included by <asyncio/codec.hpp>,
// at its end.

#include <asyncio/codec.hpp>
#include <asyncio/detail/type_name.hpp>

#include <array>

namespace asyncio::codec::detail {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "numbers are written as they are in memory");

/// FNV-1a.
struct Hash {
  std::uint64_t value = 0xcbf29ce484222325U;

  constexpr void add(char c) noexcept {
    value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  constexpr void add(const char* text) noexcept {
    for (; *text != '\0'; ++text) add(*text);
    add('\0');
  }
  constexpr void add(std::size_t number) noexcept {
    for (; number >= 0x80; number >>= 7) add(static_cast<char>(number | 0x80));
    add(static_cast<char>(number));
  }
  template <class T>
  constexpr void add_name() noexcept {
    add(asyncio::detail::type_name<T>());
  }
};

/// What a hook is inside of. Bytes from anywhere must not decide how deep the stack becomes.
class Nesting {
 public:
  explicit Nesting(Encoder& out) : depth_(out.depth_) {
    if (depth_ == most) throw_too_deep();
    ++depth_;
  }
  explicit Nesting(Decoder& in) : depth_(in.depth_) {
    if (depth_ == most) in.fail("nested more than 256 deep");
    ++depth_;
  }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  ~Nesting() { --depth_; }

 private:
  static constexpr unsigned most = 256;
  [[noreturn]] static void throw_too_deep();
  unsigned& depth_;
};

[[noreturn]] void throw_without_bytes(std::size_t elements, const char* type);
[[noreturn]] void throw_valueless(const char* type);

/// Throws unless that many elements have taken at least as many bytes: a reader could not tell a
/// number that is true from one that would fill its memory.
inline void check_bytes(std::size_t elements, std::size_t bytes, const char* type) {
  if (bytes < elements) [[unlikely]]
    throw_without_bytes(elements, type);
}

/// What takes no bytes gets one, or nobody could bound a vector of them.
constexpr std::size_t at_least_one(std::size_t bytes) noexcept { return bytes > 0 ? bytes : 1; }

// --- what is refused ----------------------------------------------------------------------------

template <class T, Kind kind>
struct Codec {
  static constexpr bool encodable = false;
  static constexpr bool decodable = false;
  static constexpr std::size_t least = 1;

  static consteval void refuse() {
    static_assert(kind != Kind::pointer,
                  "codec: a pointer means nothing to another process; send what it points to: "
                  "std::string instead of const char*, a value or a std::vector instead of T*");
    static_assert(kind != Kind::view,
                  "codec: a reference or a view (std::span, std::reference_wrapper) owns nothing "
                  "that could be sent; use a value, or std::vector");
    static_assert(kind != Kind::refused,
                  "codec: this type cannot be sent; make it of types that can, or give it, in its "
                  "namespace, asyncio_encode(asyncio::codec::Encoder&, const T&) and "
                  "asyncio_decode(asyncio::codec::Decoder&, asyncio::codec::Type<T>)");
  }
  static void encode(Encoder&, const T&) { refuse(); }
  static T decode(Decoder&) { refuse(); }
  static consteval void sign(Hash&) { refuse(); }
};

template <class T>
struct Codec<T, Kind::string_view> {
  static constexpr bool encodable = true;
  static constexpr bool decodable = false;
  static constexpr std::size_t least = 1;
  static void encode(Encoder& out, T value) {
    out.varint(value.size());
    out.bytes(value.data(), value.size());
  }
  static T decode(Decoder&) {
    static_assert(sizeof(T) == 0,
                  "codec: a std::string_view owns nothing that could be received; decode a "
                  "std::string");
  }
  static constexpr void sign(Hash& hash) { hash.add('s'); }  // as what reads it
};

struct Both {
  static constexpr bool encodable = true;
  static constexpr bool decodable = true;
};

// --- what holds nothing else --------------------------------------------------------------------

template <class T>
struct Codec<T, Kind::hook> : Both {
  static constexpr std::size_t least = 1;
  static void encode(Encoder& out, const T& value) {
    const Nesting nested(out);
    asyncio_encode(out, value);
  }
  static T decode(Decoder& in) {
    const Nesting nested(in);
    return asyncio_decode(in, Type<T>{});
  }
  static constexpr void sign(Hash& hash) {
    hash.add('h');
    hash.add_name<T>();
  }
};

template <class T>
struct Codec<T, Kind::boolean> : Both {
  static constexpr std::size_t least = 1;
  static void encode(Encoder& out, bool value) { out.varint(value ? 1 : 0); }
  static bool decode(Decoder& in) {
    const char byte = in.bytes(1, "bool")[0];
    if (byte != 0 && byte != 1) in.fail("a bool that is neither 0 nor 1");
    return byte == 1;
  }
  static constexpr void sign(Hash& hash) { hash.add('b'); }
};

template <class T>
struct Codec<T, Kind::number> : Both {
  static constexpr std::size_t least = sizeof(T);
  static void encode(Encoder& out, T value) { out.bytes(&value, sizeof value); }
  static T decode(Decoder& in) {
    T value;
    in.copy(&value, sizeof value, name());
    return value;
  }
  static constexpr const char* name() {
    return std::is_floating_point_v<T> ? "a floating-point number" : "an integer";
  }
  static constexpr void sign(Hash& hash) {
    hash.add(std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u');
    hash.add(sizeof(T));
  }
};

template <class T>
struct Codec<T, Kind::enumeration> : Both {
  using Number = Codec<std::underlying_type_t<T>>;
  static constexpr std::size_t least = Number::least;
  static void encode(Encoder& out, T value) {
    Number::encode(out, static_cast<std::underlying_type_t<T>>(value));
  }
  static T decode(Decoder& in) { return static_cast<T>(Number::decode(in)); }
  static constexpr void sign(Hash& hash) {
    hash.add('e');
    hash.add_name<T>();
    Number::sign(hash);
  }
};

template <class T>
struct Codec<T, Kind::duration> : Both {
  using Number = Codec<std::int64_t>;
  static constexpr std::size_t least = Number::least;
  static void encode(Encoder& out, T value) { Number::encode(out, value.nanoseconds()); }
  static T decode(Decoder& in) { return T::nanoseconds(Number::decode(in)); }
  static constexpr void sign(Hash& hash) { hash.add('d'); }
};

template <class T>
struct Codec<T, Kind::chrono> {
  using Number = Codec<typename T::rep>;
  static constexpr bool encodable = Number::encodable;
  static constexpr bool decodable = Number::decodable;
  static constexpr std::size_t least = Number::least;
  static void encode(Encoder& out, const T& value) { Number::encode(out, value.count()); }
  static T decode(Decoder& in) { return T(Number::decode(in)); }
  static constexpr void sign(Hash& hash) {
    hash.add('c');
    hash.add(static_cast<std::size_t>(T::period::num));
    hash.add(static_cast<std::size_t>(T::period::den));
    Number::sign(hash);
  }
};

template <class T>
struct Codec<T, Kind::text> : Both {
  static constexpr std::size_t least = 1;
  static void encode(Encoder& out, const T& value) { Codec<std::string_view>::encode(out, value); }
  static T decode(Decoder& in) {
    const std::size_t size = in.count(1, "a string");
    return T(in.bytes(size, "a string"));
  }
  static constexpr void sign(Hash& hash) { hash.add('s'); }
};

template <class T>
struct Codec<T, Kind::path> : Both {
  static constexpr std::size_t least = 1;
  static void encode(Encoder& out, const T& value) {
    Codec<std::string_view>::encode(out, value.native());
  }
  static T decode(Decoder& in) { return T(Codec<std::string>::decode(in)); }
  static constexpr void sign(Hash& hash) { hash.add('p'); }
};

template <class T>
struct Codec<T, Kind::unit> : Both {
  static constexpr std::size_t least = 1;  // or nobody could bound a vector of them
  static void encode(Encoder& out, const T&) { out.varint(0); }
  static T decode(Decoder& in) {
    if (in.bytes(1, "a type without members")[0] != 0) in.fail("no zero for an empty type");
    return T();
  }
  static constexpr void sign(Hash& hash) { hash.add('n'); }
};

template <class T>
struct Codec<T, Kind::raw> : Both {
  static constexpr std::size_t least = 1 + sizeof(T);
  static void encode(Encoder& out, const T& value) {
    out.varint(sizeof(T));
    out.bytes(&value, sizeof value);
  }
  static void check_size(Decoder& in) {
    if (in.varint("the size of a class") != sizeof(T)) in.fail("a class of another size");
  }
  static T decode(Decoder& in) {
    check_size(in);
    std::array<std::byte, sizeof(T)> bytes;
    in.copy(bytes.data(), sizeof(T), "the bytes of a class");
    return __builtin_bit_cast(T, bytes);
  }
  static constexpr void sign(Hash& hash) {
    hash.add('r');
    hash.add_name<T>();
    hash.add(sizeof(T));
    hash.add(alignof(T));
  }
};

}  // namespace asyncio::codec::detail
