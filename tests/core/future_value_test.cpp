#include <asyncio/as_result.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/future.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/with.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// A value that says how often it was copied.
struct Counted {
  explicit Counted(int n) : number(n) {}
  Counted(const Counted& other) : number(other.number), copies(other.copies + 1) {}
  Counted& operator=(const Counted&) = delete;
  Counted(Counted&& other) noexcept
      : number(std::exchange(other.number, -1)), copies(other.copies) {}
  Counted& operator=(Counted&&) = delete;
  ~Counted() = default;
  int number;
  int copies = 0;
};

using Box = std::unique_ptr<int>;

asyncio::Coro<Counted> make_counted(int n) {
  co_await asyncio::sleep(0s);
  co_return Counted(n);
}

asyncio::Coro<Box> make_box(int n) {
  co_await asyncio::sleep(0s);
  co_return std::make_unique<int>(n);
}

template <class T>
using OfLvalue = decltype(std::declval<T&>().operator co_await().await_resume());
template <class T>
using OfRvalue = decltype(std::declval<T&&>().operator co_await().await_resume());

static_assert(std::is_same_v<OfLvalue<asyncio::Future<std::string>>, const std::string&>);
static_assert(std::is_same_v<OfLvalue<const asyncio::Task<std::string>>, const std::string&>);
static_assert(std::is_same_v<OfRvalue<asyncio::Future<std::string>>, std::string>);
static_assert(std::is_same_v<OfRvalue<asyncio::Task<std::string>>, std::string>);
static_assert(std::is_void_v<OfLvalue<asyncio::Future<>>> &&
              std::is_void_v<OfRvalue<asyncio::Task<>>>);

}  // namespace

// api.md: co_await f on an lvalue handle gives const T&
ASYNC_TEST(FutureValue, AnLvalueHandleGivesAReferenceToTheStoredValue) {
  auto task = asyncio::create_task(make_counted(5));
  const Counted& first = co_await task;
  const Counted& second = co_await task;
  EXPECT_EQ(&first, &second);
  EXPECT_EQ(&first, &task.result());
  EXPECT_EQ(first.number, 5);
  EXPECT_EQ(first.copies, 0);
}

// api.md: co_await f on an lvalue handle gives const T&
ASYNC_TEST(FutureValue, AMoveOnlyValueCanBeReadThroughAnLvalueHandleByMany) {
  auto task = asyncio::create_task(make_box(5));
  auto copy = task;
  EXPECT_EQ(*co_await task, 5);
  EXPECT_EQ(*co_await copy, 5);
  EXPECT_EQ(*task.result(), 5);
}

// api.md: on an rvalue handle: moved out when no other user's handle exists
ASYNC_TEST(FutureValue, TheOnlyHandleAsAnRvalueMovesTheValueOut) {
  auto task = asyncio::create_task(make_counted(5));
  const Counted got = co_await std::move(task);
  EXPECT_EQ(got.number, 5);
  EXPECT_EQ(got.copies, 0);
  EXPECT_EQ((co_await asyncio::create_task(make_counted(6))).copies, 0);
  asyncio::Future<Counted> f;
  f.set_result(Counted(7));
  EXPECT_EQ((co_await std::move(f)).copies, 0);
}

// api.md: on an rvalue handle: copied when another handle of a user exists
ASYNC_TEST(FutureValue, AnotherHandleMakesAnRvalueCopyTheValue) {
  auto task = asyncio::create_task(make_counted(5));
  const asyncio::FutureBase other = task;
  auto keeper = task;
  const Counted got = co_await std::move(task);
  EXPECT_EQ(got.number, 5);
  EXPECT_EQ(got.copies, 1);
  EXPECT_EQ(keeper.result().number, 5);
}

// api.md: a move-only value with another handle: RuntimeError, the value stays
ASYNC_TEST(FutureValue, AMoveOnlyValueWithAnotherHandleIsRefusedAndStays) {
  auto task = asyncio::create_task(make_box(5));
  auto other = task;
  EXPECT_THROW(co_await std::move(task), asyncio::RuntimeError);
  EXPECT_EQ(*other.result(), 5);
  const Box got = co_await std::move(other);
  EXPECT_EQ(*got, 5);
}

// api.md: references held by the loop and by a callback that has run do not count
ASYNC_TEST(FutureValue, ACallbackThatHasRunDoesNotCountAsAHandle) {
  asyncio::Future<Box> f;
  int seen = 0;
  f.add_done_callback([&](const asyncio::Future<Box>& done) { seen = *done.result(); });
  f.set_result(std::make_unique<int>(5));
  co_await asyncio::sleep(0s);
  EXPECT_EQ(seen, 5);
  EXPECT_EQ(*co_await std::move(f), 5);
}

// api.md: only a callback that has run does not count
ASYNC_TEST(FutureValue, ACallbackThatIsStillToRunFindsTheValue) {
  auto f = std::make_unique<asyncio::Future<std::string>>();
  const auto take = [](asyncio::Future<std::string> mine) -> asyncio::Coro<std::string> {
    co_return co_await std::move(mine);
  };
  auto taker = asyncio::create_task(take, *f);
  co_await asyncio::sleep(0s);
  std::string seen;
  f->add_done_callback([&](const asyncio::Future<std::string>& done) { seen = done.result(); });
  f->set_result("a text that is too long for the short string optimisation");
  f.reset();
  EXPECT_EQ(co_await taker, "a text that is too long for the short string optimisation");
  co_await asyncio::sleep(0s);
  EXPECT_EQ(seen, "a text that is too long for the short string optimisation");
}

// api.md: references held by a gather do not count
ASYNC_TEST(FutureValue, AGatherThatIsOverDoesNotCountAsAHandle) {
  auto task = asyncio::create_task(make_counted(5));
  auto [copied] = co_await asyncio::gather(task);
  EXPECT_EQ(copied.number, 5);
  EXPECT_EQ((co_await std::move(task)).copies, 0);
}

// api.md: references held by a TaskGroup do not count
ASYNC_TEST(FutureValue, ATaskGroupDoesNotCountAsAHandle) {
  std::optional<asyncio::Task<Box>> task;
  const auto body = [&](asyncio::TaskGroup& group) -> asyncio::Coro<> {
    task = group.create_task(make_box(5));
    EXPECT_EQ(*co_await *std::exchange(task, std::nullopt), 5);
  };
  co_await asyncio::with(asyncio::TaskGroup(), body);
}

// api.md: gather, wait_for, shield, as_result given an lvalue handle copy the value
ASYNC_TEST(FutureValue, AsResultCopiesFromAnLvalueAndMovesFromAnRvalue) {
  auto task = asyncio::create_task(make_counted(5));
  auto copied = co_await asyncio::as_result(task);
  EXPECT_EQ(copied.value().number, 5);
  EXPECT_GE(copied.value().copies, 1);
  EXPECT_EQ(task.result().number, 5);
  auto moved = co_await asyncio::as_result(std::move(task));
  EXPECT_EQ(moved.value().number, 5);
  EXPECT_EQ(moved.value().copies, 0);
}

// api.md: an error or a cancellation is thrown whatever the handle
ASYNC_TEST(FutureValue, AnRvalueHandleThrowsTheErrorToo) {
  asyncio::Future<Box> error;
  auto other = error;
  error.set_exception(std::runtime_error("boom"));
  EXPECT_THROW(co_await std::move(error), std::runtime_error);
  EXPECT_THROW((void)other.result(), std::runtime_error);
}
