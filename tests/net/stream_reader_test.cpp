// What a StreamReader makes of what it is fed.

#include <asyncio/streams.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/error.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/wait_for.hpp>

#include "net/reader_state.hpp"
#include "net/stream_state.hpp"
#include "support/errors.hpp"
#include "support/outline.hpp"
#include "support/streams.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::create_task;
using asyncio::StreamReader;
using support::pass;
using support::thrown_by;
using support::thrown_by_await;
using Texts = std::vector<std::string>;

namespace {

constexpr const char* taken =
    " called while another coroutine is already waiting for incoming data; let one task do the "
    "reading, or use a Lock";

StreamReader fed(std::string_view data, std::size_t limit = asyncio::default_limit) {
  StreamReader reader(limit);
  reader.feed_data(data);
  return reader;
}
StreamReader ended(std::string_view data, std::size_t limit = asyncio::default_limit) {
  StreamReader reader = fed(data, limit);
  reader.feed_eof();
  return reader;
}
/// The first bytes that are buffered become others, and nobody is told.
void overwrite(const StreamReader& reader, std::size_t bytes, char with) {
  const std::string_view all = asyncio::detail::StreamAccess::state(reader).bytes();
  std::fill_n(const_cast<char*>(all.data()), bytes, with);  // NOLINT: the buffer is not const
}

/// What readuntil() says: "data", "partial ...", "found ..." or "not found ...".
Coro<std::string> until(StreamReader reader, Texts separators) {
  try {
    std::string data = co_await reader.readuntil(separators);
    co_return "data " + data;
  } catch (const asyncio::IncompleteReadError& error) {
    EXPECT_FALSE(error.expected().has_value());
    co_return "partial " + error.partial();
  } catch (const asyncio::LimitOverrunError& error) {
    const std::string text = error.what();
    const char* kind = text.starts_with("Separator is found") ? "found " : "not found ";
    co_return kind + std::to_string(error.consumed());
  }
}

/// All that readuntil() gives until the end of the data, or a limit is passed.
Coro<Texts> all_until(StreamReader reader, Texts separators) {
  Texts all;
  do {
    all.push_back(co_await until(reader, separators));
  } while (all.back().starts_with("data "));
  co_return all;
}

/// The same, of text that comes in pieces: bit i of `cuts` says that one begins behind byte i.
Coro<Texts> fragmented(std::string text, unsigned cuts, Texts separators, std::size_t limit) {
  StreamReader reader(limit);
  auto reading = create_task(all_until(reader, std::move(separators)));
  co_await pass();
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i + 1 < text.size() && (cuts >> i & 1U) == 0) continue;
    reader.feed_data(std::string_view(text).substr(begin, i + 1 - begin));
    begin = i + 1;
    co_await pass();
  }
  reader.feed_eof();
  co_return co_await reading;
}

}  // namespace

// --- feeding ------------------------------------------------------------------------------------

// NET-001
TEST(StreamReader, RefusesALimitOfNothing) {
  EXPECT_EQ(thrown_by([] { StreamReader reader(0); }),
            "invalid_argument: StreamReader: Limit cannot be <= 0; leave it out");
  EXPECT_EQ(StreamReader(1).limit(), 1U);
  EXPECT_EQ(StreamReader().limit(), 65536U);
}

// NET-002
ASYNC_TEST(StreamReader, AppendsWhatItIsFedAndWakesWhoWaits) {
  StreamReader reader;
  auto reading = create_task(reader.read(10));
  co_await pass();
  reader.feed_data("");
  co_await pass();
  EXPECT_FALSE(reading.done());
  reader.feed_data("ab");
  reader.feed_data("c");
  EXPECT_EQ(co_await reading, "abc");
}

