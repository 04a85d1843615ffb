// The call graph of 3.14: who waits for whom, and where each of them stands.

#include <asyncio/as_completed.hpp>
#include <asyncio/as_result.hpp>
#include <asyncio/async_generator.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/inspect.hpp>
#include <asyncio/run.hpp>
#include <asyncio/shield.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task_group.hpp>
#include <asyncio/testing.hpp>
#include <asyncio/timeout.hpp>
#include <asyncio/wait.hpp>
#include <asyncio/wait_for.hpp>

#include "support/errors.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

// "NAME[inner < outer](WHO WAITS, WHO WAITS)"; frames of the library are left out.
std::string shape(const asyncio::FutureCallGraph& graph) {
  auto& state = asyncio::detail::FutureAccess::state(graph.future);
  std::string text = state.kind() == asyncio::detail::FutureState::Kind::task
                         ? static_cast<asyncio::detail::TaskState&>(state).name()
                         : "future";
  std::string stack;
  for (const auto& frame : graph.call_stack) {
    if (frame.function.starts_with("asyncio::")) continue;
    stack +=
        (stack.empty() ? "" : " < ") + frame.function.substr(frame.function.find_last_of(":.") + 1);
  }
  text += "[" + stack + "]";
  std::string parents;
  for (const auto& parent : graph.awaited_by) {
    parents += (parents.empty() ? "" : ", ") + shape(parent);
  }
  return parents.empty() ? text : text + "(" + parents + ")";
}

std::string shape(const std::optional<asyncio::FutureCallGraph>& graph) {
  return graph ? shape(*graph) : "none";
}

// Looks at itself, two coroutines deep.
asyncio::Coro<> deep(std::string& seen) {
  co_await asyncio::sleep(1s);
  seen = shape(asyncio::capture_call_graph());
}
asyncio::Coro<> looks(std::string& seen) { co_await deep(seen); }

asyncio::Coro<> gathers(std::string& seen) {
  co_await asyncio::gather(looks(seen), asyncio::sleep(2s));
}
asyncio::Coro<> waits(std::string& seen) {
  const std::vector<asyncio::Task<>> tasks = {asyncio::create_task(looks(seen))};
  co_await asyncio::wait(tasks);
}
asyncio::Coro<> shields(std::string& seen) { co_await asyncio::shield(looks(seen)); }
asyncio::Coro<> awaits(std::string& seen) {
  const auto task = asyncio::create_task(looks(seen));
  co_await task;
}
asyncio::Coro<> limits(std::string& seen) { co_await asyncio::wait_for(awaits(seen), 5s); }
asyncio::Coro<> groups(std::string& seen) {
  co_await asyncio::with(asyncio::TaskGroup(),
                         [&seen](asyncio::TaskGroup& group) -> asyncio::Coro<> {
                           group.create_task(looks(seen));
                           co_return;
                         });
}
asyncio::Coro<> stays_in_the_body(std::string& seen) {
  co_await asyncio::with(asyncio::TaskGroup(),
                         [&seen](asyncio::TaskGroup& group) -> asyncio::Coro<> {
                           group.create_task(looks(seen));
                           co_await asyncio::sleep(2s);
                         });
}
asyncio::Coro<> completes(std::string& seen) {
  const std::vector<asyncio::Task<>> tasks = {asyncio::create_task(looks(seen))};
  auto completed = asyncio::as_completed(tasks);
  while (auto next = co_await completed.next()) co_await *next;
}

// What `looks` sees when it is awaited in this way; its name is left out, it counts.
std::string seen_in(asyncio::Coro<> (*way)(std::string&)) {
  std::string seen;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    asyncio::current_task()->set_name("main");
    co_await way(seen);
  });
  return seen.substr(seen.find('['));
}

asyncio::AsyncGenerator<int> numbers(std::string& seen) {
  seen = asyncio::format_call_graph();
  co_await asyncio::sleep(1s);
  co_yield 1;
}

