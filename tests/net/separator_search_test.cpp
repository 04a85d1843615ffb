// Where a search for separators ends, and from where it is to go on.

#include "net/separator_search.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

using asyncio::detail::find_first_end;
using asyncio::detail::SeparatorMatch;
using Separators = std::vector<std::string>;

namespace {

/// Where the search goes on that has found nothing.
std::size_t resumed(std::string_view bytes, const Separators& separators, std::size_t from) {
  const SeparatorMatch match = find_first_end(bytes, separators, from);
  EXPECT_FALSE(match.found()) << bytes << " from " << from;
  return match.begin;
}

}  // namespace

// NET-012
TEST(SeparatorSearch, GoesOnBehindEverythingIfTheSeparatorIsAByte) {
  EXPECT_EQ(resumed("", {"\n"}, 0), 0U);
  EXPECT_EQ(resumed("x", {"\n"}, 0), 1U);
  EXPECT_EQ(resumed("xxxxx", {"\n"}, 0), 5U);
  EXPECT_EQ(resumed("xxxxx", {"\n"}, 5), 5U);
}

// NET-012: all of a separator but its last byte may be there.
TEST(SeparatorSearch, GoesOnWhereTheLongestSeparatorMayBegin) {
  EXPECT_EQ(resumed("", {"--"}, 0), 0U);
  EXPECT_EQ(resumed("x", {"--"}, 0), 0U);
  EXPECT_EQ(resumed("xx", {"--"}, 0), 1U);
  EXPECT_EQ(resumed("xxxxx", {"--"}, 0), 4U);
  EXPECT_EQ(resumed("xxxxx", {"---"}, 0), 3U);
  EXPECT_EQ(resumed("xxxxx", {"-----"}, 0), 1U);
  EXPECT_EQ(resumed("xxxxx", {"------"}, 0), 0U);
  EXPECT_EQ(resumed("xxxxx", {"-", "---", "--"}, 0), 3U);
}

// NET-012
TEST(SeparatorSearch, NeverGoesBack) {
  EXPECT_EQ(resumed("xxxxx", {"---"}, 3), 3U);
  EXPECT_EQ(resumed("xxxxx", {"---"}, 4), 4U);
  EXPECT_EQ(resumed("x", {"---"}, 1), 1U);
}

// NET-012
TEST(SeparatorSearch, DoesNotLookAtWhatIsBeforeItsBeginning) {
  EXPECT_EQ(resumed("\n\n\nxx", {"\n"}, 3), 5U);
  EXPECT_EQ(resumed("----x", {"--"}, 4), 4U);
  EXPECT_EQ(resumed("----x", {"-----", "--"}, 3), 3U);
  const SeparatorMatch match = find_first_end("-----", Separators{"--"}, 2);
  EXPECT_EQ(match.begin, 2U);
  EXPECT_EQ(match.end, 4U);
}

// NET-012: a byte at a time, each is looked at once for every byte of the longest separator.
TEST(SeparatorSearch, LooksAtEachByteAsOftenAsTheSeparatorIsLong) {
  const Separators separators{"---", "+"};
  constexpr std::size_t size = 1000;
  const std::string text(size, 'x');
  std::size_t looked_at = 0;
  std::size_t from = 0;
  for (std::size_t n = 1; n <= size; ++n) {
    looked_at += n - from;
    from = resumed(std::string_view(text).substr(0, n), separators, from);
  }
  EXPECT_EQ(looked_at, 3 * size - 3);
}

// NET-012
TEST(SeparatorSearch, FindsTheMatchThatEndsFirstAndOfTwoTheShorterOne) {
  const auto found = [](std::string_view bytes, const Separators& separators) {
    const SeparatorMatch match = find_first_end(bytes, separators, 0);
    EXPECT_TRUE(match.found()) << bytes;
    return std::string(bytes.substr(0, match.begin)) + "|" +
           std::string(bytes.substr(match.begin, match.end - match.begin));
  };
  EXPECT_EQ(found("0123456789", {"789", "34567"}), "012|34567");
  EXPECT_EQ(found("0123456789", {"34567", "67"}), "012345|67");
  EXPECT_EQ(found("0123456789", {"67", "34567"}), "012345|67");
}
