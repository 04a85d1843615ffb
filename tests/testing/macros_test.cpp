#include <asyncio/testing.hpp>

#include <asyncio/asyncio.hpp>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;
using Reports = std::vector<std::string>;

namespace {

/// What is reported while `body`, a function or a coroutine function, runs.
template <class Body>
Reports reports_of(Body body) {
  testing::TestPartResultArray results;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    if constexpr (std::is_void_v<std::invoke_result_t<Body>>) {
      body();
    } else {
      asyncio::testing::run(body);
    }
  }
  Reports reports;
  for (int i = 0; i < results.size(); ++i) {
    reports.push_back(testing::PrintToString(results.GetTestPartResult(i)));
  }
  return reports;
}

/// As reports_of(), of a body that reports once.
template <class Body>
std::string report_of(Body body) {
  const Reports reports = reports_of(std::move(body));
  EXPECT_EQ(reports.size(), 1U);
  return reports.empty() ? "" : reports.front();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// `body` reports once, and the report contains `part`.
template <class Body>
void expect_report(const std::string& part, Body body) {
  const std::string report = report_of(std::move(body));
  EXPECT_TRUE(contains(report, part)) << report;
}

int three() { return 3; }

template <class T>
asyncio::Coro<T> later(T value) {
  co_await asyncio::sleep(1s);
  co_return value;
}

asyncio::Coro<> fail_later() {
  co_await asyncio::sleep(1s);
  throw std::runtime_error("from fail_later()");
}

struct Marked {
  explicit Marked(bool& mark) : mark(mark) {}
  Marked(const Marked&) = delete;
  Marked& operator=(const Marked&) = delete;
  ~Marked() { mark = true; }
  bool& mark;
};

}  // namespace

// Both are on one line, so that file, line, kind and text are to be the same.
#define EXPECT_SAME_REPORT(ours, theirs, ...)                                          \
  EXPECT_EQ(report_of([]() -> asyncio::Coro<> { ours(__VA_ARGS__) << "more " << 5; }), \
            report_of([] { theirs(__VA_ARGS__) << "more " << 5; }))

TEST(AsyncAssert, ReportsAFailureAsGoogleTestDoes) {
  EXPECT_SAME_REPORT(ASYNC_ASSERT_TRUE, ASSERT_TRUE, three() == 4);
  EXPECT_SAME_REPORT(ASYNC_ASSERT_TRUE, ASSERT_TRUE, testing::AssertionFailure() << "because");
  EXPECT_SAME_REPORT(ASYNC_ASSERT_FALSE, ASSERT_FALSE, three() == 3);
  EXPECT_SAME_REPORT(ASYNC_ASSERT_EQ, ASSERT_EQ, three(), 4);
  EXPECT_SAME_REPORT(ASYNC_ASSERT_EQ, ASSERT_EQ, std::string("a\nb"), "a\nc");
  EXPECT_SAME_REPORT(ASYNC_ASSERT_NE, ASSERT_NE, three(), 3);
  EXPECT_SAME_REPORT(ASYNC_ASSERT_LT, ASSERT_LT, three(), 3);
  EXPECT_SAME_REPORT(ASYNC_ASSERT_LE, ASSERT_LE, three(), 2);
  EXPECT_SAME_REPORT(ASYNC_ASSERT_GT, ASSERT_GT, three(), 3);
  EXPECT_SAME_REPORT(ASYNC_ASSERT_GE, ASSERT_GE, three(), 4);
  EXPECT_SAME_REPORT(ASYNC_ASSERT_THROW, ASSERT_THROW, (void)three(), std::runtime_error);
  EXPECT_SAME_REPORT(ASYNC_ASSERT_THROW, ASSERT_THROW, throw std::logic_error("other"),
                     std::runtime_error);
  EXPECT_SAME_REPORT(ASYNC_ASSERT_THROW, ASSERT_THROW, throw 3, std::runtime_error);
  EXPECT_SAME_REPORT(ASYNC_FAIL, FAIL);
  EXPECT_SAME_REPORT(ASYNC_SKIP, GTEST_SKIP);
}

