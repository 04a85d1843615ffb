// What durations and groups of errors refuse, with the whole texts; docs/errors.md lists them.

#include <asyncio/duration.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/timeout.hpp>

#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using support::thrown_by;

namespace {

using Errors = std::vector<std::exception_ptr>;

std::exception_ptr some_error() { return std::make_exception_ptr(std::runtime_error("some")); }

}  // namespace

// COMB-003, EXC-018
ASYNC_TEST(DurationMisuse, WhatIsNoNumberIsNoDelay) {
  const auto nan = std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN());
  const std::string text =
      "invalid_argument: Duration: invalid delay: NaN (not a number); check the arithmetic";
  EXPECT_EQ(thrown_by([&] { (void)asyncio::Duration(nan); }), text);
  EXPECT_EQ(thrown_by([&] { (void)asyncio::sleep(nan); }), text);
  EXPECT_EQ(thrown_by([&] { (void)asyncio::timeout(nan); }), text);
  EXPECT_EQ(thrown_by([&] { asyncio::get_running_loop().call_later(nan, [] {}); }), text);
  co_return;
}

// EXC-009
TEST(ExceptionGroupMisuse, AnEmptyOneIsRefused) {
  EXPECT_EQ(thrown_by([] { (void)asyncio::ExceptionGroup("none", Errors()); }),
            "invalid_argument: ExceptionGroup: needs at least one exception; throw something else "
            "when there is none");
}

// EXC-009
TEST(ExceptionGroupMisuse, ANullPointerIsRefusedWithItsPlace) {
  const Errors errors = {some_error(), nullptr, some_error()};
  EXPECT_EQ(thrown_by([&] { (void)asyncio::ExceptionGroup("bad", errors); }),
            "invalid_argument: ExceptionGroup: exception 2 of 3 is a null pointer; leave it out");
}

// EXC-009
TEST(ExceptionGroupMisuse, ACancellationBelongsIntoABaseExceptionGroup) {
  const Errors errors = {some_error(), std::make_exception_ptr(asyncio::CancelledError("stop"))};
  EXPECT_EQ(thrown_by([&] { (void)asyncio::ExceptionGroup("mixed", errors); }),
            "invalid_argument: ExceptionGroup: \"CancelledError: stop\" is no ordinary error; use "
            "BaseExceptionGroup");
  EXPECT_EQ(asyncio::BaseExceptionGroup("mixed", errors).exceptions().size(), 2U);
}
