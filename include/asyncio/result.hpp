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

/// A value, a failure or nothing yet. The storage behind Result, promises and jobs.
template <class T>
class Outcome {
  static_assert(!std::is_reference_v<T>, "return a pointer or a std::reference_wrapper instead");

 public:
  Outcome() noexcept {}
  Outcome(Outcome&& other) noexcept(std::is_nothrow_move_constructible_v<T>) {
    take(std::move(other));
  }
  Outcome(const Outcome& other)
    requires copyable<T>
  {
    if (other.has_value()) emplace(other.value_);
    if (other.failed()) fail(other.failure_);
  }
  Outcome& operator=(Outcome other) noexcept(std::is_nothrow_move_constructible_v<T>) {
    reset();
    take(std::move(other));
    return *this;
  }
  ~Outcome() { reset(); }

  template <class... Args>
  void emplace(Args&&... args) {
    ::new (static_cast<void*>(&value_)) T(std::forward<Args>(args)...);
    state_ = State::value;
  }
  void fail(Failure failure) noexcept {
    reset();  // a value that was returned before a destructor threw
    ::new (static_cast<void*>(&failure_)) Failure(std::move(failure));
    state_ = State::failure;
  }

  [[nodiscard]] bool has_value() const noexcept { return state_ == State::value; }
  [[nodiscard]] bool failed() const noexcept { return state_ == State::failure; }
  [[nodiscard]] T& value() noexcept { return value_; }
  [[nodiscard]] const T& value() const noexcept { return value_; }
  /// Only if it failed.
  [[nodiscard]] const Failure& failure() const noexcept { return failure_; }
  /// Nothing, if it is empty.
  [[nodiscard]] Failure take_failure() noexcept {
    return failed() ? std::move(failure_) : Failure();
  }

 private:
  enum class State : unsigned char { empty, value, failure };

  void take(Outcome&& other) {
    if (other.has_value()) emplace(std::move(other.value_));
    if (other.failed()) fail(std::move(other.failure_));
  }
  void reset() noexcept {
    if (failed()) [[unlikely]] {
      failure_.~Failure();
    } else if (has_value()) {
      value_.~T();
    }
    state_ = State::empty;
  }

  State state_ = State::empty;
  union {
    T value_;
    Failure failure_;
  };
};

/// Without a value to keep, what is there fits into the two words of a Failure: every await of a
/// Coro<void> has one in its frame. The value is a traceback that is no traceback.
template <>
class Outcome<None> {
 public:
  Outcome() noexcept = default;
  Outcome(Outcome&& other) noexcept { *this = std::move(other); }
  Outcome(const Outcome& other) noexcept { *this = other; }
  Outcome& operator=(Outcome&& other) noexcept {
    if (other.has_value()) {
      fail({});
      emplace();
    } else {
      fail(other.take_failure());
    }
    return *this;
  }
  Outcome& operator=(const Outcome& other) noexcept { return *this = copy_of(other); }
  ~Outcome() { reset(); }

  /// Only while it is empty, as in the other one.
  void emplace(None = {}) noexcept {
    ::new (static_cast<void*>(&failure_.traceback))
        Ref<const Traceback>(Ref<const Traceback>::adopt(value_mark()));
  }
  void fail(Failure failure) noexcept {
    reset();
    failure_ = std::move(failure);
  }

  [[nodiscard]] bool has_value() const noexcept { return failure_.traceback.get() == value_mark(); }
  [[nodiscard]] bool failed() const noexcept { return failure_.error != nullptr; }
  [[nodiscard]] static None value() noexcept { return {}; }
  [[nodiscard]] const Failure& failure() const noexcept { return failure_; }
  [[nodiscard]] Failure take_failure() noexcept {
    return failed() ? std::move(failure_) : Failure();
  }

 private:
  static const Traceback* value_mark() noexcept {
    return reinterpret_cast<const Traceback*>(&mark);  // nobody looks at what it points to
  }
  static Outcome copy_of(const Outcome& other) noexcept {
    Outcome copy;
    if (other.has_value()) copy.emplace();
    if (other.failed()) copy.fail(other.failure_);
    return copy;
  }
  void reset() noexcept {
    if (has_value()) (void)failure_.traceback.release();
  }

  alignas(alignof(Failure)) static constexpr char mark[1] = {};
  Failure failure_;
};

struct ResultAccess;

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
  Result(std::exception_ptr error) noexcept  // NOLINT(google-explicit-constructor)
      : Result(detail::failure_of(std::move(error))) {}
  explicit Result(detail::Failure failure) noexcept { outcome_.fail(std::move(failure)); }

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
  [[nodiscard]] std::exception_ptr error() const noexcept {
    if (has_value()) return nullptr;
    detail::remember(outcome_.failure());  // in case that it is thrown again as a bare pointer
    return outcome_.failure().error;
  }
  [[nodiscard]] bool cancelled() const noexcept {
    return !has_value() && detail::is_cancelled_error(outcome_.failure().error);
  }

 private:
  friend struct detail::ResultAccess;
  void check() const {
    if (!has_value()) detail::raise(outcome_.failure());
  }
  detail::Outcome<Value> outcome_;
};

namespace detail {

struct ResultAccess {
  template <class T>
  static const Failure& failure(const Result<T>& result) noexcept {
    return result.outcome_.failure();
  }
};

/// Why there is no value, with its track; nothing if there is one.
template <class T>
[[nodiscard]] Failure failure_of(const Result<T>& result) noexcept {
  return result.has_value() ? Failure() : ResultAccess::failure(result);
}

}  // namespace detail

}  // namespace asyncio
