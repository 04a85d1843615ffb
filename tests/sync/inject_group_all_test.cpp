// group_all(), disturbed at each of its points.

#include <asyncio/group_all.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/sleep.hpp>

#include "support/group_children.hpp"
#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::clean_up_slowly;
using support::fail_in;
using support::Item;
using support::item_in;
using support::require;
using support::torture;
using support::Witness;

namespace {

/// Nobody runs on when a group_all() is over. domain_errors are expected if `may_fail`.
template <class All>
auto ended(All all, bool may_fail = false)
    -> asyncio::Coro<asyncio::Result<typename All::value_type>> {
  auto end = co_await asyncio::as_result(std::move(all));
  require(Witness::alive == 0, "all have ended before group_all() returns");
  if (end) co_return std::move(end);
  try {
    end.value();
  } catch (const asyncio::BaseExceptionGroup& group) {
    if (!may_fail || !group.subgroup<std::domain_error>()) throw;
  }
  co_return std::move(end);
}

asyncio::Coro<> of_three() {
  auto end = co_await ended(asyncio::group_all(item_in(2s, 1), item_in(1s, 2), asyncio::sleep(1s)));
  const auto& [first, second, none] = end.value();
  require(first.number() == 1 && second.number() == 2, "the values come in order");
}

asyncio::Coro<> of_a_range() {
  std::vector<asyncio::Coro<Item>> coros;
  for (int n = 1; n <= 4; ++n) coros.push_back(item_in((5 - n) * 1s, n));
  auto end = co_await ended(asyncio::group_all(std::move(coros)));
  for (int n = 1; n <= 4; ++n) {
    require(end.value()[n - 1].number() == n, "the values come in order");
  }
}

asyncio::Coro<> with_one_that_fails() {
  (void)co_await ended(asyncio::group_all(clean_up_slowly(), fail_in(1s), item_in(2s, 1)), true);
}

asyncio::Coro<> with_all_that_fail() {
  (void)co_await ended(asyncio::group_all(fail_in(1s), fail_in(1s)), true);
}

asyncio::Coro<> in_another() {
  (void)co_await ended(asyncio::group_all(asyncio::group_all(item_in(1s, 1), clean_up_slowly()),
                                          asyncio::group_all(item_in(2s, 2), fail_in(1s))),
                       true);
}

}  // namespace

// failure 91
TEST(GroupAllDisturbed, OfThree) { EXPECT_EQ(torture(&of_three), ""); }

// failure 91
TEST(GroupAllDisturbed, OfARange) { EXPECT_EQ(torture(&of_a_range), ""); }

// failure 91
TEST(GroupAllDisturbed, WithOneThatFails) { EXPECT_EQ(torture(&with_one_that_fails), ""); }

// failure 91
TEST(GroupAllDisturbed, WithAllThatFail) { EXPECT_EQ(torture(&with_all_that_fail), ""); }

// failure 91
TEST(GroupAllDisturbed, InAnother) { EXPECT_EQ(torture(&in_another), ""); }