TEST(AsyncAssert, NamesTheExpressionsTheirValuesAndItsPlace) {
  const int line = __LINE__ + 1;
  const auto report = report_of([]() -> asyncio::Coro<> { ASYNC_ASSERT_EQ(co_await later(3), 4); });
  EXPECT_EQ(report, std::string(__FILE__) + ":" + std::to_string(line) +
                        ": Fatal failure:\nExpected equality of these values:\n"
                        "  co_await later(3)\n    Which is: 3\n  4\n");
}

TEST(AsyncAssert, HasNothingToSayOfWhatHolds) {
  bool went_on = false;
  const auto reports = reports_of([&]() -> asyncio::Coro<> {
    ASYNC_ASSERT_TRUE(three() == 3);
    ASYNC_ASSERT_TRUE(testing::AssertionSuccess());
    ASYNC_ASSERT_FALSE(three() == 4);
    ASYNC_ASSERT_EQ(three(), 3);
    const char* const nothing = nullptr;
    ASYNC_ASSERT_EQ(nothing, nullptr);
    ASYNC_ASSERT_NE(three(), 4);
    ASYNC_ASSERT_LT(three(), 4);
    ASYNC_ASSERT_LE(three(), 3);
    ASYNC_ASSERT_GT(three(), 2);
    ASYNC_ASSERT_GE(three(), 3);
    ASYNC_ASSERT_THROW(throw std::runtime_error("x"), std::exception);
    ASYNC_ASSERT_THROW(throw 3, int);
    went_on = true;
  });
  EXPECT_EQ(reports, Reports());
  EXPECT_TRUE(went_on);
}

#define EXPECT_ENDS(...)                                       \
  do {                                                         \
    bool went_on = false;                                      \
    bool cleaned_up = false;                                   \
    const auto reports = reports_of([&]() -> asyncio::Coro<> { \
      const Marked mark(cleaned_up);                           \
      __VA_ARGS__;                                             \
      went_on = true;                                          \
      co_return;                                               \
    });                                                        \
    EXPECT_EQ(reports.size(), 1U) << #__VA_ARGS__;             \
    EXPECT_FALSE(went_on) << #__VA_ARGS__;                     \
    EXPECT_TRUE(cleaned_up) << #__VA_ARGS__;                   \
  } while (false)

TEST(AsyncAssert, AFailureEndsTheCoroutineThatItStandsIn) {
  EXPECT_ENDS(ASYNC_ASSERT_TRUE(three() == 4));
  EXPECT_ENDS(ASYNC_ASSERT_FALSE(three() == 3));
  EXPECT_ENDS(ASYNC_ASSERT_EQ(three(), 4));
  EXPECT_ENDS(ASYNC_ASSERT_NE(three(), 3));
  EXPECT_ENDS(ASYNC_ASSERT_LT(three(), 3));
  EXPECT_ENDS(ASYNC_ASSERT_LE(three(), 2));
  EXPECT_ENDS(ASYNC_ASSERT_GT(three(), 3));
  EXPECT_ENDS(ASYNC_ASSERT_GE(three(), 4));
  EXPECT_ENDS(ASYNC_ASSERT_THROW((void)three(), int));
  EXPECT_ENDS(ASYNC_ASSERT_THROW(throw 3, std::exception));
  EXPECT_ENDS(ASYNC_FAIL());
  EXPECT_ENDS(ASYNC_SKIP());
}

TEST(AsyncAssert, OneThatAwaitsTheCoroutineGoesOn) {
  bool went_on = false;
  const auto reports = reports_of([&]() -> asyncio::Coro<> {
    co_await []() -> asyncio::Coro<> { ASYNC_ASSERT_EQ(co_await later(3), 4); }();
    went_on = true;
  });
  EXPECT_EQ(reports.size(), 1U);
  EXPECT_TRUE(went_on);
}

