// Options::seed and ASYNCIO_TEST_SEED: another order of what is ready, which the seed determines.

#include <asyncio/testing.hpp>

#include <asyncio/asyncio.hpp>

#include "testing/shuffle.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::detail::ReadyAction;
using asyncio::detail::ReadyEntry;
using asyncio::detail::ReadyQueue;
using asyncio::detail::TaskState;
using asyncio::testing::detail::Random;

namespace {

using Order = std::vector<int>;

/// ASYNCIO_TEST_SEED with this text, or without any, as long as it lives.
class SeedVariable {
 public:
  explicit SeedVariable(const char* text) {
    if (const char* set = std::getenv(name)) before_ = set;
    put(text);
  }
  SeedVariable(const SeedVariable&) = delete;
  SeedVariable& operator=(const SeedVariable&) = delete;
  ~SeedVariable() { put(before_ ? before_->c_str() : nullptr); }

 private:
  static constexpr const char* name = "ASYNCIO_TEST_SEED";
  static void put(const char* text) {
    if (text == nullptr) {
      ::unsetenv(name);
    } else {
      ::setenv(name, text, 1);
    }
  }
  std::optional<std::string> before_;
};

constexpr int tasks = 8;

Coro<> note(Order& order, int i) {
  order.push_back(i);
  co_return;
}

Coro<> start_tasks(Order& order) {
  std::vector<asyncio::Task<>> all;
  for (int i = 0; i < tasks; ++i) all.push_back(asyncio::create_task(note(order, i)));
  for (const auto& task : all) co_await task;
}

/// The order in which tasks run that were created one after the other.
Order order_of_tasks(asyncio::testing::Options options) {
  Order order;
  asyncio::testing::run(start_tasks(order), options);
  return order;
}

Order in_order() {
  Order order(tasks);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST(Shuffle, WithoutASeedNothingIsShuffled) {
  const SeedVariable none(nullptr);
  EXPECT_EQ(order_of_tasks({}), in_order());
}

TEST(Shuffle, TheSameSeedGivesTheSameOrderOtherSeedsGiveOthers) {
  std::set<Order> orders;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Order order = order_of_tasks({.seed = seed});
    EXPECT_EQ(order_of_tasks({.seed = seed}), order) << seed;
    EXPECT_EQ(order_of_tasks({.debug = true, .seed = seed}), order) << seed;
    EXPECT_TRUE(std::is_permutation(order.begin(), order.end(), in_order().begin())) << seed;
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 45U);
}

TEST(Shuffle, EachEntryRunsOnce) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    constexpr int each = 20;
    Order soon(each);
    Order done(each);
    Order later(each);
    Order stepped(each);
    const auto main = [&]() -> Coro<> {
      auto& loop = asyncio::get_running_loop();
      const asyncio::Future<> future;
      for (int i = 0; i < each; ++i) {
        loop.call_soon([&soon, i] { ++soon[i]; });
        loop.call_later(i % 3 * 1s, [&later, i] { ++later[i]; });
        future.add_done_callback([&done, i] { ++done[i]; });
        asyncio::create_task([&stepped, i]() -> Coro<> {
          co_await asyncio::sleep(i % 3 * 1s);
          ++stepped[i];
        });
      }
      co_await asyncio::sleep(1s);
      future.set_result();
      co_await asyncio::sleep(5s);
    };
    asyncio::testing::run(main, {.seed = seed});
    for (const Order* counts : {&soon, &done, &later, &stepped}) {
      EXPECT_EQ(*counts, Order(each, 1)) << seed;
    }
  }
}

TEST(Shuffle, FindsWhatWorksOnlyInOneOrder) {
  int found = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto main = [&]() -> Coro<> {
      bool prepared = false;
      auto prepare = asyncio::create_task([&]() -> Coro<> {
        prepared = true;
        co_return;
      });
      auto use = asyncio::create_task([&]() -> Coro<> {
        found += prepared ? 0 : 1;
        co_return;
      });
      co_await asyncio::gather(prepare, use);
    };
    asyncio::testing::run(main, {.seed = seed});
  }
  EXPECT_GT(found, 3);
  EXPECT_LT(found, 17);
}

// --- the shuffling itself -----------------------------------------------------------------------

