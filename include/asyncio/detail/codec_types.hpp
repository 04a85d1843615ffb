#pragma once

// How each kind of type is written and read. Included by <asyncio/codec.hpp>, at its end.

#include <asyncio/codec.hpp>
#include <asyncio/detail/type_name.hpp>

#include <array>
#include <bit>
#include <cstring>
#include <limits>

namespace asyncio::codec::detail {

static_assert(std::endian::native == std::endian::little,
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
    std::memcpy(&value, in.bytes(sizeof value, name()).data(), sizeof value);
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
    std::memcpy(bytes.data(), in.bytes(sizeof(T), "the bytes of a class").data(), sizeof(T));
    return std::bit_cast<T>(bytes);
  }
  static constexpr void sign(Hash& hash) {
    hash.add('r');
    hash.add_name<T>();
    hash.add(sizeof(T));
    hash.add(alignof(T));
  }
};

// --- what holds others --------------------------------------------------------------------------

/// Elements whose bytes in memory are what is written.
template <class T>
inline constexpr bool in_one_piece = kind_of<T>() == Kind::number || kind_of<T>() == Kind::raw;

template <class T>
concept Contiguous = requires(T& sequence, std::size_t size) {
  { sequence.data() } -> std::same_as<typename T::value_type*>;
  sequence.resize(size);
  sequence.reserve(size);
};

template <class T>
struct Codec<T, Kind::array> {
  using Element = Codec<typename T::value_type>;
  static constexpr bool encodable = Element::encodable;
  static constexpr bool decodable = Element::decodable;
  static constexpr std::size_t size = std::tuple_size_v<T>;
  static constexpr std::size_t least = at_least_one(size * Element::least);

  static void encode(Encoder& out, const T& value) {
    if constexpr (size == 0) {
      out.varint(0);
    } else if constexpr (kind_of<typename T::value_type>() == Kind::number) {
      out.bytes(value.data(), sizeof value);
    } else {
      for (const auto& element : value) Element::encode(out, element);
    }
  }
  static T decode(Decoder& in) { return decode(in, std::make_index_sequence<size>()); }
  static constexpr void sign(Hash& hash) {
    hash.add('a');
    hash.add(size);
    Element::sign(hash);
  }

 private:
  template <std::size_t... I>
  static T decode(Decoder& in, std::index_sequence<I...>) {
    if constexpr (size == 0) {
      (void)in.bytes(1, "an empty array");
      return T();
    } else if constexpr (kind_of<typename T::value_type>() == Kind::number) {
      T value;
      std::memcpy(value.data(), in.bytes(sizeof value, "an array").data(), sizeof value);
      return value;
    } else {
      return T{((void)I, Element::decode(in))...};
    }
  }
};

template <class T>
struct Codec<T, Kind::sequence> {
  using Value = typename T::value_type;
  using Element = Codec<Value>;
  static constexpr bool encodable = Element::encodable;
  static constexpr bool decodable = Element::decodable;
  static constexpr std::size_t least = 1;
  static constexpr bool one_copy = in_one_piece<Value> && Contiguous<T>;

  static void encode(Encoder& out, const T& value) {
    out.varint(value.size());
    if constexpr (kind_of<Value>() == Kind::raw) out.varint(sizeof(Value));
    const std::size_t before = out.size();
    if constexpr (one_copy) {
      out.bytes(value.data(), value.size() * sizeof(Value));
    } else if constexpr (in_one_piece<Value>) {
      for (const auto& element : value) out.bytes(&element, sizeof(Value));
    } else {
      for (const auto& element : value) Element::encode(out, element);
    }
    check_bytes(value.size(), out.size() - before, asyncio::detail::type_name<Value>());
  }
  static T decode(Decoder& in) {
    if constexpr (in_one_piece<Value>) {
      return decode_pieces(in);
    } else {
      const std::size_t count = in.count(Element::least, "elements");
      T value;
      // What was promised is believed as far as the bytes that are there would fill the memory.
      if constexpr (requires { value.reserve(count); }) {
        const std::size_t believed = in.remaining() / sizeof(Value) + 1;
        value.reserve(count < believed ? count : believed);
      }
      for (std::size_t i = 0; i < count; ++i) value.push_back(Element::decode(in));
      return value;
    }
  }
  static constexpr void sign(Hash& hash) {
    hash.add('v');
    Element::sign(hash);
  }