std::string id_of(const asyncio::FutureBase& future) {
  char text[32];
  std::snprintf(text, sizeof text, "%p",
                static_cast<void*>(&asyncio::detail::FutureAccess::state(future)));
  return text;
}

std::string frame(unsigned line, const std::string& function) {
  return "  |   File '" __FILE__ "', line " + std::to_string(line) + ", in async " + function +
         "()";
}

constexpr unsigned sleeping_line = __LINE__ + 1;
asyncio::Coro<> sleeper() { co_await asyncio::sleep(1h); }

asyncio::Coro<> end(const asyncio::FutureBase& task) {
  task.cancel();
  (void)co_await asyncio::as_result(task);
}

}  // namespace

// DBG-027, DBG-034, DBG-038, COMB-025
TEST(CallGraph, ShowsWhoAwaitsATaskInEveryWay) {
  const std::string inner = "[deep < looks](main";
  EXPECT_EQ(seen_in(&awaits), inner + "[awaits < <lambda>])");
  EXPECT_EQ(seen_in(&gathers), inner + "[gathers < <lambda>])");
  EXPECT_EQ(seen_in(&waits), inner + "[waits < <lambda>])");
  EXPECT_EQ(seen_in(&shields), inner + "[shields < <lambda>])");
  EXPECT_EQ(seen_in(&limits), inner + "[awaits < limits < <lambda>])");
  EXPECT_EQ(seen_in(&completes), inner + "[completes < <lambda>])");
}

// DBG-032, DBG-034, DBG-037: also while the parent is in the body
TEST(CallGraph, ShowsTheParentOfAGroup) {
  EXPECT_EQ(seen_in(&groups), "[deep < looks](main[groups < <lambda>])");
  EXPECT_EQ(seen_in(&stays_in_the_body),
            "[deep < looks](main[<lambda> < stays_in_the_body < <lambda>])");
}

// DBG-032: a DAG, whose shared ancestors repeat
ASYNC_TEST(CallGraph, ShowsACommonAncestorInEachPlace) {
  asyncio::current_task()->set_name("main");
  const asyncio::Future<> leaf;
  const auto middle = [&]() -> asyncio::Coro<> { co_await leaf; };
  const auto a = asyncio::create_task(middle, {.name = "a"});
  const auto b = asyncio::create_task(middle, {.name = "b"});
  const auto top = asyncio::create_task(
      [&]() -> asyncio::Coro<> { co_await asyncio::gather(a, b); }, {.name = "top"});
  co_await asyncio::sleep(1s);
  EXPECT_EQ(shape(asyncio::capture_call_graph(leaf)),
            "future[](a[<lambda>](top[<lambda>]), b[<lambda>](top[<lambda>]))");
  leaf.set_result();
  co_await top;
  EXPECT_EQ(shape(asyncio::capture_call_graph(leaf)), "future[]");
}

// DBG-034: removed on completion, and by a cancellation
ASYNC_TEST(CallGraph, ForgetsWhoDoesNotWaitAnyMore) {
  const auto task = asyncio::create_task(sleeper(), {.name = "sleeper"});
  const auto waiter = asyncio::create_task(
      [&]() -> asyncio::Coro<> { co_await asyncio::shield(task); }, {.name = "waiter"});
  co_await asyncio::sleep(1s);
  EXPECT_EQ(shape(asyncio::capture_call_graph(task)), "sleeper[sleeper](waiter[<lambda>])");
  co_await end(waiter);
  EXPECT_EQ(shape(asyncio::capture_call_graph(task)), "sleeper[sleeper]");
  co_await end(task);
  EXPECT_EQ(shape(asyncio::capture_call_graph(task)), "sleeper[]");
}