// NET-002
TEST(StreamReader, TakesNothingAfterTheEnd) {
  const StreamReader reader = ended("x");
  EXPECT_EQ(thrown_by([&] { reader.feed_data("y"); }),
            "RuntimeError: feed_data(): after feed_eof(); feed the data first");
  EXPECT_EQ(thrown_by([&] { reader.feed_data(""); }),
            "RuntimeError: feed_data(): after feed_eof(); feed the data first");
  EXPECT_EQ(reader.repr(), "<StreamReader 1 bytes eof>");
}

// NET-003
ASYNC_TEST(StreamReader, IsAtItsEndWhenAllWasRead) {
  StreamReader reader;
  EXPECT_FALSE(reader.at_eof());
  reader.feed_data("some");
  reader.feed_eof();
  EXPECT_FALSE(reader.at_eof());
  EXPECT_EQ(co_await reader.read(10), "some");
  EXPECT_TRUE(reader.at_eof());
}

// NET-003
ASYNC_TEST(StreamReader, EndWakesWhoWaits) {
  StreamReader reader;
  auto reading = create_task(reader.read(10));
  co_await pass();
  reader.feed_eof();
  EXPECT_EQ(co_await reading, "");
}

// --- read() -------------------------------------------------------------------------------------

// NET-004
ASYNC_TEST(StreamReader, ReadsWhatThereIsUpToTheNumber) {
  StreamReader reader = fed("abcdef");
  EXPECT_EQ(co_await reader.read(4), "abcd");
  EXPECT_EQ(co_await reader.read(4), "ef");
  auto reading = create_task(reader.read(4));
  co_await asyncio::sleep(1s);
  EXPECT_FALSE(reading.done());
  reader.feed_data("g");
  EXPECT_EQ(co_await reading, "g");
  reader.feed_eof();
  EXPECT_EQ(co_await reader.read(4), "");
  EXPECT_EQ(co_await reader.read(4), "");
}

// NET-004
ASYNC_TEST(StreamReader, ReadDoesNotCareForLines) {
  StreamReader reader = fed("a\nb\nc");
  EXPECT_EQ(co_await reader.read(4), "a\nb\n");
}

// NET-005
ASYNC_TEST(StreamReader, ReadsNothingAtOnce) {
  StreamReader reader;
  EXPECT_EQ(co_await reader.read(0), "");
  EXPECT_EQ(co_await reader.readexactly(0), "");
  reader.feed_data("x");
  EXPECT_EQ(co_await reader.read(0), "");
  EXPECT_EQ(co_await reader.read(1), "x");
}

// NET-006
ASYNC_TEST(StreamReader, ReadsToTheEndWhateverTheLimit) {
  StreamReader reader(3);
  auto reading = create_task(reader.read());
  for (int i = 0; i < 3; ++i) {
    co_await pass();
    reader.feed_data("1234567\n");
  }
  co_await pass();
  EXPECT_FALSE(reading.done());
  reader.feed_eof();
  EXPECT_EQ(co_await reading, "1234567\n1234567\n1234567\n");
  EXPECT_EQ(co_await reader.read(), "");
}

// NET-004
ASYNC_TEST(StreamReader, ReadsIntoABufferOfTheCallers) {
  StreamReader reader = fed("abc");
  char two[2];
  EXPECT_EQ(co_await reader.read_into(two), 2U);
  EXPECT_EQ(std::string(two, 2), "ab");
  EXPECT_EQ(co_await reader.read_into(two), 1U);
  EXPECT_EQ(two[0], 'c');
  auto reading = create_task(reader.read_into(two));
  co_await pass();
  reader.feed_data("de");
  EXPECT_EQ(co_await reading, 2U);
  EXPECT_EQ(std::string(two, 2), "de");
  reader.feed_eof();
  EXPECT_EQ(co_await reader.read_into(two), 0U);
}

// --- readexactly() ------------------------------------------------------------------------------

// NET-007
ASYNC_TEST(StreamReader, ReadsExactlySoMuch) {
  StreamReader reader(2);
  auto reading = create_task(reader.readexactly(10));
  for (int i = 0; i < 3; ++i) {
    co_await pass();
    EXPECT_FALSE(reading.done());
    reader.feed_data("1234");
  }
  EXPECT_EQ(co_await reading, "1234123412");
  EXPECT_EQ(co_await reader.read(9), "34");
}

