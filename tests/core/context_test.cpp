#include <asyncio/context.hpp>

#include <asyncio/event_loop.hpp>
#include <asyncio/run.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Ints = std::vector<int>;

asyncio::ContextVar<int> number("number", 0);
asyncio::ContextVar<std::string> word("word");

asyncio::Coro<> set_number(int n) {
  number.set(n);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(number.get(), n);
}

}  // namespace

// --- ContextVar
// -----------------------------------------------------------------------------------

// TASK-090; contextvars.ContextVar.get
ASYNC_TEST(ContextVar, GivesItsValueOrTheFallbackOrTheDefaultOrAnError) {
  EXPECT_EQ(word.name(), "word");
  EXPECT_THROW((void)word.get(), std::out_of_range);
  EXPECT_EQ(word.get("fallback"), "fallback");
  EXPECT_EQ(number.get(), 0);
  EXPECT_EQ(number.get(5), 5);
  word.set("value");
  number.set(7);
  EXPECT_EQ(word.get(), "value");
  EXPECT_EQ(word.get("fallback"), "value");
  EXPECT_EQ(number.get(5), 7);
  co_return;
}

// contextvars.ContextVar.reset
ASYNC_TEST(ContextVar, ResetRestoresWhatWasThereBeforeTheSet) {
  const auto first = word.set("one");
  const auto second = word.set("two");
  word.reset(second);
  EXPECT_EQ(word.get(), "one");
  word.reset(first);
  EXPECT_THROW((void)word.get(), std::out_of_range);
  co_return;
}

// contextvars: "<Token> has already been used once" is a RuntimeError
ASYNC_TEST(ContextVar, ResetByATokenThatWasUsedIsRefused) {
  const auto token = number.set(1);
  number.reset(token);
  number.set(2);
  EXPECT_THROW(number.reset(token), asyncio::RuntimeError);
  EXPECT_EQ(number.get(), 2);
  co_return;
}

// contextvars: "<Token> was created by a different ContextVar" is a ValueError
ASYNC_TEST(ContextVar, ResetByATokenOfAnotherVariableIsRefused) {
  asyncio::ContextVar<int> other("other", 0);
  const auto token = other.set(1);
  number.set(2);
  EXPECT_THROW(number.reset(token), std::invalid_argument);
  EXPECT_EQ(number.get(), 2);
  co_return;
}

// contextvars: "<Token> was created in a different Context" is a ValueError
ASYNC_TEST(ContextVar, ResetByATokenOfAnotherContextIsRefused) {
  const asyncio::Context elsewhere;
  const auto token = elsewhere.run([] { return number.set(1); });
  number.set(2);
  EXPECT_THROW(number.reset(token), std::invalid_argument);
  EXPECT_EQ(number.get(), 2);
  co_return;
}

// TASK-090
ASYNC_TEST(ContextVar, TwoVariablesOfOneNameAreTwo) {
  asyncio::ContextVar<int> other("number", 0);
  other.set(1);
  EXPECT_EQ(number.get(), 0);
  co_return;
}

// --- Context
// --------------------------------------------------------------------------------------

// contextvars.Context.run
ASYNC_TEST(Context, KeepsWhatWasSetInItsRun) {
  const asyncio::Context context;
  number.set(1);
  const int inside = context.run([] {
    const int before = number.get();
    number.set(2);
    return before;
  });
  EXPECT_EQ(inside, 0);
  EXPECT_EQ(number.get(), 1);
  EXPECT_EQ(context.run([] { return number.get(); }), 2);
  co_return;
}

// contextvars.Context.run
ASYNC_TEST(Context, IsLeftWhenItsFunctionThrows) {
  const asyncio::Context context;
  number.set(1);
  EXPECT_THROW(context.run([] { throw std::runtime_error("boom"); }), std::runtime_error);
  EXPECT_EQ(number.get(), 1);
  EXPECT_TRUE(asyncio::current_task().has_value());
  co_return;
}

// contextvars: "cannot enter context: ... is already entered" is a RuntimeError
ASYNC_TEST(Context, CannotBeEnteredTwiceAtATime) {
  const asyncio::Context context;
  EXPECT_THROW(context.run([&] { context.run([] {}); }), asyncio::RuntimeError);
  EXPECT_NO_THROW(context.run([] {}));
  co_return;
}

