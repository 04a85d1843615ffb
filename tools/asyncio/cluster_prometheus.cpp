#include "base/printable.hpp"
#include "cluster_text.hpp"

#include <fmt/format.h>

#include <string_view>

namespace asyncio::command {
namespace {

// A label's value. It is not cut: two queues must not become one.
std::string label(std::string_view text) {
  constexpr std::size_t longest_escape = 10;
  std::string escaped;
  for (const char c : detail::printable(text, text.size() * longest_escape)) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

struct Metric {
  const char* name;
  const char* type;
  const char* help;
};

std::string head_of(const Metric& metric) {
  return fmt::format("# HELP asyncio_cluster_{0} {2}\n# TYPE asyncio_cluster_{0} {1}\n",
                     metric.name, metric.type, metric.help);
}

template <class F>
void add_of_queues(std::string& text, const ClusterLook& look, const Metric& metric, F value) {
  if (!look.queues.empty()) text += head_of(metric);
  for (const QueueLook& queue : look.queues) {
    text += fmt::format("asyncio_cluster_{}{{queue=\"{}\"}} {}\n", metric.name,
                        label(queue.status.queue), value(queue));
  }
}

void add_count(std::string& text, const ClusterLook& look, const Metric& metric,
               std::uint64_t cluster::QueueStatus::* member) {
  add_of_queues(text, look, metric,
                [member](const QueueLook& queue) { return queue.status.*member; });
}

template <class F>
void add_of_workers(std::string& text, const ClusterLook& look, const Metric& metric, F value) {
  if (!look.workers.empty()) text += head_of(metric);
  for (const WorkerLook& worker : look.workers) {
    text += fmt::format("asyncio_cluster_{}{{worker=\"{}\"}} {}\n", metric.name,
                        label(worker.status.name), value(worker.status));
  }
}

void add_queues(std::string& text, const ClusterLook& look) {
  using cluster::QueueStatus;
  constexpr struct {
    Metric metric;
    std::uint64_t QueueStatus::* member;
  } counts[] = {
      {{"queued", "gauge", "Tasks that wait for a worker."}, &QueueStatus::queued},
      {{"running", "gauge", "Tasks that workers have."}, &QueueStatus::running},
      {{"delayed", "gauge", "Tasks that wait for their time."}, &QueueStatus::delayed},
      {{"dead", "gauge", "Dead letters."}, &QueueStatus::dead},
      {{"accepted_total", "counter", "Tasks that were accepted."}, &QueueStatus::accepted},
      {{"finished_total", "counter", "Tasks that have ended with a value."},
       &QueueStatus::finished},
      {{"failed_total", "counter", "Tasks that have ended otherwise."}, &QueueStatus::failed},
      {{"retried_total", "counter", "Attempts after the first one."}, &QueueStatus::retried},
      {{"redelivered_total", "counter", "Deliveries of which no worker has come back."},
       &QueueStatus::redelivered},
      {{"duplicates_total", "counter", "Ends of tasks that had ended before."},
       &QueueStatus::duplicates},
  };
  for (const auto& [metric, member] : counts) add_count(text, look, metric, member);
  add_of_queues(text, look,
                {"rate_limit", "gauge", "Tasks a second that are delivered at most; 0: no limit."},
                [](const QueueLook& queue) { return queue.status.rate; });
  add_of_queues(text, look, {"workers", "gauge", "Workers that were heard of within a minute."},
                [](const QueueLook& queue) { return queue.workers; });
  add_of_queues(text, look,
                {"unattended", "gauge", "1 if there is something to do and no such worker."},
                [](const QueueLook& queue) { return queue.unattended ? 1 : 0; });
}

void add_workers(std::string& text, const ClusterLook& look) {
  using cluster::WorkerStatus;
  add_of_workers(text, look,
                 {"worker_concurrency", "gauge", "Tasks that it runs at the same time at most."},
                 [](const WorkerStatus& worker) { return worker.concurrency; });
  add_of_workers(text, look, {"worker_running", "gauge", "Tasks that it has."},
                 [](const WorkerStatus& worker) { return worker.running; });
  add_of_workers(text, look,
                 {"worker_silent_seconds", "gauge", "How long ago it was last heard of."},
                 [](const WorkerStatus& worker) { return worker.silent.seconds(); });
}

}  // namespace

std::string prometheus_of(const ClusterLook& look) {
  std::string text;
  add_queues(text, look);
  add_workers(text, look);
  return text;
}

}  // namespace asyncio::command
