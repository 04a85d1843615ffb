#pragma once

#include <compare>
#include <cstdint>
#include <type_traits>

namespace asyncio {

namespace detail {

/// Any chrono duration, recognised by its shape, so that this header needs no <chrono>.
template <class D>
concept ChronoDuration = requires(const D& d) {
  typename D::rep;
  typename D::period;
  d.count();
  D::period::num;
  D::period::den;
};

using Wide = __int128;

constexpr std::int64_t saturate(Wide nanoseconds) noexcept {
  constexpr auto low = INT64_MIN;
  constexpr auto high = INT64_MAX;
  if (nanoseconds > high) return high;
  return nanoseconds < low ? low : static_cast<std::int64_t>(nanoseconds);
}

/// count * numerator * 10^9 / denominator, saturated.
constexpr std::int64_t scaled(Wide count, Wide numerator, Wide denominator) noexcept {
  Wide result = 0;
  if (__builtin_mul_overflow(count, numerator, &result) ||
      __builtin_mul_overflow(result, Wide{1'000'000'000}, &result)) {
    return count < 0 ? INT64_MIN : INT64_MAX;
  }
  return saturate(result / denominator);
}

/// Throws std::invalid_argument for NaN; infinities and values out of range saturate.
std::int64_t nanoseconds_from(long double seconds);

}  // namespace detail

/// A span of time. Built from any chrono duration, never from a bare number: nobody could tell its
/// unit, so `sleep(1)` does not compile and `sleep(1s)` does.
///
/// Units: nanoseconds inside, in 64 bits (292 years); what does not fit saturates.
/// Throws: std::invalid_argument where it is made from a floating NaN.
class Duration {
 public:
  constexpr Duration() noexcept = default;

  template <detail::ChronoDuration D>
  constexpr Duration(const D& d)  // NOLINT(google-explicit-constructor): 1s is a Duration
      : nanoseconds_(from(d)) {}

  /// Refused: a bare number has no unit.
  template <class N>
    requires std::is_arithmetic_v<N>
  constexpr Duration(N) {  // NOLINT(google-explicit-constructor)
    static_assert(sizeof(N) == 0,
                  "a bare number has no unit: write 1s or 500ms, after `#include <chrono>` and "
                  "`using namespace std::chrono_literals;`");
  }

  [[nodiscard]] static constexpr Duration nanoseconds(std::int64_t count) noexcept {
    Duration d;
    d.nanoseconds_ = count;
    return d;
  }
  /// The longest one: whatever waits for it never fires.
  [[nodiscard]] static constexpr Duration max() noexcept { return nanoseconds(INT64_MAX); }

  [[nodiscard]] constexpr std::int64_t nanoseconds() const noexcept { return nanoseconds_; }
  [[nodiscard]] constexpr double seconds() const noexcept {
    return static_cast<double>(nanoseconds_) / 1e9;
  }

  /// Back to chrono, rounding towards zero.
  template <detail::ChronoDuration D>
  explicit constexpr operator D() const noexcept {
    using Rep = typename D::rep;
    constexpr bool whole = requires(Rep r) { r % 2; };
    if constexpr (whole) {
      return D(static_cast<Rep>(detail::Wide{nanoseconds_} * D::period::den /
                                (detail::Wide{1'000'000'000} * D::period::num)));
    } else {
      return D(static_cast<Rep>(nanoseconds_) * D::period::den / (Rep(1e9) * D::period::num));
    }
  }

  friend constexpr Duration operator+(Duration a, Duration b) noexcept {
    return nanoseconds(detail::saturate(detail::Wide{a.nanoseconds_} + b.nanoseconds_));
  }
  friend constexpr Duration operator-(Duration a, Duration b) noexcept {
    return nanoseconds(detail::saturate(detail::Wide{a.nanoseconds_} - b.nanoseconds_));
  }
  friend constexpr Duration operator*(Duration a, std::int64_t factor) noexcept {
    return nanoseconds(detail::saturate(detail::Wide{a.nanoseconds_} * factor));
  }
  friend constexpr Duration operator*(std::int64_t factor, Duration a) noexcept {
    return a * factor;
  }
  friend constexpr Duration operator/(Duration a, std::int64_t divisor) noexcept {
    return nanoseconds(detail::saturate(detail::Wide{a.nanoseconds_} / divisor));
  }
  constexpr Duration operator-() const noexcept { return Duration() - *this; }
  constexpr Duration& operator+=(Duration other) noexcept { return *this = *this + other; }
  constexpr Duration& operator-=(Duration other) noexcept { return *this = *this - other; }
  friend constexpr auto operator<=>(Duration, Duration) noexcept = default;

 private:
  template <class D>
  static constexpr std::int64_t from(const D& d) {
    constexpr bool whole = requires(typename D::rep r) { r % 2; };
    if constexpr (whole) {
      return detail::scaled(d.count(), D::period::num, D::period::den);
    } else {
      return detail::nanoseconds_from(static_cast<long double>(d.count()) * D::period::num /
                                      D::period::den);
    }
  }

  std::int64_t nanoseconds_ = 0;
};

/// An instant on the loop's clock: monotonic, with no relation to the wall clock.
class TimePoint {
 public:
  constexpr TimePoint() noexcept = default;
  explicit constexpr TimePoint(Duration since_epoch) noexcept : since_epoch_(since_epoch) {}

  /// Never comes.
  [[nodiscard]] static constexpr TimePoint max() noexcept { return TimePoint(Duration::max()); }
  [[nodiscard]] constexpr Duration since_epoch() const noexcept { return since_epoch_; }

  friend constexpr TimePoint operator+(TimePoint t, Duration d) noexcept {
    return TimePoint(t.since_epoch_ + d);
  }
  friend constexpr TimePoint operator-(TimePoint t, Duration d) noexcept {
    return TimePoint(t.since_epoch_ - d);
  }
  friend constexpr Duration operator-(TimePoint a, TimePoint b) noexcept {
    return a.since_epoch_ - b.since_epoch_;
  }
  friend constexpr auto operator<=>(TimePoint, TimePoint) noexcept = default;

 private:
  Duration since_epoch_;
};

}  // namespace asyncio
