// cancel_at_each_await() and fail_at_each_allocation() themselves: they disturb at each point, and
// they find bugs that are planted.

#include <asyncio/testing.hpp>

#include <asyncio/asyncio.hpp>
#include <asyncio/detail/frame_allocator.hpp>

#include "support/log_capture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using asyncio::Coro;
using asyncio::testing::cancel_at_each_await;
using asyncio::testing::fail_at_each_allocation;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

/// An allocation that no compiler leaves out, and no sanitizer has its own way with.
void allocate() {
  constexpr std::size_t bytes = 16;
  asyncio::detail::deallocate(asyncio::detail::allocate(bytes), bytes);
}

#define EXPECT_TELLS(text, part) EXPECT_TRUE(contains(text, part)) << (text)

Coro<> never_suspends() { co_return; }

Coro<> fails_undisturbed() {
  co_await asyncio::sleep(1s);
  throw std::domain_error("without any disturbance");
}

Coro<> cancels_itself() {
  asyncio::current_task()->cancel();
  co_await asyncio::sleep(1s);
}

/// Notes if its sleep is the first that is cancelled.
Coro<> sleep_and_note(std::string& note, std::string name) {
  const auto end = co_await asyncio::as_result(asyncio::sleep(1s));
  if (end.cancelled() && note.empty()) note = name;
  end.value();
}

Coro<> throws_when_cancelled() {
  auto work = []() -> Coro<> {
    const auto end = co_await asyncio::as_result(asyncio::sleep(1s));
    if (end.cancelled()) throw std::domain_error("instead of CancelledError");
  };
  auto worker = asyncio::create_task(work, {.name = "worker"});
  co_await worker;
}

std::vector<asyncio::Future<int>> leaked;

Coro<> leaks_when_cancelled() {
  leaked.push_back(asyncio::Future<int>());
  co_await asyncio::sleep(1s);
  leaked.pop_back();
}

/// Who is to set the future may be cancelled; then its waiter waits for ever.
Coro<> deadlocks_when_cancelled() {
  const asyncio::Future<> ready;
  auto set = [ready]() -> Coro<> {
    co_await asyncio::sleep(1s);
    ready.set_result();
  };
  auto setter = asyncio::create_task(set, {.name = "setter"});
  (void)co_await asyncio::as_result(ready);
}

Coro<> swallows_for_ever() {
  for (;;) {
    const auto end = co_await asyncio::as_result(asyncio::sleep(1s));
    if (!end.cancelled()) co_return;
    for (;;) (void)co_await asyncio::as_result(asyncio::sleep(1s));
  }
}

Coro<> has_a_child_that_swallows_for_ever() {
  auto child = asyncio::create_task(swallows_for_ever(), {.name = "stubborn"});
  co_await asyncio::sleep(2s);
}

Coro<> swallows_once() {
  (void)co_await asyncio::as_result(asyncio::sleep(1s));
  co_await asyncio::sleep(1s);
}

}  // namespace

TEST(CancelAtEachAwait, HasNothingToSayOfAScenarioThatStandsIt) {
  EXPECT_EQ(cancel_at_each_await(&swallows_once), "");
}

TEST(CancelAtEachAwait, SaysThatAScenarioNeverSuspends) {
  EXPECT_EQ(cancel_at_each_await(&never_suspends),
            "the scenario never suspends: nothing was tested\n");
}

TEST(CancelAtEachAwait, CancelsAtEachSuspensionOfEachTaskOnce) {
  std::list<std::string> notes;
  const auto scenario = [&]() -> Coro<> {
    std::string& note = notes.emplace_back();
    auto worker = asyncio::create_task(sleep_and_note(note, "worker"));
    co_await sleep_and_note(note, "first");
    co_await sleep_and_note(note, "second");
    co_await worker;
  };
  EXPECT_EQ(cancel_at_each_await(scenario), "");
  EXPECT_EQ(notes, (std::list<std::string>{"", "first", "worker", "second"}));
}

TEST(CancelAtEachAwait, DoesNotDisturbAScenarioThatFailsUndisturbed) {
  const std::string failure = cancel_at_each_await(&fails_undisturbed);
  EXPECT_TRUE(failure.starts_with("undisturbed:\n")) << failure;
  EXPECT_TELLS(failure, "domain_error: without any disturbance");
  EXPECT_EQ(count(failure, "domain_error"), 1) << failure;
  const std::string cancelled = cancel_at_each_await(&cancels_itself);
  EXPECT_TRUE(cancelled.starts_with("undisturbed:\n")) << cancelled;
}

