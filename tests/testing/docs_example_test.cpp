// What docs/testing.md quotes, word for word (tools/check_docs.py).

#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

asyncio::Coro<int> add_later(int a, int b) {
  co_await asyncio::sleep(1h);
  co_return a + b;
}

}  // namespace

ASYNC_TEST(AddLater, AddsInAnHour) {
  asyncio::TimePoint before = asyncio::get_running_loop().time();
  EXPECT_EQ(co_await add_later(2, 3), 5);
  EXPECT_EQ(asyncio::get_running_loop().time() - before, asyncio::Duration(1h));
}

class Numbers : public testing::Test {
 protected:
  void SetUp() override { numbers = {1, 2, 3}; }
  std::vector<int> numbers;
};

ASYNC_TEST_F(Numbers, AreAddedUp) {
  ASYNC_ASSERT_EQ(numbers.size(), 3U) << "SetUp() has run";
  int sum = co_await add_later(numbers[0], numbers[1]);
  EXPECT_EQ(co_await add_later(sum, numbers[2]), 6);
}

namespace {

asyncio::Coro<> transfer() {
  auto worker = asyncio::create_task(add_later(1, 2), {.name = "worker"});
  co_await asyncio::gather(worker, add_later(3, 4));
}

}  // namespace

TEST(Transfer, SurvivesACancellationAtEachAwait) {
  EXPECT_EQ(asyncio::testing::cancel_at_each_await(transfer), "");
}

TEST(Transfer, SurvivesTheFailureOfEachAllocation) {
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation(transfer), "");
}

TEST(Transfer, DoesNotDependOnTheOrderOfWhatIsReady) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    asyncio::testing::run(transfer, {.seed = seed});
  }
}

TEST(Reports, AreCounted) {
  const auto before = asyncio::report_counts();
  asyncio::testing::run(transfer);
  EXPECT_EQ(asyncio::report_counts().total(), before.total());
}