TEST(AsyncAssert, AwaitsInItsArguments) {
  const auto reports = reports_of([]() -> asyncio::Coro<> {
    const auto before = asyncio::get_running_loop().time();
    ASYNC_ASSERT_TRUE(co_await later(true)) << co_await later(1);
    ASYNC_ASSERT_FALSE(co_await later(false));
    ASYNC_ASSERT_EQ(co_await later(3), co_await later(3));
    ASYNC_ASSERT_EQ((co_await later(std::string(100, 'x'))).size(), 100U);
    ASYNC_ASSERT_EQ(co_await later(std::string(100, 'x')), std::string(100, 'x'));
    ASYNC_ASSERT_NE(co_await later(3), 4) << co_await later(std::string(100, 'x'));
    ASYNC_ASSERT_LT(co_await later(3), co_await later(4));
    ASYNC_ASSERT_LE(co_await later(3), 3);
    ASYNC_ASSERT_GT(4, co_await later(3));
    ASYNC_ASSERT_GE(4, co_await later(3));
    ASYNC_ASSERT_THROW(co_await fail_later(), std::runtime_error);
    ASYNC_ASSERT_THROW(co_await asyncio::wait_for(later(3), 1ms), asyncio::TimeoutError);
    // What was streamed was not evaluated, since nothing failed.
    EXPECT_EQ(asyncio::get_running_loop().time() - before, asyncio::Duration(13s + 1ms));
  });
  EXPECT_EQ(reports, Reports());
}

TEST(AsyncAssert, ReportsWhatItHasAwaited) {
  expect_report("Value of: co_await later(false)\n  Actual: false\nExpected: true\n5 more",
                []() -> asyncio::Coro<> {
                  ASYNC_ASSERT_TRUE(co_await later(false)) << co_await later(5) << " more";
                });
  expect_report(
      "actual: \"xxxxxxxxxxxxxxxxxxxxxx\" vs \"wwwwwwwwwwwwwwwwwwwwww\"\nyyyyyyyyyyyyyyyyyyyyyy",
      []() -> asyncio::Coro<> {
        ASYNC_ASSERT_LT(co_await later(std::string(22, 'x')), co_await later(std::string(22, 'w')))
            << co_await later(std::string(22, 'y'));
      });
  expect_report("throws std::runtime_error with description \"from fail_later()\".\nmore",
                []() -> asyncio::Coro<> {
                  ASYNC_ASSERT_THROW(co_await fail_later(), asyncio::TimeoutError)
                      << co_await later(std::string("more"));
                });
  expect_report(
      "Expected: co_await later(3) throws an exception of type asyncio::TimeoutError.\n  Actual: "
      "it throws nothing.",
      []() -> asyncio::Coro<> { ASYNC_ASSERT_THROW(co_await later(3), asyncio::TimeoutError); });
  expect_report("Failed\n5 more",
                []() -> asyncio::Coro<> { ASYNC_FAIL() << co_await later(5) << " more"; });
  expect_report("Skipped:\n5 more",
                []() -> asyncio::Coro<> { ASYNC_SKIP() << co_await later(5) << " more"; });
}

TEST(AsyncAssert, EvaluatesItsArgumentsOnce) {
  int left = 0;
  int right = 0;
  int streamed = 0;
  const auto reports = reports_of([&]() -> asyncio::Coro<> {
    ASYNC_ASSERT_TRUE(++left == 1) << ++streamed;
    ASYNC_ASSERT_FALSE(++left == 1) << ++streamed;
    ASYNC_ASSERT_GT(++left, ++right) << ++streamed;
    ASYNC_ASSERT_THROW(throw ++left, int) << ++streamed;
    ASYNC_ASSERT_EQ(co_await later(++left), ++right) << ++streamed;
  });
  EXPECT_EQ(reports.size(), 1U);
  EXPECT_EQ(left, 5);
  EXPECT_EQ(right, 2);
  EXPECT_EQ(streamed, 1);
}

TEST(AsyncAssert, DestroysItsTemporariesOnce) {
  const auto value = std::make_shared<int>(3);
  const auto given = [&]() -> asyncio::Coro<std::shared_ptr<int>> { co_return value; };
  const auto reports = reports_of([&]() -> asyncio::Coro<> {
    ASYNC_ASSERT_EQ(co_await given(), std::shared_ptr<int>(value));
    ASYNC_ASSERT_TRUE(co_await given());
    EXPECT_EQ(value.use_count(), 1);
    ASYNC_ASSERT_NE(co_await given(), std::shared_ptr<int>(value)) << *co_await given();
  });
  EXPECT_EQ(reports.size(), 1U);
  EXPECT_EQ(value.use_count(), 1);
}

