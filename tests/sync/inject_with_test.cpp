// with() and finally(), disturbed at each of their points.

#include <asyncio/with.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/finally.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>

#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

using namespace std::chrono_literals;
using support::Item;
using support::require;
using support::torture;

namespace {

/// How often something was begun, and ended.
struct Balance {
  int begun = 0;
  int ended = 0;
};

/// Counts who has entered and who was asked to leave: with() must do that, even if there is no
/// memory left for the coroutine that does it.
class Door {
 public:
  Door(Balance& balance, bool swallows) noexcept : balance_(&balance), swallows_(swallows) {}

  asyncio::Coro<Item> aenter() {
    co_await asyncio::sleep(1s);
    ++balance_->begun;
    co_return Item(3);
  }
  asyncio::Coro<bool> aexit(std::exception_ptr error) {
    ++balance_->ended;
    return leave(error == nullptr || !swallows_ ? false
                                                : asyncio::detail::holds<std::domain_error>(error));
  }

 private:
  static asyncio::Coro<bool> leave(bool swallow) {
    co_await asyncio::sleep(1s);
    co_return swallow;
  }

  Balance* balance_;
  bool swallows_;
};

asyncio::Coro<> entered_and_left() {
  Balance balance;
  const auto body = [](Item& item) -> asyncio::Coro<Item> {
    co_await asyncio::sleep(1s);
    co_return std::move(item);
  };
  const auto end = co_await asyncio::as_result(asyncio::with(Door(balance, false), body));
  require(balance.begun == balance.ended, "who has entered leaves once");
  end.value();
  require(end.value().number() == 3, "with() gives what the body returns");
}

asyncio::Coro<> left_with_an_error() {
  Balance balance;
  const auto body = [](Item&) -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    throw std::domain_error("from the body");
  };
  const auto thrown = co_await asyncio::as_result(asyncio::with(Door(balance, false), body));
  require(balance.begun == balance.ended, "who has entered leaves once");
  require(!thrown.has_value(), "an error that nobody swallows is thrown");
  if (!asyncio::detail::holds<std::domain_error>(thrown.error())) thrown.value();

  const auto swallowed = co_await asyncio::as_result(asyncio::with(Door(balance, true), body));
  require(balance.begun == balance.ended, "who has entered leaves once");
  // Without memory to leave, that is the error.
  if (swallowed.has_value() || !asyncio::detail::holds<std::domain_error>(swallowed.error())) {
    swallowed.value();
    co_return;
  }
  require(false, "an error that is swallowed does not come out");
}

asyncio::Coro<> two_doors() {
  Balance outer;
  Balance inner;
  const auto body = []() -> asyncio::Coro<> { co_await asyncio::sleep(1s); };
  const auto outer_body = [&]() -> asyncio::Coro<> {
    co_await asyncio::with(Door(inner, false), body);
  };
  const auto end = co_await asyncio::as_result(asyncio::with(Door(outer, false), outer_body));
  require(outer.begun == outer.ended, "who has entered the outer one leaves once");
  require(inner.begun == inner.ended, "who has entered the inner one leaves once");
  end.value();
}

asyncio::Coro<Item> item_later(Balance& balance) {
  ++balance.begun;
  co_await asyncio::sleep(1s);
  co_return Item(4);
}

asyncio::Coro<> clean_up() { co_await asyncio::sleep(1s); }

asyncio::Coro<> cleaned_up() {
  Balance balance;
  const auto cleanup = [&] {
    ++balance.ended;
    return clean_up();
  };
  const auto end = co_await asyncio::as_result(asyncio::finally(item_later(balance), cleanup));
  require(balance.begun == balance.ended, "the cleanup is called once");
  end.value();
  require(end.value().number() == 4, "finally() gives the value");
}

asyncio::Coro<> cleaned_up_by_a_plain_function() {
  Balance balance;
  const auto cleanup = [&] { ++balance.ended; };
  const auto end = co_await asyncio::as_result(asyncio::finally(item_later(balance), cleanup));
  require(balance.begun == balance.ended, "the cleanup is called once");
  end.value();
}

// The cleanup is not to be cancelled; and it has ended when finally() has, whatever happens.
asyncio::Coro<> cleaned_up_under_a_shield() {
  Balance balance;
  Balance cleanups;
  struct Ending {
    Balance& balance;
    ~Ending() { ++balance.ended; }
  };
  const auto clean = [&]() -> asyncio::Coro<> {
    ++cleanups.begun;
    const Ending ending{cleanups};
    co_await asyncio::sleep(1s);
  };
  const auto cleanup = [&] {
    ++balance.ended;
    return clean();
  };
  const auto end = co_await asyncio::as_result(
      asyncio::finally(item_later(balance), asyncio::shielded, cleanup));
  require(balance.begun == balance.ended, "the cleanup is called once");
  require(cleanups.begun == cleanups.ended, "the cleanup has ended");
  end.value();
}

asyncio::Coro<> failing_cleanup() {
  Balance balance;
  const auto cleanup = [&]() -> asyncio::Coro<> {
    co_await asyncio::sleep(1s);
    throw std::domain_error("from the cleanup");
  };
  const auto end = co_await asyncio::as_result(asyncio::finally(item_later(balance), cleanup));
  require(!end.has_value(), "the error of the cleanup is thrown");
  if (!asyncio::detail::holds<std::domain_error>(end.error())) end.value();
}

}  // namespace

// failure 91
TEST(WithDisturbed, LeavesOnceWhatItHasEntered) { EXPECT_EQ(torture(&entered_and_left), ""); }

// failure 91
TEST(WithDisturbed, LeavesOnceWithTheErrorOfTheBody) {
  EXPECT_EQ(torture(&left_with_an_error), "");
}

// failure 91
TEST(WithDisturbed, InAWith) { EXPECT_EQ(torture(&two_doors), ""); }

// failure 91
TEST(FinallyDisturbed, CallsTheCleanupOnce) { EXPECT_EQ(torture(&cleaned_up), ""); }

// failure 91
TEST(FinallyDisturbed, CallsAPlainFunctionOnce) {
  EXPECT_EQ(torture(&cleaned_up_by_a_plain_function), "");
}

// failure 91
TEST(FinallyDisturbed, RunsAShieldedCleanupToItsEnd) {
  EXPECT_EQ(torture(&cleaned_up_under_a_shield), "");
}

// failure 91
TEST(FinallyDisturbed, WithACleanupThatFails) { EXPECT_EQ(torture(&failing_cleanup), ""); }
