#pragma once

#include <asyncio/detail/test_macros.hpp>
#include <asyncio/detail/watched_new.hpp>
#include <asyncio/run.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

/// Tests of asynchronous code: a clock that does not wait, and a check that nothing is left behind.
namespace asyncio::testing {

struct Options {
  /// nullopt: as the environment says.
  std::optional<bool> debug = std::nullopt;
  /// Runs what is ready in each pass in another order, which this number determines: it shows what
  /// works only in one order. nullopt: the number in ASYNCIO_TEST_SEED, if that is set.
  std::optional<std::uint64_t> seed = std::nullopt;
};
static_assert(std::is_trivially_destructible_v<Options>);

namespace detail {

/// While it lives, new_virtual_loop() gives loops that shuffle. Left by an exception, it prints the
/// seed.
class Shuffled {
 public:
  explicit Shuffled(std::optional<std::uint64_t> seed);
  Shuffled(const Shuffled&) = delete;
  Shuffled& operator=(const Shuffled&) = delete;
  ~Shuffled();

  /// "run again with ..."; empty if nothing is shuffled.
  [[nodiscard]] std::string how_to_repeat() const;

 private:
  struct Probe;
  Probe* probe_;
  int exceptions_;
};

}  // namespace detail

/// A loop on the virtual clock. For run(..., {.loop_factory = ...}).
[[nodiscard]] std::unique_ptr<EventLoop> new_virtual_loop();

/// asyncio::run() on the virtual clock: when nothing is ready and nothing goes on outside, time
/// jumps to the next timer. While there are jobs on threads or watched descriptors it waits in real
/// time.
///
/// Throws: RuntimeError "deadlock: ..." with every waiting task, when nothing can happen any more.
template <asyncio::detail::Main M>
auto run(M&& main, Options options = {},
         std::source_location where = std::source_location::current()) {
  const detail::Shuffled shuffled(options.seed);
  return asyncio::run(std::forward<M>(main),
                      RunOptions{.debug = options.debug, .loop_factory = &new_virtual_loop}, where);
}

/// Tells the virtual clock of work that it cannot see, such as a thread of the test's own that will
/// call call_soon_threadsafe(). The clock waits in real time while one lives.
class OutsideWork {
 public:
  /// Throws: RuntimeError if no loop runs on this thread.
  OutsideWork();
  explicit OutsideWork(EventLoop& loop) noexcept;
  OutsideWork(const OutsideWork&) = delete;
  OutsideWork& operator=(const OutsideWork&) = delete;
  ~OutsideWork();

 private:
  asyncio::detail::Scheduler* scheduler_;
};

/// What a test runs, as often as it is needed: any callable that returns a Coro<>.
class Scenario {
 public:
  template <class F>
    requires(!std::same_as<std::decay_t<F>, Scenario> &&
             std::same_as<std::invoke_result_t<std::decay_t<F>&>, Coro<>>)
  Scenario(F&& make)  // NOLINT(google-explicit-constructor): a callable is one
      : make_(std::forward<F>(make)) {}
  Coro<> operator()() const { return make_(); }

 private:
  asyncio::detail::UniqueFunction<Coro<>()> make_;
};

/// How a test stands by its assertions.
enum class Verdict {
  good,
  failed,
  ended_early,  ///< by a fatal failure, or skipped after another one
  skipped,
};

/// Runs a test's body. Returns: what is wrong, a line each: an exception, tasks and timers that are
/// left at its end, and coroutine frames, futures, handles and descriptors that outlive the loop,
/// with their names and places. `verdict`, if given, is asked when it has ended: what a body leaves
/// that was ended early or skipped is not told of, and a failed one is told how to repeat a
/// shuffled run.
[[nodiscard]] std::string run_test(Scenario body, Verdict (*verdict)() = nullptr);

/// Runs a scenario on the virtual clock, once to count how often its tasks suspend, then once for
/// each of these moments, in which the task that has just suspended is cancelled.
///
///     EXPECT_EQ(asyncio::testing::cancel_at_each_await(transfer), "");
///
/// The scenario may end with its value or with CancelledError.
///
/// Returns: what went wrong, with the task and the place of the cancellation: another error, a
/// deadlock, a scenario that goes on for ever, what is left behind. Empty: nothing.
[[nodiscard]] std::string cancel_at_each_await(Scenario make);

/// Runs a scenario once to count what it allocates on this thread, coroutine frames included; then
/// once for each allocation, which throws std::bad_alloc.
///
/// The scenario may end with its value, std::bad_alloc or a group of these, or CancelledError.
/// What the loop has to report goes to the log sink.
///
/// Returns: as cancel_at_each_await().
[[nodiscard]] std::string fail_at_each_allocation(Scenario make);

}  // namespace asyncio::testing