TEST(AsyncAssert, LeavesAnElseToTheIfThatItIsOf) {
  bool else_was_taken = false;
  const auto reports = reports_of([&]() -> asyncio::Coro<> {
    const bool no = three() == 4;
    if (no)
      ASYNC_ASSERT_TRUE(no);
    else
      else_was_taken = true;
    if (!no)
      ASYNC_ASSERT_EQ(no, co_await later(false)) << "more";
    else
      ASYNC_ASSERT_THROW(co_await fail_later(), int) << "more";
    if (no)
      ASYNC_FAIL();
    else if (no)
      ASYNC_SKIP() << "more";
    else
      for (int i = 0; i < 3; ++i) ASYNC_ASSERT_LT(i, co_await later(3)) << i;
  });
  EXPECT_EQ(reports, Reports());
  EXPECT_TRUE(else_was_taken);
}

TEST(AsyncAssert, EndsTheCoroutineFromWithinLoopsSwitchesAndHandlers) {
  int laps = 0;
  EXPECT_ENDS(for (;; ++laps) switch (laps) {
    case 2: ASYNC_ASSERT_EQ(co_await later(laps), 3); break;
    default: break;
  });
  EXPECT_EQ(laps, 2);
  EXPECT_ENDS(
      try { co_await fail_later(); } catch (const std::exception& e) {
        ASYNC_ASSERT_EQ(std::string(e.what()), "something else");
      });
  EXPECT_ENDS(try { ASYNC_ASSERT_TRUE(co_await later(false)); } catch (...) { ADD_FAILURE(); });
}

TEST(AsyncAssert, AnExceptionOfItsArgumentsGoesOutOfTheCoroutine) {
  EXPECT_EQ(reports_of([]() -> asyncio::Coro<> {
              const auto failing = []() -> asyncio::Coro<int> {
                co_await fail_later();
                co_return 3;
              };
              const auto asserting = [&]() -> asyncio::Coro<> {
                ASYNC_ASSERT_EQ(co_await failing(), 3);
              };
              ASYNC_ASSERT_THROW(co_await asserting(), std::runtime_error);
            }),
            Reports());
}

// CancelledError and KeyboardInterrupt are no std::exceptions.
TEST(AsyncAssert, AsksForACancellationToo) {
  EXPECT_EQ(reports_of([]() -> asyncio::Coro<> {
              auto task = asyncio::create_task(later(3));
              task.cancel();
              ASYNC_ASSERT_THROW(co_await task, asyncio::CancelledError);
            }),
            Reports());
  expect_report("Actual: it throws a different type.", []() -> asyncio::Coro<> {
    auto task = asyncio::create_task(later(3));
    task.cancel();
    ASYNC_ASSERT_THROW(co_await task, asyncio::TimeoutError);
  });
}