// DBG-029
TEST(CallGraph, OfTheCurrentTaskNeedsALoopAndATask) {
  EXPECT_EQ(support::thrown_by([] { (void)asyncio::capture_call_graph(); }).substr(0, 52),
            "RuntimeError: capture_call_graph(): no running event");
  std::optional<std::string> in_callback;
  std::string printed = "unset";
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    asyncio::get_running_loop().call_soon([&] {
      in_callback = shape(asyncio::capture_call_graph());
      printed = asyncio::format_call_graph();
    });
    co_await asyncio::sleep(1s);
  });
  EXPECT_EQ(in_callback, "none");
  EXPECT_EQ(printed, "");
}

// DBG-031: the current task stands at the call
ASYNC_TEST(CallGraph, OfTheCurrentTaskBeginsWithTheCaller) {
  co_await asyncio::sleep(0s);
  const auto own = asyncio::capture_call_graph();
  const unsigned line = __LINE__ - 1;
  EXPECT_TRUE(own);
  if (own) {
    EXPECT_EQ(own->call_stack.front().line, line);
    EXPECT_EQ(own->call_stack.front().kind, asyncio::FrameCallGraphEntry::Kind::coroutine);
  }
  const auto helper = [] { return asyncio::capture_call_graph(); };
  const auto through = helper();
  EXPECT_TRUE(through);
  if (own && through) {
    EXPECT_EQ(through->call_stack.front().kind, asyncio::FrameCallGraphEntry::Kind::function);
    EXPECT_EQ(through->call_stack.size(), own->call_stack.size() + 1);
  }
}

// DBG-033
ASYNC_TEST(CallGraph, KeepsTheInnermostOrTheOutermostEntries) {
  std::string seen;
  const auto a = [&]() -> asyncio::Coro<> { co_await asyncio::sleep(1h); };
  const auto b = [&]() -> asyncio::Coro<> { co_await a(); };
  const auto task = asyncio::create_task([&]() -> asyncio::Coro<> { co_await b(); });
  co_await asyncio::sleep(1s);
  const auto lines = [&](int limit) {
    std::vector<unsigned> found;
    const auto graph = asyncio::capture_call_graph(task, {.limit = limit});
    for (const auto& entry : graph.call_stack) found.push_back(entry.line);
    return found;
  };
  const unsigned c = __LINE__ - 8;
  EXPECT_EQ(lines(9), (std::vector{c - 2, c - 1, c}));
  EXPECT_EQ(lines(2), (std::vector{c - 2, c - 1}));
  EXPECT_EQ(lines(-1), (std::vector{c}));
  EXPECT_EQ(lines(-9), (std::vector{c - 2, c - 1, c}));
  EXPECT_EQ(lines(0), std::vector<unsigned>());
  co_await end(task);
}

asyncio::Coro<std::string> three_deep(int depth) {
  co_await asyncio::sleep(0s);
  co_return shape(asyncio::capture_call_graph({.depth = depth}));
}
asyncio::Coro<std::string> two_deep(int depth) { co_return co_await three_deep(depth); }

// DBG-033
ASYNC_TEST(CallGraph, SkipsTheTopOfTheCurrentTask) {
  const auto at = [](int depth) -> asyncio::Coro<std::string> {
    std::string text = co_await asyncio::create_task(two_deep(depth));
    co_return text.substr(text.find('['));
  };
  const std::string waiter = "(" + asyncio::current_task()->get_name() + "[";
  EXPECT_TRUE((co_await at(0)).starts_with("[three_deep < two_deep]" + waiter));
  EXPECT_TRUE((co_await at(1)).starts_with("[three_deep < two_deep]" + waiter));
  EXPECT_TRUE((co_await at(2)).starts_with("[two_deep]" + waiter));
  EXPECT_TRUE((co_await at(100)).starts_with("[]" + waiter));
}

