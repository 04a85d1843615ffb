#include <asyncio/cluster_worker.hpp>

#include "cluster/worker_state.hpp"

#include <fmt/format.h>

namespace asyncio::cluster {

namespace detail {

ContextVar<JobRef> running_job("asyncio.cluster.job");

namespace {

// On the loop's thread.
void take_report(const JobRef& job) {
  __atomic_store_n(&job->reported, false, __ATOMIC_SEQ_CST);
  if (job->execution != nullptr) job->execution->worker.note_report(*job->execution);
}

}  // namespace

}  // namespace detail

using detail::WorkerState;

Worker::Worker(Broker& broker, const WorkerOptions& options)
    : state_(new WorkerState(broker, options)) {}
Worker::~Worker() { delete state_; }

const std::string& Worker::name() const noexcept { return state_->consumer.name; }
const WorkerCounts& Worker::counts() const noexcept { return state_->counts; }
Coro<> Worker::run() { return state_->run(); }
void Worker::stop() noexcept { state_->stop(); }

std::string Worker::metrics() const {
  const WorkerCounts& counts = state_->counts;
  std::string text = fmt::format(
      "# HELP asyncio_worker_running Tasks that run.\n"
      "# TYPE asyncio_worker_running gauge\n"
      "asyncio_worker_running{{worker=\"{0}\"}} {1}\n"
      "# HELP asyncio_worker_tasks_total Tasks by how they have ended here.\n"
      "# TYPE asyncio_worker_tasks_total counter\n",
      name(), counts.running);
  const auto add = [&](const char* outcome, std::uint64_t count) {
    text += fmt::format("asyncio_worker_tasks_total{{worker=\"{}\",outcome=\"{}\"}} {}\n", name(),
                        outcome, count);
  };
  add("done", counts.done);
  add("failed", counts.failed);
  add("retried", counts.retried);
  add("cancelled", counts.cancelled);
  add("returned", counts.returned);
  add("lost", counts.lost);
  return text;
}

const CurrentJob* current_job() noexcept {
  const detail::JobRef job = detail::running_job.get(nullptr);
  return job == nullptr ? nullptr : &job->current;
}

void report(std::int64_t done, std::int64_t total) {
  detail::JobRef job = detail::running_job.get(nullptr);
  if (job == nullptr) return;
  __atomic_store_n(&job->done, done, __ATOMIC_RELAXED);
  __atomic_store_n(&job->total, total, __ATOMIC_RELAXED);
  if (__atomic_exchange_n(&job->reported, true, __ATOMIC_SEQ_CST)) return;
  EventLoop& loop = job->loop;
  loop.call_soon_threadsafe([job = std::move(job)] { detail::take_report(job); });
}

}  // namespace asyncio::cluster
