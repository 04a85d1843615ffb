#include <asyncio/error.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>

namespace {

template <class Base, class Derived>
constexpr bool derives = std::is_base_of_v<Base, Derived>;

template <class E>
constexpr bool ordinary = derives<std::exception, E>;

}  // namespace

// EXC-001
TEST(CancelledError, PassesAHandlerOfStdException) {
  static_assert(!ordinary<asyncio::CancelledError>);
  bool swallowed = false;
  bool seen = false;
  try {
    try {
      throw asyncio::CancelledError();
    } catch (const std::exception&) {
      swallowed = true;
    }
  } catch (const asyncio::CancelledError&) {
    seen = true;
  }
  EXPECT_FALSE(swallowed);
  EXPECT_TRUE(seen);
}

// EXC-001
TEST(CancelledError, IsCaughtByCatchAll) { EXPECT_ANY_THROW(throw asyncio::CancelledError()); }

// EXC-001
TEST(CancelledError, CarriesTheMessageOrAnEmptyOne) {
  EXPECT_EQ(asyncio::CancelledError().message(), "");
  EXPECT_EQ(asyncio::CancelledError("").message(), "");
  std::string text = "why";
  const asyncio::CancelledError error(text);
  text = "changed";
  EXPECT_EQ(error.message(), "why");
  const asyncio::CancelledError copy = error;
  EXPECT_EQ(copy.message(), "why");
}

// EXC-012
TEST(KeyboardInterrupt, IsNoStdException) {
  static_assert(!ordinary<asyncio::KeyboardInterrupt>);
  static_assert(!derives<asyncio::CancelledError, asyncio::KeyboardInterrupt>);
  EXPECT_TRUE(asyncio::detail::is_keyboard_interrupt(
      std::make_exception_ptr(asyncio::KeyboardInterrupt())));
  EXPECT_FALSE(
      asyncio::detail::is_keyboard_interrupt(std::make_exception_ptr(asyncio::CancelledError())));
  EXPECT_FALSE(asyncio::detail::is_keyboard_interrupt(nullptr));
}

// EXC-010
TEST(RuntimeError, IsALogicErrorWithAText) {
  static_assert(derives<std::logic_error, asyncio::RuntimeError>);
  EXPECT_STREQ(asyncio::RuntimeError("misuse").what(), "misuse");
}

// EXC-002
TEST(InvalidStateError, IsARuntimeErrorOfItsOwnKind) {
  static_assert(derives<asyncio::RuntimeError, asyncio::InvalidStateError>);
  EXPECT_THROW(asyncio::detail::throw_invalid_state("pending"), asyncio::InvalidStateError);
}

// EXC-003
TEST(TimeoutError, IsOneOrdinaryTypeWithAText) {
  static_assert(ordinary<asyncio::TimeoutError>);
  static_assert(!derives<asyncio::RuntimeError, asyncio::TimeoutError>);
  EXPECT_STREQ(asyncio::TimeoutError().what(), "timed out");
  EXPECT_STREQ(asyncio::TimeoutError("connect timed out").what(), "connect timed out");
}

// EXC-004
TEST(IncompleteReadError, TellsThePartialBytesAndHowManyWereExpected) {
  static_assert(ordinary<asyncio::IncompleteReadError>);
  const std::string bytes("a\0c", 3);
  const asyncio::IncompleteReadError error(bytes, 10);
  EXPECT_EQ(error.partial(), bytes);
  EXPECT_EQ(error.expected(), 10U);
  EXPECT_STREQ(error.what(), "3 bytes read on a total of 10 expected bytes");
}

// EXC-004
TEST(IncompleteReadError, MayHaveNoExpectedNumber) {
  const asyncio::IncompleteReadError error("", std::nullopt);
  EXPECT_EQ(error.expected(), std::nullopt);
  EXPECT_EQ(error.partial(), "");
  EXPECT_STREQ(error.what(), "0 bytes read on a total of undefined expected bytes");
}

// EXC-005
TEST(LimitOverrunError, TellsHowManyBytesWereLookedThrough) {
  static_assert(ordinary<asyncio::LimitOverrunError>);
  const asyncio::LimitOverrunError error("separator not found", 65'536);
  EXPECT_EQ(error.consumed(), 65'536U);
  EXPECT_STREQ(error.what(), "separator not found");
}

// EXC-006
TEST(SendfileNotAvailableError, IsARuntimeError) {
  static_assert(derives<asyncio::RuntimeError, asyncio::SendfileNotAvailableError>);
  EXPECT_STREQ(asyncio::SendfileNotAvailableError("no sendfile").what(), "no sendfile");
}

// EXC-007
TEST(BrokenBarrierError, IsARuntimeError) {
  static_assert(derives<asyncio::RuntimeError, asyncio::BrokenBarrierError>);
  static_assert(!derives<asyncio::InvalidStateError, asyncio::BrokenBarrierError>);
  EXPECT_STREQ(asyncio::BrokenBarrierError("reset").what(), "reset");
}

// EXC-008
TEST(QueueErrors, AreThreeUnrelatedOrdinaryTypesMadeOfNothing) {
  static_assert(ordinary<asyncio::QueueEmpty>);
  static_assert(ordinary<asyncio::QueueFull>);
  static_assert(ordinary<asyncio::QueueShutDown>);
  static_assert(!derives<asyncio::QueueEmpty, asyncio::QueueShutDown>);
  static_assert(!derives<asyncio::QueueFull, asyncio::QueueShutDown>);
  static_assert(!derives<asyncio::RuntimeError, asyncio::QueueEmpty>);
  EXPECT_THROW(throw asyncio::QueueEmpty(), asyncio::QueueEmpty);
  EXPECT_THROW(throw asyncio::QueueFull(), asyncio::QueueFull);
  EXPECT_THROW(throw asyncio::QueueShutDown(), asyncio::QueueShutDown);
}

// EXC-016
TEST(Errors, ThatAreCopiedByTheLanguageShareTheirText) {
  const asyncio::TimeoutError original("slow");
  const asyncio::TimeoutError copy = original;
  EXPECT_EQ(static_cast<const void*>(copy.what()), static_cast<const void*>(original.what()));
  static_assert(std::is_nothrow_copy_constructible_v<asyncio::CancelledError>);
  static_assert(std::is_nothrow_copy_constructible_v<asyncio::TimeoutError>);
}

TEST(Describe, NamesTheTypeAndTheText) {
  using asyncio::detail::describe;
  EXPECT_EQ(describe(std::make_exception_ptr(asyncio::TimeoutError("slow"))), "TimeoutError: slow");
  EXPECT_EQ(describe(std::make_exception_ptr(asyncio::CancelledError())), "CancelledError");
  EXPECT_EQ(describe(std::make_exception_ptr(asyncio::CancelledError("why"))),
            "CancelledError: why");
  EXPECT_EQ(describe(std::make_exception_ptr(asyncio::KeyboardInterrupt())), "KeyboardInterrupt");
  EXPECT_EQ(describe(std::make_exception_ptr(std::runtime_error("x"))), "runtime_error: x");
  EXPECT_EQ(describe(nullptr), "no exception");
}