// NET-007, NET-023
ASYNC_TEST(StreamReader, SaysWhatThereWasOfAnExactRead) {
  StreamReader reader = ended("abc");
  try {
    (void)co_await reader.readexactly(5);
    ADD_FAILURE() << "read";
  } catch (const asyncio::IncompleteReadError& error) {
    EXPECT_EQ(error.partial(), "abc");
    EXPECT_EQ(error.expected(), 5U);
    EXPECT_STREQ(error.what(), "3 bytes read on a total of 5 expected bytes");
  }
  EXPECT_TRUE(reader.at_eof());
}

// --- readuntil() --------------------------------------------------------------------------------

// NET-008
ASYNC_TEST(StreamReader, ReadsUpToAndWithTheSeparator) {
  StreamReader reader = fed("line\nab$cd$$ef");
  EXPECT_EQ(co_await reader.readuntil(), "line\n");
  EXPECT_EQ(co_await reader.readuntil("$$"), "ab$cd$$");
  EXPECT_EQ(co_await reader.read(10), "ef");
}

// NET-009, NET-023
ASYNC_TEST(StreamReader, SaysWhatThereWasBeforeTheSeparator) {
  StreamReader reader = ended("no separator");
  try {
    (void)co_await reader.readuntil("$");
    ADD_FAILURE() << "read";
  } catch (const asyncio::IncompleteReadError& error) {
    EXPECT_EQ(error.partial(), "no separator");
    EXPECT_EQ(error.expected(), std::nullopt);
    EXPECT_STREQ(error.what(), "12 bytes read on a total of undefined expected bytes");
  }
  EXPECT_TRUE(reader.at_eof());
}

// NET-010, NET-023
ASYNC_TEST(StreamReader, LimitIsOnWhatComesBeforeTheSeparator) {
  EXPECT_EQ(co_await until(fed("abc$$", 3), Texts(1, "$$")), "data abc$$");
  StreamReader found = fed("abcd$$", 3);
  EXPECT_EQ(co_await until(found, Texts(1, "$$")), "found 4");
  EXPECT_EQ(co_await found.read(10), "abcd$$") << "the buffer was touched";
  // It may still be "abc$$".
  StreamReader exact = fed("abc$", 3);
  auto reading = create_task(until(exact, Texts(1, "$$")));
  co_await pass();
  EXPECT_FALSE(reading.done());
  exact.feed_data("$");
  EXPECT_EQ(co_await reading, "data abc$$");
  StreamReader lost = fed("abcd$", 3);
  EXPECT_EQ(co_await until(lost, Texts(1, "$$")), "not found 4");
  EXPECT_EQ(co_await lost.read(10), "abcd$") << "the buffer was touched";
  EXPECT_EQ(co_await thrown_by_await(fed("abcd\n", 3).readuntil()),
            "LimitOverrunError: Separator is found, but chunk is longer than limit");
  EXPECT_EQ(co_await thrown_by_await(fed("abcd", 3).readuntil()),
            "LimitOverrunError: Separator is not found, and chunk exceed the limit");
}

// NET-011
ASYNC_TEST(StreamReader, OfSeveralSeparatorsTheFirstToEndCounts) {
  StreamReader reader = fed("xxAAAyAAA-BBz");
  EXPECT_EQ(co_await until(reader, support::lines(std::string("AAA"), std::string("A"))),
            "data xxA");
  EXPECT_EQ(co_await until(reader, support::lines(std::string("BB"), std::string("yA"))),
            "data AAyA");
  EXPECT_EQ(co_await until(reader, support::lines(std::string("z"), std::string("A-BB"))),
            "data AA-BB");
}