// contextvars.copy_context, contextvars.Context.copy
ASYNC_TEST(Context, CopiesAreIndependentAndHandlesAreNot) {
  number.set(1);
  const asyncio::Context context = asyncio::copy_context();
  const asyncio::Context same = context;
  const asyncio::Context copy = context.copy();
  EXPECT_EQ(context, same);
  EXPECT_NE(context, copy);
  context.run([] { number.set(2); });
  EXPECT_EQ(same.run([] { return number.get(); }), 2);
  EXPECT_EQ(copy.run([] { return number.get(); }), 1);
  EXPECT_EQ(number.get(), 1);
  co_return;
}

// TASK-090
ASYNC_TEST(Context, CopyingOneCopiesNoValues) {
  asyncio::ContextVar<std::shared_ptr<int>> var("var", nullptr);
  const auto value = std::make_shared<int>(1);
  var.set(value);
  const long before = value.use_count();
  std::vector<asyncio::Context> copies(10, asyncio::copy_context());
  for (auto& copy : copies) copy = copy.copy();
  EXPECT_EQ(value.use_count(), before);
  co_return;
}

// --- tasks
// ----------------------------------------------------------------------------------------

// TASK-087, TASK-088
ASYNC_TEST(TaskContext, IsACopyOfTheCreatorsAsItWasAtTheCreation) {
  number.set(1);
  Ints seen;
  const auto body = [&]() -> asyncio::Coro<> {
    seen.push_back(number.get());
    number.set(3);
    co_await asyncio::sleep(0s);
    seen.push_back(number.get());
  };
  auto task = asyncio::create_task(body);
  number.set(2);
  co_await task;
  EXPECT_EQ(seen, (Ints{1, 3}));
  EXPECT_EQ(number.get(), 2);
}

// TASK-087
ASYNC_TEST(TaskContext, EachTaskHasItsOwn) {
  auto a = asyncio::create_task(set_number(1));
  auto b = asyncio::create_task(set_number(2));
  co_await a;
  co_await b;
  EXPECT_EQ(number.get(), 0);
}

// TASK-087
ASYNC_TEST(TaskContext, ACoroutineAwaitedInPlaceSharesThatOfItsTask) {
  co_await set_number(4);
  EXPECT_EQ(number.get(), 4);
}

// TASK-087
ASYNC_TEST(TaskContext, OneThatIsGivenIsSharedNotCopied) {
  const asyncio::Context context;
  context.run([] { number.set(1); });
  Ints seen;
  const auto body = [&]() -> asyncio::Coro<> {
    for (int i = 0; i < 2; ++i) {
      seen.push_back(number.get());
      number.set(number.get() + 1);
      co_await asyncio::sleep(0s);
    }
  };
  auto a = asyncio::create_task(body, {.context = &context});
  auto b = asyncio::create_task(body, {.context = &context});
  co_await a;
  co_await b;
  EXPECT_EQ(seen, (Ints{1, 2, 3, 4}));
  EXPECT_EQ(context.run([] { return number.get(); }), 5);
  EXPECT_EQ(number.get(), 0);
}

// TASK-087, LOOP-091
ASYNC_TEST(TaskContext, OneThatIsGivenIsSharedWhoeverMakesTheTask) {
  auto& loop = asyncio::get_running_loop();
  const asyncio::Context context = asyncio::copy_context();
  const auto in_context = [&] { return context.run([] { return number.get(); }); };
  co_await asyncio::create_task(set_number(1), {.context = &context});
  EXPECT_EQ(in_context(), 1);
  co_await loop.create_task(set_number(2), {.context = &context});
  EXPECT_EQ(in_context(), 2);
  co_await loop.create_task(asyncio::TaskOptions{.context = &context}, set_number, 3);
  EXPECT_EQ(in_context(), 3);
  EXPECT_EQ(number.get(), 0);
}

// TASK-087, TASK-088
ASYNC_TEST(TaskContext, OfAHundredTasksIsEachsOwnAtEveryStep) {
  constexpr int tasks = 100;
  constexpr int steps = 10;
  int wrong = 0;
  number.set(-1);
  const auto body = [&](int n) -> asyncio::Coro<> {
    for (int i = 0; i < steps; ++i) {
      number.set(n + i);
      co_await asyncio::sleep(std::chrono::milliseconds(1 + (n * 7 + i * 3) % 50));
      if (number.get() != n + i) ++wrong;
    }
  };
  std::vector<asyncio::Task<>> all;
  for (int n = 0; n < tasks; ++n) all.push_back(asyncio::create_task(body, n % 10));
  for (auto& task : all) co_await task;
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(number.get(), -1);
}