namespace {

/// An entry of the library's.
struct Fixed : asyncio::detail::ReadyCall {
  Fixed() : ReadyCall{[](ReadyCall&, ReadyAction) {}} {}
};

/// Entries that are told apart by their places here: 'm' may move, 'f' is fixed.
class Entries {
 public:
  explicit Entries(std::string kinds) : kinds_(std::move(kinds)) {}

  /// `used`: how many entries the ring has seen before. Returns: where each has come from.
  [[nodiscard]] Order shuffled(std::uint64_t seed, std::size_t used = 0) {
    ReadyQueue ready;
    ready.reserve(std::max<std::size_t>(kinds_.size(), 1));
    std::vector<Fixed> places(kinds_.size() + 1);
    for (std::size_t i = 0; i < used; ++i) {
      ready.push(places.back());
      (void)ready.pop();
    }
    for (std::size_t i = 0; i < kinds_.size(); ++i) {
      // Whose step never runs.
      auto* task = reinterpret_cast<TaskState*>(&places[i]);
      ready.push(kinds_[i] == 'f' ? ReadyEntry(places[i]) : ReadyEntry(task));
    }
    Random random(seed);
    asyncio::testing::detail::shuffle(ready, random);
    Order order;
    while (!ready.empty()) {
      const ReadyEntry entry = ready.pop();
      const bool fixed = entry.task() == nullptr;
      const auto* place =
          fixed ? static_cast<Fixed*>(&entry.call()) : reinterpret_cast<Fixed*>(entry.task());
      const auto i = static_cast<std::size_t>(place - places.data());
      EXPECT_EQ(fixed, kinds_[i] == 'f');
      order.push_back(static_cast<int>(i));
    }
    return order;
  }

  /// Nothing that stood behind a fixed one stands before it.
  void expect_allowed(const Order& order) const {
    Order sorted = order;
    std::sort(sorted.begin(), sorted.end());
    ASSERT_EQ(sorted.size(), kinds_.size());
    for (std::size_t i = 0; i < sorted.size(); ++i) ASSERT_EQ(sorted[i], static_cast<int>(i));
    for (std::size_t late = 0; late < order.size(); ++late) {
      if (kinds_[order[late]] != 'f') continue;
      for (std::size_t early = 0; early < late; ++early) EXPECT_LT(order[early], order[late]);
    }
  }

 private:
  std::string kinds_;
};

}  // namespace

TEST(ShuffleQueue, KeepsTheOrderOfTheLibrarysOwnEntriesAndWhatStandsBehindThem) {
  for (const char* kinds : {"", "m", "f", "mf", "fm", "mmmm", "ffff", "mfmfmf", "ffmmffmm",
                            "mmmmmmfmmmmmmfmmmmmm", "fmmmmmmmmmmmmmmmmmf"}) {
    Entries entries(kinds);
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      SCOPED_TRACE(std::string(kinds) + " with seed " + std::to_string(seed));
      entries.expect_allowed(entries.shuffled(seed));
    }
  }
}

TEST(ShuffleQueue, ReachesEachOrderThatIsAllowed) {
  const auto reached = [](const char* kinds) {
    Entries entries(kinds);
    std::set<Order> orders;
    for (std::uint64_t seed = 0; seed < 500; ++seed) orders.insert(entries.shuffled(seed));
    return orders;
  };
  EXPECT_EQ(reached("ff"), (std::set<Order>{{0, 1}}));
  EXPECT_EQ(reached("fmm"), (std::set<Order>{{0, 1, 2}, {0, 2, 1}}));
  EXPECT_EQ(reached("mfm"), (std::set<Order>{{0, 1, 2}, {1, 0, 2}, {1, 2, 0}}));
  EXPECT_EQ(reached("mmmm").size(), 24U);
}

TEST(ShuffleQueue, DoesNotDependOnWhereTheRingBegins) {
  Entries entries("mmfmmmfmm");
  for (std::size_t used = 0; used < 70; ++used) {
    EXPECT_EQ(entries.shuffled(7, used), entries.shuffled(7)) << used;
  }
}

