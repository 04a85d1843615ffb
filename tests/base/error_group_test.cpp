#include <asyncio/error.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

namespace {

using asyncio::BaseExceptionGroup;
using asyncio::ExceptionGroup;
using Errors = std::vector<std::exception_ptr>;

std::exception_ptr make_group(std::string_view message, const Errors& errors) {
  std::vector<asyncio::detail::Failure> members(errors.begin(), errors.end());
  return asyncio::detail::make_group(message, asyncio::detail::Members(std::move(members)));
}

template <class E>
std::exception_ptr error(E e) {
  return std::make_exception_ptr(std::move(e));
}
std::exception_ptr range(const char* text) { return error(std::range_error(text)); }
std::exception_ptr domain(const char* text) { return error(std::domain_error(text)); }

std::string tree(const std::exception_ptr& e);
// "name[member member]", a group's members in their order.
std::string tree(const BaseExceptionGroup& group) {
  std::string text = std::string(group.message()) + "[";
  for (const auto& member : group.exceptions()) {
    if (text.back() != '[') text += " ";
    text += tree(member);
  }
  return text + "]";
}
std::string tree(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (const BaseExceptionGroup& group) {
    return tree(group);
  } catch (const std::exception& plain) {
    return plain.what();
  } catch (const asyncio::CancelledError&) {
    return "CancelledError";
  } catch (const asyncio::KeyboardInterrupt&) {
    return "KeyboardInterrupt";
  } catch (int i) {
    return std::to_string(i);
  }
}
template <class Group>
std::string tree(const std::optional<Group>& group) {
  return group ? tree(static_cast<const BaseExceptionGroup&>(*group)) : "nothing";
}

// m[r1 n[d1 r2] d2]
ExceptionGroup nested() {
  return ExceptionGroup(
      "m", Errors{range("r1"), error(ExceptionGroup("n", Errors{domain("d1"), range("r2")})),
                  domain("d2")});
}

}  // namespace

// EXC-009
TEST(ExceptionGroup, HasAMessageAndItsMembersInOrder) {
  const ExceptionGroup group("m", Errors{range("a"), domain("b")});
  EXPECT_EQ(group.message(), "m");
  EXPECT_EQ(tree(group), "m[a b]");
}

// EXC-009
TEST(ExceptionGroup, IsCaughtAsStdExceptionAndAsBaseExceptionGroup) {
  const auto thrower = [] { throw ExceptionGroup("m", Errors{range("a")}); };
  EXPECT_THROW(thrower(), std::exception);
  EXPECT_THROW(thrower(), BaseExceptionGroup);
  EXPECT_THROW(thrower(), ExceptionGroup);
}

// EXC-009
TEST(BaseExceptionGroup, IsNoStdException) {
  static_assert(!std::is_base_of_v<std::exception, BaseExceptionGroup>);
  bool swallowed = false;
  try {
    try {
      throw BaseExceptionGroup("m", Errors{error(asyncio::KeyboardInterrupt())});
    } catch (const std::exception&) {
      swallowed = true;
    }
  } catch (const BaseExceptionGroup& group) {
    EXPECT_EQ(tree(group), "m[KeyboardInterrupt]");
  }
  EXPECT_FALSE(swallowed);
}

// EXC-009
TEST(ExceptionGroup, SaysHowManySubExceptionsItHas) {
  EXPECT_STREQ(ExceptionGroup("m", Errors{range("a")}).what(), "m (1 sub-exception)");
  EXPECT_STREQ(nested().what(), "m (3 sub-exceptions)");
}

// EXC-009: str() of a group in Python is the same for both types
TEST(BaseExceptionGroup, IsDescribedLikeAnExceptionGroup) {
  const auto one = error(BaseExceptionGroup("m", Errors{error(asyncio::KeyboardInterrupt())}));
  EXPECT_EQ(asyncio::detail::describe(one), "BaseExceptionGroup: m (1 sub-exception)");
  const auto two =
      error(BaseExceptionGroup("m", Errors{error(asyncio::KeyboardInterrupt()), range("a")}));
  EXPECT_EQ(asyncio::detail::describe(two), "BaseExceptionGroup: m (2 sub-exceptions)");
}

// EXC-009, EXC-010: a wrong value
TEST(ExceptionGroup, NeedsAtLeastOneMemberAndNoNullPointer) {
  EXPECT_THROW(ExceptionGroup("m", Errors{}), std::invalid_argument);
  EXPECT_THROW(BaseExceptionGroup("m", Errors{}), std::invalid_argument);
  EXPECT_THROW(ExceptionGroup("m", Errors{range("a"), nullptr}), std::invalid_argument);
  EXPECT_THROW(BaseExceptionGroup("m", Errors{nullptr}), std::invalid_argument);
}

// EXC-009
TEST(ExceptionGroup, RefusesMembersThatAreNoOrdinaryErrors) {
  EXPECT_THROW(ExceptionGroup("m", Errors{error(asyncio::CancelledError())}),
               std::invalid_argument);
  EXPECT_THROW(ExceptionGroup("m", Errors{range("a"), error(asyncio::KeyboardInterrupt())}),
               std::invalid_argument);
  const auto base = error(BaseExceptionGroup("n", Errors{error(asyncio::CancelledError())}));
  EXPECT_THROW(ExceptionGroup("m", Errors{base}), std::invalid_argument);
}

// EXC-009
TEST(ExceptionGroup, TakesThrownObjectsOfAnyOtherType) {
  EXPECT_EQ(tree(ExceptionGroup("m", Errors{error(42), range("a")})), "m[42 a]");
}

