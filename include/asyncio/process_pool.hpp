#pragma once

#include <asyncio/detail/process_job.hpp>
#include <asyncio/event_loop.hpp>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace asyncio {

/// How to make a pool.
struct ProcessPoolOptions {
  /// 0: as many as there are processors.
  std::size_t max_workers = 0;
  /// A worker that has done so many ends, and a new one takes its place. nullopt: it stays.
  std::optional<std::size_t> max_tasks_per_child = std::nullopt;
  /// Called by each worker before its first job. If it throws, the pool is broken.
  void (*initializer)() = nullptr;
};
static_assert(std::is_trivially_destructible_v<ProcessPoolOptions>);

/// A worker has ended in the middle of its job, or no worker can be had.
///
/// Python: concurrent.futures.process.BrokenProcessPool; there the whole pool is lost with a worker
class BrokenProcessPool : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What the function has thrown in its worker.
///
/// Python: the exception itself, with a _RemoteTraceback as its cause
class RemoteError : public std::runtime_error {
 public:
  RemoteError(std::string_view type, std::string_view text, std::string_view traceback);
  /// The name of its type, "std::out_of_range".
  [[nodiscard]] const std::string& type() const noexcept { return type_; }
  /// What its what() has said; "" if it has none.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// Where in the worker it was thrown, as far as that is known; else "".
  [[nodiscard]] const std::string& traceback() const noexcept { return traceback_; }

 private:
  std::string type_;
  std::string text_;
  std::string traceback_;
};

/// Other processes of this program, for what needs a processor for long. docs/process_pool.md.
///
/// They are forked from a process that is made with the pool: by fork(), if this one has one
/// thread then, else by running the program again up to run(), Runner or a ProcessPoolExecutor. So
/// it is best made early, before threads and before what need not be done twice. A worker is made
/// when a job finds none idle.
///
/// Python: concurrent.futures.ProcessPoolExecutor
/// Threads: one, that of the loop whose jobs it takes. Which loop that is the first job decides.
/// Lifetime: destruction is shutdown(). The end of the loop ends the workers at once.
class ProcessPoolExecutor {
 public:
  /// Throws: std::system_error "fork: ..."; std::bad_alloc.
  explicit ProcessPoolExecutor(ProcessPoolOptions options = {});
  explicit ProcessPoolExecutor(std::size_t max_workers)
      : ProcessPoolExecutor(ProcessPoolOptions{.max_workers = max_workers}) {}
  ProcessPoolExecutor(const ProcessPoolExecutor&) = delete;
  ProcessPoolExecutor& operator=(const ProcessPoolExecutor&) = delete;
  ~ProcessPoolExecutor();

  /// No job is taken any more. `cancel_futures`: the futures of those that have not begun are
  /// cancelled. `wait`: blocks, and the loop with it, until the other jobs have an answer; else
  /// they get it as the loop runs on. Then the workers end, with jobs whose futures were cancelled:
  /// nobody waits for those.
  void shutdown(bool wait = true, bool cancel_futures = false) noexcept;
  /// The highest number of workers.
  [[nodiscard]] std::size_t max_workers() const noexcept;

 private:
  friend void detail::submit_process_job(EventLoop& loop, ProcessPoolExecutor* pool,
                                         detail::ProcessJob& job, detail::FutureState& future);
  detail::ProcessPoolState* state_;
};

namespace detail {

template <class F, class... Args>
EncodedCall encode_process_call(F&& fn, Args&&... args) {
  using Fn = std::decay_t<F>;
  check_callable<Fn>();
  static_assert(!Awaitable<remote_result_t<Fn, Args...>>,
                "run_in_executor(), to_process(): the function is called in another process, so it "
                "must not be a coroutine; let it call asyncio::run()");
  return encode_call<Fn>(parameters_of<Fn, Args...>(), std::forward<F>(fn),
                         std::forward<Args>(args)...);
}

template <class R>
Future<R> submit_process_call(EventLoop& loop, ProcessPoolExecutor* pool, EncodedCall&& call) {
  Future<R> future(loop);
  submit_process_job(loop, pool, *new ProcessJobOf<R>(std::move(call)),
                     FutureAccess::state(future));
  return future;
}

template <class R>
Coro<R> run_in_process(EncodedCall call) {
  Future<R> done = submit_process_call<R>(get_running_loop(), nullptr, std::move(call));
  co_return co_await std::move(done);
}

}  // namespace detail

/// Calls `fn(args...)` in another process, of a pool that the loop makes at first use and ends when
/// it is closed, with what still runs there. Nothing starts before this is awaited; the arguments
/// are written at once.
///
///     auto sum = co_await asyncio::to_process(sum_of_squares, 10'000'000);
///
/// `fn`: a function, or a lambda without captures; it gets its arguments as values of their own,
/// and must be of a program or library that was loaded when the pool was made.
/// Returns: what `fn` returns, as a value.
/// Throws: RemoteError for what `fn` throws; BrokenProcessPool if its process dies; RuntimeError if
/// the worker does not know the function, cannot read its arguments, or the result cannot be sent.
/// Cancellation: a call that is queued never runs; one that runs is left to finish, and what it
/// gives is dropped.
/// Python: `loop.run_in_executor(ProcessPoolExecutor(), fn, *args)`
template <class F, class... Args>
[[nodiscard]] auto to_process(F&& fn, Args&&... args) {
  using R = detail::remote_result_t<std::decay_t<F>, Args...>;
  return detail::run_in_process<R>(
      detail::encode_process_call(std::forward<F>(fn), std::forward<Args>(args)...));
}

template <std::same_as<ProcessPoolExecutor> P, class F, class... Args>
auto EventLoop::run_in_executor(P& pool, F&& fn, Args&&... args) {
  using R = detail::remote_result_t<std::decay_t<F>, Args...>;
  return detail::submit_process_call<R>(
      *this, &pool, detail::encode_process_call(std::forward<F>(fn), std::forward<Args>(args)...));
}

/// A null pointer: the loop's own.
template <std::same_as<ProcessPoolExecutor> P, class F, class... Args>
auto EventLoop::run_in_executor(P* pool, F&& fn, Args&&... args) {
  using R = detail::remote_result_t<std::decay_t<F>, Args...>;
  return detail::submit_process_call<R>(
      *this, pool, detail::encode_process_call(std::forward<F>(fn), std::forward<Args>(args)...));
}

}  // namespace asyncio
