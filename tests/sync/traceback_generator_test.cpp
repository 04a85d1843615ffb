// What tracebacks say of errors that came through asynchronous generators, races and groups.

#include <asyncio/traceback.hpp>

#include <asyncio/as_result.hpp>
#include <asyncio/async_generator.hpp>
#include <asyncio/error.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/group_all.hpp>
#include <asyncio/race.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/task.hpp>
#include <asyncio/testing.hpp>

#include "support/outline.hpp"

#include <gtest/gtest.h>

#include <chrono>
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

namespace {

using Generator = asyncio::AsyncGenerator<int>;

// One coroutine per line and one co_await per line: g++ gives the last line of a longer one.

asyncio::Coro<int> parse() {
  co_await asyncio::sleep(1s);
  throw std::runtime_error("no such tag");
}
constexpr unsigned parse_line = __LINE__ - 3;

constexpr unsigned parse_it_line = __LINE__ + 1;
asyncio::Coro<> parse_it(int) { co_await parse(); }

Generator fail_between() {
  co_yield 1;
  throw std::domain_error("between");
}
constexpr unsigned yield_line = __LINE__ - 3;

Generator fail_after_sleep() {
  co_await asyncio::sleep(1s);
  if (true) throw std::domain_error("slept");
  co_yield 1;
}
constexpr unsigned slept_line = __LINE__ - 4;

Generator fail_at_start(bool fail) {
  if (fail) throw std::domain_error("at once");
  co_yield 1;
}

constexpr unsigned parsed_line = __LINE__ + 1;
Generator parsed() { co_yield co_await parse(); }

Generator pass_on(Generator source) {
  while (auto item = co_await source.next()) {
    co_yield *item;
  }
}
constexpr unsigned pass_on_line = __LINE__ - 4;
constexpr unsigned pass_on_yield_line = __LINE__ - 4;

Generator fail_in_cleanup() {
  bool closed = false;
  try {
    co_yield 1;
  } catch (const asyncio::GeneratorExit&) {
    closed = true;
  }
  if (closed) throw std::domain_error("from the cleanup");
}
constexpr unsigned cleanup_line = __LINE__ - 6;

asyncio::Coro<> consume(Generator generator) {
  for (;;) {
    co_await generator.next();
  }
}
constexpr unsigned consume_line = __LINE__ - 3;

asyncio::Coro<> consume_and_throw(Generator generator) {
  co_await generator.next();
  co_await generator.athrow(std::domain_error("thrown in"));
}
constexpr unsigned throw_line = __LINE__ - 2;

constexpr unsigned throw_early_line = __LINE__ + 1;
asyncio::Coro<> throw_early(Generator g) { co_await g.athrow(std::domain_error("early")); }

asyncio::Coro<> consume_and_close(Generator generator) {
  co_await generator.next();
  co_await generator.aclose();
}
constexpr unsigned close_line = __LINE__ - 2;

void ignore(int) {}
constexpr unsigned each_line = __LINE__ + 1;
asyncio::Coro<> each() { co_await asyncio::for_each(parsed(), ignore); }

constexpr unsigned each_refused_line = __LINE__ + 1;
asyncio::Coro<> each_refused() { co_await asyncio::for_each(fail_between(), parse_it); }

constexpr unsigned each_spoilt_line = __LINE__ + 1;
asyncio::Coro<> each_spoilt() { co_await asyncio::for_each(fail_in_cleanup(), parse_it); }

}  // namespace

// --- generators -------------------------------------------------------------------------------

ASYNC_TEST(TracebackOfGenerator, ShowsWhereItStoodAndWhoAskedIt) {
  EXPECT_EQ(co_await caught(consume(fail_between())),
            lines(at("consume", consume_line), after("fail_between", yield_line),
                  "domain_error: between"));
  EXPECT_EQ(co_await caught(consume(fail_after_sleep())),
            lines(at("consume", consume_line), after("fail_after_sleep", slept_line),
                  "domain_error: slept"));
  EXPECT_EQ(co_await caught(consume(fail_at_start(true))),
            lines(at("consume", consume_line), at_start("fail_at_start"), "domain_error: at once"));
}

ASYNC_TEST(TracebackOfGenerator, ShowsWhatItAwaited) {
  EXPECT_EQ(co_await caught(consume(parsed())),
            lines(at("consume", consume_line), at("parsed", parsed_line),
                  after("parse", parse_line), "runtime_error: no such tag"));
}

ASYNC_TEST(TracebackOfGenerator, ShowsGeneratorsInsideEachOther) {
  EXPECT_EQ(
      co_await caught(consume(pass_on(pass_on(fail_between())))),
      lines(at("consume", consume_line), at("pass_on", pass_on_line), at("pass_on", pass_on_line),
            after("fail_between", yield_line), "domain_error: between"));
}

