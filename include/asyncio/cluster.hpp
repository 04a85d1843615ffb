#pragma once

#include <asyncio/cluster_broker.hpp>
#include <asyncio/cluster_memory.hpp>
#include <asyncio/cluster_redis.hpp>
#include <asyncio/cluster_task.hpp>
#include <asyncio/cluster_worker.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/process_pool.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {
class ProgressTask;
}  // namespace asyncio

namespace asyncio::cluster {

/// The task is a dead letter: no worker could run it, or each that tried has died. Its own errors
/// are a RemoteError, also after the last attempt.
class TaskLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What submit() does when the queue is full.
enum class WhenFull : std::uint8_t { wait, fail };

/// For one submit(). What has no value is as ClusterOptions say.
struct SubmitOptions {
  std::string_view queue = {};
  /// What is submitted twice with one key runs once, and both get its result, until `keep` is over.
  /// "": each is another one.
  std::string_view key = {};
  /// Not before this has passed.
  Duration delay = {};
  RetryPolicy retry = {};
  /// How long the result is known by its key.
  Duration keep = Duration::nanoseconds(3'600'000'000'000);
  WhenFull when_full = WhenFull::wait;
  /// What the task reports is shown there. Must outlive the call.
  const ProgressTask* progress = nullptr;
};
static_assert(std::is_trivially_destructible_v<SubmitOptions>);

struct ClusterOptions {
  /// Where tasks go that say nothing else.
  std::string_view queue = "default";
  /// Of tasks that wait in a queue; 0: any number.
  std::uint64_t max_queued = 0;
  /// So many tasks may be on their way at the same time; another submit() waits.
  std::uint32_t max_outstanding = 100'000;
  /// Of the worker in this process, if there is one: 0: twice as many as processors.
  std::uint32_t concurrency = 0;
};
static_assert(std::is_trivially_destructible_v<ClusterOptions>);

namespace detail {

class ClusterState;

/// What submit() and send() have been given.
struct Outgoing {
  Outgoing(Message m, WhenFull full, const ProgressTask* shown) noexcept
      : message(std::move(m)), when_full(full), progress(shown) {}
  Message message;
  WhenFull when_full;
  const ProgressTask* progress;
};

}  // namespace detail

/// Where tasks are sent to that other processes and machines run.
///
///     const auto resize_task = asyncio::cluster::task("resize", resize);
///     ...
///     asyncio::cluster::Cluster cluster("redis://queue.example");
///     auto picture = co_await cluster.submit(resize, path, 0.5);
///
/// docs/cluster.md says what is promised.
///
/// Not in Python: in the manner of Celery, arq and taskiq.
/// Threads: those of one loop, the one that runs when it is made.
/// Lifetime: what waits for a result when it is destroyed gets a RuntimeError; the tasks go on.
class Cluster {
 public:
  /// On the broker of a URL: of Redis, as RedisOptions::url, or "memory:", which is a MemoryBroker
  /// with a worker in this process. "": that of the environment variable ASYNCIO_CLUSTER, else
  /// "memory:".
  ///
  /// Throws: std::invalid_argument for a URL that is none; RuntimeError without a running loop.
  explicit Cluster(std::string_view url = {}, const ClusterOptions& options = {});
  /// On a broker, which must outlive it. Workers are somebody else's.
  explicit Cluster(Broker& broker, const ClusterOptions& options = {});
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  ~Cluster();

  [[nodiscard]] Broker& broker() const noexcept;

  /// Has `fn(args...)` called by a worker. Nothing starts before this is awaited; the arguments are
  /// written at once. `fn`: what cluster::task() was given or has returned, or a Name.
  ///
  /// Returns: what `fn` returns.
  /// Throws: RemoteError for what `fn` throws, after the last attempt; TaskLost if no worker could
  /// run it; QueueFull; codec::DecodeError if the result cannot be read; std::invalid_argument if
  /// the function has no name.
  /// Cancellation: the task is cancelled, too: if it has not begun it never does, a coroutine that
  /// runs gets a CancelledError at its next await, and a function on a thread is left to finish.
  template <detail::Callable F, class... Args>
  [[nodiscard]] Coro<detail::Value<F>> submit(F fn, Args&&... args) {
    return submit(SubmitOptions(), std::move(fn), std::forward<Args>(args)...);
  }
  template <detail::Callable F, class... Args>
  [[nodiscard]] Coro<detail::Value<F>> submit(const SubmitOptions& options, F fn, Args&&... args) {
    return decoded<detail::Value<F>>(
        call(prepare(detail::make_call(fn, std::forward<Args>(args)...), options)));
  }

