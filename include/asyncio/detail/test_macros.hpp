#pragma once

// The macros of <asyncio/testing.hpp>. Whoever uses them has included <gtest/gtest.h>; this file
// does not, so that testing.hpp is of use without GoogleTest.

/// TEST() of GoogleTest with a coroutine as its body, on the virtual clock:
///
///     ASYNC_TEST(Event, WakesItsWaiters) { co_await ...; ASYNC_ASSERT_EQ(co_await ..., 3); }
///
/// The body is a member function that returns Coro<>; it needs a co_await, a co_return or one of
/// the macros below. ASSERT_*, FAIL and GTEST_SKIP contain `return` and cannot be used in it;
/// EXPECT_* can. The test fails if an exception leaves the body, or if the body leaves something
/// behind (run_test()). What a body leaves that was ended by a fatal failure or a skip is not told
/// of.
#define ASYNC_TEST(suite, name) \
  ASYNCIO_TEST_(suite, name, ::testing::Test, ::testing::internal::GetTestTypeId())

/// TEST_F() of GoogleTest with a coroutine as its body, as ASYNC_TEST(). SetUp() and TearDown() run
/// outside the loop; what the body stores in the fixture must be gone at its end if it belongs to
/// the loop.
#define ASYNC_TEST_F(fixture, name) \
  ASYNCIO_TEST_(fixture, name, fixture, ::testing::internal::GetTypeId<fixture>())

/// ASSERT_* of GoogleTest for coroutines: a failure ends, by co_return, the Coro<> that they stand
/// in. That need not be the test's body: a coroutine that awaits it goes on, and may ask
/// HasFatalFailure().
///
///     ASYNC_ASSERT_EQ(co_await queue.get(), 3) << "the first one";
#define ASYNC_ASSERT_TRUE(condition) \
  GTEST_TEST_BOOLEAN_(condition, #condition, false, true, ASYNCIO_FATAL_FAILURE_)
#define ASYNC_ASSERT_FALSE(condition) \
  GTEST_TEST_BOOLEAN_(!(condition), #condition, true, false, ASYNCIO_FATAL_FAILURE_)
#define ASYNC_ASSERT_EQ(a, b) ASYNCIO_ASSERT_(EqHelper::Compare, a, b)
#define ASYNC_ASSERT_NE(a, b) ASYNCIO_ASSERT_(CmpHelperNE, a, b)
#define ASYNC_ASSERT_LT(a, b) ASYNCIO_ASSERT_(CmpHelperLT, a, b)
#define ASYNC_ASSERT_LE(a, b) ASYNCIO_ASSERT_(CmpHelperLE, a, b)
#define ASYNC_ASSERT_GT(a, b) ASYNCIO_ASSERT_(CmpHelperGT, a, b)
#define ASYNC_ASSERT_GE(a, b) ASYNCIO_ASSERT_(CmpHelperGE, a, b)
#define ASYNC_ASSERT_THROW(statement, type) \
  GTEST_TEST_THROW_(statement, type, ASYNCIO_FATAL_FAILURE_)

/// FAIL() of GoogleTest for coroutines.
#define ASYNC_FAIL() ASYNCIO_FATAL_FAILURE_("Failed")
/// GTEST_SKIP() of GoogleTest for coroutines. It ends the coroutine that it stands in.
#define ASYNC_SKIP() co_return GTEST_MESSAGE_("", ::testing::TestPartResult::kSkip)

// What follows is for the macros above.

#define ASYNCIO_FATAL_FAILURE_(message) \
  co_return GTEST_MESSAGE_(message, ::testing::TestPartResult::kFatalFailure)

#define ASYNCIO_ASSERT_(compare, a, b) \
  GTEST_PRED_FORMAT2_(::testing::internal::compare, a, b, ASYNCIO_FATAL_FAILURE_)

// GTEST_TEST_ declares the class that has TestBody(); a class between it and the fixture has the
// coroutine.
// NOLINTBEGIN(bugprone-macro-parentheses): a base class cannot stand in them
#define ASYNCIO_TEST_(suite, name, fixture, fixture_id)                    \
  class suite##_##name##_AsyncTest : public fixture {                      \
   protected:                                                              \
    ::asyncio::Coro<> AsyncBody();                                         \
  };                                                                       \
  GTEST_TEST_(suite, name, suite##_##name##_AsyncTest, fixture_id) {       \
    const auto problems = ::asyncio::testing::run_test(                    \
        [this] { return AsyncBody(); },                                    \
        [] {                                                               \
          using ::asyncio::testing::Verdict;                               \
          if (HasFatalFailure() || IsSkipped())                            \
            return HasFailure() ? Verdict::ended_early : Verdict::skipped; \
          return HasFailure() ? Verdict::failed : Verdict::good;           \
        });                                                                \
    if (!problems.empty()) ADD_FAILURE() << problems;                      \
  }                                                                        \
  ::asyncio::Coro<> suite##_##name##_AsyncTest::AsyncBody()
// NOLINTEND(bugprone-macro-parentheses)
