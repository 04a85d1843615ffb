// The parts that make text.
#include "progress/display_width.hpp"
#include "progress/numbers.hpp"
#include "progress/rate.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

using asyncio::detail::clock_text;
using asyncio::detail::columns_of;
using asyncio::detail::fitted;
using asyncio::detail::harmless;
using asyncio::detail::Rate;
using asyncio::detail::rate_text;

TEST(DisplayWidth, IsThatOfTheTerminal) {
  EXPECT_EQ(columns_of(""), 0);
  EXPECT_EQ(columns_of("abc"), 3);
  EXPECT_EQ(columns_of("äé"), 2);
  EXPECT_EQ(columns_of("e\u0301"), 1);
  EXPECT_EQ(columns_of("漢字"), 4);
  EXPECT_EQ(columns_of("ｈ"), 2);
  EXPECT_EQ(columns_of("한국"), 4);
  EXPECT_EQ(columns_of("🚀"), 2);
  EXPECT_EQ(columns_of("━"), 1);
  EXPECT_EQ(columns_of("\xFF\xC3"), 2) << "a column for each byte that is no text";
}

TEST(Harmless, LeavesNothingThatControlsATerminal) {
  EXPECT_EQ(harmless("plain, ä, 漢, 🚀"), "plain, ä, 漢, 🚀");
  EXPECT_EQ(harmless("a\nb\tc\rd"), "a b c d");
  EXPECT_EQ(harmless("\033[31m\a\b\x7F"), "?[31m???");
  EXPECT_EQ(harmless("\u0085\u009b\u2028"), "???");
  EXPECT_EQ(harmless("\u202Eabc\u2066\u200F"), "abc");
  EXPECT_EQ(harmless(std::string("a\0b", 3)), "a?b");
}

TEST(Harmless, GivesValidUtf8) {
  EXPECT_EQ(harmless("\xC3"), "?");
  EXPECT_EQ(harmless("\xC0\x80"), "??") << "overlong";
  EXPECT_EQ(harmless("\xED\xA0\x80"), "???") << "a surrogate";
  EXPECT_EQ(harmless("\xF4\x90\x80\x80"), "????") << "above U+10FFFF";
  EXPECT_EQ(harmless("\xE6\xBC\x41"), "??A");
  EXPECT_EQ(harmless("\xF0\x9F\x9A"), "???");
}

TEST(Fitted, CutsWholeCodePoints) {
  EXPECT_EQ(fitted("abcdef", 6, "…"), "abcdef");
  EXPECT_EQ(fitted("abcdef", 4, "…"), "abc…");
  EXPECT_EQ(fitted("abcdef", 4, ".."), "ab..");
  EXPECT_EQ(fitted("漢字漢字", 6, "…"), "漢字…");
  EXPECT_EQ(fitted("abcdef", 1, ".."), "a");
  EXPECT_EQ(fitted("漢字", 1, ".."), "");
  EXPECT_EQ(fitted("abc", 0, "…"), "");
  EXPECT_EQ(fitted("e\u0301e\u0301e\u0301", 2, ""), "e\u0301e\u0301");
}

TEST(ClockText, CountsHoursAboveAll) {
  EXPECT_EQ(clock_text(0), "0:00");
  EXPECT_EQ(clock_text(59.99), "0:59");
  EXPECT_EQ(clock_text(754), "12:34");
  EXPECT_EQ(clock_text(3723), "1:02:03");
  EXPECT_EQ(clock_text(360000), "100:00:00");
  EXPECT_EQ(clock_text(1e18), "-:--");
  EXPECT_EQ(clock_text(std::numeric_limits<double>::infinity()), "-:--");
  EXPECT_EQ(clock_text(std::nan("")), "-:--");
}

TEST(RateText, HasThreeDigits) {
  EXPECT_EQ(rate_text(0.0005), "1.8/h");
  EXPECT_EQ(rate_text(0.05), "3.0/min");
  EXPECT_EQ(rate_text(0.5), "0.50/s");
  EXPECT_EQ(rate_text(31.25), "31.2/s");
  EXPECT_EQ(rate_text(999), "999/s");
  EXPECT_EQ(rate_text(1234), "1.23k/s");
  EXPECT_EQ(rate_text(12.3e6), "12.3M/s");
}

TEST(Rate, IsUnknownAtFirstAndForgetsSlowly) {
  Rate rate;
  EXPECT_FALSE(rate.per_second());
  rate.add(1000, 1e-6);
  EXPECT_FALSE(rate.per_second()) << "a microsecond is no measure";
  rate = Rate();
  rate.add(0, 1);
  EXPECT_FALSE(rate.per_second());
  rate.add(10, 1);
  EXPECT_NEAR(*rate.per_second(), 5, 0.5);
  for (int i = 0; i < 100; ++i) rate.add(20, 1);
  EXPECT_NEAR(*rate.per_second(), 20, 0.1);
  rate.add(0, 1);
  EXPECT_NEAR(*rate.per_second(), 18, 0.5) << "a pause does not stop it";
}
