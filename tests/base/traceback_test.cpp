// How tracks are kept and printed; how they come about is tested in core, sync and io.

#include "base/traceback.hpp"

#include <asyncio/detail/failure.hpp>
#include <asyncio/error.hpp>
#include <asyncio/traceback.hpp>

#include "support/outline.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <exception>
#include <fstream>
#include <memory>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using asyncio::BaseExceptionGroup;
using asyncio::ExceptionGroup;
using asyncio::format_exception;
using asyncio::detail::Failure;
using asyncio::detail::failure_of;
using asyncio::detail::forget_failures;
using asyncio::detail::format_failure;
using asyncio::detail::format_frames;
using asyncio::detail::instead_of;
using asyncio::detail::Ref;
using asyncio::detail::Traceback;
using support::after;
using support::at;
using support::at_start;
using support::lines;
using support::Outline;
using support::outline;
using Kind = Traceback::Kind;
using Where = std::source_location;

namespace {

// Places, each in a function of its own.
constexpr unsigned outer_line = __LINE__ + 1;
Where outer() { return Where::current(); }
constexpr unsigned middle_line = __LINE__ + 1;
Where middle() { return Where::current(); }
constexpr unsigned inner_line = __LINE__ + 1;
Where inner() { return Where::current(); }

template <class E>
std::exception_ptr error(E e) {
  return std::make_exception_ptr(std::move(e));
}
std::exception_ptr runtime(const std::string& text) { return error(std::runtime_error(text)); }
std::exception_ptr range(const std::string& text) { return error(std::range_error(text)); }

template <class... Members>
std::exception_ptr group(const std::string& message, const Members&... members) {
  return error(ExceptionGroup(message, std::vector<std::exception_ptr>{members...}));
}
std::exception_ptr group_of(const std::string& message, std::vector<Failure> members) {
  return error(ExceptionGroup(message, asyncio::detail::Members(std::move(members))));
}

Failure failure(std::exception_ptr e) { return Failure(std::move(e)); }
Failure seen_from(const Where& place, Failure f) {
  f.traceback = asyncio::detail::seen_from(place, place, std::move(f.traceback));
  return f;
}
/// Of what `place` has thrown after its co_await.
Failure thrown_in(const Where& place, const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (...) {
    return asyncio::detail::failure_leaving(place, place);
  }
}
Failure caused_by(Failure f, Failure cause) {
  return instead_of(std::move(f), std::move(cause), Kind::caused);
}
Failure while_handling(Failure f, Failure earlier) {
  return instead_of(std::move(f), std::move(earlier), Kind::replaced);
}

/// What std::throw_with_nested(E) throws while `nested` is handled.
template <class E>
std::exception_ptr with_nested(E e, const std::exception_ptr& nested) {
  try {
    try {
      std::rethrow_exception(nested);
    } catch (...) {
      std::throw_with_nested(std::move(e));
    }
  } catch (...) {
    return std::current_exception();
  }
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

/// A frame as Python prints it; the source line is there where the file can be read.
std::string frame(const Where& place, unsigned line, const std::string& function) {
  const std::string file = place.file_name();
  std::string text = "  File \"" + file + "\", line " + std::to_string(line) + ", in " + function;
  if (std::ifstream(file).good()) {
    text += "\n    Where " + function + "() { return Where::current(); }";
  }
  return text;
}

/// An error that says how many of it are alive.
struct Counted : std::runtime_error {
  Counted() : std::runtime_error("counted") { ++alive; }
  Counted(const Counted& other) : std::runtime_error(other) { ++alive; }
  Counted& operator=(const Counted&) = delete;
  ~Counted() override { --alive; }
  static inline int alive = 0;
};

/// Lets the thread know these many errors.
void remember(int n) {
  for (int i = 0; i < n; ++i) asyncio::detail::remember(seen_from(outer(), failure(runtime("r"))));
}

}  // namespace

namespace asyncio::of_the_library {
Where place() { return Where::current(); }
}  // namespace asyncio::of_the_library

// --- an error alone ---

TEST(FormatException, OfANullPointerIsNoException) {
  EXPECT_EQ(format_exception(nullptr), "no exception");
}

// EXC-013
TEST(FormatException, OfAnErrorThatCameThroughNoCoroutineIsItsTypeAndText) {
  EXPECT_EQ(format_exception(runtime("no")), "runtime_error: no");
  EXPECT_EQ(format_exception(error(asyncio::TimeoutError())), "TimeoutError: timed out");
  EXPECT_EQ(format_exception(error(asyncio::CancelledError("why"))), "CancelledError: why");
  EXPECT_EQ(format_exception(error(std::string("text"))).ends_with(": text"), true);
}

TEST(FormatException, OfAnErrorWithoutATextIsItsType) {
  EXPECT_EQ(format_exception(runtime("")), "runtime_error");
  EXPECT_EQ(format_exception(error(asyncio::CancelledError())), "CancelledError");
  EXPECT_EQ(format_exception(error(asyncio::KeyboardInterrupt())), "KeyboardInterrupt");
  EXPECT_EQ(format_exception(error(42)), "int");
}

TEST(FormatException, KeepsTheLinesOfAText) {
  EXPECT_EQ(format_exception(runtime("one\ntwo")), "runtime_error: one\ntwo");
  EXPECT_EQ(format_exception(runtime("one\n")), "runtime_error: one\n");
}

TEST(PrintException, WritesItToStandardErrorAndEndsTheLine) {
  const auto e = group("m", runtime("a"), range("b"));
  testing::internal::CaptureStderr();
  asyncio::print_exception(e);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), format_exception(e) + "\n");
}

