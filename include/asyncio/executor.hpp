#pragma once

#include <asyncio/detail/job.hpp>
#include <asyncio/event_loop.hpp>

#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace asyncio {

namespace detail {
class DefaultExecutor;
}  // namespace detail

/// Where run_in_executor() sends its jobs.
///
/// Python: concurrent.futures.Executor
class Executor {
 public:
  Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor() = default;

  /// Takes the job over and calls its run() once, on another thread; drops it when it was
  /// withdrawn before that. Throws: RuntimeError after shutdown(); the job is still the caller's.
  virtual void submit(detail::Job& job) = 0;
};

/// How to make a pool. The prefix is copied.
struct ThreadPoolOptions {
  /// 0: min(32, processors + 4).
  std::size_t max_workers = 0;
  /// Thread N is called PREFIX_N, in the debugger, too (15 characters are shown there).
  std::string_view thread_name_prefix = "asyncio";
};
static_assert(std::is_trivially_destructible_v<ThreadPoolOptions>);

/// A pool of threads, each started when a job finds none idle.
///
/// Python: concurrent.futures.ThreadPoolExecutor
/// Threads: submit() and shutdown() may be called on any.
/// Lifetime: destruction waits for the jobs that run; queued ones still run before. A loop whose
/// default executor it is shares it: it may be destroyed first.
class ThreadPoolExecutor final : public Executor {
 public:
  explicit ThreadPoolExecutor(ThreadPoolOptions options = {});
  explicit ThreadPoolExecutor(std::size_t max_workers)
      : ThreadPoolExecutor(ThreadPoolOptions{.max_workers = max_workers}) {}
  ~ThreadPoolExecutor() override;

  void submit(detail::Job& job) override;
  /// No job is taken any more. Waits for the queued and running ones if `wait`; drops the queued
  /// ones if `cancel_futures`, and their futures are cancelled.
  void shutdown(bool wait = true, bool cancel_futures = false);
  /// The highest number of threads.
  [[nodiscard]] std::size_t max_workers() const noexcept;

 private:
  friend class detail::DefaultExecutor;
  class Pool;
  explicit ThreadPoolExecutor(Pool* shared) noexcept;
  /// Lets go of the threads without ending them.
  void forget() noexcept;
  Pool* pool_;
};

namespace detail {

template <class F, class... Args>
class CallJob final : public JobOf<std::invoke_result_t<F, Args...>> {
 public:
  using R = std::invoke_result_t<F, Args...>;
  template <class G, class... As>
  explicit CallJob(G&& fn, As&&... args)
      : fn_(std::forward<G>(fn)), args_(std::forward<As>(args)...) {}

 private:
  void call() override {
    if constexpr (std::is_void_v<R>) {
      std::apply(std::move(fn_), std::move(args_));
      this->outcome.emplace();
    } else {
      this->outcome.emplace(std::apply(std::move(fn_), std::move(args_)));
    }
  }
  F fn_;
  std::tuple<Args...> args_;
};

}  // namespace detail

template <class F, class... Args>
auto EventLoop::run_in_executor(Executor* executor, F&& fn, Args&&... args)
    -> Future<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>> {
  using Call = detail::CallJob<std::decay_t<F>, std::decay_t<Args>...>;
  static_assert(!Awaitable<typename Call::R>,
                "run_in_executor(): the function is called on a thread, so it must not be a "
                "coroutine; await it instead");
  Future<typename Call::R> future(*this);
  auto* job = new Call(std::forward<F>(fn), std::forward<Args>(args)...);
  detail::submit_job(*this, executor, *job, detail::FutureAccess::state(future));
  return future;
}

}  // namespace asyncio
