#pragma once

// How types that hold others are written and read. Included by <asyncio/codec.hpp>, at its end.

#include <asyncio/codec.hpp>
#include <asyncio/detail/codec_types.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

namespace asyncio::codec::detail {

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
      in.copy(value.data(), sizeof value, "an array");
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
      if (count > 0) __builtin_memcpy(value.data(), from, count * sizeof(Value));
    } else {
      for (std::size_t i = 0; i < count; ++i) {
        std::array<std::byte, sizeof(Value)> bytes;
        __builtin_memcpy(bytes.data(), from + i * sizeof(Value), sizeof(Value));
        value.push_back(__builtin_bit_cast(Value, bytes));
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