 private:
  static T decode_pieces(Decoder& in) {
    // Of a class, the size stands between.
    const std::size_t count =
        in.count(kind_of<Value>() == Kind::raw ? 0 : sizeof(Value), "elements");
    if constexpr (kind_of<Value>() == Kind::raw) Element::check_size(in);
    if (count > in.remaining() / sizeof(Value)) in.fail("fewer bytes than elements need");
    const char* from = in.bytes(count * sizeof(Value), "elements").data();
    T value;
    if constexpr (one_copy && std::is_default_constructible_v<Value>) {
      value.resize(count);
      if (count > 0) std::memcpy(value.data(), from, count * sizeof(Value));
    } else {
      for (std::size_t i = 0; i < count; ++i) {
        std::array<std::byte, sizeof(Value)> bytes;
        std::memcpy(bytes.data(), from + i * sizeof(Value), sizeof(Value));
        value.push_back(std::bit_cast<Value>(bytes));
      }
    }
    return value;
  }
};

template <class T>
struct Codec<T, Kind::set> {
  using Element = Codec<typename T::key_type>;
  static constexpr bool encodable = Element::encodable;
  static constexpr bool decodable = Element::decodable;
  static constexpr std::size_t least = 1;

  static void encode(Encoder& out, const T& value) {
    out.varint(value.size());
    const std::size_t before = out.size();
    for (const auto& element : value) Element::encode(out, element);
    check_bytes(value.size(), out.size() - before,
                asyncio::detail::type_name<typename T::key_type>());
  }
  static T decode(Decoder& in) {
    const std::size_t count = in.count(Element::least, "elements of a set");
    T value;
    for (std::size_t i = 0; i < count; ++i) value.insert(value.end(), Element::decode(in));
    if (value.size() != count) in.fail("an element twice in a set before that");
    return value;
  }
  static constexpr void sign(Hash& hash) {
    hash.add('S');
    Element::sign(hash);
  }
};

template <class T>
struct Codec<T, Kind::map> {
  using Key = Codec<typename T::key_type>;
  using Mapped = Codec<typename T::mapped_type>;
  static constexpr bool encodable = Key::encodable && Mapped::encodable;
  static constexpr bool decodable = Key::decodable && Mapped::decodable;
  static constexpr std::size_t least = 1;

  static void encode(Encoder& out, const T& value) {
    out.varint(value.size());
    const std::size_t before = out.size();
    for (const auto& [key, mapped] : value) {
      Key::encode(out, key);
      Mapped::encode(out, mapped);
    }
    check_bytes(value.size(), out.size() - before,
                asyncio::detail::type_name<typename T::key_type>());
  }
  static T decode(Decoder& in) {
    const std::size_t count = in.count(Key::least + Mapped::least, "elements of a map");
    T value;
    for (std::size_t i = 0; i < count; ++i) {
      auto key = Key::decode(in);
      value.emplace_hint(value.end(), std::move(key), Mapped::decode(in));
    }
    if (value.size() != count) in.fail("a key twice in a map before that");
    return value;
  }
  static constexpr void sign(Hash& hash) {
    hash.add('m');
    Key::sign(hash);
    Mapped::sign(hash);
  }
};

template <class T>
struct Codec<T, Kind::optional> {
  using Value = Codec<typename T::value_type>;
  static constexpr bool encodable = Value::encodable;
  static constexpr bool decodable = Value::decodable;
  static constexpr std::size_t least = 1;

