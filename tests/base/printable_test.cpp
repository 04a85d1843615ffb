#include "base/printable.hpp"

#include <gtest/gtest.h>

#include <string>

using asyncio::detail::printable;

namespace {

TEST(Printable, LeavesPlainTextAlone) {
  EXPECT_EQ(printable("Task-1 größer 日本 🦊 <b>", 100), "Task-1 größer 日本 🦊 <b>");
  EXPECT_EQ(printable("", 0), "");
}

// failures 106
TEST(Printable, EscapesWhatControlsATerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\n\r\t\x07\x7f", 100), "a\\x1b[2Jb\\n\\r\\t\\x07\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m",
                      100),
            "\\u009b31m");  // CSI in one character
  EXPECT_EQ(printable(std::string_view("a\0b", 3), 100), "a\\x00b");
}

TEST(Printable, EscapesWhatIsInvisibleOrTurnsTheDirection) {
  EXPECT_EQ(printable("\u202eevil\u2066x\u200b\ufeff\u2028", 100),
            "\\u202eevil\\u2066x\\u200b\\ufeff\\u2028");
  EXPECT_EQ(printable("\U000e0041", 100), "\\U000e0041");
}

TEST(Printable, EscapesBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("\xff\xc0\xaf", 100), "\\xff\\xc0\\xaf");           // overlong
  EXPECT_EQ(printable("\xed\xa0\x80", 100), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80", 100), "\\xf4\\x90\\x80\\x80");  // above the last
  EXPECT_EQ(printable("a\xe2\x82", 100), "a\\xe2\\x82");                  // cut in the middle
}

TEST(Printable, CutsBetweenCharactersAndSaysSo) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abc...");
  EXPECT_EQ(printable("aä\x1b"
                      "defgh",
                      7),
            "aä...");
  EXPECT_EQ(printable("abc", 2), "..");
  const std::string cut = printable(std::string(1 << 20, '\x1b'), 1024);
  EXPECT_LE(cut.size(), 1024U);
  EXPECT_TRUE(cut.ends_with("\\x1b..."));
}

}  // namespace
