#include <asyncio/duration.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ratio>
#include <stdexcept>
#include <type_traits>

using namespace std::chrono_literals;

namespace {

using asyncio::Duration;
using asyncio::TimePoint;

using Seconds = std::chrono::duration<double>;
using LongSeconds = std::chrono::duration<long double>;

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
constexpr double infinity = std::numeric_limits<double>::infinity();

Duration of_seconds(double seconds) { return Duration(Seconds(seconds)); }

}  // namespace

TEST(Duration, IsBuiltFromChronoOfAnyUnitAndNeverFromABareNumber) {
  EXPECT_EQ(Duration(7ns).nanoseconds(), 7);
  EXPECT_EQ(Duration(3us).nanoseconds(), 3'000);
  EXPECT_EQ(Duration(1500ms), Duration(1s) + 500ms);
  EXPECT_EQ(Duration(2h), Duration(120min));
  EXPECT_EQ(Duration().nanoseconds(), 0);
  static_assert(std::is_convertible_v<std::chrono::milliseconds, Duration>);
}

TEST(Duration, OfWholeUnitsIsAConstant) {
  constexpr Duration d = 90s;
  static_assert(d == Duration(1min) + 30s);
  static_assert(TimePoint(d) - TimePoint(Duration(30s)) == Duration(1min));
}

// COMB-003, failure 11
TEST(Duration, OfNaNIsRefused) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW((void)of_seconds(nan), std::invalid_argument);
  EXPECT_THROW((void)of_seconds(-nan), std::invalid_argument);
  EXPECT_THROW((void)Duration(std::chrono::duration<float, std::milli>(std::nanf(""))),
               std::invalid_argument);
}

// failure 11
TEST(Duration, OfAnInfinitySaturates) {
  EXPECT_EQ(of_seconds(infinity), Duration::max());
  EXPECT_EQ(of_seconds(-infinity).nanoseconds(), least);
  EXPECT_EQ(
      Duration(std::chrono::duration<float, std::micro>(std::numeric_limits<float>::infinity())),
      Duration::max());
}

// failure 11
TEST(Duration, OfAFloatingNumberOutOfRangeSaturates) {
  EXPECT_EQ(of_seconds(1e18), Duration::max());
  EXPECT_EQ(of_seconds(-1e18).nanoseconds(), least);
  EXPECT_EQ(of_seconds(std::numeric_limits<double>::max()), Duration::max());
  EXPECT_EQ(Duration(LongSeconds(std::numeric_limits<long double>::max())), Duration::max());
}

// failure 11
TEST(Duration, OfAWholeNumberOutOfRangeSaturates) {
  EXPECT_EQ(Duration(std::chrono::seconds::max()), Duration::max());
  EXPECT_EQ(Duration(std::chrono::seconds::min()).nanoseconds(), least);
  EXPECT_EQ(Duration(std::chrono::hours::max()), Duration::max());
  EXPECT_EQ(Duration(std::chrono::duration<std::uint64_t>(~std::uint64_t{0})), Duration::max());
  EXPECT_EQ(Duration(std::chrono::duration<std::int64_t, std::giga>::max()), Duration::max());
}