// NET-011: of those that end together the shortest decides about the limit
ASYNC_TEST(StreamReader, ShortestSeparatorDecidesAboutTheLimit) {
  StreamReader reader = fed("abcdEND", 4);
  EXPECT_EQ(co_await until(reader, support::lines(std::string("dEND"), std::string("END"))),
            "data abcdEND");
  StreamReader longer = fed("abcdeEND", 4);
  EXPECT_EQ(co_await until(longer, support::lines(std::string("eEND"), std::string("END"))),
            "found 5");
}

// NET-011
TEST(StreamReader, RefusesEmptySeparators) {
  const StreamReader reader;
  constexpr const char* empty =
      "invalid_argument: readuntil(): Separator should be at least one-byte string";
  EXPECT_EQ(thrown_by([&] { (void)reader.readuntil(""); }), empty);
  EXPECT_EQ(thrown_by([&] { (void)reader.readuntil(Texts{"a", ""}); }), empty);
  EXPECT_EQ(thrown_by([&] { (void)reader.readuntil(Texts{}); }),
            "invalid_argument: readuntil(): Separator should contain at least one element");
}

// NET-012, failure 44
ASYNC_TEST(StreamReader, FindsTheSameHoweverTheDataComes) {
  struct Case {
    const char* text;
    Texts separators;
  };
  const std::vector<Case> cases{
      {"ab\r\ncd\r\ne", {"\r\n"}},    {"aabaabaaab", {"aaab"}}, {"xAAAyAAA-B", {"AAA", "yA"}},
      {"$$$a$$$$b", {"$$"}},          {"abcdeabcde", {"bcde"}}, {"0123456789", {"789", "34567"}},
      {"aaaaaaaaa", {"aa", "aaaaa"}}, {"no separat", {"or"}},   {"\n\n\n\n", {"\n", "\n\n"}},
  };
  for (const Case& c : cases) {
    const std::string text = c.text;
    const Texts whole = co_await fragmented(text, 0, c.separators, 100);
    std::string joined;
    for (const std::string& line : whole) joined += line.substr(line.find(' ') + 1);
    EXPECT_EQ(joined, text) << "something is lost";
    EXPECT_TRUE(whole.back().starts_with("partial ")) << whole.back();
    for (unsigned cuts = 1; cuts < 1U << (text.size() - 1); ++cuts) {
      const Texts pieces = co_await fragmented(text, cuts, c.separators, 100);
      EXPECT_EQ(pieces, whole) << text << " cut by " << cuts;
    }
  }
}

// NET-010, NET-012, failure 44: a limit hit exactly, and passed
ASYNC_TEST(StreamReader, LimitHoldsHoweverTheDataComes) {
  const std::string text = "abcd$$efghi$$";
  for (unsigned cuts = 0; cuts < 1U << (text.size() - 1); ++cuts) {
    const Texts at = co_await fragmented(text, cuts, Texts(1, "$$"), 5);
    EXPECT_EQ(at, support::lines(std::string("data abcd$$"), std::string("data efghi$$"),
                                 std::string("partial ")))
        << "cut by " << cuts;
    const Texts above = co_await fragmented(text, cuts, Texts(1, "$$"), 4);
    ASYNC_ASSERT_EQ(above.size(), 2U) << "cut by " << cuts;
    EXPECT_EQ(above[0], "data abcd$$");
    EXPECT_TRUE(above[1] == "found 5" || above[1] == "not found 5")
        << above[1] << " cut by " << cuts;
  }
}

// NET-012: who looked again at what was searched would find what it has become since.
ASYNC_TEST(StreamReader, DoesNotSearchTheSameBytesAgain) {
  constexpr std::size_t size = 400;
  StreamReader reader;
  auto line = create_task(reader.readline());
  co_await pass();
  for (std::size_t i = 0; i < size; ++i) {
    reader.feed_data("x");
    co_await pass();
    overwrite(reader, i + 1, '\n');
  }
  reader.feed_data("x\n");
  EXPECT_EQ(co_await line, std::string(size, '\n') + "x\n");
  auto text = create_task(reader.readuntil("--"));
  co_await pass();
  for (std::size_t i = 0; i < size; i += 4) {
    reader.feed_data("x-x-");
    co_await pass();
    overwrite(reader, i + 3, '-');  // the last one may begin a separator
  }
  reader.feed_data("-");
  EXPECT_EQ(co_await text, std::string(size + 1, '-'));
}

