#pragma once

#include <asyncio/cluster_broker.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace asyncio::command {

/// Who has not been heard of for so long is taken for dead.
inline constexpr Duration longest_silence = Duration::nanoseconds(60'000'000'000);

struct QueueLook {
  explicit QueueLook(cluster::QueueStatus s) : status(std::move(s)) {}
  cluster::QueueStatus status;
  /// That have been heard of lately.
  std::uint64_t workers = 0;
  /// Something is there to be done now, and nobody does it.
  bool unattended = false;
};

/// A worker with all its queues, of those that were looked at.
struct WorkerLook {
  explicit WorkerLook(cluster::WorkerStatus s) : status(std::move(s)) {}
  cluster::WorkerStatus status;  ///< `running` of all these queues
  std::vector<std::string> queues;
};

struct ClusterLook {
  std::vector<QueueLook> queues;
  std::vector<WorkerLook> workers;  ///< by name
};

/// Of these queues; none: of all.
[[nodiscard]] Coro<ClusterLook> look_at(cluster::Broker& broker, std::vector<std::string> queues);

/// What is wrong, a line each; none if each queue that needs a worker has one.
[[nodiscard]] std::vector<std::string> complaints_about(const ClusterLook& look);

}  // namespace asyncio::command