TEST(AsyncSkip, ReportsASkipAndNoFailure) {
  testing::TestPartResultArray results;
  {
    const testing::ScopedFakeTestPartResultReporter reporter(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    asyncio::testing::run([]() -> asyncio::Coro<> { ASYNC_SKIP() << "no reason"; });
  }
  ASSERT_EQ(results.size(), 1);
  EXPECT_TRUE(results.GetTestPartResult(0).skipped());
  EXPECT_FALSE(results.GetTestPartResult(0).failed());
  EXPECT_STREQ(results.GetTestPartResult(0).message(), "no reason");
}

ASYNC_TEST(AsyncTest, RunsItsBodyOnTheVirtualClock) {
  const auto before = asyncio::get_running_loop().time();
  co_await asyncio::sleep(24h);
  ASYNC_ASSERT_EQ(asyncio::get_running_loop().time() - before, asyncio::Duration(24h));
}

ASYNC_TEST(AsyncTest, TakesABodyThatAwaitsNothing) { ASYNC_ASSERT_FALSE(HasFailure()); }

namespace {

class AsyncTestFixture : public testing::Test {
 public:
  static int suites;

 protected:
  static void SetUpTestSuite() { ++suites; }
  static void TearDownTestSuite() { --suites; }
  void SetUp() override {
    ASSERT_EQ(state_, "constructed");
    state_ = "set up";
  }
  void TearDown() override { EXPECT_EQ(state_, "body has run"); }
  asyncio::Coro<int> next() {
    co_await asyncio::sleep(1s);
    co_return ++count_;
  }

  std::string state_ = "constructed";
  int count_ = 0;
};
int AsyncTestFixture::suites = 0;

}  // namespace

ASYNC_TEST_F(AsyncTestFixture, IsAMemberOfTheFixture) {
  ASYNC_ASSERT_EQ(state_, "set up");
  ASYNC_ASSERT_EQ(this->count_, 0);
  ASYNC_ASSERT_EQ(co_await next(), 1);
  ASYNC_ASSERT_EQ(co_await next(), count_);
  static_assert(std::is_base_of_v<AsyncTestFixture, std::remove_pointer_t<decltype(this)>>);
  state_ = "body has run";
}

ASYNC_TEST_F(AsyncTestFixture, HasAFixtureOfItsOwnAndTheSuitesSetUp) {
  ASYNC_ASSERT_EQ(co_await next(), 1);
  ASYNC_ASSERT_EQ(suites, 1);
  state_ = "body has run";
}

TEST_F(AsyncTestFixture, MayHavePlainTestsToo) {
  EXPECT_EQ(suites, 1);
  state_ = "body has run";
}

// Tests that fail or skip do so only in a process that the tests below start; here they do nothing.
namespace {

constexpr const char* child_variable = "ASYNCIO_TEST_CHILD";
bool in_a_child() { return std::getenv(child_variable) != nullptr; }

/// Runs the test `name` in a process of its own. Returns what it prints.
std::string run_in_a_child(const std::string& name) {
  std::array<char, 4096> buffer{};
  const ssize_t length = ::readlink("/proc/self/exe", buffer.data(), buffer.size() - 1);
  EXPECT_GT(length, 0);
  const std::string command = std::string("env -u GTEST_OUTPUT -u GTEST_TOTAL_SHARDS ") +
                              child_variable + "=1 '" + buffer.data() +
                              "' --gtest_color=no --gtest_filter='" + name + "' 2>&1";
  std::FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return "popen() has failed";
  std::string printed;
  while (std::fgets(buffer.data(), static_cast<int>(buffer.size()), pipe) != nullptr) {
    printed += buffer.data();
  }
  ::pclose(pipe);
  return printed;
}

int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

void leave_a_task() { asyncio::create_task(asyncio::sleep(1h), {.name = "forgotten"}); }

class AsyncTestInAChildF : public testing::Test {
 protected:
  void SetUp() override {
    if (in_a_child() && testing::UnitTest::GetInstance()->current_test_info()->name() ==
                            std::string("IsSkippedBySetUp")) {
      GTEST_SKIP() << "by SetUp";
    }
  }
  void TearDown() override {
    if (in_a_child()) std::puts("TearDown has run");
  }
};

}  // namespace

ASYNC_TEST(AsyncTestInAChild, Passes) {
  if (in_a_child()) std::puts("the body has run");
  co_return;
}
ASYNC_TEST(AsyncTestInAChild, Leaves) {
  if (in_a_child()) leave_a_task();
  co_return;
}
ASYNC_TEST(AsyncTestInAChild, FailsAndLeaves) {
  if (!in_a_child()) co_return;
  leave_a_task();
  asyncio::get_running_loop().call_later(1h, [] {});
  ASYNC_ASSERT_EQ(three(), 4);
}
ASYNC_TEST(AsyncTestInAChild, SkipsAndLeaves) {
  if (!in_a_child()) co_return;
  leave_a_task();
  ASYNC_SKIP() << "for a reason";
}
ASYNC_TEST(AsyncTestInAChild, FailsNonfatallyAndLeaves) {
  if (!in_a_child()) co_return;
  leave_a_task();
  EXPECT_EQ(three(), 4);
}
ASYNC_TEST(AsyncTestInAChild, Throws) {
  if (in_a_child()) co_await fail_later();
}
ASYNC_TEST(AsyncTestInAChild, FailsAndThrows) {
  if (!in_a_child()) co_return;
  co_await []() -> asyncio::Coro<> { ASYNC_FAIL() << "before"; }();
  co_await fail_later();
}
ASYNC_TEST(AsyncTestInAChild, SkipsAndThrows) {
  if (!in_a_child()) co_return;
  co_await []() -> asyncio::Coro<> { ASYNC_SKIP() << "before"; }();
  co_await fail_later();
}
ASYNC_TEST_F(AsyncTestInAChildF, Fails) {
  if (in_a_child()) ASYNC_FAIL() << "for a reason";
}
ASYNC_TEST_F(AsyncTestInAChildF, IsSkippedBySetUp) {
  if (in_a_child()) std::puts("the body has run");
  co_return;
}

TEST(AsyncTestMacro, ATestThatFailsIsNotTakenForOneThatPasses) {
  const auto passes = run_in_a_child("AsyncTestInAChild.Passes");
  EXPECT_TRUE(contains(passes, "the body has run")) << passes;
  EXPECT_TRUE(contains(passes, "[       OK ]")) << passes;
  const auto fails = run_in_a_child("AsyncTestInAChildF.Fails");
  EXPECT_TRUE(contains(fails, "[  FAILED  ]")) << fails;
  EXPECT_TRUE(contains(fails, "Failed\nfor a reason")) << fails;
  EXPECT_TRUE(contains(fails, "TearDown has run")) << fails;
}

TEST(AsyncTestMacro, ReportsWhatTheBodyLeaves) {
  const auto leaves = run_in_a_child("AsyncTestInAChild.Leaves");
  EXPECT_TRUE(contains(leaves, "a task is left")) << leaves;
  EXPECT_TRUE(contains(leaves, "[  FAILED  ]")) << leaves;
  const auto fails_too = run_in_a_child("AsyncTestInAChild.FailsNonfatallyAndLeaves");
  EXPECT_TRUE(contains(fails_too, "a task is left")) << fails_too;
}

TEST(AsyncTestMacro, DoesNotReportWhatABodyLeavesThatWasEndedByAFailureOrASkip) {
  const auto fails = run_in_a_child("AsyncTestInAChild.FailsAndLeaves");
  EXPECT_TRUE(contains(fails, "[  FAILED  ]")) << fails;
  EXPECT_EQ(count(fails, ": Failure"), 1) << fails;
  EXPECT_FALSE(contains(fails, "left")) << fails;
  const auto skips = run_in_a_child("AsyncTestInAChild.SkipsAndLeaves");
  EXPECT_TRUE(contains(skips, "[  SKIPPED ]")) << skips;
  EXPECT_TRUE(contains(skips, "for a reason")) << skips;
  EXPECT_FALSE(contains(skips, "[  FAILED  ]")) << skips;
  EXPECT_FALSE(contains(skips, "left")) << skips;
}

TEST(AsyncTestMacro, ReportsAnExceptionEvenAfterAFailureOrASkip) {
  for (const char* name : {"Throws", "FailsAndThrows", "SkipsAndThrows"}) {
    const auto throws = run_in_a_child(std::string("AsyncTestInAChild.") + name);
    EXPECT_TRUE(contains(throws, "[  FAILED  ]")) << throws;
    EXPECT_TRUE(contains(throws, "the body threw")) << throws;
    EXPECT_TRUE(contains(throws, "runtime_error: from fail_later()")) << throws;
  }
}

TEST(AsyncTestMacro, DoesNotRunTheBodyAfterASkipBySetUp) {
  const auto skipped = run_in_a_child("AsyncTestInAChildF.IsSkippedBySetUp");
  EXPECT_TRUE(contains(skipped, "[  SKIPPED ]")) << skipped;
  EXPECT_FALSE(contains(skipped, "the body has run")) << skipped;
}
