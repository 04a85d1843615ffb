#pragma once

#include <asyncio/duration.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace asyncio::codec {

class Encoder;
class Decoder;
/// Says which type asyncio_decode() is asked for.
template <class T>
struct Type {};

namespace detail {

/// How a type is written.
enum class Kind : std::uint8_t {
  refused,
  pointer,      // refused, with another text
  view,         // refused, with another text
  string_view,  // can be written, not read
  hook,         // by asyncio_encode() and asyncio_decode()
  boolean,
  number,
  enumeration,
  duration,
  chrono,
  text,
  path,
  unit,  // nothing in it
  array,
  sequence,
  map,
  set,
  pair,
  tuple,
  optional,
  variant,
  raw,  // its bytes
};

template <class T>
concept Hooked = (std::is_class_v<T> || std::is_union_v<T> || std::is_enum_v<T>) &&
                 requires(Encoder& out, Decoder& in, const T& value) {
                   asyncio_encode(out, value);
                   { asyncio_decode(in, Type<T>{}) } -> std::same_as<T>;
                 };

// Containers and paths are known by their shape, so that this header needs none of theirs.
template <class T>
concept PathLike = requires(const T& path) {
  typename T::string_type;
  { path.native() } -> std::convertible_to<std::string_view>;
  path.root_directory();
};

template <class T>
concept SetLike = requires(T& set, typename T::key_type key) {
  set.begin();
  set.end();
  set.size();
  set.insert(set.end(), std::move(key));
};

template <class T>
concept MapLike = requires(T& map, typename T::key_type key, typename T::mapped_type value) {
  map.begin();
  map.end();
  map.size();
  map.emplace_hint(map.end(), std::move(key), std::move(value));
};

template <class T>
concept SequenceLike = requires(T& sequence, typename T::value_type value) {
  sequence.begin();
  sequence.end();
  sequence.size();
  sequence.push_back(std::move(value));
};

template <class T>
concept SpanLike = requires(const T& span) {
  typename T::element_type;
  span.subspan(std::size_t{});
};

template <class T>
concept ReferenceLike = requires(const T& wrapper) {
  typename T::type;
  { wrapper.get() } -> std::same_as<typename T::type&>;
};

template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;
template <class T>
inline constexpr bool is_pair = false;
template <class A, class B>
inline constexpr bool is_pair<std::pair<A, B>> = true;
template <class T>
inline constexpr bool is_tuple = false;
template <class... Ts>
inline constexpr bool is_tuple<std::tuple<Ts...>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_variant = false;
template <class... Ts>
inline constexpr bool is_variant<std::variant<Ts...>> = true;

template <class T>
consteval Kind kind_of_class() {
  if constexpr (std::same_as<T, std::string>) return Kind::text;
  if constexpr (std::same_as<T, std::string_view>) return Kind::string_view;
  if constexpr (std::same_as<T, Duration>) return Kind::duration;
  if constexpr (asyncio::detail::ChronoDuration<T>) return Kind::chrono;
  if constexpr (is_array<T>) return Kind::array;
  if constexpr (is_pair<T>) return Kind::pair;
  if constexpr (is_tuple<T>) return Kind::tuple;
  if constexpr (is_optional<T>) return Kind::optional;
  if constexpr (is_variant<T>) return Kind::variant;
  if constexpr (PathLike<T>) return Kind::path;
  if constexpr (MapLike<T>) return Kind::map;
  if constexpr (SetLike<T>) return Kind::set;
  if constexpr (SequenceLike<T>) return Kind::sequence;
  if constexpr (SpanLike<T> || ReferenceLike<T>) return Kind::view;
  if constexpr (!std::is_trivially_copyable_v<T>) return Kind::refused;
  if constexpr (std::is_empty_v<T> && std::is_default_constructible_v<T>) return Kind::unit;
  return Kind::raw;
}

template <class T>
consteval Kind kind_of() {
  if constexpr (std::is_pointer_v<T> || std::is_null_pointer_v<T> || std::is_member_pointer_v<T> ||
                std::is_function_v<T> || std::is_array_v<T>) {
    return Kind::pointer;
  } else if constexpr (std::is_reference_v<T>) {
    return Kind::view;
  } else if constexpr (Hooked<T>) {
    return Kind::hook;
  } else if constexpr (std::same_as<T, bool>) {
    return Kind::boolean;
  } else if constexpr (std::integral<T> || std::same_as<T, float> || std::same_as<T, double>) {
    return Kind::number;
  } else if constexpr (std::is_enum_v<T>) {
    return Kind::enumeration;
  } else if constexpr (std::is_class_v<T> || std::is_union_v<T>) {
    return kind_of_class<T>();
  } else {
    return Kind::refused;
  }
}

}  // namespace detail
}  // namespace asyncio::codec
