#pragma once

#include <asyncio/cluster_broker.hpp>

#include "cluster_look.hpp"

#include <string>
#include <vector>

namespace asyncio::command {

// As tables for a terminal: lines without their ends, in which what comes from elsewhere is
// escaped and cut. None for none.

[[nodiscard]] std::vector<std::string> table_of(const ClusterLook& look);
[[nodiscard]] std::vector<std::string> table_of(const std::vector<cluster::Message>& waiting);
[[nodiscard]] std::vector<std::string> table_of(const std::vector<cluster::DeadLetter>& letters);

// For programs.

/// One line of JSON.
[[nodiscard]] std::string json_of(const ClusterLook& look);
[[nodiscard]] std::string json_of(const std::vector<cluster::Message>& waiting);
[[nodiscard]] std::string json_of(const std::vector<cluster::DeadLetter>& letters);
/// In Prometheus' text format.
[[nodiscard]] std::string prometheus_of(const ClusterLook& look);

}  // namespace asyncio::command