// DBG-031: of a plain future there is no stack
ASYNC_TEST(CallGraph, OfAFutureHasNoStackButThoseWhoWait) {
  const asyncio::Future<> future;
  const auto task =
      asyncio::create_task([&]() -> asyncio::Coro<> { co_await future; }, {.name = "waiter"});
  co_await asyncio::sleep(1s);
  const auto graph = asyncio::capture_call_graph(future);
  EXPECT_TRUE(graph.call_stack.empty());
  EXPECT_EQ(shape(graph), "future[](waiter[<lambda>])");
  const auto gathered = asyncio::gather(future, asyncio::Future<>());
  const auto both =
      asyncio::create_task([&]() -> asyncio::Coro<> { (void)co_await gathered; }, {.name = "both"});
  co_await asyncio::sleep(1s);
  EXPECT_EQ(shape(asyncio::capture_call_graph(gathered)), "future[](both[<lambda>])");
  EXPECT_EQ(shape(asyncio::capture_call_graph(future)),
            "future[](waiter[<lambda>], both[<lambda>])");
  co_await end(task);
  co_await end(both);
}

// DBG-028, DBG-036
ASYNC_TEST(CallGraph, IsFormattedAsIn314) {
  const auto task = asyncio::create_task(sleeper(), {.name = "it's"});
  const unsigned line = __LINE__ + 2;
  const auto waiter =
      asyncio::create_task([&]() -> asyncio::Coro<> { co_await task; }, {.name = "say \"it's\""});
  co_await asyncio::sleep(1s);
  const std::string text = asyncio::format_call_graph(task);
  const std::string function = text.substr(text.rfind("in async ") + 9);
  EXPECT_EQ(text, "* Task(name=\"it's\", id=" + id_of(task) +
                      ")\n"
                      "  + Call stack:\n" +
                      frame(sleeping_line, "sleeper") +
                      "\n"
                      "  + Awaited by:\n"
                      "    * Task(name='say \"it's\"', id=" +
                      id_of(waiter) +
                      ")\n"
                      "      + Call stack:\n"
                      "    " +
                      frame(line, function.substr(0, function.size() - 2)));
  EXPECT_TRUE(function.ends_with(".<lambda>()")) << function;
  const asyncio::Future<> future;
  EXPECT_EQ(asyncio::format_call_graph(future), "* Future(id=" + id_of(future) + ")");
  co_await end(waiter);
  co_await end(task);
}

// DBG-036: async generator
ASYNC_TEST(CallGraph, MarksAnAsyncGenerator) {
  std::string seen;
  auto generator = numbers(seen);
  while (auto number = co_await generator.next()) EXPECT_EQ(*number, 1);
  EXPECT_NE(seen.find(", in async generator "), std::string::npos) << seen;
  EXPECT_EQ(seen.find(", in async generator "), seen.rfind(", in async generator "));
}

// DBG-028
ASYNC_TEST(CallGraph, IsPrintedToTheFileThatIsGiven) {
  const auto task = asyncio::create_task(sleeper());
  co_await asyncio::sleep(1s);
  std::FILE* file = std::tmpfile();
  EXPECT_NE(file, nullptr);
  if (file == nullptr) co_return;
  asyncio::print_call_graph(task, {.file = file});
  asyncio::print_call_graph(task, {.file = file, .limit = 0});
  std::rewind(file);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  EXPECT_EQ(text, asyncio::format_call_graph(task) + "\n" +
                      asyncio::format_call_graph(task, {.limit = 0}) + "\n");
  co_await end(task);
}

// failure 106: names cannot control a terminal, nor fill it
ASYNC_TEST(CallGraph, ShowsNamesEscapedAndCut) {
  const auto task = asyncio::create_task(sleeper());
  task.set_name("\x1b[31m<b>\n" + std::string(1'000'000, 'x'));
  const std::string text = asyncio::format_call_graph(task);
  EXPECT_TRUE(text.starts_with("* Task(name='\\x1b[31m<b>\\nxxx")) << text.substr(0, 100);
  EXPECT_LT(text.size(), 2000U);
  co_await end(task);
}