// --- readline() ---------------------------------------------------------------------------------

// NET-013
ASYNC_TEST(StreamReader, ReadsLinesAndWhatIsLeftAtTheEnd) {
  StreamReader reader = fed("one\n\ntw");
  EXPECT_EQ(co_await reader.readline(), "one\n");
  EXPECT_EQ(co_await reader.readline(), "\n");
  auto reading = create_task(reader.readline());
  co_await pass();
  reader.feed_data("o\nthree");
  EXPECT_EQ(co_await reading, "two\n");
  reader.feed_eof();
  EXPECT_EQ(co_await reader.readline(), "three");
  EXPECT_EQ(co_await reader.readline(), "");
}

// NET-013: as CPython, of each of these the first two lines
ASYNC_TEST(StreamReader, DropsALineAboveTheLimit) {
  constexpr const char* found =
      "invalid_argument: readline(): Separator is found, but chunk is longer than limit; make "
      "the stream with a higher limit";
  constexpr const char* lost =
      "invalid_argument: readline(): Separator is not found, and chunk exceed the limit; make "
      "the stream with a higher limit";
  StreamReader exact = fed("xxxxx\nab\n", 5);
  EXPECT_EQ(co_await exact.readline(), "xxxxx\n");
  StreamReader above = fed("xxxxxx\nab\n", 5);
  EXPECT_EQ(co_await thrown_by_await(above.readline()), found);
  EXPECT_EQ(co_await above.readline(), "ab\n");
  StreamReader open = fed("xxxxxxx", 5);
  EXPECT_EQ(co_await thrown_by_await(open.readline()), lost);
  EXPECT_EQ(open.repr(), "<StreamReader limit=5>") << "the whole buffer goes";
  StreamReader last = ended("xxxxxx", 5);
  EXPECT_EQ(co_await thrown_by_await(last.readline()), lost);
  EXPECT_EQ(co_await last.readline(), "");
  StreamReader short_last = ended("xxxxx", 5);
  EXPECT_EQ(co_await short_last.readline(), "xxxxx");
}

// NET-014
ASYNC_TEST(StreamReader, GivesLinesToALoop) {
  StreamReader reader = ended("a\n\nb\nc");
  Texts lines;
  while (auto line = co_await reader.next_line()) lines.push_back(*line);
  EXPECT_EQ(lines, support::lines(std::string("a\n"), std::string("\n"), std::string("b\n"),
                                  std::string("c")));
}

// --- several tasks, cancellations, errors -------------------------------------------------------

// NET-015
ASYNC_TEST(StreamReader, OneTaskAtATimeWaits) {
  StreamReader reader;
  auto first = create_task(reader.readline());
  co_await pass();
  EXPECT_EQ(co_await thrown_by_await(reader.read(1)),
            std::string("RuntimeError: StreamReader.read()") + taken);
  EXPECT_EQ(co_await thrown_by_await(reader.readexactly(1)),
            std::string("RuntimeError: StreamReader.readexactly()") + taken);
  EXPECT_EQ(co_await thrown_by_await(reader.readuntil("x")),
            std::string("RuntimeError: StreamReader.readuntil()") + taken);
  EXPECT_EQ(co_await thrown_by_await(reader.readline()),
            std::string("RuntimeError: StreamReader.readline()") + taken);
  reader.feed_data("x\n");
  EXPECT_EQ(co_await first, "x\n");
}

