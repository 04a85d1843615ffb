#include <asyncio/as_result.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/run.hpp>
#include <asyncio/traceback.hpp>
#include <asyncio/wait.hpp>

#include "base/log.hpp"
#include "io/choose_backend.hpp"
#include "io/program_entry.hpp"
#include "io/run_main_task.hpp"
#include "io/signal_guard.hpp"
#include "loop/loop_state.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>

namespace asyncio {

namespace detail {
void check_no_loop(const char* what, bool closed) {
  if (closed) throw_runtime_error(fmt::format("{}: Runner is closed; make a new one", what));
  if (thread_state.scheduler == nullptr) return;
  throw_runtime_error(fmt::format(
      "{} cannot be called from a running event loop, \"{}\"; co_await the coroutine instead", what,
      thread_state.scheduler->name));
}
}  // namespace detail

Runner::Runner(RunOptions options)
    : options_(options), loop_name_(options.name), backend_(options.backend) {
  detail::enter_program();
}

Runner::~Runner() {
  try {
    close();
  } catch (...) {
    detail::log(LogLevel::error,
                "Runner: error while closing: " + format_exception(std::current_exception()));
  }
}

EventLoop& Runner::get_loop() {
  if (closed_) detail::throw_runtime_error("get_loop(): Runner is closed; make a new one");
  if (loop_ != nullptr) return *loop_;
  if (options_.loop_factory != nullptr) {
    loop_ = options_.loop_factory();
  } else {
    loop_ = detail::LoopAccess::make(detail::make_backend(backend_));
    set_event_loop(loop_.get());
    set_event_loop_ = true;
  }
  detail::LoopAccess::state(*loop_).name = loop_name_;
  if (options_.watchdog) loop_->set_watchdog(options_.watchdog);
  if (options_.debug) loop_->set_debug(*options_.debug);
  context_ = copy_context();
  return *loop_;
}

namespace {

// Runs a main task to its end under a guard. Returns: the signal that has ended it, or 0; any
// other end is thrown.
int run_guarded(EventLoop& loop, AnyTask& task, bool with_sigterm) {
  const detail::SignalGuard guard(task, with_sigterm);
  try {
    loop.run_until_complete(task);
    // A signal that came when there was nothing to cancel any more is no less a ^C.
    return guard.accepted() ? 0 : guard.caught();
  } catch (const CancelledError&) {
    if (guard.caught() != 0 && task.uncancel() == 0) return guard.caught();
    throw;
  }
}

}  // namespace

void Runner::run_main(AnyTask task) {
  try {
    if (run_guarded(*loop_, task, false) != 0) throw KeyboardInterrupt();
  } catch (...) {
    main_failure_ = detail::current_failure();
    throw;
  }
}

void Runner::close() {
  if (closed_) return;
  closed_ = true;
  if (loop_ == nullptr) return;
  struct Closer {
    Runner& runner;
    ~Closer() {
      if (runner.set_event_loop_) set_event_loop(nullptr);
      try {
        runner.loop_->close();
      } catch (...) {
        detail::log(LogLevel::error, "Runner: " + format_exception(std::current_exception()));
      }
      runner.loop_.reset();
      // What fails while a loop ends must not push the main's error out of memory.
      detail::remember(std::exchange(runner.main_failure_, {}));
    }
  };
  const Closer closer{*this};
  cancel_all_tasks();
  loop_->run_until_complete(loop_->shutdown_asyncgens());
  constexpr Duration join_limit = Duration::nanoseconds(300'000'000'000);
  loop_->run_until_complete(loop_->shutdown_default_executor(join_limit));
}

namespace {

Coro<bool> end_of(std::vector<AnyTask> tasks, std::optional<Duration> limit) {
  if (limit) {
    auto ended = co_await wait(tasks, WaitOptions{.timeout = limit});
    co_return ended.pending.empty();
  }
  auto all = gather(return_exceptions, tasks);
  co_await all;
  co_return true;
}

void report_ends(EventLoop& loop, const std::vector<AnyTask>& tasks) {
  for (const AnyTask& task : tasks) {
    if (!task.done()) {
      detail::log(LogLevel::error,
                  fmt::format("{} did not end within the shutdown timeout although it was "
                              "cancelled; it is destroyed",
                              task.repr()));
      continue;
    }
    if (task.cancelled() || task.exception() == nullptr) continue;
    detail::count_report(&ReportCounts::lost_errors);
    ExceptionContext context;
    context.message = "unhandled exception during asyncio::run() shutdown";
    context.exception = task.exception();
    context.task = task;
    loop.call_exception_handler(context);
  }
}

}  // namespace

void Runner::cancel_all_tasks() {
  // Cleanup code may make new tasks: again, until none is left; but not for ever.
  constexpr int most_rounds = 100;
  for (int round = 0; round < most_rounds; ++round) {
    const std::vector<AnyTask> tasks = all_tasks(*loop_);
    if (tasks.empty()) return;
    for (const AnyTask& task : tasks) task.cancel();
    const bool all = loop_->run_until_complete(end_of(tasks, options_.shutdown_timeout));
    report_ends(*loop_, tasks);
    if (!all) return;
  }
}

// --- run_main -----------------------------------------------------------------------------------

namespace detail {

bool strip_dev_switch(MainArgs& args) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    const bool apart = args[i] == "-X" && i + 1 < args.size() && args[i + 1] == "dev";
    if (!apart && args[i] != "-Xdev") continue;
    const auto at = args.begin() + static_cast<std::ptrdiff_t>(i);
    args.erase(at, at + (apart ? 2 : 1));
    return true;
  }
  return false;
}

}  // namespace detail

int run_main_task(Runner& runner, Coro<int> main) {
  detail::check_may_run(main, "run_main()");
  EventLoop& loop = detail::or_close(main, [&]() -> EventLoop& { return runner.get_loop(); });
  auto task = loop.create_task(std::move(main));
  AnyTask any = task;
  const int signal = run_guarded(loop, any, true);
  return signal != 0 ? 128 + signal : task.result();
}

namespace detail {

int run_program(Coro<int> main, bool debug) {
  constexpr int failed = 1;
  constexpr int interrupted = 128 + SIGINT;
  try {
    RunOptions options;
    if (debug) options.debug = true;
    Runner runner(options);
    const int code = run_main_task(runner, std::move(main));
    runner.close();
    return code;
  } catch (const KeyboardInterrupt&) {
    return interrupted;
  } catch (...) {
    print_exception(std::current_exception());
    return failed;
  }
}

}  // namespace detail
}  // namespace asyncio