// DBG-032: a cycle is no tree
ASYNC_TEST(CallGraph, OfACycleEndsWhereItComesAgain) {
  std::vector<asyncio::Task<>> tasks;
  tasks.push_back(asyncio::create_task(
      [&]() -> asyncio::Coro<> { co_await asyncio::gather(tasks[1]); }, {.name = "a"}));
  tasks.push_back(asyncio::create_task(
      [&]() -> asyncio::Coro<> { co_await asyncio::gather(tasks[0]); }, {.name = "b"}));
  co_await asyncio::sleep(1s);
  const auto graph = asyncio::capture_call_graph(tasks[0]);
  EXPECT_EQ(shape(graph), "a[<lambda>](b[<lambda>](a[<lambda>]))");
  EXPECT_EQ(graph.awaited_by[0].awaited_by[0].cut, asyncio::FutureCallGraph::Cut::cycle);
  EXPECT_TRUE(asyncio::format_call_graph(tasks[0]).ends_with("Awaited by: a cycle, see above"));
  tasks[0].cancel();
  for (const auto& task : tasks) (void)co_await asyncio::as_result(task);
}

asyncio::Coro<> joins(const asyncio::Task<>& task) { co_await task; }

// No crash, however long and wide it is
ASYNC_TEST(CallGraph, OfAVeryLongChainIsCut) {
  std::vector<asyncio::Task<>> chain = {asyncio::create_task(sleeper())};
  constexpr std::size_t length = 20'000;
  chain.reserve(length);
  while (chain.size() < length) chain.push_back(asyncio::create_task(joins(chain.back())));
  co_await asyncio::sleep(1s);
  const auto graph = asyncio::capture_call_graph(chain[0]);
  const asyncio::FutureCallGraph* last = &graph;
  std::size_t levels = 1;
  for (; !last->awaited_by.empty(); last = &last->awaited_by[0]) ++levels;
  EXPECT_EQ(levels, 1000U);
  EXPECT_EQ(last->cut, asyncio::FutureCallGraph::Cut::size);
  EXPECT_TRUE(asyncio::format_call_graph(graph).ends_with("more than can be shown"));
  chain[0].cancel();
  (void)co_await asyncio::as_result(chain.back());
}

// A DAG of twenty levels with two in each would unfold to a million places
ASYNC_TEST(CallGraph, OfAWideGraphIsCut) {
  const asyncio::Future<> leaf;
  std::vector<asyncio::Task<>> below;
  for (int level = 0; level < 20; ++level) {
    std::vector<asyncio::Task<>> here;
    for (int i = 0; i < 2; ++i) {
      here.push_back(asyncio::create_task([below, leaf]() -> asyncio::Coro<> {
        if (below.empty()) {
          co_await leaf;
        } else {
          co_await asyncio::gather(below[0], below[1]);
        }
      }));
    }
    below = here;
  }
  co_await asyncio::sleep(1s);
  const std::string text = asyncio::format_call_graph(leaf);
  EXPECT_NE(text.find("more than can be shown"), std::string::npos);
  leaf.set_result();
  co_await asyncio::gather(below[0], below[1]);
}

// --- edges of users' own combinators ------------------------------------------------------------

// DBG-035
ASYNC_TEST(AwaitedBy, IsWhatAUserHasAddedUntilItIsDiscarded) {
  const asyncio::Future<> future;
  const auto task = asyncio::create_task(sleeper(), {.name = "sleeper"});
  co_await asyncio::sleep(1s);
  asyncio::future_add_to_awaited_by(future, task);
  asyncio::future_add_to_awaited_by(future, task);
  EXPECT_EQ(shape(asyncio::capture_call_graph(future)), "future[](sleeper[sleeper])");
  asyncio::future_discard_from_awaited_by(future, task);
  EXPECT_EQ(shape(asyncio::capture_call_graph(future)), "future[](sleeper[sleeper])");
  asyncio::future_discard_from_awaited_by(future, task);
  EXPECT_EQ(shape(asyncio::capture_call_graph(future)), "future[]");
  asyncio::future_discard_from_awaited_by(future, task);
  co_await end(task);
}