  static void encode(Encoder& out, const T& value) {
    Codec<bool>::encode(out, value.has_value());
    if (value) Value::encode(out, *value);
  }
  static T decode(Decoder& in) {
    if (!Codec<bool>::decode(in)) return std::nullopt;
    return T(std::in_place, Value::decode(in));
  }
  static constexpr void sign(Hash& hash) {
    hash.add('o');
    Value::sign(hash);
  }
};

template <class A, class B>
struct Codec<std::pair<A, B>, Kind::pair> {
  static constexpr bool encodable = Codec<A>::encodable && Codec<B>::encodable;
  static constexpr bool decodable = Codec<A>::decodable && Codec<B>::decodable;
  static constexpr std::size_t least = Codec<A>::least + Codec<B>::least;

  static void encode(Encoder& out, const std::pair<A, B>& value) {
    Codec<A>::encode(out, value.first);
    Codec<B>::encode(out, value.second);
  }
  static std::pair<A, B> decode(Decoder& in) {
    return std::pair<A, B>{Codec<A>::decode(in), Codec<B>::decode(in)};  // braces: in this order
  }
  static constexpr void sign(Hash& hash) {
    hash.add('2');
    Codec<A>::sign(hash);
    Codec<B>::sign(hash);
  }
};

template <class... Ts>
struct Codec<std::tuple<Ts...>, Kind::tuple> {
  static constexpr bool encodable = (Codec<Ts>::encodable && ...);
  static constexpr bool decodable = (Codec<Ts>::decodable && ...);
  static constexpr std::size_t least = at_least_one((std::size_t{0} + ... + Codec<Ts>::least));

  static void encode(Encoder& out, [[maybe_unused]] const std::tuple<Ts...>& value) {
    if constexpr (sizeof...(Ts) == 0) {
      out.varint(0);
    } else {
      std::apply([&out](const Ts&... parts) { (Codec<Ts>::encode(out, parts), ...); }, value);
    }
  }
  static std::tuple<Ts...> decode(Decoder& in) {
    if constexpr (sizeof...(Ts) == 0) {
      (void)in.bytes(1, "an empty tuple");
      return {};
    } else {
      return std::tuple<Ts...>{Codec<Ts>::decode(in)...};  // braces: in this order
    }
  }
  static constexpr void sign(Hash& hash) {
    hash.add('t');
    hash.add(sizeof...(Ts));
    (Codec<Ts>::sign(hash), ...);
  }
};

template <class... Ts>
struct Codec<std::variant<Ts...>, Kind::variant> {
  using Value = std::variant<Ts...>;
  static constexpr bool encodable = (Codec<Ts>::encodable && ...);
  static constexpr bool decodable = (Codec<Ts>::decodable && ...);
  static constexpr std::size_t least = 2;

  static void encode(Encoder& out, const Value& value) {
    if (value.valueless_by_exception()) throw_valueless(asyncio::detail::type_name<Value>());
    out.varint(value.index());
    std::visit([&out]<class T>(const T& alternative) { Codec<T>::encode(out, alternative); },
               value);
  }
  static Value decode(Decoder& in) {
    const std::uint64_t index = in.varint("the alternative of a variant");
    if (index >= sizeof...(Ts)) in.fail("a variant has no such alternative");
    return makers(std::index_sequence_for<Ts...>())[index](in);
  }
  static constexpr void sign(Hash& hash) {
    hash.add('V');
    hash.add(sizeof...(Ts));
    (Codec<Ts>::sign(hash), ...);
  }

 private:
  using Maker = Value (*)(Decoder&);
  template <std::size_t I>
  static Value make(Decoder& in) {
    return Value(std::in_place_index<I>, Codec<std::variant_alternative_t<I, Value>>::decode(in));
  }
  template <std::size_t... I>
  static constexpr std::array<Maker, sizeof...(Ts)> makers(std::index_sequence<I...>) {
    return {&make<I>...};
  }
};

}  // namespace asyncio::codec::detail
