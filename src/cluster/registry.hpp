#pragma once

#include <asyncio/cluster_task.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace asyncio::cluster::detail {

/// Threads: any.
[[nodiscard]] std::optional<Registered> find_task(std::string_view name);
/// "a, b, c", the first few of them.
[[nodiscard]] std::string known_tasks();

}  // namespace asyncio::cluster::detail