// NET-015: woken, and then too late
ASYNC_TEST(StreamReader, WhoseDataAnotherTaskTookWaitsOn) {
  StreamReader reader;
  auto first = create_task(reader.read(10));
  co_await pass();
  reader.feed_data("x");
  EXPECT_EQ(co_await reader.read(10), "x");  // before the first one had its turn
  co_await pass();
  EXPECT_FALSE(first.done());
  reader.feed_data("y");
  EXPECT_EQ(co_await first, "y");
}

// NET-015: a read that has not seen the end does not say that it has come
ASYNC_TEST(StreamReader, WhosePlaceAnotherTaskTookIsTold) {
  StreamReader reader;
  auto first = create_task(reader.read(10));
  co_await pass();
  reader.feed_data("x");
  std::string got = co_await reader.read(10);
  EXPECT_EQ(got, "x");
  auto second = [](StreamReader r) -> Coro<std::string> { co_return co_await r.read(10); };
  // Parked before the first one has its turn: as a part of this task.
  auto feed = create_task([](StreamReader r) -> Coro<> {
    co_await asyncio::sleep(1s);
    r.feed_data("late");
  }(reader));
  EXPECT_EQ(co_await second(reader), "late");
  EXPECT_EQ(co_await thrown_by_await(first),
            std::string("RuntimeError: StreamReader.read()") + taken);
  co_await feed;
}

// NET-012, NET-015: what was searched is searched again when another task has taken of it
ASYNC_TEST(StreamReader, SearchesAnewWhenAnotherTaskHasTakenData) {
  StreamReader reader;
  auto line = create_task(reader.readline());
  co_await pass();
  reader.feed_data("0123456789");
  co_await pass();  // the first one has searched ten bytes
  reader.feed_data("x");
  EXPECT_EQ(co_await reader.readexactly(10), "0123456789");
  reader.feed_data("\nrest of it");  // what it has searched is no more than what is there
  EXPECT_EQ(co_await line, "x\n");
}

// NET-016, NET-017
ASYNC_TEST(StreamReader, ErrorComesAfterTheData) {
  StreamReader reader = fed("ab\ncd");
  EXPECT_EQ(reader.exception(), nullptr);
  reader.set_exception(std::make_exception_ptr(std::domain_error("broken")));
  EXPECT_EQ(support::text_of(reader.exception()), "broken");
  EXPECT_EQ(co_await reader.readline(), "ab\n");
  EXPECT_EQ(co_await reader.read(1), "c");
  EXPECT_EQ(co_await thrown_by_await(reader.readexactly(2)), "domain_error: broken");
  EXPECT_EQ(co_await reader.readexactly(1), "d");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(co_await thrown_by_await(reader.read(1)), "domain_error: broken");
    EXPECT_EQ(co_await thrown_by_await(reader.read()), "domain_error: broken");
    EXPECT_EQ(co_await thrown_by_await(reader.readline()), "domain_error: broken");
    EXPECT_EQ(co_await thrown_by_await(reader.readuntil("x")), "domain_error: broken");
    EXPECT_EQ(co_await thrown_by_await(reader.readexactly(1)), "domain_error: broken");
  }
}

// NET-016
ASYNC_TEST(StreamReader, ErrorWakesWhoWaits) {
  StreamReader reader;
  auto reading = create_task(reader.readline());
  co_await pass();
  reader.set_exception(std::make_exception_ptr(std::domain_error("broken")));
  EXPECT_EQ(co_await thrown_by_await(reading), "domain_error: broken");
}

// NET-017
ASYNC_TEST(StreamReader, CancelledReaderIsPassedOver) {
  StreamReader reader;
  auto reading = create_task(reader.read(1));
  co_await pass();
  reading.cancel();
  reader.set_exception(std::make_exception_ptr(std::domain_error("broken")));
  EXPECT_TRUE((co_await asyncio::as_result(reading)).cancelled());
  EXPECT_EQ(co_await thrown_by_await(reader.read(1)), "domain_error: broken");
}

