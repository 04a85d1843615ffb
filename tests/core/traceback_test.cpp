// Which coroutines an error has come through: what its traceback and a failed task's stack say.

#include <asyncio/traceback.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/detail/failure.hpp>
#include <asyncio/error.hpp>
#include <asyncio/event_loop.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/log_capture.hpp"
#include "support/outline.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <coroutine>
#include <exception>
#include <fstream>
#include <set>
#include <source_location>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using support::after;
using support::at;
using support::at_start;
using support::caught;
using support::lines;
using support::Outline;
using support::outline;

// A freed block is not given out again at once under AddressSanitizer.
#if defined(__SANITIZE_ADDRESS__)
#define ADDRESSES_ARE_REUSED false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESSES_ARE_REUSED false
#endif
#endif
#ifndef ADDRESSES_ARE_REUSED
#define ADDRESSES_ARE_REUSED true
#endif

namespace {

// One coroutine per line and one co_await per line: g++ gives the last line of a longer one.

asyncio::Coro<int> parse() {
  co_await asyncio::sleep(0s);
  throw std::runtime_error("no such tag");
}
constexpr unsigned parse_line = __LINE__ - 3;

constexpr unsigned fetch_line = __LINE__ + 1;
asyncio::Coro<int> fetch() { co_return co_await parse(); }

constexpr unsigned crawl_line = __LINE__ + 1;
asyncio::Coro<> crawl() { co_await fetch(); }

/// What is left of an error of crawl() below the frames that it was seen from.
template <class... Frames>
Outline crawled(const Frames&... above) {
  return lines(above..., at("crawl", crawl_line), at("fetch", fetch_line),
               after("parse", parse_line), "runtime_error: no such tag");
}

asyncio::Coro<> fail_at_once() {
  throw std::domain_error("at once");
  co_return;
}

constexpr unsigned other_line = __LINE__ + 1;
asyncio::Coro<> other() { co_await fail_at_once(); }

/// That many more errors, each caught and dropped.
asyncio::Coro<> drop_errors(int n) {
  for (int i = 0; i < n; ++i) {
    try {
      co_await other();
    } catch (const std::domain_error&) {
    }
  }
}

constexpr unsigned recurse_line = __LINE__ + 3;
asyncio::Coro<> recurse(int depth) {
  if (depth == 0) throw std::range_error("at the bottom");
  co_await recurse(depth - 1);
}

constexpr unsigned sleeper_line = __LINE__ + 1;
asyncio::Coro<> sleeper() { co_await asyncio::sleep(1h); }
constexpr unsigned sleeps_line = __LINE__ + 1;
asyncio::Coro<> sleeps() { co_await sleeper(); }

/// An error that says how many of it are alive.
struct Counted : std::runtime_error {
  Counted() : std::runtime_error("counted") { ++alive; }
  Counted(const Counted& other) : std::runtime_error(other) { ++alive; }
  Counted& operator=(const Counted&) = delete;
  ~Counted() override { --alive; }
  static inline int alive = 0;
};

asyncio::Coro<> fail_counted() {
  co_await asyncio::sleep(0s);
  throw Counted();
}

Outline without_first(Outline all) {
  if (!all.empty()) all.erase(all.begin());
  return all;
}

/// "NAME:LINE" of each.
Outline names(const std::vector<asyncio::StackFrame>& frames) {
  Outline all;
  for (const auto& frame : frames) all.push_back(at(frame.function, frame.line));
  return all;
}

std::string head(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

// --- which frames ---

namespace {

constexpr unsigned report_line = __LINE__ + 3;
asyncio::Coro<std::string> report() {
  try {
    co_await crawl();
  } catch (...) {
    co_return asyncio::format_exception(std::current_exception());
  }
  co_return "nothing was thrown";
}

/// A frame as Python prints it; the source line is there where the file can be read.
std::string frame(unsigned line, const std::string& function, const std::string& source) {
  const std::string file = std::source_location::current().file_name();
  std::string text = "  File \"" + file + "\", line " + std::to_string(line) + ", in " + function;
  if (std::ifstream(file).good()) text += "\n    " + source;
  return text + "\n";
}

}  // namespace

// TASK-054
ASYNC_TEST(Traceback, HasEveryCoroutineFromTheHandlerDownToWhereItWasThrown) {
  const std::string frames =
      frame(report_line, "report", "co_await crawl();") +
      frame(crawl_line, "crawl", "asyncio::Coro<> crawl() { co_await fetch(); }") +
      frame(fetch_line, "fetch", "asyncio::Coro<int> fetch() { co_return co_await parse(); }") +
      "  in parse (traceback_test.cpp), after line " + std::to_string(parse_line) + "\n";
  EXPECT_EQ(co_await report(),
            "Traceback (most recent call last):\n" + frames + "runtime_error: no such tag");
}

// TASK-054
ASYNC_TEST(Traceback, OfAnErrorBeforeTheFirstAwaitSaysSo) {
  EXPECT_EQ(co_await caught(other()),
            lines(at("other", other_line), at_start("fail_at_once"), "domain_error: at once"));
}

namespace {

asyncio::Coro<> fail_at_the_second() {
  co_await asyncio::sleep(0s);
  co_await crawl();
  co_await asyncio::sleep(0s);
}
constexpr unsigned second_line = __LINE__ - 3;

asyncio::Coro<> fail_after_the_second() {
  co_await asyncio::sleep(0s);
  co_await asyncio::sleep(0s);
  throw std::domain_error("late");
}
constexpr unsigned after_second_line = __LINE__ - 3;

}  // namespace

// TASK-054
ASYNC_TEST(Traceback, GivesTheAwaitThatWasLeftAndTheLastOneBeforeTheThrow) {
  EXPECT_EQ(co_await caught(fail_at_the_second()), crawled(at("fail_at_the_second", second_line)));
  EXPECT_EQ(co_await caught(fail_after_the_second()),
            lines(after("fail_after_the_second", after_second_line), "domain_error: late"));
}

namespace {

asyncio::Coro<> make_or_throw(bool make) {
  if (!make) throw std::domain_error("no coroutine");
  return crawl();
}

asyncio::Coro<> call_what_throws() {
  co_await asyncio::sleep(0s);
  co_await make_or_throw(false);
}
constexpr unsigned before_call_line = __LINE__ - 3;

/// An awaiter that knows nothing of tasks.
struct Broken {
  static bool await_ready() { return true; }
  static void await_suspend(std::coroutine_handle<>) {}
  static void await_resume() { throw std::domain_error("broken"); }
};

constexpr unsigned await_broken_line = __LINE__ + 1;
asyncio::Coro<> await_broken() { co_await Broken(); }

}  // namespace

ASYNC_TEST(Traceback, OfWhatAPlainFunctionThrowsEndsWithTheCoroutineThatHasCalledIt) {
  EXPECT_EQ(co_await caught(call_what_throws()),
            lines(after("call_what_throws", before_call_line), "domain_error: no coroutine"));
}

ASYNC_TEST(Traceback, OfWhatAForeignAwaiterThrowsEndsWithTheCoroutineThatAwaitsIt) {
  EXPECT_EQ(co_await caught(await_broken()),
            lines(after("await_broken", await_broken_line), "domain_error: broken"));
}

namespace {

struct Site {
  asyncio::Coro<> visit() const { co_await crawl(); }
  static asyncio::Coro<> visit_all() { co_await crawl(); }
};
constexpr unsigned visit_line = __LINE__ - 3;

template <class T>
asyncio::Coro<T> visited(T t) {
  co_await crawl();
  co_return t;
}
constexpr unsigned visited_line = __LINE__ - 3;

static asyncio::Coro<> visit_static() { co_await crawl(); }
constexpr unsigned visit_static_line = __LINE__ - 1;

struct Visitor {
  asyncio::Coro<> operator()() const { co_await crawl(); }
};
constexpr unsigned visitor_line = __LINE__ - 2;

}  // namespace

namespace site {
namespace {
constexpr unsigned visit_line = __LINE__ + 1;
asyncio::Coro<> visit() { co_await crawl(); }
}  // namespace
}  // namespace site

ASYNC_TEST(Traceback, NamesMembersTemplatesAndFunctionsOfNamespaces) {
  const Site s;
  EXPECT_EQ(co_await caught(s.visit()), crawled(at("Site::visit", visit_line)));
  EXPECT_EQ(co_await caught(Site::visit_all()), crawled(at("Site::visit_all", visit_line + 1)));
  EXPECT_EQ(co_await caught(visited(1)), crawled(at("visited", visited_line)));
  EXPECT_EQ(co_await caught(visited(std::string())), crawled(at("visited", visited_line)));
  EXPECT_EQ(co_await caught(visit_static()), crawled(at("visit_static", visit_static_line)));
  EXPECT_EQ(co_await caught(site::visit()), crawled(at("site::visit", site::visit_line)));
}

ASYNC_TEST(Traceback, NamesACallOperator) {
  const Visitor visit;
  EXPECT_EQ(co_await caught(visit()), crawled(at("Visitor::operator()", visitor_line)));
}

namespace {

asyncio::Coro<Outline> caught_of_a_lambda() {
  const int depth = 1;
  const auto visit = [&](int more) -> asyncio::Coro<> { co_await recurse(depth + more); };
  co_return co_await caught(visit(1));
}
constexpr unsigned lambda_line = __LINE__ - 3;

}  // namespace

ASYNC_TEST(Traceback, NamesALambdaAfterItsFunction) {
  EXPECT_EQ(co_await caught_of_a_lambda(),
            lines(at("caught_of_a_lambda.<lambda>", lambda_line), at("recurse", recurse_line),
                  at("recurse", recurse_line), at_start("recurse"), "range_error: at the bottom"));
}

namespace {

constexpr unsigned fail_with_int_line = __LINE__ + 2;
asyncio::Coro<> fail_with_int() {
  co_await asyncio::sleep(0s);
  throw 42;
}

}  // namespace

// EXC-013
ASYNC_TEST(Traceback, OfAThrownObjectOfAnyTypeHasItsFrames) {
  EXPECT_EQ(co_await caught(fail_with_int()),
            lines(after("fail_with_int", fail_with_int_line), "int"));
}

// --- one error, several tracks ---

namespace {

constexpr unsigned left_line = __LINE__ + 1;
asyncio::Coro<> left(asyncio::Task<> task) { co_await task; }
constexpr unsigned right_line = __LINE__ + 1;
asyncio::Coro<> right(asyncio::Task<> task) { co_await std::move(task); }

constexpr unsigned left_of_left_line = __LINE__ + 1;
asyncio::Coro<> left_of_left(asyncio::Task<> task) { co_await left(std::move(task)); }
constexpr unsigned right_of_left_line = __LINE__ + 1;
asyncio::Coro<> right_of_left(asyncio::Task<> task) { co_await left(std::move(task)); }

}  // namespace

// EXC-016, TASK-026
ASYNC_TEST(Traceback, OfAFailedTaskHasTheFramesOfWhoAwaitsItAboveItsOwn) {
  auto task = asyncio::create_task(crawl());
  auto a = asyncio::create_task(caught(left(task)));
  auto b = asyncio::create_task(caught(right(task)));
  EXPECT_EQ(co_await a, crawled(at("left", left_line)));
  EXPECT_EQ(co_await b, crawled(at("right", right_line)));
  EXPECT_EQ(co_await caught(left(task)), crawled(at("left", left_line)));
}

// EXC-016, TASK-026
ASYNC_TEST(Traceback, KeepsTheTracksOfTwoAwaitersThatAreTheSameFunctionApart) {
  auto task = asyncio::create_task(crawl());
  auto a = asyncio::create_task(left_of_left(task));
  auto b = asyncio::create_task(right_of_left(task));
  (void)co_await asyncio::as_result(a);
  (void)co_await asyncio::as_result(b);
  const Outline above_a = lines(at("left_of_left", left_of_left_line), at("left", left_line));
  const Outline above_b = lines(at("right_of_left", right_of_left_line), at("left", left_line));
  EXPECT_EQ(co_await caught(a), crawled(above_a));
  EXPECT_EQ(co_await caught(b), crawled(above_b));
  EXPECT_EQ(co_await caught(a), crawled(above_a));
  EXPECT_EQ(a.exception(), b.exception());
}

// EXC-016
ASYNC_TEST(Traceback, OfTwoResultsWithOneErrorIsEachsOwn) {
  auto task = asyncio::create_task(crawl());
  auto a = co_await asyncio::as_result(left(task));
  auto b = co_await asyncio::as_result(right(task));
  EXPECT_EQ(a.error(), b.error());
  EXPECT_EQ(outline(a.error()), crawled(at("left", left_line)));
  EXPECT_EQ(outline(b.error()), crawled(at("right", right_line)));
  EXPECT_EQ(outline(a.error()), crawled(at("left", left_line)));
}

namespace {

asyncio::Coro<> await_again(asyncio::Task<> task) {
  try {
    co_await task;
  } catch (const std::runtime_error&) {
  }
  co_await task;
}
constexpr unsigned again_line = __LINE__ - 2;

asyncio::Coro<> ask_again(asyncio::Task<> task) {
  try {
    co_await task;
  } catch (const std::runtime_error&) {
  }
  auto end = co_await asyncio::as_result(task);
  end.value();
}
constexpr unsigned ask_again_line = __LINE__ - 3;

}  // namespace

// TASK-026
ASYNC_TEST(Traceback, OfASecondAwaitKnowsNothingOfTheFirst) {
  auto task = asyncio::create_task(crawl());
  EXPECT_EQ(co_await caught(await_again(task)), crawled(at("await_again", again_line)));
}

// TASK-026: as_result() is not at fault that another await of the same function was left before
ASYNC_TEST(Traceback, OfAValueAskedForKnowsNothingOfAnEarlierAwait) {
  auto task = asyncio::create_task(crawl());
  EXPECT_EQ(co_await caught(ask_again(task)), crawled(after("ask_again", ask_again_line)));
}

// --- address reuse ---

ASYNC_TEST(Traceback, OfAnErrorWhoseAddressWasAnothersHasItsOwnFramesOnly) {
  constexpr int rounds = 300;
  const Outline of_recurse =
      lines(at("recurse", recurse_line), at_start("recurse"), "range_error: at the bottom");
  const Outline of_other =
      lines(at("other", other_line), at_start("fail_at_once"), "domain_error: at once");
  const Outline of_nothing = lines("logic_error: here");
  std::set<const void*> addresses;
  for (int i = 0; i < rounds; ++i) {
    const auto seen = [&](const std::exception& e) {
      addresses.insert(&e);
      const Outline all = outline(std::current_exception());
      return all.size() > 1 ? without_first(all) : all;  // the await below
    };
    if (i % 50 == 49) asyncio::detail::forget_failures();
    try {
      co_await recurse(1);
    } catch (const std::exception& e) {
      EXPECT_EQ(seen(e), of_recurse);
    }
    try {
      co_await other();
    } catch (const std::exception& e) {
      EXPECT_EQ(seen(e), of_other);
    }
    try {
      throw std::logic_error("here");
    } catch (const std::exception& e) {
      EXPECT_EQ(seen(e), of_nothing);
    }
  }
  EXPECT_TRUE(!ADDRESSES_ARE_REUSED || addresses.size() < rounds) << addresses.size();
}

// --- caught and thrown again ---

namespace {

asyncio::Coro<> translate() {
  try {
    co_await crawl();
  } catch (const std::runtime_error&) {
    throw std::domain_error("translated");
  }
}
constexpr unsigned translate_line = __LINE__ - 5;

asyncio::Coro<> wrap() {
  try {
    co_await crawl();
  } catch (const std::runtime_error&) {
    std::throw_with_nested(std::domain_error("wrapped"));
  }
}
constexpr unsigned wrap_line = __LINE__ - 5;
constexpr unsigned wrap_outside_line = __LINE__ + 1;
asyncio::Coro<> wrap_outside() { co_await wrap(); }

asyncio::Coro<> pass_on() {
  try {
    co_await crawl();
  } catch (const std::runtime_error&) {
    try {
      throw std::logic_error("meanwhile");
    } catch (const std::logic_error&) {
    }
    throw;
  }
}
constexpr unsigned pass_on_line = __LINE__ - 9;
constexpr unsigned pass_on_outside_line = __LINE__ + 1;
asyncio::Coro<> pass_on_outside() { co_await pass_on(); }

asyncio::Coro<> pass_on_after_asking(asyncio::Task<> failed) {
  try {
    co_await crawl();
  } catch (const std::runtime_error&) {
    EXPECT_THROW(failed.result(), std::domain_error);
    throw;
  }
}
constexpr unsigned pass_on_after_asking_line = __LINE__ - 6;

}  // namespace

ASYNC_TEST(Traceback, OfAnErrorThrownInsteadBeginsWhereItWasThrown) {
  EXPECT_EQ(co_await caught(translate()),
            lines(after("translate", translate_line), "domain_error: translated"));
}

// EXC-017
ASYNC_TEST(Traceback, OfThrowWithNestedHasTheNestedErrorAsItsCause) {
  EXPECT_EQ(co_await caught(wrap_outside()),
            lines(at("wrap", wrap_line), at("crawl", crawl_line), at("fetch", fetch_line),
                  after("parse", parse_line), "runtime_error: no such tag", support::caused,
                  at("wrap_outside", wrap_outside_line), after("wrap", wrap_line),
                  "domain_error: wrapped"));
}

ASYNC_TEST(Traceback, GoesOnWhereAHandlerThrowsTheErrorOn) {
  EXPECT_EQ(co_await caught(pass_on_outside()),
            crawled(at("pass_on_outside", pass_on_outside_line), at("pass_on", pass_on_line)));
}

ASYNC_TEST(Traceback, GoesOnWhereAHandlerHasAskedForAnotherErrorMeanwhile) {
  auto failed = asyncio::create_task(other());
  (void)co_await asyncio::as_result(failed);
  EXPECT_EQ(co_await caught(pass_on_after_asking(failed)),
            crawled(at("pass_on_after_asking", pass_on_after_asking_line)));
}

// EXC-016
ASYNC_TEST(Traceback, GoesOnWhereAHandlerHasAskedForTheSameErrorMeanwhile) {
  auto task = asyncio::create_task(crawl());
  const auto ask = [&]() -> asyncio::Coro<> {
    try {
      co_await left(task);
    } catch (...) {
      EXPECT_THROW(task.result(), std::runtime_error);
      throw;
    }
  };
  const Outline seen = co_await caught(ask());
  EXPECT_EQ(without_first(seen), crawled(at("left", left_line)));
}

namespace {

asyncio::Coro<> park_pointer() {
  std::exception_ptr parked;
  try {
    co_await crawl();
  } catch (...) {
    parked = std::current_exception();
  }
  co_await drop_errors(5);
  co_await asyncio::sleep(0s);
  std::rethrow_exception(parked);
}
constexpr unsigned parked_line = __LINE__ - 8;
constexpr unsigned before_rethrow_line = __LINE__ - 4;

asyncio::Coro<> park_result() {
  auto parked = co_await asyncio::as_result(crawl());
  co_await drop_errors(50);
  co_await asyncio::sleep(0s);
  parked.value();
}
constexpr unsigned park_result_line = __LINE__ - 3;

asyncio::Coro<> park_result_and_rethrow() {
  auto parked = co_await asyncio::as_result(crawl());
  co_await drop_errors(50);
  co_await asyncio::sleep(0s);
  std::rethrow_exception(parked.error());
}
constexpr unsigned park_result_and_rethrow_line = __LINE__ - 3;

asyncio::Coro<> pass_result_on() {
  auto end = co_await asyncio::as_result(crawl());
  end.value();
}
constexpr unsigned pass_result_on_line = __LINE__ - 3;

}  // namespace

// As Python does it: the place of the second throw, then that of the await
ASYNC_TEST(Traceback, OfAParkedPointerGoesOnWhereItIsThrownAgain) {
  EXPECT_EQ(co_await caught(park_pointer()),
            crawled(after("park_pointer", before_rethrow_line), at("park_pointer", parked_line)));
}

ASYNC_TEST(Traceback, OfAParkedResultGoesOnWhereItsValueIsAskedFor) {
  EXPECT_EQ(co_await caught(park_result()), crawled(after("park_result", park_result_line)));
  EXPECT_EQ(co_await caught(pass_result_on()),
            crawled(after("pass_result_on", pass_result_on_line)));
}

ASYNC_TEST(Traceback, OfAParkedResultsErrorGoesOnWhereItIsThrownAgain) {
  EXPECT_EQ(co_await caught(park_result_and_rethrow()),
            crawled(after("park_result_and_rethrow", park_result_and_rethrow_line)));
}

namespace {

/// Awaits the task, keeps its error until `go_on` is there and throws it again.
asyncio::Coro<> park_until(asyncio::Future<> go_on, asyncio::Task<> task) {
  std::exception_ptr parked;
  try {
    co_await task;
  } catch (...) {
    parked = std::current_exception();
  }
  co_await go_on;
  std::rethrow_exception(parked);
}
constexpr unsigned park_until_line = __LINE__ - 7;
constexpr unsigned go_on_line = __LINE__ - 4;

}  // namespace

// EXC-016
ASYNC_TEST(Traceback, OfAParkedPointerIsItsCoroutinesThoughOthersHaveAwaitedTheSameErrorSince) {
  auto task = asyncio::create_task(crawl());
  const asyncio::Future<> go_on;
  auto parks = asyncio::create_task(caught(park_until(go_on, task)));
  (void)co_await asyncio::as_result(task);
  co_await asyncio::sleep(0s);
  EXPECT_EQ(co_await caught(left(task)), crawled(at("left", left_line)));
  EXPECT_EQ(co_await caught(right(task)), crawled(at("right", right_line)));
  go_on.set_result();
  EXPECT_EQ(co_await parks,
            crawled(after("park_until", go_on_line), at("park_until", park_until_line)));
}

namespace {

asyncio::Coro<> throw_kept(const std::exception_ptr& kept) {
  co_await asyncio::sleep(0s);
  std::rethrow_exception(kept);
}
asyncio::Coro<> call_throw_kept(const std::exception_ptr& kept) { co_await throw_kept(kept); }
constexpr unsigned throw_last_line = __LINE__ + 1;
asyncio::Coro<> throw_last(const std::exception_ptr& kept) { co_await throw_kept(kept); }

}  // namespace

// An error object that is made once and thrown by whoever needs it
ASYNC_TEST(Traceback, OfAnErrorObjectThatIsThrownForEverIsBounded) {
  const auto kept = std::make_exception_ptr(std::runtime_error("kept"));
  for (int i = 0; i < 5'000; ++i) (void)co_await asyncio::as_result(call_throw_kept(kept));
  EXPECT_LT(asyncio::format_exception(kept).size(), 100'000U);
  asyncio::detail::forget_failures();
}

ASYNC_TEST(Traceback, OfAnErrorObjectThatIsThrownForEverHasTheFramesOfTheLastTime) {
  const auto kept = std::make_exception_ptr(std::runtime_error("kept"));
  for (int i = 0; i < 5'000; ++i) (void)co_await asyncio::as_result(call_throw_kept(kept));
  const Outline seen = co_await caught(throw_last(kept));
  EXPECT_EQ(seen.front(), at("throw_last", throw_last_line));
  asyncio::detail::forget_failures();
}

// --- recursion ---

namespace {

/// Of recurse(depth), thrown in its innermost call.
Outline recursed(int depth) {
  Outline frames;
  for (int i = 0; i < depth && i < 3; ++i) frames.push_back(at("recurse", recurse_line));
  if (depth > 3) frames.push_back(support::more(static_cast<unsigned>(depth) - 3));
  return lines(frames, at_start("recurse"), "range_error: at the bottom");
}

asyncio::Coro<> recurse_by_tasks(int depth) {
  if (depth == 0) throw std::range_error("at the bottom");
  auto task = asyncio::create_task(recurse_by_tasks(depth - 1));
  co_await task;
}
constexpr unsigned by_tasks_line = __LINE__ - 2;

asyncio::Coro<> pong(int depth);
asyncio::Coro<> ping(int depth) {
  if (depth == 0) throw std::range_error("at the bottom");
  co_await pong(depth - 1);
}
constexpr unsigned ping_line = __LINE__ - 2;
asyncio::Coro<> pong(int depth) { co_await ping(depth); }
constexpr unsigned pong_line = __LINE__ - 1;

}  // namespace

ASYNC_TEST(Traceback, CollapsesARecursionAfterThreeFrames) {
  for (const int depth : {1, 2, 3, 4, 5, 100}) {
    EXPECT_EQ(co_await caught(recurse(depth)), recursed(depth)) << depth;
  }
  auto end = co_await asyncio::as_result(recurse(4));
  const std::string text = asyncio::format_exception(end.error());
  EXPECT_NE(text.find("\n  [Previous line repeated 1 more time]\n"), text.npos) << text;
}

ASYNC_TEST(Traceback, CollapsesARecursionOfTasks) {
  const std::string frame = at("recurse_by_tasks", by_tasks_line);
  EXPECT_EQ(co_await caught(recurse_by_tasks(10)),
            lines(frame, frame, frame, support::more(7), at_start("recurse_by_tasks"),
                  "range_error: at the bottom"));
}

ASYNC_TEST(Traceback, DoesNotCollapseFramesThatAlternate) {
  const std::string a = at("ping", ping_line);
  const std::string b = at("pong", pong_line);
  EXPECT_EQ(co_await caught(ping(4)),
            lines(a, b, a, b, a, b, a, b, at_start("ping"), "range_error: at the bottom"));
}

namespace {

constexpr unsigned play_line = __LINE__ + 1;
asyncio::Coro<> play(int depth) { co_await ping(depth); }

}  // namespace

// Whatever is left out of a long one, it is not who awaited it
ASYNC_TEST(Traceback, OfThousandsOfFramesThatAlternateHasTheOutermostAndTheInnermost) {
  const Outline seen = co_await caught(play(2'000));
  EXPECT_EQ(seen.front(), at("play", play_line));
  EXPECT_EQ(Outline(seen.end() - 2, seen.end()),
            lines(at_start("ping"), "range_error: at the bottom"));
}

// failure 28
ASYNC_TEST(Traceback, OfAHundredThousandCoroutinesIsAFewLines) {
  constexpr int depth = 100'000;
  EXPECT_EQ(co_await caught(recurse(depth)), recursed(depth));
}

// failure 28: nothing is collapsed, and the track is let go of in a loop
ASYNC_TEST(Traceback, OfAHundredThousandCoroutinesThatAlternateIsReleasedWithoutRecursion) {
  auto end = co_await asyncio::as_result(ping(50'000));
  EXPECT_NE(end.error(), nullptr);
}

// --- what a thread remembers of bare pointers ---

namespace {

/// Fails in crawl(); gives the bare pointer.
asyncio::Coro<std::exception_ptr> parked_pointer() {
  try {
    co_await crawl();
  } catch (...) {
    co_return std::current_exception();
  }
  co_return nullptr;
}

}  // namespace

ASYNC_TEST(Traceback, OfABarePointerIsKnownWhileItIsAmongTheLastSixteenErrors) {
  const std::exception_ptr error = co_await parked_pointer();
  co_await drop_errors(15);
  EXPECT_EQ(without_first(outline(error)), crawled());
  co_await drop_errors(1);
  EXPECT_EQ(outline(error), lines("runtime_error: no such tag"));
}

ASYNC_TEST(Traceback, OfABarePointerIsKnownThoughAnotherErrorCameThroughManyCoroutines) {
  const std::exception_ptr error = co_await parked_pointer();
  (void)co_await caught(ping(100));
  EXPECT_EQ(without_first(outline(error)), crawled());
}

ASYNC_TEST(Traceback, OfABarePointerIsKnownThoughAnotherErrorCameThroughARecursion) {
  const std::exception_ptr error = co_await parked_pointer();
  (void)co_await caught(recurse(100));
  EXPECT_EQ(without_first(outline(error)), crawled());
}

// TASK-054
ASYNC_TEST(Traceback, OfManyTasksAndResultsIsKeptWithEachOfThem) {
  constexpr int many = 50;
  std::vector<asyncio::Task<>> tasks;
  std::vector<asyncio::Result<void>> results;
  for (int i = 0; i < many; ++i) tasks.push_back(asyncio::create_task(crawl()));
  for (auto& task : tasks) results.push_back(co_await asyncio::as_result(left(task)));
  co_await drop_errors(many);
  for (int i = 0; i < many; ++i) {
    const auto n = static_cast<std::size_t>(i);
    EXPECT_EQ(outline(results[n].error()), crawled(at("left", left_line)));
    EXPECT_EQ(outline(tasks[n].exception()), crawled());
  }
}

ASYNC_TEST(Traceback, KeepsNoErrorAliveThatTheThreadHasForgotten) {
  try {
    co_await fail_counted();
  } catch (const Counted&) {
  }
  {
    auto task = asyncio::create_task(fail_counted());
    auto end = co_await asyncio::as_result(task);
    EXPECT_THROW(end.value(), Counted);
    EXPECT_TRUE(outline(task.exception()).back().ends_with("Counted: counted"));
    const asyncio::Future<> future;
    future.set_exception(task.exception());
    EXPECT_THROW(co_await future, Counted);
  }
  EXPECT_GE(Counted::alive, 2);
  asyncio::detail::forget_failures();
  EXPECT_EQ(Counted::alive, 0);
}

ASYNC_TEST(Traceback, KeepsNoErrorAliveThatIsNoLongerAmongTheLastSixteen) {
  (void)co_await caught(fail_counted());
  EXPECT_EQ(Counted::alive, 1);
  co_await drop_errors(16);
  EXPECT_EQ(Counted::alive, 0);
}

namespace {

/// An error that keeps the task it is about.
struct AboutTask : std::runtime_error {
  explicit AboutTask(asyncio::Task<> t) : std::runtime_error("about a task"), task(std::move(t)) {}
  asyncio::Task<> task;
};

asyncio::Coro<> fail_about(asyncio::Task<> task) {
  co_await task;
  throw AboutTask(task);
}

asyncio::Coro<> swallow_error_about_a_task() {
  try {
    co_await fail_about(asyncio::create_task(asyncio::sleep(0s)));
  } catch (const AboutTask&) {
  }
}

}  // namespace

TEST(Traceback, OfAnErrorThatHoldsATaskIsNoLeakOfTheTest) {
  EXPECT_EQ(asyncio::testing::run_test(&swallow_error_about_a_task), "");
  asyncio::detail::forget_failures();
}

// --- futures and tasks pass it on ---

// TASK-054, TASK-026
ASYNC_TEST(Traceback, OfWhatExceptionGivesIsTheTasks) {
  auto task = asyncio::create_task(crawl());
  (void)co_await asyncio::as_result(task);
  asyncio::detail::forget_failures();
  EXPECT_EQ(outline(task.exception()), crawled());
}

// TASK-054
ASYNC_TEST(Traceback, OfWhatResultThrowsIsTheTasks) {
  auto task = asyncio::create_task(crawl());
  (void)co_await asyncio::as_result(task);
  Outline seen;
  try {
    task.result();
  } catch (...) {
    seen = outline(std::current_exception());
  }
  EXPECT_EQ(seen, crawled());
}

namespace {

asyncio::Coro<> crawl_for(asyncio::Future<> future) {
  try {
    co_await crawl();
  } catch (...) {
    future.set_exception(std::current_exception());
  }
}
constexpr unsigned crawl_for_line = __LINE__ - 5;

constexpr unsigned await_future_line = __LINE__ + 1;
asyncio::Coro<> await_future(asyncio::Future<> future) { co_await future; }

}  // namespace

// TASK-026
ASYNC_TEST(Traceback, OfAFutureIsThatOfTheErrorThatWasSetWithTheFramesOfWhoAwaits) {
  const asyncio::Future<> future;
  co_await crawl_for(future);
  asyncio::detail::forget_failures();
  EXPECT_EQ(co_await caught(await_future(future)),
            crawled(at("await_future", await_future_line), at("crawl_for", crawl_for_line)));
  EXPECT_EQ(outline(future.exception()), crawled(at("crawl_for", crawl_for_line)));
}

// TASK-026
ASYNC_TEST(Traceback, OfAFutureWhoseErrorWasNeverThrownIsTheFramesOfWhoAwaits) {
  const asyncio::Future<> future;
  auto waiter = asyncio::create_task(caught(await_future(future)));
  co_await asyncio::sleep(0s);
  future.set_exception(std::domain_error("set"));
  const Outline expected = lines(at("await_future", await_future_line), "domain_error: set");
  EXPECT_EQ(co_await waiter, expected);
  EXPECT_EQ(co_await caught(await_future(future)), expected);
}

// TASK-106
ASYNC_TEST(Traceback, OfATaskThatFailsEagerlyIsTheSame) {
  auto task = asyncio::create_task(other(), {.eager_start = true});
  EXPECT_TRUE(task.done());
  EXPECT_EQ(co_await caught(task),
            lines(at("other", other_line), at_start("fail_at_once"), "domain_error: at once"));
}

// TASK-076
ASYNC_TEST(Traceback, OfACancelledTaskGoesToItsFirstAwaiter) {
  auto task = asyncio::create_task(sleeps());
  co_await asyncio::sleep(0s);
  task.cancel("why");
  EXPECT_EQ(co_await caught(left(task)), lines(at("left", left_line), at("sleeps", sleeps_line),
                                               at("sleeper", sleeper_line), "CancelledError: why"));
  EXPECT_EQ(co_await caught(left(task)), lines(at("left", left_line), "CancelledError"));
}

// TASK-076, TASK-077
ASYNC_TEST(Traceback, OfACancelledTaskIsKnownToWhoAsksForItsResultOrException) {
  for (const bool result : {true, false}) {
    auto task = asyncio::create_task(sleeps());
    co_await asyncio::sleep(0s);
    task.cancel("why");
    co_await asyncio::sleep(0s);
    Outline seen;
    try {
      if (result) {
        task.result();
      } else {
        (void)task.exception();
      }
    } catch (...) {
      seen = outline(std::current_exception());
    }
    EXPECT_EQ(seen,
              lines(at("sleeps", sleeps_line), at("sleeper", sleeper_line), "CancelledError: why"))
        << result;
  }
}

// TASK-066
ASYNC_TEST(Traceback, OfATaskThatWasCancelledBeforeItBeganHasNoFramesOfIts) {
  auto task = asyncio::create_task(sleeps());
  task.cancel();
  EXPECT_EQ(co_await caught(left(task)), lines(at("left", left_line), "CancelledError"));
}

// TASK-030
ASYNC_TEST(Traceback, OfACancelledFutureIsTheFramesOfWhoAwaits) {
  const asyncio::Future<> future;
  future.cancel("why");
  const Outline expected = lines(at("await_future", await_future_line), "CancelledError: why");
  EXPECT_EQ(co_await caught(await_future(future)), expected);
  EXPECT_EQ(co_await caught(await_future(future)), expected);
}

// --- exception handlers ---

namespace {

/// Drops a failed task that nobody has asked.
asyncio::Coro<> forget_a_failure() {
  auto task = asyncio::create_task(crawl());
  co_await asyncio::sleep(1s);
  asyncio::detail::forget_failures();
}

}  // namespace

// TASK-031, LOOP-054
ASYNC_TEST(Traceback, OfAnErrorNobodyRetrievedIsKnownToTheExceptionHandler) {
  auto& loop = asyncio::get_running_loop();
  std::vector<Outline> told;
  loop.set_exception_handler([&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
    EXPECT_EQ(context.message, "Task exception was never retrieved");
    told.push_back(outline(context.exception));
  });
  co_await forget_a_failure();
  EXPECT_EQ(told, std::vector<Outline>{crawled()});
}

// LOOP-031, TASK-020
ASYNC_TEST(Traceback, OfWhatACallbackThrowsOnIsKnownToTheExceptionHandler) {
  auto& loop = asyncio::get_running_loop();
  std::vector<Outline> told;
  loop.set_exception_handler([&](asyncio::EventLoop&, const asyncio::ExceptionContext& context) {
    told.push_back(outline(context.exception));
  });
  auto task = asyncio::create_task(crawl());
  task.add_done_callback([](const asyncio::Task<>& done) { done.result(); });
  (void)co_await asyncio::as_result(task);
  loop.call_soon([&] { task.result(); });
  loop.call_soon([] { throw std::logic_error("here"); });
  co_await asyncio::sleep(1s);
  EXPECT_EQ(told, (std::vector<Outline>{crawled(), crawled(), {"logic_error: here"}}));
}

// LOOP-058, TASK-031
ASYNC_TEST(Traceback, StandsInTheLogOfTheDefaultExceptionHandler) {
  const support::LogCapture log;
  co_await forget_a_failure();
  EXPECT_EQ(log.lines().size(), 1U);
  for (const std::string& text : log.lines()) {
    EXPECT_EQ(text.find("Task exception was never retrieved\nfuture: <Task finished "), 0U) << text;
    const auto head_at = text.find("\nTraceback (most recent call last):\n  File ");
    EXPECT_NE(head_at, text.npos) << text;
    EXPECT_EQ(outline(text.substr(std::min(head_at, text.size()))), crawled());
  }
}

// LOOP-058: without frames there is nothing to be the head of
ASYNC_TEST(Traceback, StandsInNoLogOfAnErrorWithoutFrames) {
  const support::LogCapture log;
  asyncio::get_running_loop().call_soon([] { throw std::logic_error("here"); });
  co_await asyncio::sleep(0s);
  EXPECT_EQ(log.count("logic_error: here"), 1);
  EXPECT_EQ(log.count("Traceback (most"), 0);
}

// RUN-049
TEST(Traceback, OfAKeyboardInterruptThatLeavesTheLoopIsTheTasks) {
  const auto loop = asyncio::new_event_loop();
  const auto interrupt = []() -> asyncio::Coro<> {
    co_await asyncio::sleep(0s);
    throw asyncio::KeyboardInterrupt();
  };
  auto task = loop->create_task(interrupt());
  Outline seen;
  try {
    loop->run_forever();
  } catch (...) {
    seen = outline(std::current_exception());
  }
  EXPECT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen.back(), "KeyboardInterrupt");
  EXPECT_EQ(seen, outline(task.exception()));
  loop->close();
}

// --- the stack of a failed task ---

// TASK-107
ASYNC_TEST(FailedTaskStack, HasTheCoroutinesTheErrorCameThroughTheOutermostFirst) {
  auto task = asyncio::create_task(crawl());
  (void)co_await asyncio::as_result(task);
  const auto frames = task.get_stack();
  EXPECT_EQ(names(frames),
            lines(at("crawl", crawl_line), at("fetch", fetch_line), at("parse", parse_line)));
  for (const auto& frame : frames) EXPECT_TRUE(frame.file.ends_with("traceback_test.cpp"));
}

// TASK-107
ASYNC_TEST(FailedTaskStack, IsTheTasksOwnThoughOthersHaveAwaitedIt) {
  auto task = asyncio::create_task(crawl());
  (void)co_await caught(left_of_left(task));
  (void)co_await caught(right(task));
  EXPECT_EQ(task.get_stack().size(), 3U);
  EXPECT_EQ(task.get_stack().at(0).function, "crawl");
}

// TASK-107
ASYNC_TEST(FailedTaskStack, OfOneThatFailedBeforeItsFirstAwaitIsItsCoroutine) {
  auto task = asyncio::create_task(fail_at_once());
  (void)co_await asyncio::as_result(task);
  const auto frames = task.get_stack();
  EXPECT_EQ(frames.size(), 1U);
  EXPECT_EQ(frames.at(0).function, "fail_at_once");
  EXPECT_GT(frames.at(0).line, 0U);
}

// TASK-107
ASYNC_TEST(FailedTaskStack, HasEveryFrameOfARecursion) {
  auto task = asyncio::create_task(recurse(10));
  (void)co_await asyncio::as_result(task);
  EXPECT_EQ(task.get_stack().size(), 11U);
}

// TASK-108
ASYNC_TEST(FailedTaskStack, ALimitKeepsTheOutermostFrames) {
  auto task = asyncio::create_task(crawl());
  (void)co_await asyncio::as_result(task);
  EXPECT_EQ(names(task.get_stack(2)), lines(at("crawl", crawl_line), at("fetch", fetch_line)));
  EXPECT_EQ(names(task.get_stack(1)), lines(at("crawl", crawl_line)));
  EXPECT_TRUE(task.get_stack(0).empty());
  EXPECT_EQ(task.get_stack(9).size(), 3U);
  EXPECT_EQ(without_first(outline(task.format_stack(1))),
            lines(at("crawl", crawl_line), "runtime_error: no such tag"));
}

// TASK-109, DBG-025
ASYNC_TEST(FailedTaskStack, IsFormattedAsATracebackForTheTask) {
  auto task = asyncio::create_task(crawl(), {.name = "crawler"});
  (void)co_await asyncio::as_result(task);
  const std::string text = task.format_stack();
  EXPECT_EQ(head(text), "Traceback for " + task.repr() + " (most recent call last):");
  EXPECT_EQ(head(text).find("Traceback for <Task finished name='crawler' "), 0U);
  // What is below the head is what format_exception() has below its own.
  const std::string traceback = asyncio::format_exception(task.exception());
  EXPECT_EQ(text.substr(text.find('\n')), traceback.substr(traceback.find('\n')));
}

// TASK-109, DBG-025
ASYNC_TEST(FailedTaskStack, IsPrintedToStandardError) {
  auto task = asyncio::create_task(crawl());
  (void)co_await asyncio::as_result(task);
  ::testing::internal::CaptureStderr();
  task.print_stack();
  const std::string printed = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(printed, task.format_stack() + "\n");
  EXPECT_NE(printed.find("in parse (traceback_test.cpp), after line"), printed.npos);
}

// TASK-109
ASYNC_TEST(FailedTaskStack, OfACancelledOneIsNone) {
  auto task = asyncio::create_task(sleeps());
  co_await asyncio::sleep(0s);
  task.cancel();
  (void)co_await asyncio::as_result(task);
  EXPECT_TRUE(task.get_stack().empty());
  EXPECT_EQ(task.format_stack(), "No stack for " + task.repr());
}

// RUN-014
TEST(Traceback, OfAnErrorThatLeavesRunUntilCompleteIsKnownInTheHandler) {
  const auto loop = asyncio::new_event_loop();
  Outline seen;
  try {
    loop->run_until_complete(crawl());
  } catch (...) {
    seen = outline(std::current_exception());
  }
  loop->close();
  EXPECT_EQ(seen, crawled());
}