TEST(CancelAtEachAwait, TellsOfAnotherErrorWithTheTaskAndThePlace) {
  const std::string problems = cancel_at_each_await(&throws_when_cancelled);
  EXPECT_TELLS(problems, "domain_error: instead of CancelledError");
  EXPECT_TELLS(problems, "cancelled at suspension");
  EXPECT_TELLS(problems, "'worker' in throws_when_cancelled");
  EXPECT_TELLS(problems, "inject_test.cpp:");
}

TEST(CancelAtEachAwait, TellsOfWhatIsLeftBehindAndWhereItWasMade) {
  const std::string problems = cancel_at_each_await(&leaks_when_cancelled);
  leaked.clear();
  EXPECT_TELLS(problems, "cancelled at suspension 0 of 1");
  EXPECT_TELLS(problems, "leaks_when_cancelled");
  EXPECT_TELLS(problems, "1 left of coroutine frames, futures and handles");
  EXPECT_TELLS(problems, "<Future pending> made at ");
  EXPECT_TELLS(problems, "inject_test.cpp:");
}

TEST(CancelAtEachAwait, TellsOfADeadlockAndWhoWaits) {
  const std::string problems = cancel_at_each_await(&deadlocks_when_cancelled);
  EXPECT_TELLS(problems, "deadlock: ");
  EXPECT_TELLS(problems, "'setter' in deadlocks_when_cancelled");
  EXPECT_TELLS(problems, "wait_for=<Future pending");
  EXPECT_EQ(count(problems, "cancelled at suspension"), 1) << problems;
}

TEST(CancelAtEachAwait, TellsOfAScenarioThatSwallowsCancellationsForEver) {
  const support::LogCapture reports;
  const std::string problems = cancel_at_each_await(&swallows_for_ever);
  EXPECT_TELLS(problems, "the scenario does not end");
  EXPECT_TELLS(problems, "cancelled at suspension 0");
  EXPECT_TELLS(problems, "swallows_for_ever");
}

TEST(CancelAtEachAwait, TellsOfAChildThatSwallowsCancellationsForEver) {
  const support::LogCapture reports;
  const std::string problems = cancel_at_each_await(&has_a_child_that_swallows_for_ever);
  EXPECT_TELLS(problems, "cancelled at suspension");
  EXPECT_TELLS(problems, "'stubborn' in swallows_for_ever");
}

// --- allocations --------------------------------------------------------------------------------

namespace {

Coro<> loses_a_future_without_memory() {
  leaked.push_back(asyncio::Future<int>());
  allocate();
  leaked.pop_back();
  co_return;
}

Coro<> has_another_error_without_memory() {
  try {
    allocate();
  } catch (const std::bad_alloc&) {
    throw std::domain_error("instead of bad_alloc");
  }
  co_return;
}

Coro<> deadlocks_without_memory() {
  const asyncio::Future<> ready;
  auto timer = asyncio::get_running_loop().call_later(1s, [ready] {
    allocate();
    ready.set_result();
  });
  co_await ready;
}

Coro<> swallows_the_lack_of_memory() {
  try {
    allocate();
  } catch (const std::bad_alloc&) {
    co_return;
  }
  co_await asyncio::sleep(1s);
}

Coro<> gives_a_group() {
  co_await asyncio::with(asyncio::TaskGroup(), [](asyncio::TaskGroup& group) {
    auto work = []() -> Coro<> {
      allocate();
      co_return;
    };
    group.create_task(work);
    group.create_task(work);
  });
}

Coro<> gives_a_group_with_another_error() {
  co_await asyncio::with(asyncio::TaskGroup(), [](asyncio::TaskGroup& group) {
    group.create_task(has_another_error_without_memory());
  });
}

}  // namespace

TEST(FailAtEachAllocation, HasNothingToSayOfAScenarioThatStandsIt) {
  const support::LogCapture reports;
  EXPECT_EQ(fail_at_each_allocation(&swallows_the_lack_of_memory), "");
  EXPECT_EQ(fail_at_each_allocation(&gives_a_group), "");
}