// TASK-050, TASK-087
ASYNC_TEST(TaskContext, CanBeAskedFor) {
  number.set(1);
  const asyncio::Context given;
  auto copied = asyncio::create_task(set_number(5));
  auto shared = asyncio::create_task(set_number(6), {.context = &given});
  EXPECT_EQ(copied.get_context().run([] { return number.get(); }), 1);
  EXPECT_EQ(shared.get_context(), given);
  co_await copied;
  co_await shared;
  EXPECT_EQ(copied.get_context().run([] { return number.get(); }), 5);
  EXPECT_EQ(given.run([] { return number.get(); }), 6);
}

// TASK-087
TEST(TaskContext, OfMainIsACopyOfThatOfTheThreadThatRunsIt) {
  const auto body = []() -> asyncio::Coro<int> {
    const int before = number.get();
    number.set(2);
    co_return before;
  };
  const asyncio::Context of_this_test;
  of_this_test.run([&] {
    number.set(1);
    EXPECT_EQ(asyncio::testing::run(body), 1);
    EXPECT_EQ(number.get(), 1);
  });
}

// --- callbacks
// ------------------------------------------------------------------------------------

// TASK-089
ASYNC_TEST(CallbackContext, IsCapturedWhenTheCallbackIsScheduled) {
  auto& loop = asyncio::get_running_loop();
  Ints seen;
  const auto note = [&] { seen.push_back(number.get()); };
  number.set(1);
  loop.call_soon(note);
  number.set(2);
  loop.call_later(1s, note);
  number.set(3);
  loop.call_at(loop.time() + asyncio::Duration(2s), note);
  number.set(4);
  loop.call_soon_threadsafe(note);
  number.set(5);
  co_await asyncio::sleep(3s);
  EXPECT_EQ(seen, (Ints{1, 4, 2, 3}));
}

// TASK-021, TASK-089
ASYNC_TEST(CallbackContext, OfADoneCallbackIsCapturedWhenItIsAdded) {
  asyncio::Future<> f;
  Ints seen;
  const auto note = [&] { seen.push_back(number.get()); };
  number.set(1);
  f.add_done_callback(note);
  number.set(2);
  f.set_result();
  f.add_done_callback(note);
  number.set(3);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(seen, (Ints{1, 2}));
}

// TASK-021, TASK-089
ASYNC_TEST(CallbackContext, ChangesInADoneCallbackReachNeitherTheTaskThatAddedItNorTheAwaiter) {
  auto& loop = asyncio::get_running_loop();
  for (int i = 1; i <= 2; ++i) {
    asyncio::Future<> f;
    int before = 0;
    f.add_done_callback([&] {
      before = number.get();
      number.set(100);
    });
    number.set(i);
    loop.call_soon([&] { f.set_result(); });
    co_await f;
    EXPECT_EQ(number.get(), i);
    EXPECT_EQ(before, i - 1);
  }
}

// TASK-089
ASYNC_TEST(CallbackContext, ChangesInACallbackAreItsOwnUnlessItsContextWasGiven) {
  auto& loop = asyncio::get_running_loop();
  const asyncio::Context context;
  number.set(1);
  loop.call_soon([] { number.set(2); });
  loop.call_soon([] { number.set(3); }, &context);
  loop.call_later(0s, [] { number.set(number.get() + 1); }, &context);
  co_await asyncio::sleep(1s);
  EXPECT_EQ(number.get(), 1);
  EXPECT_EQ(context.run([] { return number.get(); }), 4);
}

// TASK-089, TASK-087
ASYNC_TEST(CallbackContext, ATaskMadeInACallbackGetsThatOfTheCallback) {
  auto& loop = asyncio::get_running_loop();
  number.set(1);
  int seen = 0;
  const auto body = [&]() -> asyncio::Coro<> {
    seen = number.get();
    co_return;
  };
  loop.call_soon([&] { asyncio::create_task(body); });
  number.set(2);
  co_await asyncio::sleep(1s);
  EXPECT_EQ(seen, 1);
}