// splitmix64, whose first numbers are known.
TEST(ShuffleRandom, GivesTheSameNumbersOnEveryMachine) {
  constexpr auto all = std::numeric_limits<std::size_t>::max();
  Random random(0);
  EXPECT_EQ(random.below(all), 0xe220a8397b1dcdafU);
  EXPECT_EQ(random.below(all), 0x6e789e6aa1b965f4U);
  EXPECT_EQ(random.below(all), 0x06c45d188009454fU);
  for (int i = 0; i < 100; ++i) EXPECT_LT(random.below(3), 3U);
  EXPECT_EQ(random.below(1), 0U);
}

// --- the seed's way in and out ------------------------------------------------------------------

namespace {

Coro<> fails() {
  co_await asyncio::sleep(1s);
  throw std::domain_error("from fails()");
}

Coro<> ends_well() { co_await asyncio::sleep(1s); }

/// What is written to standard error meanwhile.
template <class F>
std::string errors_of(F fn) {
  testing::internal::CaptureStderr();
  fn();
  return testing::internal::GetCapturedStderr();
}

}  // namespace

TEST(ShuffleSeed, IsTakenFromTheEnvironmentUnlessTheTestNamesOne) {
  const Order seven = order_of_tasks({.seed = 7});
  const Order eight = order_of_tasks({.seed = 8});
  EXPECT_NE(seven, eight);
  const SeedVariable variable("7");
  EXPECT_EQ(order_of_tasks({}), seven);
  EXPECT_EQ(order_of_tasks({.seed = 8}), eight);
  Order order;
  EXPECT_EQ(asyncio::testing::run_test([&] { return start_tasks(order); }), "");
  EXPECT_EQ(order.size(), static_cast<std::size_t>(tasks));
  EXPECT_NE(order, in_order());
}

TEST(ShuffleSeed, InTheEnvironmentMayBeEmpty) {
  const SeedVariable variable("");
  EXPECT_EQ(order_of_tasks({}), in_order());
}

TEST(ShuffleSeed, InTheEnvironmentMustBeANumber) {
  for (const char* text : {"seven", "7x", "0x7", "1.5", "7 8"}) {
    const SeedVariable variable(text);
    try {
      asyncio::testing::run(ends_well);
      ADD_FAILURE() << text << " was taken";
    } catch (const std::invalid_argument& e) {
      EXPECT_TRUE(contains(e.what(), "ASYNCIO_TEST_SEED")) << e.what();
      EXPECT_TRUE(contains(e.what(), text)) << e.what();
    }
    EXPECT_THROW((void)asyncio::testing::run_test(ends_well), std::invalid_argument);
    asyncio::testing::run(ends_well, {.seed = 1});  // does not look
  }
}

TEST(ShuffleSeed, IsPrintedWhenTheRunFails) {
  const SeedVariable none(nullptr);
  const std::string errors =
      errors_of([] { EXPECT_THROW(asyncio::testing::run(fails, {.seed = 7}), std::domain_error); });
  EXPECT_TRUE(contains(errors, "ASYNCIO_TEST_SEED=7")) << errors;
  EXPECT_TRUE(contains(errors, ".seed = 7")) << errors;
  EXPECT_EQ(errors_of([] { asyncio::testing::run(ends_well, {.seed = 7}); }), "");
  EXPECT_EQ(errors_of([] { EXPECT_THROW(asyncio::testing::run(fails), std::domain_error); }), "");
}

TEST(ShuffleSeed, IsInWhatATestSaysWhenItFails) {
  const SeedVariable variable("7");
  const std::string problems = asyncio::testing::run_test(fails);
  EXPECT_TRUE(contains(problems, "domain_error: from fails()")) << problems;
  EXPECT_TRUE(contains(problems, "ASYNCIO_TEST_SEED=7")) << problems;
  EXPECT_EQ(asyncio::testing::run_test(ends_well), "");
  using asyncio::testing::Verdict;
  const std::string failed = asyncio::testing::run_test(ends_well, [] { return Verdict::failed; });
  EXPECT_TRUE(contains(failed, "ASYNCIO_TEST_SEED=7")) << failed;
  EXPECT_EQ(asyncio::testing::run_test(ends_well, [] { return Verdict::skipped; }), "");
}

TEST(ShuffleSeed, IsNotSpokenOfInATestThatIsNotShuffled) {
  const SeedVariable none(nullptr);
  EXPECT_FALSE(contains(asyncio::testing::run_test(fails), "SEED"));
}