ASYNC_TEST(TracebackOfGenerator, ShowsWhereAnErrorWasThrownIn) {
  EXPECT_EQ(co_await caught(consume_and_throw(pass_on(fail_between()))),
            lines(at("consume_and_throw", throw_line), after("pass_on", pass_on_yield_line),
                  "domain_error: thrown in"));
  EXPECT_EQ(co_await caught(throw_early(fail_between())),
            lines(at("throw_early", throw_early_line), "domain_error: early"));
}

ASYNC_TEST(TracebackOfGenerator, ShowsWhoClosedIt) {
  EXPECT_EQ(co_await caught(consume_and_close(fail_in_cleanup())),
            lines(at("consume_and_close", close_line), after("fail_in_cleanup", cleanup_line),
                  "domain_error: from the cleanup"));
}

ASYNC_TEST(TracebackOfGenerator, ShowsWhereItWasCancelled) {
  auto task = asyncio::create_task(consume(pass_on(parsed())));
  co_await asyncio::sleep(0s);
  task.cancel();
  const auto end = co_await asyncio::as_result(task);
  EXPECT_EQ(outline(end.error()),
            lines(at("consume", consume_line), at("pass_on", pass_on_line),
                  at("parsed", parsed_line), at("parse", parse_line), "CancelledError"));
}

ASYNC_TEST(TracebackOfGenerator, HasNoFramesOfForEach) {
  EXPECT_EQ(co_await caught(each()),
            lines(at("each", each_line), at("parsed", parsed_line), after("parse", parse_line),
                  "runtime_error: no such tag"));
  EXPECT_EQ(co_await caught(each_refused()),
            lines(at("each_refused", each_refused_line), at("parse_it", parse_it_line),
                  after("parse", parse_line), "runtime_error: no such tag"));
}

// EXC-017
ASYNC_TEST(TracebackOfGenerator, ShowsWhatForEachWasLeftWithWhenTheCleanupFails) {
  EXPECT_EQ(
      co_await caught(each_spoilt()),
      lines(at("parse_it", parse_it_line), after("parse", parse_line), "runtime_error: no such tag",
            support::while_handling, at("each_spoilt", each_spoilt_line),
            after("fail_in_cleanup", cleanup_line), "domain_error: from the cleanup"));
}

ASYNC_TEST(TracebackOfGenerator, OfATaskThatWaitsInIt) {
  auto task = asyncio::create_task(consume(pass_on(parsed())));
  co_await asyncio::sleep(0s);
  std::vector<std::string> stack;
  for (const auto& frame : task.get_stack()) stack.push_back(at(frame.function, frame.line));
  EXPECT_EQ(stack, (Outline{at("consume", consume_line), at("pass_on", pass_on_line),
                            at("parsed", parsed_line), at("parse", parse_line)}));
  task.cancel();
  (void)co_await asyncio::as_result(task);
}

// --- races and groups -------------------------------------------------------------------------

namespace {

constexpr unsigned race_line = __LINE__ + 1;
asyncio::Coro<> run_race() { co_await asyncio::race(parse(), parse_it(1)); }
constexpr unsigned group_line = __LINE__ + 1;
asyncio::Coro<> run_group() { co_await asyncio::group_all(parse(), parse_it(1)); }
constexpr unsigned gather_line = __LINE__ + 1;
asyncio::Coro<> run_gather() { co_await asyncio::gather(asyncio::cancel_on_error, parse()); }

}  // namespace

ASYNC_TEST(TracebackOfRace, HasNoFramesOfTheLibrary) {
  EXPECT_EQ(co_await caught(run_race()),
            lines(at("run_race", race_line),
                  "ExceptionGroup: race(): no awaitable gave a value (2 sub-exceptions)", "1",
                  after("parse", parse_line), "runtime_error: no such tag", "2",
                  at("parse_it", parse_it_line), after("parse", parse_line),
                  "runtime_error: no such tag"));
}

ASYNC_TEST(TracebackOfGroupAll, HasNoFramesOfTheLibrary) {
  EXPECT_EQ(co_await caught(run_group()),
            lines(at("run_group", group_line),
                  "ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)", "1",
                  after("parse", parse_line), "runtime_error: no such tag", "2",
                  at("parse_it", parse_it_line), after("parse", parse_line),
                  "runtime_error: no such tag"));
}

ASYNC_TEST(TracebackOfGatherCancelOnError, HasNoFramesOfTheLibrary) {
  EXPECT_EQ(co_await caught(run_gather()),
            lines(at("run_gather", gather_line), after("parse", parse_line),
                  "runtime_error: no such tag"));
}
