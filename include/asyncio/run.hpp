#pragma once

#include <asyncio/event_loop.hpp>
#include <asyncio/task.hpp>

#include <concepts>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

/// How run() makes its loop.
struct RunOptions {
  /// nullopt: as the environment says (ASYNCIODEBUG).
  std::optional<bool> debug = std::nullopt;
  /// The loop's, in messages. Copied.
  std::string_view name = "main";
  /// What the loop stands on: "epoll"; "io_uring", which is epoll where the kernel refuses it;
  /// "virtual", a clock for tests. Empty: as the environment says (ASYNCIO_BACKEND), else epoll.
  /// Copied.
  std::string_view backend = {};
  /// Instead of new_event_loop(); `backend` says nothing then.
  std::unique_ptr<EventLoop> (*loop_factory)() = nullptr;
  /// How long tasks that are cancelled at the end may take. nullopt: as long as they like, as in
  /// Python; else those that still run then are reported and destroyed.
  std::optional<Duration> shutdown_timeout = std::nullopt;
  /// After what time a step or callback that blocks the loop is reported while it does; zero:
  /// never. nullopt: as the environment says (ASYNCIO_WATCHDOG), else as debug mode does. See
  /// EventLoop::set_watchdog().
  std::optional<Duration> watchdog = std::nullopt;
};
static_assert(std::is_trivially_destructible_v<RunOptions>);

namespace detail {

/// What a main may be: a coroutine, another awaitable, or a callable that returns one.
template <class M>
concept Main = (Awaitable<M> && !is_future<M>) || CoroFunction<M>;

/// Throws: RuntimeError if a loop runs on this thread, or the runner is closed.
void check_no_loop(const char* what, bool closed);
/// What `fn` gives. When it throws, `main` will not run, and is closed.
template <class M, class F>
decltype(auto) or_close(M& main, F fn) {
  try {
    return fn();
  } catch (...) {
    if constexpr (is_coro<std::remove_cvref_t<M>>) main.close();
    throw;
  }
}
template <class M>
void check_may_run(M& main, const char* what, bool closed = false) {
  or_close(main, [&] { check_no_loop(what, closed); });
}
}  // namespace detail

/// Runs several mains one after the other in one loop and one context.
///
/// Python: asyncio.Runner
/// Lifetime: destruction closes it.
class Runner {
 public:
  explicit Runner(RunOptions options = {});
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner();

  /// Runs `main` to its end: a coroutine, or a callable that returns one and is kept while it runs.
  /// ^C cancels it, if nobody else handles SIGINT and this is the main thread; a second ^C kills
  /// the process.
  ///
  /// Returns: what main returns.
  /// Throws: what main throws; KeyboardInterrupt if ^C has ended it; RuntimeError if a loop runs on
  /// this thread or the runner is closed.
  template <detail::Main M>
  auto run(M&& main, const Context* context = nullptr,
           std::source_location where = std::source_location::current()) {
    detail::check_may_run(main, "Runner.run()", closed_);
    EventLoop& loop = detail::or_close(main, [this]() -> EventLoop& { return get_loop(); });
    const TaskOptions options{.context = context != nullptr ? context : &*context_};
    auto task = loop.create_task(std::forward<M>(main), options, where);
    run_main(task);
    using T = typename decltype(task)::value_type;
    if constexpr (!std::is_void_v<T>) {
      return detail::take_value<T>(detail::FutureAccess::state(task));
    }
  }
  /// Made at the first call. Throws: RuntimeError when closed.
  [[nodiscard]] EventLoop& get_loop();
  /// Cancels the tasks that are left and awaits them, joins the default executor, closes the loop.
  /// Idempotent.
  void close();

 private:
  friend int run_main_task(Runner& runner, Coro<int> main);
  void run_main(AnyTask task);
  void cancel_all_tasks();

  std::unique_ptr<EventLoop> loop_;
  RunOptions options_;
  std::string loop_name_;
  std::string backend_;
  std::optional<Context> context_;
  detail::Failure main_failure_;  // of the last main, until it is closed
  bool closed_ = false;
  bool set_event_loop_ = false;
};

/// Runs `main` in a loop of its own and cleans up after it: tasks that are left are cancelled and
/// awaited, the default executor's threads joined, the loop closed.
///
///     int main() { asyncio::run(async_main()); }
///
/// A program that must survive ^C and SIGTERM uses run_main().
///
/// Python: asyncio.run
/// Returns: what main returns.
/// Throws: what main throws, after the cleaning up; KeyboardInterrupt if ^C has ended it;
/// RuntimeError if a loop runs on this thread.
template <detail::Main M>
auto run(M&& main, RunOptions options = {},
         std::source_location where = std::source_location::current()) {
  detail::check_may_run(main, "asyncio::run()");
  Runner runner(options);
  if constexpr (std::is_void_v<decltype(runner.run(std::forward<M>(main)))>) {
    runner.run(std::forward<M>(main), nullptr, where);
    runner.close();
  } else {
    auto result = runner.run(std::forward<M>(main), nullptr, where);
    runner.close();
    return result;
  }
}

namespace detail {

using MainArgs = std::vector<std::string_view>;

template <class F>
auto call_main(F& main, MainArgs args) {
  if constexpr (std::invocable<F&, MainArgs>) {
    return main(std::move(args));
  } else {
    return main();
  }
}

template <class F>
Coro<int> main_with_code(F& main, MainArgs args) {
  auto coro = call_main(main, std::move(args));
  if constexpr (std::is_void_v<typename decltype(coro)::value_type>) {
    co_await std::move(coro);
    co_return 0;
  } else {
    co_return co_await std::move(coro);
  }
}

/// Takes "-X dev" out. Returns: true if it was there.
bool strip_dev_switch(MainArgs& args);
int run_program(Coro<int> main, bool debug);

}  // namespace detail

/// The body of a program's main(): runs `async_main`, a function of nothing or of the arguments
/// without the program's name, that returns Coro<> or Coro<int>.
///
///     int main(int argc, char** argv) { return asyncio::run_main(argc, argv, async_main); }
///
/// Returns: the exit code: async_main's; 1 after an error, which is printed; 130 after ^C; 143
/// after SIGTERM, which cancels async_main as ^C does. `-X dev` among the arguments turns debug
/// mode on and is taken out.
template <class F>
int run_main(int argc, char** argv, F&& async_main) {
  detail::MainArgs args(argv + (argc > 0 ? 1 : 0), argv + argc);
  const bool debug = detail::strip_dev_switch(args);
  return detail::run_program(detail::main_with_code(async_main, std::move(args)), debug);
}

}  // namespace asyncio