// NET-018, failure 45
ASYNC_TEST(StreamReader, CancelledReadLosesNothing) {
  StreamReader reader = fed("abc");
  EXPECT_EQ(co_await thrown_by_await(asyncio::wait_for(reader.readexactly(5), 1s)),
            "TimeoutError: timed out");
  EXPECT_EQ(co_await thrown_by_await(asyncio::wait_for(reader.readline(), 1s)),
            "TimeoutError: timed out");
  EXPECT_EQ(co_await thrown_by_await(asyncio::wait_for(reader.read(), 1s)),
            "TimeoutError: timed out");
  reader.feed_data("d\n");
  EXPECT_EQ(co_await reader.readline(), "abcd\n");
}

// NET-018, failure 45: the data and the cancellation in one turn, in either order
ASYNC_TEST(StreamReader, DataOfTheTurnOfACancellationStays) {
  for (const bool data_first : {true, false}) {
    StreamReader reader;
    auto reading = create_task(reader.readexactly(3));
    co_await pass();
    if (data_first) reader.feed_data("abc");
    reading.cancel();
    if (!data_first) reader.feed_data("abc");
    EXPECT_TRUE((co_await asyncio::as_result(reading)).cancelled());
    EXPECT_EQ(co_await reader.read(9), "abc");
  }
}

// NET-018, failure 45: a task that never has to wait lets others run now and then; whenever it is
// cancelled then, what it has not got is still there
ASYNC_TEST(StreamReader, CancellationOfATaskThatLetsOthersRunLosesNothing) {
  const std::string all = support::pattern(300);
  for (const bool into : {false, true}) {
    StreamReader reader = fed(all);
    std::string got;
    auto read_on = [&]() -> Coro<> {
      while (true) {
        char byte = 0;
        if (into) {
          co_await reader.read_into(std::as_writable_bytes(std::span(&byte, 1)));
        } else {
          const std::string one = co_await reader.readexactly(1);
          byte = one[0];
        }
        got += byte;
      }
    };
    int cancelled = 0;
    for (; got.size() < all.size() && cancelled < 10; ++cancelled) {
      auto reading = create_task(read_on());
      co_await asyncio::sleep(0s);
      reading.cancel();
      EXPECT_TRUE((co_await asyncio::as_result(reading)).cancelled());
    }
    EXPECT_GE(cancelled, 2) << "it never let others run";
    reader.feed_eof();
    EXPECT_EQ(got + co_await reader.read(), all);
  }
}

// NET-022
ASYNC_TEST(StreamReader, Describes) {
  StreamReader reader(7);
  EXPECT_EQ(StreamReader().repr(), "<StreamReader>");
  auto reading = create_task(reader.readexactly(9));
  reader.feed_data("abc");
  co_await pass();
  EXPECT_EQ(reader.repr(), "<StreamReader 3 bytes limit=7 waiter>");
  reader.set_exception(std::make_exception_ptr(std::domain_error("no")));
  EXPECT_EQ(reader.repr(), "<StreamReader 3 bytes limit=7 exception=domain_error: no>");
  (void)co_await asyncio::as_result(reading);
  EXPECT_EQ(ended("abc").repr(), "<StreamReader 3 bytes eof>");
}

// NET-004: a buffer that is read and fed for ever keeps its bytes and its size
ASYNC_TEST(StreamReader, StaysSmallWhateverGoesThrough) {
  StreamReader reader(1000);
  std::size_t read = 0;
  std::size_t fed_so_far = 0;
  for (std::size_t round = 0; round < 2000; ++round) {
    const std::size_t size = round * 37 % 301;
    reader.feed_data(support::pattern(size, fed_so_far));
    fed_so_far += size;
    if (fed_so_far - read < 150) continue;
    const std::string got = co_await reader.readexactly(round * 53 % 149 + 1);
    ASYNC_ASSERT_EQ(got, support::pattern(got.size(), read)) << round;
    read += got.size();
  }
  reader.feed_eof();
  const std::string rest = co_await reader.read();
  EXPECT_EQ(rest, support::pattern(fed_so_far - read, read));
}
