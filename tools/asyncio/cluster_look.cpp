#include "cluster_look.hpp"

#include <asyncio/gather.hpp>

#include "text.hpp"
#include "top_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace asyncio::command {
namespace {

std::uint64_t heard_of(const cluster::QueueStatus& status) {
  return static_cast<std::uint64_t>(
      std::count_if(status.workers.begin(), status.workers.end(),
                    [](const auto& worker) { return worker.silent <= longest_silence; }));
}

// Without workers nobody moves what is due to the others: it is delayed for ever.
Coro<bool> has_due(cluster::Broker& broker, const cluster::QueueStatus& status) {
  if (status.queued + status.running > 0) co_return true;
  if (status.delayed == 0) co_return false;
  const std::vector<cluster::Message> first = co_await broker.queued(status.queue, 1);
  co_return !first.empty() && first[0].delay <= Duration();
}

std::vector<WorkerLook> workers_of(const std::vector<QueueLook>& queues) {
  std::map<std::string, WorkerLook, std::less<>> all;
  for (const QueueLook& queue : queues) {
    for (const cluster::WorkerStatus& status : queue.status.workers) {
      const auto [at, is_new] = all.try_emplace(status.name, status);
      at->second.queues.push_back(queue.status.queue);
      if (is_new) continue;
      cluster::WorkerStatus& known = at->second.status;
      known.running += status.running;
      known.silent = std::min(known.silent, status.silent);
    }
  }
  std::vector<WorkerLook> workers;
  for (auto& [name, worker] : all) workers.push_back(std::move(worker));
  return workers;
}

std::string complaint_about(const QueueLook& queue) {
  const cluster::QueueStatus& status = queue.status;
  std::string last;
  if (!status.workers.empty()) {
    const auto latest =
        std::min_element(status.workers.begin(), status.workers.end(),
                         [](const auto& a, const auto& b) { return a.silent < b.silent; });
    last = fmt::format("; the last one, \"{}\", is silent for {}", shown(latest->name),
                       span_text(latest->silent.seconds()));
  }
  return fmt::format("queue \"{}\" has {} tasks to do and no worker{}", shown(status.queue),
                     status.queued + status.delayed + status.running, last);
}

}  // namespace

Coro<ClusterLook> look_at(cluster::Broker& broker, std::vector<std::string> queues) {
  if (queues.empty()) queues = co_await broker.queues();
  std::vector<Coro<cluster::QueueStatus>> asked;
  for (const std::string& queue : queues) asked.push_back(broker.status(queue));
  std::vector<cluster::QueueStatus> answers = co_await gather(std::move(asked));
  ClusterLook look;
  for (cluster::QueueStatus& status : answers) {
    QueueLook queue(std::move(status));
    queue.workers = heard_of(queue.status);
    if (queue.workers == 0) queue.unattended = co_await has_due(broker, queue.status);
    look.queues.push_back(std::move(queue));
  }
  look.workers = workers_of(look.queues);
  co_return look;
}

std::vector<std::string> complaints_about(const ClusterLook& look) {
  std::vector<std::string> complaints;
  for (const QueueLook& queue : look.queues) {
    if (queue.unattended) complaints.push_back(complaint_about(queue));
  }
  return complaints;
}

}  // namespace asyncio::command