// EXC-009
TEST(MakeGroup, ChoosesTheTypeByItsMembers) {
  using asyncio::detail::holds;
  EXPECT_TRUE(holds<ExceptionGroup>(make_group("m", Errors{range("a"), error(nested())})));
  const auto base = make_group("m", Errors{range("a"), error(asyncio::CancelledError())});
  EXPECT_TRUE(holds<BaseExceptionGroup>(base));
  EXPECT_FALSE(holds<ExceptionGroup>(base));
  EXPECT_FALSE(holds<ExceptionGroup>(make_group("m", Errors{base})));
}

// EXC-009, EXC-016
TEST(ExceptionGroup, KeepsTheIdentityOfItsMembers) {
  const auto member = range("a");
  const ExceptionGroup group("m", Errors{member});
  EXPECT_EQ(group.exceptions().front(), member);
  EXPECT_EQ(group.subgroup<std::range_error>()->exceptions().front(), member);
}

// EXC-009
TEST(ExceptionGroup, SubgroupKeepsTheNestingAndLeavesEmptyGroupsOut) {
  const ExceptionGroup group = nested();
  EXPECT_EQ(tree(group.subgroup<std::range_error>()), "m[r1 n[r2]]");
  EXPECT_EQ(tree(group.subgroup<std::domain_error>()), "m[n[d1] d2]");
  const ExceptionGroup deep("m",
                            Errors{range("a"), error(ExceptionGroup("n", Errors{domain("b")}))});
  EXPECT_EQ(tree(deep.subgroup<std::range_error>()), "m[a]");
}

// EXC-009
TEST(ExceptionGroup, SubgroupOfWhatIsNotInItIsNothing) {
  EXPECT_EQ(nested().subgroup<std::system_error>(), std::nullopt);
}

// EXC-009
TEST(ExceptionGroup, SubgroupTakesDerivedTypesAsCatchDoes) {
  const ExceptionGroup group("m", Errors{range("r"), domain("d")});
  EXPECT_EQ(tree(group.subgroup<std::runtime_error>()), "m[r]");
  EXPECT_EQ(tree(group.subgroup<std::logic_error>()), "m[d]");
  EXPECT_EQ(tree(group.subgroup<std::exception>()), "m[r d]");
}

// EXC-009
TEST(ExceptionGroup, SplitGivesTheMatchingPartAndTheRest) {
  const auto [matching, rest] = nested().split<std::range_error>();
  EXPECT_EQ(tree(matching), "m[r1 n[r2]]");
  EXPECT_EQ(tree(rest), "m[n[d1] d2]");
}

// EXC-009
TEST(ExceptionGroup, SplitLeavesOutTheSideThatIsEmpty) {
  const auto none = nested().split<std::system_error>();
  EXPECT_EQ(none.matching, std::nullopt);
  EXPECT_EQ(tree(none.rest), "m[r1 n[d1 r2] d2]");
  const auto all = nested().split<std::exception>();
  EXPECT_EQ(tree(all.matching), "m[r1 n[d1 r2] d2]");
  EXPECT_EQ(all.rest, std::nullopt);
}

// EXC-009
TEST(ExceptionGroup, SubgroupOfANestedGroupsTypeTakesThatGroupWhole) {
  const auto base =
      error(BaseExceptionGroup("n", Errors{error(asyncio::CancelledError()), range("r")}));
  const BaseExceptionGroup group("m", Errors{domain("d"), base});
  EXPECT_EQ(tree(group.subgroup<asyncio::CancelledError>()), "m[n[CancelledError]]");
  EXPECT_EQ(tree(group.subgroup<std::exception>()), "m[d n[r]]");
}

// EXC-009: as in Python, where `eg.subgroup(ExceptionGroup) is eg`
TEST(ExceptionGroup, SubgroupOfItsOwnTypeIsTheWholeGroup) {
  EXPECT_EQ(tree(nested().subgroup<ExceptionGroup>()), "m[r1 n[d1 r2] d2]");
  EXPECT_EQ(tree(nested().subgroup<BaseExceptionGroup>()), "m[r1 n[d1 r2] d2]");
  const auto [matching, rest] = nested().split<BaseExceptionGroup>();
  EXPECT_EQ(tree(matching), "m[r1 n[d1 r2] d2]");
  EXPECT_EQ(rest, std::nullopt);
}

// EXC-009
TEST(BaseExceptionGroup, SplitSeparatesTheOrdinaryErrorsFromTheOthers) {
  const BaseExceptionGroup group("m", Errors{error(asyncio::KeyboardInterrupt()), range("a")});
  const auto [ordinary, rest] = group.split<std::exception>();
  EXPECT_EQ(tree(ordinary), "m[a]");
  EXPECT_EQ(tree(rest), "m[KeyboardInterrupt]");
}

// EXC-009: failing part of a nested BaseExceptionGroup that has become ordinary
TEST(BaseExceptionGroup, SelectingFromANestedGroupMakesItAnExceptionGroupWherePossible) {
  const auto inner =
      error(BaseExceptionGroup("n", Errors{error(asyncio::KeyboardInterrupt()), range("a")}));
  const BaseExceptionGroup group("m", Errors{inner});
  const auto part = group.subgroup<std::range_error>();
  EXPECT_TRUE(asyncio::detail::holds<ExceptionGroup>(part->exceptions().front()));
}

// EXC-009
TEST(ExceptionGroup, OfAThousandLevelsIsSplit) {
  std::exception_ptr e = range("leaf");
  for (int i = 0; i < 1000; ++i) e = error(ExceptionGroup("g", Errors{e}));
  const ExceptionGroup group("top", Errors{e, domain("d")});
  const auto [matching, rest] = group.split<std::range_error>();
  EXPECT_EQ(matching->exceptions().size(), 1U);
  EXPECT_EQ(tree(rest), "top[d]");
}
