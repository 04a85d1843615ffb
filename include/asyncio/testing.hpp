#pragma once

#include <asyncio/run.hpp>

#include <cstddef>
#include <string>
#include <utility>

/// Tests of asynchronous code: a clock that does not wait, and a check that nothing is left behind.
namespace asyncio::testing {

struct Options {
  /// nullopt: as the environment says.
  std::optional<bool> debug = std::nullopt;
};
static_assert(std::is_trivially_destructible_v<Options>);

/// A loop on the virtual clock. For run(..., {.loop_factory = ...}).
[[nodiscard]] std::unique_ptr<EventLoop> new_virtual_loop();

/// asyncio::run() on the virtual clock: when nothing is ready and nothing goes on outside, time
/// jumps to the next timer. While there are jobs on threads or watched descriptors it waits in real
/// time.
///
/// Throws: RuntimeError "deadlock: ..." with every waiting task, when nothing can happen any more.
template <asyncio::detail::Main M>
auto run(M&& main, Options options = {}) {
  return asyncio::run(std::forward<M>(main),
                      RunOptions{.debug = options.debug, .loop_factory = &new_virtual_loop});
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

/// Runs a test's body. Returns: what is wrong, a line each: an exception, tasks and timers that are
/// left at its end, and coroutine frames, futures, handles and descriptors that outlive the loop.
[[nodiscard]] std::string run_test(Coro<> (*body)());

}  // namespace asyncio::testing

/// TEST() of GoogleTest with a coroutine as its body, on the virtual clock:
///
///     ASYNC_TEST(Event, WakesItsWaiters) { co_await ...; EXPECT_TRUE(...); }
///
/// The body needs a co_await or co_return. ASSERT_* contain `return` and cannot be used in it;
/// EXPECT_* can.
#define ASYNC_TEST(suite, name)                                                                   \
  static ::asyncio::Coro<> suite##_##name##_AsyncBody();                                          \
  TEST(suite, name) { EXPECT_EQ(::asyncio::testing::run_test(&suite##_##name##_AsyncBody), ""); } \
  static ::asyncio::Coro<> suite##_##name##_AsyncBody()