// failure 11
TEST(Duration, OfAHugeUnitSaturates) {
  using TeraSeconds = std::chrono::duration<std::int64_t, std::tera>;
  using ExaSeconds = std::chrono::duration<std::int64_t, std::exa>;
  EXPECT_EQ(Duration(TeraSeconds(10'000'000)), Duration::max());
  EXPECT_EQ(Duration(TeraSeconds(2'026'277'576'509'488'133)), Duration::max());
  EXPECT_EQ(Duration(ExaSeconds(8'338'590'849'833'284)), Duration::max());
  EXPECT_EQ(Duration(ExaSeconds(-8'338'590'849'833'284)).nanoseconds(), least);
}

TEST(Duration, KeepsTheBoundsThatFitExactly) {
  EXPECT_EQ(Duration(std::chrono::nanoseconds::max()), Duration::max());
  EXPECT_EQ(Duration(std::chrono::nanoseconds::min()).nanoseconds(), least);
  EXPECT_EQ(Duration::max().nanoseconds(), most);
  EXPECT_LT(Duration(std::chrono::nanoseconds(most - 1)), Duration::max());
}

TEST(Duration, OfLessThanANanosecondIsRoundedTowardsZero) {
  using Picoseconds = std::chrono::duration<std::int64_t, std::pico>;
  EXPECT_EQ(Duration(Picoseconds(1999)).nanoseconds(), 1);
  EXPECT_EQ(Duration(Picoseconds(-1999)).nanoseconds(), -1);
  EXPECT_EQ(Duration(Picoseconds(999)).nanoseconds(), 0);
}

// 0.3 as a double is a little less than 0.3; cutting that off would make it 299,999,999 ns, due
// before a timer of 300ms.
TEST(Duration, OfADecimalFractionEqualsTheSameInWholeUnits) {
  EXPECT_EQ(of_seconds(0.3), Duration(300ms));
  EXPECT_EQ(of_seconds(0.1), Duration(100ms));
  EXPECT_EQ(of_seconds(1.1), Duration(1100ms));
  EXPECT_EQ(of_seconds(-0.3), Duration(-300ms));
  EXPECT_EQ(Duration(0.7s), Duration(700ms));
}

TEST(Duration, ConvertsBackToChronoRoundingTowardsZero) {
  const Duration d = 1999ms;
  EXPECT_EQ(static_cast<std::chrono::seconds>(d), 1s);
  EXPECT_EQ(static_cast<std::chrono::milliseconds>(d), 1999ms);
  EXPECT_EQ(static_cast<std::chrono::microseconds>(d), 1'999'000us);
  EXPECT_EQ(static_cast<std::chrono::seconds>(Duration(-1999ms)), -1s);
  EXPECT_EQ(static_cast<std::chrono::hours>(Duration(179min)), 2h);
  EXPECT_EQ(static_cast<std::chrono::nanoseconds>(Duration::max()).count(), most);
}

TEST(Duration, ConvertsBackToAFloatingChronoDuration) {
  EXPECT_DOUBLE_EQ(static_cast<Seconds>(Duration(1500ms)).count(), 1.5);
  EXPECT_DOUBLE_EQ(
      (static_cast<std::chrono::duration<double, std::milli>>(Duration(1500us))).count(), 1.5);
  EXPECT_DOUBLE_EQ(
      (static_cast<std::chrono::duration<double, std::ratio<60>>>(Duration(90s))).count(), 1.5);
  EXPECT_DOUBLE_EQ(Duration(-250ms).seconds(), -0.25);
}

TEST(Duration, SumsAndDifferencesSaturate) {
  EXPECT_EQ(Duration::max() + 1ns, Duration::max());
  EXPECT_EQ(Duration::max() + Duration::max(), Duration::max());
  const Duration lowest = Duration::nanoseconds(least);
  EXPECT_EQ(lowest - 1ns, lowest);
  EXPECT_EQ(Duration() - lowest, Duration::max());
  EXPECT_EQ(Duration(1s) - 1500ms, Duration(-500ms));
}

TEST(Duration, ProductsSaturate) {
  EXPECT_EQ(Duration(250ms) * 4, Duration(1s));
  EXPECT_EQ(Duration(1s) * -2, Duration(-2s));
  EXPECT_EQ(Duration::max() * 2, Duration::max());
  EXPECT_EQ((Duration::max() * -2).nanoseconds(), least);
  EXPECT_EQ(Duration::nanoseconds(least) * -1, Duration::max());
}

TEST(Duration, IsOrdered) {
  EXPECT_LT(Duration(999ms), Duration(1s));
  EXPECT_GT(Duration::max(), Duration(24h * 365 * 290));
  EXPECT_LT(Duration(-1ns), Duration());
  EXPECT_TRUE(Duration(1s) == 1000ms);
  EXPECT_TRUE(Duration(1s) < 1001ms);
}

TEST(TimePoint, MovesByADuration) {
  const TimePoint start{Duration(10s)};
  EXPECT_EQ((start + 500ms).since_epoch(), Duration(10'500ms));
  EXPECT_EQ((start - 500ms).since_epoch(), Duration(9'500ms));
  EXPECT_EQ(start + 500ms - start, Duration(500ms));
  EXPECT_LT(start, start + 1ns);
  EXPECT_EQ(TimePoint().since_epoch(), Duration());
}

// failure 11
TEST(TimePoint, SaturatesAtTheOneThatNeverComes) {
  const TimePoint start{Duration(10s)};
  EXPECT_EQ(start + Duration::max(), TimePoint::max());
  EXPECT_EQ(TimePoint::max() + 1s, TimePoint::max());
  EXPECT_EQ(TimePoint(Duration::nanoseconds(least)) - 1s, TimePoint(Duration::nanoseconds(least)));
  EXPECT_EQ(TimePoint::max() - TimePoint(Duration(-1s)), Duration::max());
}

TEST(TimePoint, IsBuiltOnlyExplicitly) {
  static_assert(!std::is_convertible_v<Duration, TimePoint>);
  static_assert(std::is_constructible_v<TimePoint, Duration>);
}