TEST(FailAtEachAllocation, FailsAtEachOfThemOnce) {
  constexpr std::size_t places = 3;
  int runs = 0;
  std::vector<int> failed(places);
  std::vector<int> went_well(places);
  const auto scenario = [&]() -> Coro<> {
    ++runs;
    for (std::size_t i = 0; i < places; ++i) {
      try {
        allocate();
        ++went_well[i];
      } catch (const std::bad_alloc&) {
        ++failed[i];
      }
    }
    co_return;
  };
  EXPECT_EQ(fail_at_each_allocation(scenario), "");
  EXPECT_EQ(failed, std::vector<int>(places, 1));
  EXPECT_EQ(went_well, std::vector<int>(places, runs - 1));
}

// The frame of the scenario's coroutine is one; without it there is none.
TEST(FailAtEachAllocation, CountsCoroutineFrames) {
  int asked = 0;
  int begun = 0;
  const auto body = [&]() -> Coro<> {
    ++begun;
    co_return;
  };
  EXPECT_EQ(fail_at_each_allocation([&] {
              ++asked;
              return body();
            }),
            "");
  EXPECT_EQ(begun, asked - 1);
}

TEST(FailAtEachAllocation, CountsOperatorNew) {
  const auto plain_new = [] { ::operator delete(::operator new(1)); };
  std::uint64_t seen = 0;
  {
    const asyncio::detail::AllocationWatch watch;
    plain_new();
    seen = watch.count();
  }
  if (seen == 0) GTEST_SKIP() << "there is another operator new, a sanitizer's";
  int failed = 0;
  const auto scenario = [&]() -> Coro<> {
    try {
      plain_new();
    } catch (const std::bad_alloc&) {
      ++failed;
    }
    co_return;
  };
  EXPECT_EQ(fail_at_each_allocation(scenario), "");
  EXPECT_EQ(failed, 1);
}

TEST(FailAtEachAllocation, DoesNotDisturbAScenarioThatFailsUndisturbed) {
  const std::string failure = fail_at_each_allocation(&fails_undisturbed);
  EXPECT_TRUE(failure.starts_with("undisturbed:\n")) << failure;
  EXPECT_EQ(count(failure, "domain_error"), 1) << failure;
}

TEST(FailAtEachAllocation, TellsOfAnotherError) {
  const std::string problems = fail_at_each_allocation(&has_another_error_without_memory);
  EXPECT_EQ(count(problems, "bad_alloc at allocation "), 1) << problems;
  EXPECT_TELLS(problems, "domain_error: instead of bad_alloc");
  const support::LogCapture reports;
  EXPECT_TELLS(fail_at_each_allocation(&gives_a_group_with_another_error),
               "domain_error: instead of bad_alloc");
}

TEST(FailAtEachAllocation, TellsOfWhatIsLeftBehindAndWhereItWasMade) {
  leaked.reserve(100);  // so that only the future is allocated
  const std::string problems = fail_at_each_allocation(&loses_a_future_without_memory);
  leaked.clear();
  EXPECT_EQ(count(problems, "bad_alloc at allocation "), 1) << problems;
  EXPECT_TELLS(problems, "1 left of coroutine frames, futures and handles");
  EXPECT_TELLS(problems, "<Future pending> made at ");
}

TEST(FailAtEachAllocation, TellsOfADeadlock) {
  const support::LogCapture reports;
  const std::string problems = fail_at_each_allocation(&deadlocks_without_memory);
  EXPECT_TELLS(problems, "deadlock: ");
  EXPECT_EQ(reports.count("Exception in callback"), 1);
}

TEST(FailAtEachAllocation, LeavesOtherThreadsAlone) {
  int failed = 0;
  const auto scenario = [&]() -> Coro<> {
    std::thread([&] {
      try {
        for (int i = 0; i < 100; ++i) allocate();
      } catch (const std::bad_alloc&) {
        ++failed;
      }
    }).join();
    co_return;
  };
  EXPECT_EQ(fail_at_each_allocation(scenario), "");
  EXPECT_EQ(failed, 0);
}

TEST(FailAtEachAllocation, IsOverWhenItReturns) {
  EXPECT_EQ(fail_at_each_allocation(&swallows_the_lack_of_memory), "");
  for (int i = 0; i < 1000; ++i) allocate();
  asyncio::testing::run(&swallows_the_lack_of_memory);
}
