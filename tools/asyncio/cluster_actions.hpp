#pragma once

#include <asyncio/cluster_broker.hpp>

#include "subcommands.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace asyncio::command {

struct ClusterOptions {
  std::string url;
  double timeout = 5;  // seconds, of one answer
  std::string queue;
  std::vector<std::string> queues;
  std::vector<std::string> entries;
  bool all = false;
  std::uint64_t most = 100;
  double rate = 0;
  bool json = false;
  bool prometheus = false;
  bool watch = false;
};

inline constexpr Status failed = 1;
inline constexpr Status unattended = 3;

// What the subcommands of `asyncio cluster` do: each prints what it has found or done.
//
// Throws: RuntimeError if the broker does not answer in time.
// Lifetime: what they refer to outlives them.

using ClusterAction = Coro<Status> (*)(cluster::Broker&, const ClusterOptions&);

/// Returns: `unattended` if a queue has something to do and no worker.
[[nodiscard]] Coro<Status> show_status(cluster::Broker& broker, const ClusterOptions& options);
[[nodiscard]] Coro<Status> show_tasks(cluster::Broker& broker, const ClusterOptions& options);
[[nodiscard]] Coro<Status> show_dead(cluster::Broker& broker, const ClusterOptions& options);
/// Returns: `failed` if some were no dead letters.
[[nodiscard]] Coro<Status> requeue(cluster::Broker& broker, const ClusterOptions& options);
[[nodiscard]] Coro<Status> drain(cluster::Broker& broker, const ClusterOptions& options);
[[nodiscard]] Coro<Status> limit_rate(cluster::Broker& broker, const ClusterOptions& options);

}  // namespace asyncio::command