// --- frames ---

// DBG-025
TEST(Frames, AreHeadedAndPrintedOutermostFirst) {
  const Failure f = seen_from(outer(), seen_from(middle(), thrown_in(inner(), runtime("no"))));
  EXPECT_EQ(format_failure(f), "Traceback (most recent call last):\n" +
                                   frame(outer(), outer_line, "outer") + "\n" +
                                   frame(middle(), middle_line, "middle") + "\n" +
                                   "  in inner (traceback_test.cpp), after line " +
                                   std::to_string(inner_line) + "\nruntime_error: no");
}

TEST(Frames, OfAFunctionThatHasNotAwaitedYetSaySo) {
  Failure f;
  try {
    throw std::runtime_error("no");
  } catch (...) {
    f = asyncio::detail::failure_leaving(inner(), Where());
  }
  EXPECT_EQ(format_frames(f.traceback.get()),
            "\n  in inner (traceback_test.cpp), before its first co_await");
}

TEST(Frames, OfTheLibraryAreLeftOut) {
  const Where ours = asyncio::of_the_library::place();
  const Failure f = seen_from(ours, seen_from(outer(), thrown_in(ours, runtime("no"))));
  EXPECT_EQ(outline(format_failure(f)), lines(at("outer", outer_line), "runtime_error: no"));
}

TEST(Frames, OfTheLibraryAloneHaveNoHead) {
  const Where ours = asyncio::of_the_library::place();
  EXPECT_EQ(format_failure(seen_from(ours, thrown_in(ours, runtime("no")))), "runtime_error: no");
}

TEST(Frames, AreNotChangedForThoseWhoSeeTheErrorFromElsewhere) {
  const Failure task = thrown_in(inner(), runtime("no"));
  const Failure a = seen_from(outer(), task);
  const Failure b = seen_from(middle(), task);
  const Outline own = lines(after("inner", inner_line), "runtime_error: no");
  EXPECT_EQ(outline(format_failure(a)), lines(at("outer", outer_line), own));
  EXPECT_EQ(outline(format_failure(b)), lines(at("middle", middle_line), own));
  EXPECT_EQ(outline(format_failure(task)), own);
}

TEST(Frames, OfARecursionAreCollapsedAfterThree) {
  Failure f = thrown_in(inner(), runtime("no"));
  const std::string one = frame(outer(), outer_line, "outer") + "\n";
  const std::string head = "Traceback (most recent call last):\n";
  const std::string tail = "  in inner (traceback_test.cpp), after line " +
                           std::to_string(inner_line) + "\nruntime_error: no";
  f = seen_from(outer(), seen_from(outer(), seen_from(outer(), f)));
  EXPECT_EQ(format_failure(f), head + one + one + one + tail);
  f = seen_from(outer(), f);
  EXPECT_EQ(format_failure(f),
            head + one + one + one + "  [Previous line repeated 1 more time]\n" + tail);
  f = seen_from(outer(), f);
  EXPECT_EQ(format_failure(f),
            head + one + one + one + "  [Previous line repeated 2 more times]\n" + tail);
}