// DBG-035
ASYNC_TEST(AwaitedBy, VanishesWithEitherFuture) {
  const asyncio::Future<> future;
  for (int way = 0; way < 4; ++way) {
    std::optional<asyncio::Future<>> awaited = asyncio::Future<>();
    std::optional<asyncio::Future<>> waiter = asyncio::Future<>();
    asyncio::future_add_to_awaited_by(*awaited, *waiter);
    asyncio::future_add_to_awaited_by(future, *waiter);
    if (way == 0) awaited->set_result();
    if (way == 1) waiter->cancel();
    if (way == 2) awaited.reset();
    if (way == 3) waiter.reset();
    if (way < 2) {
      EXPECT_EQ(shape(asyncio::capture_call_graph(*awaited)), "future[]");
    }
    EXPECT_EQ(shape(asyncio::capture_call_graph(future)),
              way == 1 || way == 3 ? "future[]" : "future[](future[])");
    awaited.reset();
    waiter.reset();
    co_await asyncio::sleep(1s);
    EXPECT_EQ(shape(asyncio::capture_call_graph(future)), "future[]");
  }
}

// DBG-035: no effect without two futures that are pending
ASYNC_TEST(AwaitedBy, DoesNothingForHandlesThatAreNoPendingFutures) {
  asyncio::Future<> future;
  asyncio::future_add_to_awaited_by(future, future);
  EXPECT_EQ(shape(asyncio::capture_call_graph(future)), "future[]");
  asyncio::Future<> gone;
  const asyncio::Future<> taken = std::move(gone);
  asyncio::future_add_to_awaited_by(future, gone);  // NOLINT(bugprone-use-after-move)
  asyncio::future_add_to_awaited_by(gone, future);
  asyncio::future_discard_from_awaited_by(gone, future);
  const asyncio::Future<> done;
  done.set_result();
  asyncio::future_add_to_awaited_by(future, done);
  EXPECT_EQ(shape(asyncio::capture_call_graph(future)), "future[]");
  co_return;
}

// DBG-035: what is left when the loop closes is let go
TEST(AwaitedBy, OutlivesNoLoop) {
  std::optional<asyncio::Future<>> a;
  std::optional<asyncio::Future<>> b;
  asyncio::testing::run([&]() -> asyncio::Coro<> {
    a = asyncio::Future<>();
    b = asyncio::Future<>();
    asyncio::future_add_to_awaited_by(*a, *b);
    const auto task = asyncio::create_task(sleeper());
    asyncio::future_add_to_awaited_by(task, *b);
    co_await asyncio::sleep(1s);
  });
  EXPECT_FALSE(a->done());
}

// DBG-035
TEST(AwaitedBy, RefusesFuturesOfTwoLoops) {
  std::optional<asyncio::Future<>> other;
  const auto first = asyncio::new_event_loop();
  first->call_soon([&] {
    other = asyncio::Future<>();
    first->stop();
  });
  first->run_forever();
  first->close();
  std::string text;
  asyncio::run(
      [&]() -> asyncio::Coro<> {
        const asyncio::Future<> mine;
        text = support::thrown_by([&] { asyncio::future_add_to_awaited_by(mine, *other); });
        co_return;
      },
      {.name = "second"});
  EXPECT_TRUE(
      text.starts_with("invalid_argument: future_add_to_awaited_by(): the future belongs "
                       "to loop \"second\", who waits for it to loop \""))
      << text;
}

// failure 107: only the loop's thread may look
TEST(CallGraph, IsRefusedOnAForeignThread) {
  std::string text;
  asyncio::run([&]() -> asyncio::Coro<> {
    const asyncio::Future<> future;
    std::thread([&] {
      text = support::thrown_by([&] { (void)asyncio::capture_call_graph(future); });
    }).join();
    co_return;
  });
  EXPECT_TRUE(text.starts_with("RuntimeError: capture_call_graph(): non-thread-safe")) << text;
}
