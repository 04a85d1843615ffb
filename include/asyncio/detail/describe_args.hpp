#pragma once

#include <asyncio/detail/type_name.hpp>
#include <asyncio/duration.hpp>

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace asyncio::detail {

[[nodiscard]] std::string describe_number(long long n);
[[nodiscard]] std::string describe_number(unsigned long long n);
[[nodiscard]] std::string describe_number(double n);
[[nodiscard]] std::string describe_text(std::string_view text);
[[nodiscard]] std::string describe_duration(Duration d);
[[nodiscard]] std::string describe_type(const char* pretty);

/// An argument as Python would print it, as far as C++ knows how.
template <class T>
[[nodiscard]] std::string describe_arg(const T& value) {
  if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::floating_point<T>) {
    return describe_number(static_cast<double>(value));
  } else if constexpr (std::signed_integral<T>) {
    return describe_number(static_cast<long long>(value));
  } else if constexpr (std::unsigned_integral<T>) {
    return describe_number(static_cast<unsigned long long>(value));
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return describe_text(value);
  } else if constexpr (std::is_convertible_v<const T&, Duration>) {
    return describe_duration(value);
  } else {
    return describe_type(type_name<T>());
  }
}

template <class... Args>
[[nodiscard]] std::string describe_args(const Args&... args) {
  std::string text = " with args: (";
  [[maybe_unused]] bool first = true;
  ((text += std::exchange(first, false) ? describe_arg(args) : ", " + describe_arg(args)), ...);
  return text + ")";
}

template <class F>
[[nodiscard]] const void* address_of(const F& fn) noexcept {
  if constexpr (std::is_pointer_v<F>) {
    return reinterpret_cast<const void*>(fn);
  } else {
    return &fn;
  }
}

}  // namespace asyncio::detail