TEST(Frames, OfOneFunctionAtDifferentLinesAreNotCollapsed) {
  const Where first = Where::current();
  const Where second = Where::current();
  Failure f = thrown_in(inner(), runtime("no"));
  for (const Where& place : {first, second, first, second}) {
    f.traceback = asyncio::detail::seen_from(outer(), place, f.traceback);
  }
  EXPECT_EQ(outline(format_failure(f)),
            lines(at("outer", second.line()), at("outer", first.line()), at("outer", second.line()),
                  at("outer", first.line()), after("inner", inner_line), "runtime_error: no"));
}

TEST(Frames, OfARecursionBelowAnotherFunctionAreCountedAnew) {
  Failure f = thrown_in(inner(), runtime("no"));
  for (int i = 0; i < 5; ++i) f = seen_from(outer(), f);
  f = seen_from(middle(), f);
  for (int i = 0; i < 4; ++i) f = seen_from(outer(), f);
  const std::string one = at("outer", outer_line);
  EXPECT_EQ(outline(format_failure(f)),
            lines(one, one, one, support::more(1), at("middle", middle_line), one, one, one,
                  support::more(2), after("inner", inner_line), "runtime_error: no"));
}

// TASK-108
TEST(Frames, ALimitKeepsTheOutermost) {
  const Where ours = asyncio::of_the_library::place();
  const Failure f = seen_from(
      ours,
      seen_from(outer(), seen_from(ours, seen_from(middle(), thrown_in(inner(), runtime(""))))));
  const auto limited = [&](std::optional<std::size_t> limit) {
    return outline(format_frames(f.traceback.get(), limit));
  };
  EXPECT_EQ(limited(0), Outline());
  EXPECT_EQ(limited(1), lines(at("outer", outer_line)));
  EXPECT_EQ(limited(2), lines(at("outer", outer_line), at("middle", middle_line)));
  EXPECT_EQ(limited(3), limited(std::nullopt));
}

// As traceback.format_tb(tb, limit): the limit is of frames, not of lines printed
TEST(Frames, ALimitCountsThoseOfARecursion) {
  Failure f = thrown_in(inner(), runtime(""));
  for (int i = 0; i < 10; ++i) f = seen_from(outer(), f);
  const std::string one = at("outer", outer_line);
  EXPECT_EQ(outline(format_frames(f.traceback.get(), 2)), lines(one, one));
  EXPECT_EQ(outline(format_frames(f.traceback.get(), 5)), lines(one, one, one, support::more(2)));
}