  /// The same without waiting for what it gives.
  ///
  /// Returns: its id, once the broker has accepted it.
  template <detail::Callable F, class... Args>
  [[nodiscard]] Coro<std::string> send(F fn, Args&&... args) {
    return send(SubmitOptions(), std::move(fn), std::forward<Args>(args)...);
  }
  template <detail::Callable F, class... Args>
  [[nodiscard]] Coro<std::string> send(const SubmitOptions& options, F fn, Args&&... args) {
    return publish(prepare(detail::make_call(fn, std::forward<Args>(args)...), options));
  }

  /// `fn(element)` for each element of a range, on all workers.
  ///
  /// Returns: what they give, in their order.
  /// Throws: the first error, when the others are cancelled.
  template <detail::Callable F, class R>
  [[nodiscard]] auto map(F fn, R&& elements) {
    return map(SubmitOptions(), std::move(fn), std::forward<R>(elements));
  }
  template <detail::Callable F, class R>
  [[nodiscard]] Coro<std::vector<asyncio::detail::NoneIfVoid<detail::Value<F>>>> map(
      const SubmitOptions& options, F fn, R&& elements) {
    std::vector<Coro<detail::Value<F>>> calls;
    for (auto&& element : elements) calls.push_back(submit(options, fn, element));
    return gathered(std::move(calls));
  }

  /// Ends what it does: nobody waits for results any more. Idempotent.
  [[nodiscard]] Coro<> close();

 private:
  [[nodiscard]] detail::Outgoing prepare(detail::Call call, const SubmitOptions& options) const;
  [[nodiscard]] Coro<std::string> call(detail::Outgoing call) const;
  [[nodiscard]] Coro<std::string> publish(detail::Outgoing call) const;
  template <class R>
  static Coro<R> decoded(Coro<std::string> answer) {
    const std::string bytes = co_await std::move(answer);
    if constexpr (!std::is_void_v<R>) co_return codec::decode<R>(bytes);
  }
  template <class T>
  static Coro<std::vector<asyncio::detail::NoneIfVoid<T>>> gathered(std::vector<Coro<T>> calls) {
    auto all = asyncio::gather(cancel_on_error, std::move(calls));
    co_return co_await std::move(all);
  }

  detail::ClusterState* state_;
};

/// For run_in_executor(): the function is called by a worker.
///
///     asyncio::cluster::ClusterExecutor executor(cluster, {.queue = "pictures"});
///     auto picture = asyncio::get_running_loop().run_in_executor(executor, resize, path, 0.5);
///
/// Lifetime: the cluster and the texts in the options must outlive it.
class ClusterExecutor {
 public:
  explicit ClusterExecutor(Cluster& cluster, const SubmitOptions& options = {}) noexcept
      : cluster_(&cluster), options_(options) {}

  /// As Cluster::submit().
  template <detail::Callable F, class... Args>
  [[nodiscard]] Coro<detail::Value<F>> submit(F fn, Args&&... args) {
    return cluster_->submit(options_, std::move(fn), std::forward<Args>(args)...);
  }

 private:
  Cluster* cluster_;
  SubmitOptions options_;
};

}  // namespace asyncio::cluster

namespace asyncio {

/// A task that is the loop's, so this must be the running one.
template <std::same_as<cluster::ClusterExecutor> C, class F, class... Args>
auto EventLoop::run_in_executor(C& executor, F&& fn, Args&&... args) {
  return create_task(executor.submit(std::forward<F>(fn), std::forward<Args>(args)...));
}

}  // namespace asyncio
