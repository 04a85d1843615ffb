#pragma once

#include <asyncio/cluster_broker.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace asyncio::cluster {

/// How a worker works.
struct WorkerOptions {
  /// Names, with commas between them.
  std::string_view queues = "default";
  /// So many tasks at the same time; 0: twice as many as there are processors.
  std::uint32_t concurrency = 0;
  /// When nobody has heard of this worker for so long, its tasks go to another one. It is heard of
  /// three times as often.
  ///
  /// Units: any chrono duration, 100 ms at least.
  Duration visibility = Duration::nanoseconds(30'000'000'000);
  /// A task that so many workers have got, and none has come back with, is a dead letter.
  std::uint32_t max_deliveries = 5;
  /// When it is to stop, what runs may go on for so long; the rest goes back to its queue.
  Duration grace = Duration::nanoseconds(30'000'000'000);
  /// "": made of the names of the host and the process.
  std::string_view name = {};
};
static_assert(std::is_trivially_destructible_v<WorkerOptions>);

/// What a worker has done.
struct WorkerCounts {
  std::uint64_t claimed = 0;
  std::uint64_t done = 0;       ///< with a value
  std::uint64_t failed = 0;     ///< with an error that was the answer, or a dead letter
  std::uint64_t retried = 0;    ///< with an error, to be tried again
  std::uint64_t cancelled = 0;  ///< because nobody wants it any more
  std::uint64_t returned = 0;   ///< given back when it was stopped
  std::uint64_t lost = 0;       ///< others have them: this one was not heard of for too long
  std::uint32_t running = 0;
};

namespace detail {
class WorkerState;
}  // namespace detail

/// Takes tasks from a broker and runs them: coroutines on this loop, functions on threads.
///
///     asyncio::cluster::Worker worker(broker, {.concurrency = 8});
///     co_await worker.run();
///
/// Threads: the loop's.
/// Lifetime: the broker outlives it; it outlives run().
class Worker {
 public:
  /// Throws: std::invalid_argument for a visibility that is too short, or no queues.
  explicit Worker(Broker& broker, const WorkerOptions& options = {});
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  [[nodiscard]] const std::string& name() const noexcept;
  [[nodiscard]] const WorkerCounts& counts() const noexcept;
  /// The counts as text for Prometheus.
  [[nodiscard]] std::string metrics() const;

  /// Works until stop(). Once only.
  ///
  /// Throws: what the broker throws.
  /// Cancellation: what runs is cancelled and goes back to its queue; that is waited for.
  [[nodiscard]] Coro<> run();
  /// Claims nothing any more; run() ends when what runs has ended, or its grace is over.
  /// Idempotent.
  void stop() noexcept;

 private:
  detail::WorkerState* state_;
};

/// Which task this is, for what it calls.
struct CurrentJob {
  std::string_view id;
  std::string_view queue;
  std::uint32_t attempt;      ///< from 1
  std::uint32_t redelivered;  ///< so many workers have not come back with it
};

/// Null where no worker runs a task. Threads: those that run one.
/// Lifetime: as long as the task runs.
[[nodiscard]] const CurrentJob* current_job() noexcept;

/// Tells whoever waits for the running task how far it is; nothing where no worker runs one. Often
/// is not dear: the last one in a tenth of a second is sent.
///
/// Threads: those that run a task.
void report(std::int64_t done, std::int64_t total);

/// Runs a worker in this process until SIGTERM or SIGINT, then lets it stop; a second one cancels
/// what runs. For main(), instead of asyncio::run(). What is empty in the options is taken from the
/// environment that `asyncio worker` sets.
///
///     int main() { return asyncio::cluster::run_worker("redis://queue.example"); }
///
/// Returns: 0; 1 after an error, which it has printed.
int run_worker(std::string_view url = {}, const WorkerOptions& options = {});

}  // namespace asyncio::cluster