namespace {

/// A file that lives as long as this.
class TextFile {
 public:
  explicit TextFile(const std::string& text)
      : path_(testing::TempDir() + "asyncio_source_line_test.txt") {
    std::ofstream(path_) << text;
  }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  ~TextFile() { std::remove(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

TEST(SourceLine, IsTheLineWithoutTheBlanksAroundIt) {
  const TextFile file("first\n\t  co_await second(1, 2); \r\n\n   \nlast");
  using asyncio::detail::source_line;
  EXPECT_EQ(source_line(file.path(), 1), "first");
  EXPECT_EQ(source_line(file.path(), 2), "co_await second(1, 2);");
  EXPECT_EQ(source_line(file.path(), 3), "");
  EXPECT_EQ(source_line(file.path(), 4), "");
  EXPECT_EQ(source_line(file.path(), 5), "last");
  EXPECT_EQ(source_line(file.path(), 6), "");
  EXPECT_EQ(source_line(file.path(), 1'000'000), "");
  EXPECT_EQ(source_line(file.path() + ".not_there", 1), "");
}

// DBG-025
TEST(SourceLine, StandsBelowTheFrameIfThereIsOne) {
  const TextFile file("\n  co_await second();\n");
  const std::string place = "\n  File \"" + file.path() + "\", line ";
  EXPECT_EQ(asyncio::detail::frame_text(file.path(), 2, "f"),
            place + "2, in f\n    co_await second();");
  EXPECT_EQ(asyncio::detail::frame_text(file.path(), 1, "f"), place + "1, in f");
  EXPECT_EQ(asyncio::detail::frame_text(file.path(), 9, "f"), place + "9, in f");
}

// --- errors that came after others ---

// EXC-017
TEST(Chain, OfACauseHasTheCauseFirst) {
  const Failure f = seen_from(
      outer(), caused_by(thrown_in(middle(), runtime("b")), thrown_in(inner(), range("a"))));
  EXPECT_EQ(format_failure(f),
            "Traceback (most recent call last):\n"
            "  in inner (traceback_test.cpp), after line " +
                std::to_string(inner_line) +
                "\nrange_error: a\n\nThe above exception was the direct cause of the following "
                "exception:\n\nTraceback (most recent call last):\n" +
                frame(outer(), outer_line, "outer") +
                "\n  in middle (traceback_test.cpp), after line " + std::to_string(middle_line) +
                "\nruntime_error: b");
}

TEST(Chain, OfAnErrorThatCameWhileAnotherWasHandledSaysSo) {
  EXPECT_EQ(format_failure(while_handling(failure(runtime("b")), failure(range("a")))),
            "range_error: a\n\nDuring handling of the above exception, another exception "
            "occurred:\n\nruntime_error: b");
}

TEST(Chain, OfSeveralHasTheOldestFirst) {
  const Failure b = while_handling(failure(runtime("b")), failure(range("a")));
  const Failure d = while_handling(caused_by(failure(runtime("c")), b), {});
  EXPECT_EQ(outline(format_failure(d)),
            lines("range_error: a", support::while_handling, "runtime_error: b", support::caused,
                  "runtime_error: c"));
}

// As `raise ... from None`
TEST(Chain, OfNothingHidesWhatWasBeingHandled) {
  const Failure from_none = while_handling(failure(runtime("b")), {});
  EXPECT_EQ(format_failure(from_none), "runtime_error: b");
  EXPECT_EQ(format_failure(while_handling(from_none, failure(range("a")))), "runtime_error: b");
}

TEST(Chain, KeepsTheFirstThatIsSaid) {
  const Failure b = caused_by(failure(runtime("b")), failure(range("a")));
  EXPECT_EQ(outline(format_failure(while_handling(seen_from(outer(), b), failure(range("x"))))),
            lines("range_error: a", support::caused, at("outer", outer_line), "runtime_error: b"));
}

TEST(Chain, OfAnErrorToItselfIsNone) {
  const auto e = runtime("a");
  EXPECT_EQ(format_failure(while_handling(thrown_in(inner(), e), failure(e))),
            format_failure(thrown_in(inner(), e)));
}

TEST(Chain, OfErrorsThatReplaceEachOtherForEverIsCut) {
  {
    Failure f = failure(error(Counted()));
    for (int i = 0; i < 100'000; ++i) f = while_handling(failure(error(Counted())), f);
    EXPECT_LT(Counted::alive, 100);
    EXPECT_LT(count(format_failure(f), "During handling"), 100U);
  }
  EXPECT_EQ(Counted::alive, 0);
}

// EXC-017
TEST(NestedException, IsTheCause) {
  const auto a = runtime("a");
  const auto c = with_nested(std::logic_error("c"), with_nested(std::range_error("b"), a));
  EXPECT_EQ(outline(c), lines("runtime_error: a", support::caused, "range_error: b",
                              support::caused, "logic_error: c"));
}

// EXC-017
TEST(NestedException, HasTheFramesThatItIsKnownToHaveComeThrough) {
  const Failure a = seen_from(outer(), thrown_in(inner(), runtime("a")));
  asyncio::detail::remember(a);
  EXPECT_EQ(outline(with_nested(std::logic_error("b"), a.error)),
            lines(at("outer", outer_line), after("inner", inner_line), "runtime_error: a",
                  support::caused, "logic_error: b"));
}

TEST(NestedException, OfNothingIsNoCause) {
  std::exception_ptr e;
  try {
    std::throw_with_nested(std::logic_error("alone"));
  } catch (...) {
    e = std::current_exception();
  }
  EXPECT_EQ(format_exception(e), "logic_error: alone");
}

TEST(NestedException, IsFollowedTenLevelsDeepAtLeastAndNotForEver) {
  std::exception_ptr e = runtime("root");
  for (int i = 0; i < 10; ++i) e = with_nested(std::logic_error("level"), e);
  EXPECT_EQ(outline(e).front(), "runtime_error: root");
  for (int i = 0; i < 1000; ++i) e = with_nested(std::logic_error("level"), e);
  EXPECT_EQ(outline(e).back(), "logic_error: level");
}

// As in Python, where `raise ... from` goes before what was being handled
TEST(NestedException, IsTheCauseThoughAnotherErrorWasBeingHandled) {
  const auto b = with_nested(std::logic_error("b"), runtime("cause"));
  const std::string text = format_failure(while_handling(failure(b), failure(range("handled"))));
  const Outline seen = outline(text);
  EXPECT_GE(seen.size(), 3U);
  EXPECT_EQ(Outline(seen.end() - 3, seen.end()),
            lines("runtime_error: cause", support::caused, "logic_error: b"))
      << text;
}

// --- groups: CPython's layout ---

// EXC-009
TEST(Tree, HasAFrameRoundItsMembers) {
  EXPECT_EQ(format_exception(group("m", runtime("a"), range("b"))),
            R"(  | ExceptionGroup: m (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | runtime_error: a
    +---------------- 2 ----------------
    | range_error: b
    +------------------------------------)");
}

// EXC-009
TEST(Tree, OfAGroupThatIsNoStdExceptionIsTheSame) {
  const std::vector members{error(asyncio::CancelledError("why")),
                            error(asyncio::KeyboardInterrupt())};
  EXPECT_EQ(format_exception(error(BaseExceptionGroup("m", members))),
            R"(  | BaseExceptionGroup: m (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | CancelledError: why
    +---------------- 2 ----------------
    | KeyboardInterrupt
    +------------------------------------)");
}

// EXC-009
TEST(Tree, OfANestedGroupThatIsLastIsClosedByItAlone) {
  EXPECT_EQ(format_exception(group("m", runtime("a"), group("n", runtime("b")))),
            R"(  | ExceptionGroup: m (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | runtime_error: a
    +---------------- 2 ----------------
    | ExceptionGroup: n (1 sub-exception)
    +-+---------------- 1 ----------------
      | runtime_error: b
      +------------------------------------)");
  EXPECT_EQ(format_exception(group("m", group("n", group("o", runtime("a"))))),
            R"(  | ExceptionGroup: m (1 sub-exception)
  +-+---------------- 1 ----------------
    | ExceptionGroup: n (1 sub-exception)
    +-+---------------- 1 ----------------
      | ExceptionGroup: o (1 sub-exception)
      +-+---------------- 1 ----------------
        | runtime_error: a
        +------------------------------------)");
}

// EXC-009
TEST(Tree, OfANestedGroupThatIsNotLastIsClosedByBoth) {
  EXPECT_EQ(format_exception(group("m", group("n", runtime("a"), runtime("b")), runtime("c"))),
            R"(  | ExceptionGroup: m (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ExceptionGroup: n (2 sub-exceptions)
    +-+---------------- 1 ----------------
      | runtime_error: a
      +---------------- 2 ----------------
      | runtime_error: b
      +------------------------------------
    +---------------- 2 ----------------
    | runtime_error: c
    +------------------------------------)");
}

// EXC-009
TEST(Tree, HasTheLinesOfATextInItsMargin) {
  EXPECT_EQ(format_exception(group("m\nk", runtime("one\ntwo"), runtime("x\n"))),
            "  | ExceptionGroup: m\n"
            "  | k (2 sub-exceptions)\n"
            "  +-+---------------- 1 ----------------\n"
            "    | runtime_error: one\n"
            "    | two\n"
            "    +---------------- 2 ----------------\n"
            "    | runtime_error: x\n"
            "    | \n"
            "    +------------------------------------");
}

// EXC-009
TEST(Tree, HasTheFramesOfTheGroupAndOfEachMember) {
  const Failure nested =
      seen_from(middle(), failure(group_of("n", {thrown_in(inner(), runtime("a"))})));
  const Failure f = seen_from(outer(), failure(group_of("m", {nested, failure(range("b"))})));
  const auto in_margin = [](const std::string& text, const std::string& margin) {
    std::string all;
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      all += margin + text.substr(begin, end - begin) + "\n";
      begin = end + 1;
    }
    return all;
  };
  EXPECT_EQ(format_failure(f) + "\n",
            "  + Exception Group Traceback (most recent call last):\n" +
                in_margin(frame(outer(), outer_line, "outer"), "  | ") +
                "  | ExceptionGroup: m (2 sub-exceptions)\n"
                "  +-+---------------- 1 ----------------\n"
                "    | Exception Group Traceback (most recent call last):\n" +
                in_margin(frame(middle(), middle_line, "middle"), "    | ") +
                "    | ExceptionGroup: n (1 sub-exception)\n"
                "    +-+---------------- 1 ----------------\n"
                "      | Traceback (most recent call last):\n"
                "      |   in inner (traceback_test.cpp), after line " +
                std::to_string(inner_line) +
                "\n"
                "      | runtime_error: a\n"
                "      +------------------------------------\n"
                "    +---------------- 2 ----------------\n"
                "    | range_error: b\n"
                "    +------------------------------------\n");
}

namespace {

std::string tree_of(int members) {
  std::vector<Failure> all;
  for (int i = 0; i < members; ++i) all.push_back(failure(runtime("e" + std::to_string(i))));
  return format_exception(group_of("m", std::move(all)));
}

}  // namespace

// EXC-009
TEST(Tree, OfFifteenMembersHasThemAll) {
  const std::string text = tree_of(15);
  EXPECT_TRUE(
      text.ends_with("    +---------------- 15 ----------------\n"
                     "    | runtime_error: e14\n"
                     "    +------------------------------------"))
      << text;
}

// EXC-009
TEST(Tree, OfMoreThanFifteenMembersSaysHowManyMore) {
  EXPECT_TRUE(
      tree_of(16).ends_with("    | runtime_error: e14\n"
                            "    +---------------- ... ----------------\n"
                            "    | and 1 more exception\n"
                            "    +------------------------------------"))
      << tree_of(16);
  EXPECT_TRUE(
      tree_of(1000).ends_with("    | runtime_error: e14\n"
                              "    +---------------- ... ----------------\n"
                              "    | and 985 more exceptions\n"
                              "    +------------------------------------"))
      << tree_of(1000);
}

namespace {

/// Groups in groups, the innermost being "g0"; each with a plain member after the nested one.
std::string tree_of_levels(int levels) {
  std::exception_ptr e = runtime("leaf");
  for (int i = 0; i < levels; ++i) {
    e = group("g" + std::to_string(i), e, runtime("e" + std::to_string(i)));
  }
  return format_exception(e);
}

}  // namespace

// EXC-009
TEST(Tree, OfTenLevelsHasThemAll) {
  const std::string text = tree_of_levels(10);
  EXPECT_EQ(count(text, "runtime_error: leaf"), 1U) << text;
  EXPECT_EQ(count(text, "left out"), 0U) << text;
  EXPECT_EQ(count(text, "+------------------------------------"), 10U) << text;
}

// EXC-009
TEST(Tree, OfMoreThanTenLevelsLeavesOutThoseBelow) {
  for (const int levels : {11, 12, 100}) {
    const std::string text = tree_of_levels(levels);
    EXPECT_EQ(count(text, "... (groups below 10 levels are left out)"), 1U) << text;
    EXPECT_EQ(count(text, "ExceptionGroup: "), 10U) << text;
    EXPECT_EQ(count(text, "+------------------------------------"), 10U) << text;
    EXPECT_EQ(count(text, "leaf"), 0U) << text;
    // Not the group's own sibling, which is no deeper than the limit.
    EXPECT_EQ(count(text, "runtime_error: e" + std::to_string(levels - 10) + "\n"), 1U) << text;
  }
}

// EXC-017
TEST(Tree, HasChainsInItsMargin) {
  const Failure a = caused_by(failure(runtime("a")), failure(group("n", range("c"))));
  const Failure b = while_handling(failure(group("o", runtime("b"))), failure(range("d")));
  EXPECT_EQ(format_exception(group_of("m", {a, b})),
            "  | ExceptionGroup: m (2 sub-exceptions)\n"
            "  +-+---------------- 1 ----------------\n"
            "    | ExceptionGroup: n (1 sub-exception)\n"
            "    +-+---------------- 1 ----------------\n"
            "      | range_error: c\n"
            "      +------------------------------------\n"
            "    | \n"
            "    | The above exception was the direct cause of the following exception:\n"
            "    | \n"
            "    | runtime_error: a\n"
            "    +---------------- 2 ----------------\n"
            "    | range_error: d\n"
            "    | \n"
            "    | During handling of the above exception, another exception occurred:\n"
            "    | \n"
            "    | ExceptionGroup: o (1 sub-exception)\n"
            "    +-+---------------- 1 ----------------\n"
            "      | runtime_error: b\n"
            "      +------------------------------------");
}

// EXC-017
TEST(Tree, StandsInAChain) {
  const std::string tree =
      "  | ExceptionGroup: m (1 sub-exception)\n"
      "  +-+---------------- 1 ----------------\n"
      "    | runtime_error: a\n"
      "    +------------------------------------";
  const std::string why =
      "\n\nThe above exception was the direct cause of the following "
      "exception:\n\n";
  const auto m = group("m", runtime("a"));
  EXPECT_EQ(format_failure(caused_by(failure(m), failure(range("c")))),
            "range_error: c" + why + tree);
  EXPECT_EQ(format_failure(caused_by(failure(range("c")), failure(m))),
            tree + why + "range_error: c");
  EXPECT_EQ(format_exception(with_nested(std::range_error("c"), m)), tree + why + "range_error: c");
}

// EXC-009
TEST(Tree, OfAGroupThatWasThrownWithANestedErrorHasItAsItsCause) {
  const auto e = with_nested(ExceptionGroup("m", std::vector<std::exception_ptr>{runtime("a")}),
                             range("cause"));
  EXPECT_EQ(outline(e), lines("range_error: cause", support::caused,
                              "ExceptionGroup: m (1 sub-exception)", "1", "runtime_error: a"));
}

// EXC-009
TEST(Tree, OfPartsOfAGroupHasTheTracksOfTheirMembers) {
  const Failure nested = seen_from(
      middle(), failure(group_of("n", {thrown_in(inner(), range("b")), failure(runtime("c"))})));
  const ExceptionGroup all("m",
                           asyncio::detail::Members({thrown_in(outer(), runtime("a")), nested}));
  forget_failures();
  const Outline of_b = lines("1", at("middle", middle_line), "ExceptionGroup: n (1 sub-exception)",
                             "1", after("inner", inner_line), "range_error: b");
  const Outline of_a = lines("1", after("outer", outer_line), "runtime_error: a");
  EXPECT_EQ(outline(error(*all.subgroup<std::range_error>())),
            lines("ExceptionGroup: m (1 sub-exception)", of_b));
  const auto [matching, rest] = all.split<std::range_error>();
  EXPECT_EQ(outline(error(*matching)), lines("ExceptionGroup: m (1 sub-exception)", of_b));
  EXPECT_EQ(outline(error(*rest)),
            lines("ExceptionGroup: m (2 sub-exceptions)", of_a, "2", at("middle", middle_line),
                  "ExceptionGroup: n (1 sub-exception)", "1", "runtime_error: c"));
}

// EXC-009, EXC-016
TEST(Tree, OfAGroupMadeOfPointersHasTheTracksThatTheThreadKnows) {
  const Failure a = seen_from(outer(), thrown_in(inner(), runtime("a")));
  asyncio::detail::remember(a);
  const auto m = group("m", a.error, range("b"));
  forget_failures();
  EXPECT_EQ(outline(m),
            lines("ExceptionGroup: m (2 sub-exceptions)", "1", at("outer", outer_line),
                  after("inner", inner_line), "runtime_error: a", "2", "range_error: b"));
}

// --- what a thread remembers ---

namespace {

/// Raised as seen from there, and caught.
std::exception_ptr raised_from(const Where& place, Failure f) {
  try {
    asyncio::detail::raise(seen_from(place, std::move(f)));
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace

TEST(FailureMemory, KnowsTheTrackOfAnErrorThatWasRaised) {
  const auto e = raised_from(outer(), thrown_in(inner(), runtime("a")));
  EXPECT_EQ(outline(e),
            lines(at("outer", outer_line), after("inner", inner_line), "runtime_error: a"));
  forget_failures();
  EXPECT_EQ(outline(e), lines("runtime_error: a"));
}

TEST(FailureMemory, KnowsTheLatestTrackOfAnError) {
  const Failure a = thrown_in(inner(), runtime("a"));
  (void)raised_from(outer(), a);
  (void)raised_from(middle(), a);
  EXPECT_EQ(outline(a.error).front(), at("middle", middle_line));
  (void)raised_from(outer(), a);
  EXPECT_EQ(outline(a.error).front(), at("outer", outer_line));
  forget_failures();
}

TEST(FailureMemory, KnowsTheLastSixteenErrors) {
  forget_failures();
  const auto e = raised_from(outer(), thrown_in(inner(), runtime("a")));
  remember(15);
  EXPECT_NE(failure_of(e).traceback.get(), nullptr);
  remember(1);
  EXPECT_EQ(failure_of(e).traceback.get(), nullptr);
  forget_failures();
}

TEST(FailureMemory, HasOnePlaceForAnErrorHoweverManyCoroutinesItCameThrough) {
  const auto e = raised_from(outer(), thrown_in(inner(), runtime("a")));
  Failure rising = thrown_in(inner(), runtime("b"));
  for (int i = 0; i < 100; ++i)
    rising = failure_of(raised_from(i % 2 == 0 ? outer() : middle(), rising));
  EXPECT_NE(failure_of(e).traceback.get(), nullptr);
  forget_failures();
}

TEST(FailureMemory, HasOnePlaceForAnErrorHoweverDeepTheRecursion) {
  const auto e = raised_from(outer(), thrown_in(inner(), runtime("a")));
  Failure rising = thrown_in(inner(), runtime("b"));
  for (int i = 0; i < 100; ++i) rising = failure_of(raised_from(outer(), rising));
  EXPECT_NE(failure_of(e).traceback.get(), nullptr);
  forget_failures();
}

TEST(FailureMemory, IsTheThreads) {
  const auto e = raised_from(outer(), thrown_in(inner(), runtime("a")));
  Outline elsewhere;
  std::thread([&] { elsewhere = outline(e); }).join();
  EXPECT_EQ(elsewhere, lines("runtime_error: a"));
  forget_failures();
}

TEST(FailureMemory, EndsWithTheThread) {
  std::thread([] {
    (void)raised_from(outer(), failure(error(Counted())));
    EXPECT_EQ(Counted::alive, 1);
  }).join();
  EXPECT_EQ(Counted::alive, 0);
}

TEST(FailureMemory, KeepsAnErrorAliveUntilItIsForgotten) {
  (void)raised_from(outer(), failure(error(Counted())));
  EXPECT_EQ(Counted::alive, 1);
  remember(16);
  EXPECT_EQ(Counted::alive, 0);
  (void)raised_from(outer(), failure(error(Counted())));
  forget_failures();
  EXPECT_EQ(Counted::alive, 0);
}

namespace {

/// An error whose end makes the thread remember others.
struct Chatty : std::runtime_error {
  Chatty() : std::runtime_error("chatty"), last(std::make_shared<int>(0)) {}
  Chatty(const Chatty&) = default;
  Chatty& operator=(const Chatty&) = delete;
  ~Chatty() override {
    if (last.use_count() > 1) return;
    for (int i = 0; i < 3; ++i) (void)raised_from(outer(), failure(error(Counted())));
  }
  std::shared_ptr<int> last;
};

void remember_chatty_ones() {
  for (int i = 0; i < 40; ++i) (void)raised_from(outer(), failure(error(Chatty())));
}

}  // namespace

TEST(FailureMemory, BearsErrorsWhoseDestructorsMakeItRememberOthers) {
  remember_chatty_ones();
  const auto e = raised_from(outer(), thrown_in(inner(), runtime("a")));
  EXPECT_EQ(outline(e).front(), at("outer", outer_line));
  remember(100);
  EXPECT_EQ(Counted::alive, 0);
  forget_failures();
}

TEST(FailureMemory, EndsWithTheThreadThoughErrorsDestructorsMakeItRememberOthers) {
  std::thread(remember_chatty_ones).join();
  EXPECT_EQ(Counted::alive, 0);
}

TEST(FailureMemory, BearsALongTrack) {
  Failure f = thrown_in(inner(), runtime("a"));
  for (int i = 0; i < 200'000; ++i) f = seen_from(i % 2 == 0 ? outer() : middle(), f);
  EXPECT_EQ(outline(format_frames(f.traceback.get(), 3)),
            lines(at("middle", middle_line), at("outer", outer_line), at("middle", middle_line)));
}
