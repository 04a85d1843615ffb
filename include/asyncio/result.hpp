#pragma once

#include <asyncio/error.hpp>

#include <exception>
#include <new>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

/// "No value" as a value, where void cannot stand: in tuples, vectors and Result.
struct None {
  friend constexpr bool operator==(None, None) noexcept = default;
};

namespace detail {

template <class T>
using NoneIfVoid = std::conditional_t<std::is_void_v<T>, None, T>;

/// std::is_copy_constructible, but right for what holds other values: a vector of move-only ones
/// says that it can be copied, and then does not compile.
template <class T>
inline constexpr bool copyable = std::is_copy_constructible_v<T>;
template <>
inline constexpr bool copyable<void> = true;
template <class T, class A>
inline constexpr bool copyable<std::vector<T, A>> = copyable<T>;
template <class T>
inline constexpr bool copyable<std::optional<T>> = copyable<T>;
template <class A, class B>
inline constexpr bool copyable<std::pair<A, B>> = copyable<A> && copyable<B>;
template <class... Ts>
inline constexpr bool copyable<std::tuple<Ts...>> = (copyable<Ts> && ...);

/// A value, an exception or nothing yet. The storage behind Result, promises and futures.
template <class T>
class Outcome {
  static_assert(!std::is_reference_v<T>, "return a pointer or a std::reference_wrapper instead");

 public:
  Outcome() noexcept {}
  Outcome(Outcome&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
      : error_(std::move(other.error_)) {
    if (other.has_value_) emplace(std::move(other.value_));
  }
  Outcome(const Outcome& other)
    requires copyable<T>
      : error_(other.error_) {
    if (other.has_value_) emplace(other.value_);
  }
  Outcome& operator=(Outcome other) noexcept(std::is_nothrow_move_constructible_v<T>) {
    reset();
    error_ = std::move(other.error_);
    if (other.has_value_) emplace(std::move(other.value_));
    return *this;
  }
  ~Outcome() { reset(); }

  template <class... Args>
  void emplace(Args&&... args) {
    ::new (static_cast<void*>(&value_)) T(std::forward<Args>(args)...);
    has_value_ = true;
  }
  void reset() noexcept {
    if (std::exchange(has_value_, false)) value_.~T();
  }
  void set_error(std::exception_ptr error) noexcept { error_ = std::move(error); }

  [[nodiscard]] bool has_value() const noexcept { return has_value_; }
  [[nodiscard]] const std::exception_ptr& error() const noexcept { return error_; }
  [[nodiscard]] std::exception_ptr take_error() noexcept { return std::move(error_); }
  [[nodiscard]] T& value() noexcept { return value_; }
  [[nodiscard]] const T& value() const noexcept { return value_; }

 private:
  std::exception_ptr error_;
  union {
    T value_;
  };
  bool has_value_ = false;
};

}  // namespace detail

/// How something awaited has ended: with a value, with an error, or cancelled.
/// What as_result() gives, and gather() with return_exceptions for each of its arguments.
template <class T>
class [[nodiscard]] Result {
 public:
  using Value = detail::NoneIfVoid<T>;

  Result(Value value) {  // NOLINT(google-explicit-constructor): a value is a result
    outcome_.emplace(std::move(value));
  }
  Result(std::exception_ptr error) noexcept {  // NOLINT(google-explicit-constructor)
    outcome_.set_error(std::move(error));
  }

  [[nodiscard]] bool has_value() const noexcept { return outcome_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  /// Nothing for Result<void>.
  ///
  /// Throws: the error, if there is one.
  std::conditional_t<std::is_void_v<T>, void, Value&> value() & {
    check();
    if constexpr (!std::is_void_v<T>) return outcome_.value();
  }
  std::conditional_t<std::is_void_v<T>, void, const Value&> value() const& {
    check();
    if constexpr (!std::is_void_v<T>) return outcome_.value();
  }
  T value() && {
    check();
    if constexpr (!std::is_void_v<T>) return std::move(outcome_.value());
  }
  /// Null when there is a value. A CancelledError counts as an error here.
  [[nodiscard]] const std::exception_ptr& error() const noexcept { return outcome_.error(); }
  [[nodiscard]] bool cancelled() const noexcept {
    return outcome_.error() && detail::is_cancelled_error(outcome_.error());
  }

 private:
  void check() const {
    if (!has_value()) std::rethrow_exception(outcome_.error());
  }
  detail::Outcome<Value> outcome_;
};

}  // namespace asyncio
